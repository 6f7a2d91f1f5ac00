//! Shows a process another time than the machine's, by libfaketime.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that needs the library must fail loudly without it")]

use std::path::{Path, PathBuf};

use crate::process::Setup;

/// The library that does it.
fn library() -> PathBuf {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = places.iter().map(|place| PathBuf::from(place).join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime is not here: install the Debian package `faketime`, or run ./test.sh")
}

fn preloaded(setup: Setup) -> Setup {
    // What waits, waits by the real clock.
    let setup = setup.with("FAKETIME_DONT_FAKE_MONOTONIC", "1").with("DONT_FAKE_MONOTONIC", "1");
    setup.with("LD_PRELOAD", library().to_str().expect("a plain path"))
}

/// Always as many seconds beside the real time: `+120`, `-120`.
#[must_use]
pub fn offset(setup: Setup, seconds: &str) -> Setup {
    preloaded(setup).with("FAKETIME", seconds)
}

/// As the file says, which may change while the process runs.
#[must_use]
pub fn file(setup: Setup, path: &Path) -> Setup {
    preloaded(setup).with("FAKETIME_TIMESTAMP_FILE", path.to_str().expect("a plain path")).with("FAKETIME_NO_CACHE", "1")
}
