//! A rule: trigger, condition, and a linear list of steps.

use hearback_core::{Email, Owner, id::RuleVersionId};
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// What makes rules look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// An answer is final enough to act on: its first revision.
    ResponseSettled,
    /// An answer was changed: each later revision.
    ResponseCorrected,
    /// A task passed its due time undone.
    TaskOverdue,
    /// Nobody was in touch when the first contact was due.
    NoFirstContact,
}

/// One rule as written. `key` names it across versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct Step {
    /// What to do.
    pub action: Action,
    /// How long after the trigger; zero is at once.
    #[serde(default)]
    pub after: Delay,
    /// Asked when the step is due; always true when left out.
    #[serde(default)]
    pub condition: Condition,
}

/// A delay in minutes of wall time (0 to 525,600). Written `15m`, `48h`, `3d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delay {
    /// Minutes.
    pub minutes: u32,
}

impl Delay {
    /// As a chrono duration.
    pub fn duration(self) -> chrono::Duration {
        chrono::Duration::minutes(i64::from(self.minutes))
    }
}

/// Who should own something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerRef {
    /// The case's owner as it stands; else the person's, else the account's, else the workspace's default team.
    CaseOwner,
    /// The person's owner, else as `CaseOwner`.
    PersonOwner,
    /// The account's owner, else as `CaseOwner`.
    AccountOwner,
    /// A fixed user or team.
    Fixed(Owner),
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

/// What a step does. The set is closed: `match` is exhaustive everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
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
        owner: OwnerRef,
        /// Due this long after the step ran.
        due: Delay,
    },
    /// Make someone the owner of the case.
    Assign {
        /// Who.
        owner: OwnerRef,
    },
    /// Add tags to the case.
    Tag {
        /// Which.
        tags: Vec<String>,
    },
    /// Raise the case: mark it escalated and hand it to someone else.
    Escalate {
        /// To whom.
        to: OwnerRef,
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
    /// Nothing has to be done in this case.
    MarkNotNeeded {
        /// Why.
        reason: String,
    },
    /// Close the case, if nothing is missing.
    Close,
}

impl Action {
    /// The word used in files, traces and the timeline.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SendMail { .. } => "send_mail",
            Self::OpenTask { .. } => "open_task",
            Self::Assign { .. } => "assign",
            Self::Tag { .. } => "tag",
            Self::Escalate { .. } => "escalate",
            Self::GiveIncentive { .. } => "give_incentive",
            Self::CreateReferral => "create_referral",
            Self::MarkNotNeeded { .. } => "mark_not_needed",
            Self::Close => "close",
        }
    }
}
