//! A rule: trigger, condition, and a linear list of steps.
//!
//! Owns the words that files, traces and the timeline use for them. Refuses to know how a file is
//! read ([`crate::parse`]) or what follows from a rule ([`crate::plan()`]).

use std::fmt;

use hearback_core::{Email, Owner, Span, TextError, Word as _, id::RuleVersionId};
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use crate::{condition::Condition, owner::Owners};

/// What makes rules look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, EnumString, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Trigger {
    /// An answer is final enough to act on: its first revision.
    ResponseSettled,
    /// An answer was changed: each later revision.
    ResponseCorrected,
    /// A task passed its due time undone.
    TaskOverdue,
    /// Nobody was in touch when the first contact was due.
    NoFirstContact,
    /// The first contact or the close is due soon.
    DueSoon,
    /// The case was not closed when that was due.
    NotClosedInTime,
    /// The case was resolved: the cause is known and something was done.
    CaseResolved,
    /// The loop was closed, by somebody of ours, by a rule, or by itself when nothing was left to do.
    CaseClosed,
    /// A mail to the customer came back: its address takes no mail.
    MailBounced,
    /// Somebody who was invited did not answer. Waves will set it off; nothing does yet.
    InvitationUnanswered,
    /// Somebody whom the customer recommended us to did what we hoped for. A step acts once for a case, however many come.
    ReferralConverted,
}

/// One rule as written. `key` names it across versions. A stored one with a field that is not known here was written by a newer
/// version: half understood, it would do something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable name: 1-64 of `a-z 0-9 - _`.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What makes it look; at least one.
    pub on: Vec<Trigger>,
    /// What must hold.
    pub when: Condition,
    /// What to do, in order.
    pub then: Vec<Step>,
}

/// An immutable, stored version of a rule. What the engine evaluates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleVersion {
    /// Which version.
    pub id: RuleVersionId,
    /// 1, 2, 3...
    pub version: u32,
    /// What it says.
    pub rule: Rule,
}

impl RuleVersion {
    /// Key and version as traces write them: `detractor-outreach@3`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.rule.key, self.version)
    }
}

/// One step: an action, how long after the trigger, and its own condition, asked when it is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// How long after the trigger; zero is at once.
    #[serde(default)]
    pub after: Span,
    /// Asked when the step is due; always true when left out.
    #[serde(default)]
    pub condition: Condition,
}

/// Who a mail goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The person who answered.
    Customer,
    /// The owner of the case (each member, when it is a team).
    Owner,
    /// Each member of a team, by key.
    Team(String),
    /// A fixed address.
    Address(Email),
}

impl Recipient {
    /// Reads `customer`, `owner`, `team:KEY` or a mail address.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        match text {
            "customer" => Ok(Self::Customer),
            "owner" => Ok(Self::Owner),
            _ => Owner::parse(text).map(|owner| match owner {
                Owner::Team(key) => Self::Team(key),
                Owner::User(address) => Self::Address(address),
            }),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer => f.write_str("customer"),
            Self::Owner => f.write_str("owner"),
            Self::Team(key) => write!(f, "team:{key}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What a step does. The set is closed: `match` is exhaustive everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[strum_discriminants(name(ActionKind), derive(IntoStaticStr, EnumString, VariantArray), strum(serialize_all = "snake_case"))]
#[strum_discriminants(doc = "Which action, without what belongs to it: its word in files, traces and the timeline.")]
pub enum Action {
    /// Send the mail of this template.
    SendMail {
        /// Folder name under `templates/mail`.
        template: String,
        /// Who gets it.
        to: Recipient,
    },
    /// Open a task in the case.
    OpenTask {
        /// What to do.
        title: String,
        /// Who does it.
        owner: Owners,
        /// Due this long after the step ran.
        due: Span,
    },
    /// Make someone the owner of the case.
    Assign {
        /// Who.
        owner: Owners,
    },
    /// Add tags to the case.
    Tag {
        /// Which.
        tags: Vec<String>,
    },
    /// Raise the case: mark it escalated and hand it to someone else.
    Escalate {
        /// To whom.
        to: Owners,
        /// Why, for the timeline.
        reason: String,
    },
    /// Give this customer one code from a pool.
    GiveIncentive {
        /// Key of the pool.
        pool: String,
    },
    /// Make a personal referral link.
    CreateReferral,
    /// Send the whole event, signed, to another program.
    CallWebhook {
        /// Key of the webhook.
        webhook: String,
    },
    /// Write a line into a chat room.
    NotifyChat {
        /// Key of the webhook of the chat room.
        webhook: String,
    },
    /// Ask the customer, by mail, for a public review. Never by score: the parser refuses such a rule.
    InviteReview {
        /// Where the review is written: `https://...`.
        url: String,
    },
    /// Ask the customer, by mail, for words that we may show, and for leave to show them.
    AskTestimonial,
    /// Ask the customer of a closed case again, within the limits of every question.
    Resurvey {
        /// Key of the survey; the one that opened the case when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        survey: Option<String>,
    },
    /// Nothing has to be done in this case.
    MarkNotNeeded {
        /// Why.
        reason: String,
    },
    /// Close the case, if nothing is missing.
    Close,
}

impl Action {
    /// Which it is.
    pub fn kind(&self) -> ActionKind {
        self.into()
    }

    /// The word used in files, traces and the timeline.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }
}
