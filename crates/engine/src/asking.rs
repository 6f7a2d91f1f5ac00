//! Asking: campaigns, their waves, and the invitations they are made of.
//!
//! Owns: when a campaign asks ([`fire`]), whom and when ([`planning`], over the decision in `hearback_core::campaign`), and
//! that each is asked once, whatever happens meanwhile ([`feed`], [`invite`]). Refuses to know: what a mail says and how it
//! leaves the house, and what an answer is.
//!
//! Everything that waits is in the outbox: one job for a wave as long as it has open invitations, one for each person who was
//! invited alone.

pub mod again;
pub mod ahead;
pub mod campaigns;
pub mod feed;
pub mod fire;
pub mod invite;
mod judge;
pub mod mails;
pub mod planning;
pub mod preview;
mod scene;
pub mod single;
pub(crate) mod stored;
pub mod triggers;
pub mod waves;

pub use mails::{AskMail, mail_row};
