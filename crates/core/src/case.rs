//! The follow-up of one response: its loop status, what may happen to it, and what closing it takes.
//!
//! Owns the state machine. [`step`] is the only function that changes a loop status; it is pure, so
//! the same history always gives the same case. It refuses to know who may act (that is `web`) and
//! what a rule wants (that is `rules`).

mod step;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use crate::{
    metric::Segment,
    policy::{Requirement, Terms},
    word::Word as _,
};

pub use step::step;

/// How far the loop with this customer has come, in the order of a case's life.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LoopStatus {
    /// An explicit rule (or an import of history) said that nothing has to be done.
    NotNeeded,
    /// Nobody has been in touch yet.
    Open,
    /// The customer was reached, or enough attempts were made.
    Contacted,
    /// The cause is known and something was done about it.
    Resolved,
    /// Everything that closing takes is there.
    Closed,
    /// Given up: too old to be answered well.
    Lapsed,
}

impl LoopStatus {
    /// Somebody still has to do something.
    pub const ACTIVE: [Self; 3] = [Self::Open, Self::Contacted, Self::Resolved];

    /// Whether somebody still has to do something.
    pub fn is_active(self) -> bool {
        Self::ACTIVE.contains(&self)
    }
}

/// What came of one try to reach the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactOutcome {
    /// We spoke, or they read and reacted.
    Reached,
    /// Nobody answered.
    NoAnswer,
    /// The number or address is wrong.
    WrongNumber,
    /// The customer wrote back.
    Replied,
}

impl ContactOutcome {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Reached, Self::NoAnswer, Self::WrongNumber, Self::Replied];

    /// The word used in files, URLs and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NoAnswer => "no_answer",
            Self::WrongNumber => "wrong_number",
            Self::Replied => "replied",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// What the state machine has to know of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Segment of the response's current revision.
    pub segment: Segment,
    /// Where the loop stands.
    pub status: LoopStatus,
    /// Tries that reached nobody, since the case was last opened.
    pub attempts: u32,
    /// The first of those tries.
    pub first_attempt_at: Option<DateTime<Utc>>,
    /// The last of those tries.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// Tasks that are not done.
    pub open_tasks: u32,
    /// First contact of any kind that counts: reached, replied, or an accepted acknowledgement.
    pub first_contact_at: Option<DateTime<Utc>>,
    /// Since the case was last opened: when somebody was in touch, or had tried often enough.
    pub contacted_at: Option<DateTime<Utc>>,
    /// When the case was last resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When the case was last closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it should be closed; moves on by the business time waited for the customer.
    pub close_due_at: Option<DateTime<Utc>>,
    /// Since when we wait for the customer.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Why the customer was unhappy, in the workspace's words.
    pub root_cause: Option<String>,
    /// What was done about it.
    pub resolution: Option<String>,
    /// Whether a mail server accepted our acknowledgement of this answer.
    pub acknowledged: bool,
}

impl Case {
    /// A case as a response opens it.
    pub const fn open(segment: Segment) -> Self {
        Self {
            segment,
            status: LoopStatus::Open,
            attempts: 0,
            first_attempt_at: None,
            last_attempt_at: None,
            open_tasks: 0,
            first_contact_at: None,
            contacted_at: None,
            resolved_at: None,
            closed_at: None,
            close_due_at: None,
            waiting_since: None,
            root_cause: None,
            resolution: None,
            acknowledged: false,
        }
    }

    /// What is still missing before this case may be closed, in words for its owner; empty when nothing is.
    pub fn lacks(&self, terms: Terms<'_>) -> Vec<String> {
        let needs = |need| terms.policy.needs(need);
        let mut lacks = Vec::new();
        if needs(Requirement::Contact) && self.contacted_at.is_none() {
            lacks.push(self.lacks_contact(terms));
        }
        if needs(Requirement::RootCause) && self.root_cause.is_none() {
            lacks.push("root_cause: say what caused the low score".to_owned());
        }
        if needs(Requirement::Resolution) && self.resolution.is_none() {
            lacks.push("resolution: say what was done about it".to_owned());
        }
        if needs(Requirement::Acknowledgement) && !self.acknowledged && self.contacted_at.is_none() {
            lacks.push("an acknowledgement: the thank-you mail has not been accepted yet, and no contact is logged".to_owned());
        }
        if self.open_tasks > 0 {
            lacks.push(format!("tasks: {} still open", self.open_tasks));
        }
        if terms.policy.forced_order && lacks.is_empty() && matches!(self.status, LoopStatus::Open | LoopStatus::Contacted) {
            lacks.push("the step before: resolve the case first, then close it".to_owned());
        }
        lacks
    }

    fn lacks_contact(&self, terms: Terms<'_>) -> String {
        let tries = terms.tries_in_words();
        format!("a contact: log a call or reply that reached the customer, or {tries} (so far {})", self.attempts)
    }
}

/// Something that happens to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseEvent {
    /// Somebody tried to reach the customer, or the customer wrote back.
    Contact(ContactOutcome),
    /// A mail server accepted the acknowledgement.
    Acknowledged,
    /// A task was opened, or taken up again; a finished case is reopened first.
    TaskOpened,
    /// A task was done or dropped.
    TaskFinished,
    /// The cause is known and something was done.
    Resolve {
        /// Why the customer was unhappy.
        root_cause: Option<String>,
        /// What was done.
        resolution: Option<String>,
    },
    /// Close the loop; refused while something is missing.
    Close,
    /// Nothing can be done before the customer answers: the clock for closing stops.
    Wait,
    /// The wait is over; a contact that got through ends it as well.
    Resume,
    /// Work on it again.
    Reopen,
    /// An explicit rule: nothing has to be done.
    NotNeeded,
    /// Given up.
    Lapse,
    /// The customer changed the answer; the new segment decides what closing takes.
    Corrected(Segment),
}

/// Why an event can't happen to a case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllegalStep {
    /// Closing needs more.
    #[error("the case can't be closed yet; it lacks {}", .0.join("; "))]
    Lacks(Vec<String>),
    /// The policy forces an order: this comes before resolving.
    #[error("the case can't be resolved yet: the order is contact, resolve, close; it lacks {}", .0.join("; "))]
    TooEarly(Vec<String>),
    /// The policy has codes for root causes, and this is none of them.
    #[error("must be one of {}", .0.join(", "))]
    UnknownCause(Vec<String>),
    /// The status does not allow it.
    #[error("a case that is {} can't be {what}{}", .from.as_str(), if *.reopen { "; reopen it first" } else { "" })]
    NotNow {
        /// The present status.
        from: LoopStatus,
        /// What was tried.
        what: &'static str,
        /// Whether reopening would allow it.
        reopen: bool,
    },
    /// Already waiting, or not waiting.
    #[error("{0}")]
    Waiting(&'static str),
}

#[cfg(test)]
mod tests;
