//! What the composition root fills in. Owns: the values alone, and what is usual where one says nothing. Refuses to know: what the rooms
//! do with them, and where they are written down.

use std::{path::PathBuf, sync::Arc};

use chrono::Duration;
use hearback_core::{Email, Pace, Span, token::SecretKey};
use hearback_mailer::Signer;

use crate::role::Role;

/// Settings of the engine, filled in by the composition root.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where our people and programs reach this server, without a trailing slash: `https://feedback.example.com`.
    pub public_url: String,
    /// Where customers reach the pages that are for them, in the same form: the same, or a host of their own.
    pub survey_url: String,
    /// Sender of all mail.
    pub mail_from: Email,
    /// Name beside the sender's address.
    pub mail_from_name: String,
    /// Connections to the mail server at most.
    pub mail_connections: usize,
    /// How mail leaves this house.
    pub dispatch: Dispatch,
    /// How long mail that nobody could be found for is kept to be looked at.
    pub keep_quarantined: Duration,
    /// The file that lists who was erased, beside the database; `None` keeps no list.
    pub erasures: Option<PathBuf>,
    /// Signs links.
    pub secret_key: SecretKey,
    /// Answers committed together at most.
    pub max_batch: usize,
    /// Answers that may wait for the database; more are refused with `Busy`.
    pub max_waiting: usize,
    /// How long a one-click answer may still change before rules act on it. API and page answers settle at once.
    pub settle_delay: Duration,
    /// Until somebody should have been in touch, where no policy says otherwise.
    pub first_contact: Span,
    /// Until a case should be closed, where no policy says otherwise.
    pub close: Span,
    /// How long before either a warning is given, where no policy says otherwise; zero is never.
    pub warn_before: Span,
    /// How many mails may go out.
    pub limits: Limits,
    /// What log-ins take and how long they last.
    pub log_ins: LogInRules,
    /// Whether webhooks may lead to addresses that are not on the open internet.
    pub private_webhooks: bool,
    /// Folders that we write to: it is told when their disks are nearly full.
    pub folders: Vec<PathBuf>,
}

/// Filled in by the composition root.
#[derive(Debug, Clone, Default)]
pub struct Dispatch {
    /// Where bounces come to; the sender when there is none. Each mail has an address of its own: `bounces+MARK@..`.
    pub return_path: Option<Email>,
    /// Where customers' replies come to; whoever owns the case when there is none. Each mail has an address of its own.
    pub reply_to: Option<Email>,
    /// Signs what goes out.
    pub signer: Option<Arc<Signer>>,
    /// How fast it goes.
    pub pace: Pace,
}

/// How many mails may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To one customer within 24 hours.
    pub mails_per_person_day: u32,
    /// Of one rule within a clock hour.
    pub mails_per_rule_hour: u32,
}

/// What log-ins take and how long they last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInRules {
    /// An admin's ends when it is not used for this long.
    pub idle_admin: Duration,
    /// Anybody else's.
    pub idle: Duration,
    /// Each ends this long after it began, whatever happens.
    pub length: Duration,
    /// Of one user at the same time; one more ends the oldest.
    pub most: u64,
    /// Whoever has this role or a larger one must have a second factor; `None` leaves it to everybody.
    pub second_factor: Option<Role>,
}

impl Default for LogInRules {
    fn default() -> Self {
        Self { idle_admin: Duration::minutes(30), idle: Duration::hours(8), length: Duration::hours(12), most: 20, second_factor: None }
    }
}

impl LogInRules {
    /// How long a user of this role may be idle. A role that this version does not know is no admin's.
    pub(crate) fn idle_of(self, role: &str) -> Duration {
        if Role::parse(role) == Some(Role::Admin) { self.idle_admin } else { self.idle }
    }
}
