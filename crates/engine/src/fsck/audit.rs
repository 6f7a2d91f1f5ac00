//! The audit log: each entry's hash covers the one before, and the last one is the one that is known as the last.

use std::collections::BTreeMap;

use hearback_store::{ConnectionTrait, StoreError, audit, audit_heads, workspaces};

use super::{Found, PAGE};

/// Walks the chain of every workspace. Of an entry that does not fit, the next one is measured by what is stored, so that each place at
/// which something was done is told once.
pub(super) async fn check(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    let mut heads: BTreeMap<_, _> = audit_heads::all(conn).await?.into_iter().map(|head| (head.workspace_id, head)).collect();
    for workspace in workspaces::all(conn).await? {
        let (mut number, mut hash) = (0, String::new());
        loop {
            let entries = audit::behind(conn, workspace.id, number, PAGE).await?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let next = number + 1;
                let at = format!("entry {} of workspace {}", entry.number, workspace.key);
                if entry.number != next {
                    found.one("audit", format!("{at} stands behind entry {number}: entries between them are gone"));
                } else if entry.hash != entry.hash_behind(&hash) {
                    found.one("audit", format!("{at} is not as it was written, or the entry before is not"));
                }
                (number, hash) = (entry.number, entry.hash);
            }
        }
        let known = heads.remove(&workspace.id).map_or((0, String::new()), |head| (head.number, head.hash));
        if known != (number, hash) {
            found.one("audit", format!("the log of workspace {} ends with entry {number}, it should be {}", workspace.key, known.0));
        }
    }
    for workspace in heads.into_keys() {
        found.one("audit", format!("there is a log of a workspace that is not there, {workspace}"));
    }
    Ok(())
}
