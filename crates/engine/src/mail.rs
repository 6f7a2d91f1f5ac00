//! One mail from the ledger to the mail server, and what is noted on the way.

pub(crate) mod compose;
pub mod deliverability;
pub mod dispatch;
pub(crate) mod invited;
pub mod ledger;
pub mod loader;
pub mod sending;
pub mod sending_pause;
pub(crate) mod slots;
pub mod smtp_pool;
pub mod throttle;
pub mod untaken;
