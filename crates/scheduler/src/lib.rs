//! The generic runtime: claim, run, settle, tick, back off, drain.
//!
//! Owns: when a deferred action is picked up, how many run at once, what happens when one hangs or panics, how a stop is
//! carried out. Refuses to know what any action does: it is given one function that runs a [`Lease`].

mod pulse;
mod worker;

pub use hearback_store::outbox::{Lease, Outcome};
pub use pulse::{Pulse, run_pulses};
pub use worker::{Report, Worker, WorkerSettings};
