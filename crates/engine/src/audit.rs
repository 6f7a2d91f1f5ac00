//! Who came in and who changed what in the set-up, and when.
//!
//! Owns: the form of an entry. Whoever changes users, keys, rules, policies, teams, calendars or pools, lifts a suppression,
//! merges or erases somebody, calls [`note`] in the transaction that does it: there is no change without its entry and no
//! entry without its change. Refuses to know: what the changes are.

use chrono::{DateTime, Utc};
use hearback_core::id::{RecordId, WorkspaceId};
use hearback_store::{Tx, audit, time::millis};
use serde_json::Value;

use crate::Actor;

/// Notes that `actor` did `action` (`rule.published`, `user.added`: the kind of thing and what happened to it, in the past
/// tense) to `subject` (its key, its id, the address of one of ours). `data` is an object with what else matters, or null.
///
/// Entries outlive the customers: neither subject nor data may hold a customer's words, name or address. A person is named
/// by their id.
#[expect(clippy::needless_pass_by_value, reason = "it is made where it is noted, and used nowhere else")]
pub fn note(tx: &Tx, ws: WorkspaceId, actor: &Actor, action: &str, subject: &str, data: Value, now: DateTime<Utc>) {
    tx.note(audit::Entry {
        ws,
        id: RecordId::new(now).uuid(),
        at: millis(now),
        actor: actor.to_string(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        data: if data.is_null() { "{}".to_owned() } else { data.to_string() },
    });
}
