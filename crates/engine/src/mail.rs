//! One mail from the ledger to the mail server, and what is noted on the way.

pub(crate) mod compose;
pub mod courier;
pub mod dispatch;
pub mod hold;
pub(crate) mod invited;
pub(crate) mod lanes;
pub mod ledger;
pub mod mailbag;
pub mod sending;
pub mod throttle;
pub mod trouble;
pub mod untaken;
