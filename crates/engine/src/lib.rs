//! Use cases: one function, one transaction. Turns effects into rows and runs what is deferred.
//!
//! Owns: the way of a response (intake, group commit, plan, apply), the work on a case, job handlers
//! and ticks. Refuses to know: HTTP, pages, configuration files, the process it runs in.
//!
//! A folder is a room; what is in it is named without it: `courier`, not `mail::courier`.

pub mod access;
pub mod alerts;
pub mod answers;
pub mod asking;
pub mod audit;
pub mod backup;
pub mod cases;
pub mod change;
pub mod ctx;
pub mod customers;
pub mod deciding;
pub mod disk;
pub mod error;
pub mod faults;
#[cfg(test)]
mod fixtures;
pub mod fsck;
pub mod gifts;
pub mod health;
pub mod inbound;
pub mod jobs;
pub mod mail;
pub mod metrics;
pub mod readers;
pub mod reading;
pub mod seals;
pub mod setup;
pub mod steady;
pub mod stuck;
pub mod surveys;
pub mod team;
pub mod ticks;
pub mod webhooks;
pub mod widgets;
pub mod workspace;

pub use answers::{correct, intake, rehearse, submit};
pub use asking::mails;
pub use cases::{alarm, clocks, past_cases, policies, work};
pub use ctx::{Actor, Ctx, Settings};
pub use customers::{accounts, erased, merge, own_data, people, preferences, suppressions, unsubscribe};
pub use deciding::{apply, backtest, chain, decide, facts, guard, history, publish};
pub use error::{EngineError, FieldError};
pub use gifts::{pools, referrals, testimonials};
pub(crate) use mail::{compose, invited, lanes};
pub use mail::{courier, dispatch, hold, ledger, mailbag, sending, throttle, trouble, untaken};
pub use surveys::{page, wording};
pub use team::{owners, roster, staff, staffing};
