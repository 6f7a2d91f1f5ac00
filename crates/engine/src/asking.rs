//! Asking: campaigns, their waves, and the invitations they are made of.

pub mod mails;

pub use mails::{AskMail, mail_row};
