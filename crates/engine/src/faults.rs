//! Places where the tests let an I/O call fail or the process end. In a normal build each is nothing at all.
//!
//! Switched on by the feature `failpoints`, then steered by name: `return(error)` makes the place fail as a lost
//! database would, `return(abort)` ends the process there, as `kill -9` would.

use hearback_store::StoreError;

/// Every place, in the order in which an answer and then a mail passes them.
pub const PLACES: &[&str] = &[
    "intake.checked",
    "intake.begin",
    "intake.loaded",
    "intake.inserted",
    "intake.commit",
    "intake.committed",
    "jobs.begin",
    "jobs.commit",
    "jobs.committed",
    "sending.load",
    "sending.open",
    "sending.begin",
    "sending.mark",
    "sending.dot",
    "sending.report",
    "ledger.begin",
    "ledger.commit",
    "ledger.committed",
];

/// The places that a mail which comes in passes.
pub const INBOUND: &[&str] = &["inbound.begin", "inbound.commit", "inbound.committed", "inbound.stored"];

/// Every place that a wave passes, in order.
pub const ASKING: &[&str] = &["planning.commit", "planning.committed", "feed.commit", "feed.committed"];

/// Passes the place; fails or ends the process when a test says so.
#[cfg_attr(not(feature = "failpoints"), expect(clippy::unnecessary_wraps, reason = "fails only in the tests' build"))]
pub(crate) fn pass(place: &'static str) -> Result<(), StoreError> {
    fail::fail_point!(place, |action| {
        if action.as_deref() == Some("abort") {
            std::process::abort();
        }
        Err(StoreError::Unavailable(format!("made to fail at {place}")))
    });
    let _ = place;
    Ok(())
}

/// The negative control: answers are given although nothing was committed. A crash test that does not notice proves nothing.
pub(crate) fn forgets_to_commit() -> bool {
    fail::fail_point!("control.forgets_to_commit", |_| true);
    false
}

/// The negative control of [`crate::readers`]: as many read much at the same time as come.
pub(crate) fn readers_are_not_counted() -> bool {
    fail::fail_point!("control.readers_are_not_counted", |_| true);
    false
}
