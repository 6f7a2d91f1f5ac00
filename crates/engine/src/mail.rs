//! One mail from the ledger to the mail server, and what is noted on the way.

pub mod courier;
pub mod hold;
pub mod ledger;
pub mod mailbag;
pub mod sending;
