//! Room on disks.

use std::path::Path;

/// Free space that a server should have at least, in bytes.
pub const LEAST_FREE: u64 = 256 * 1024 * 1024;

/// Bytes that we may still write into this folder; `None` when the system does not say.
pub fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(folder).ok().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    #[cfg(not(unix))]
    return None;
}
