//! Asking: campaigns, their waves, and the invitations they are made of.
//!
//! Owns: when a campaign asks ([`fire`]), whom and when ([`planning`], over the decision in `hearback_core::campaign`), and
//! that each is asked once, whatever happens meanwhile ([`dispatch`], [`invite`]). Refuses to know: what a mail says and how it
//! leaves the house, and what an answer is.
//!
//! Everything that waits is in the outbox: one job for a wave as long as it has open invitations, one for each person who was
//! invited alone.

pub mod ad_hoc;
pub mod campaign;
pub mod dispatch;
mod eligibility;
pub mod fire;
pub mod invite;
pub mod planning;
pub mod preview;
pub mod reschedule;
mod scene;
pub mod triggers;
pub mod waves;
