//! The timeline of a case: what can stand in it, one variant for each kind of entry, with what is told of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::{
    case::ContactOutcome,
    id::{DeliveryId, InvitationId, MessageId, TaskId},
    owner::Owner,
    state::InvitationState,
};

/// One entry. Its kind is the variant's name in snake case, its data the variant's fields as an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Entry {
    /// The customer answered; whether they wrote something.
    Answered {
        score: i64,
        channel: String,
        comment: bool,
    },
    /// The customer changed the answer; whether the words and the further answers changed.
    Corrected {
        from: i64,
        to: i64,
        revision: i64,
        comment: bool,
        answers: bool,
    },
    /// Asked again after the case was closed, they answered.
    AnsweredAgain {
        from: i64,
        to: i64,
        recovered: bool,
        response: Uuid,
    },
    /// The question waits for its time, or for what stands against it.
    AskingAgain(Question),
    AskedAgain(Question),
    NotAskedAgain(Question),
    /// Rules were asked, and this was done.
    Planned {
        steps: Vec<Step>,
    },
    /// What was planned for an earlier answer does not happen.
    Cancelled {
        steps: Vec<Step>,
        why: String,
    },
    StepSkipped {
        rule: String,
        why: String,
    },
    RuleStopped {
        rule: String,
        why: String,
    },
    /// Somebody tried to reach the customer.
    Contact {
        channel: String,
        outcome: ContactOutcome,
        note: Option<String>,
    },
    /// The customer wrote by mail.
    Wrote {
        channel: String,
        message: MessageId,
    },
    AutoReply {
        message: MessageId,
    },
    /// One of us wrote by mail.
    Replied {
        channel: String,
        delivery: DeliveryId,
    },
    Note {
        note: String,
    },
    Resolved {
        root_cause: Option<String>,
        resolution: Option<String>,
        note: Option<String>,
    },
    /// By somebody, or by itself: then it says why.
    Closed {
        root_cause: Option<String>,
        resolution: Option<String>,
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<ClosedBy>,
    },
    Reopened {
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Waits for the customer.
    Waiting {
        note: Option<String>,
    },
    Resumed {
        note: Option<String>,
        close_due: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Lapsed {
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Assigned {
        from: Option<String>,
        owner: Owner,
        /// How many tasks went along.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tasks: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    TaskOpened {
        task: TaskId,
        title: String,
        owner: Owner,
        pool: String,
    },
    TaskDone {
        task: TaskId,
        title: String,
        outcome: Option<String>,
    },
    TaskCancelled {
        task: TaskId,
        title: String,
        outcome: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    TaskReopened {
        task: TaskId,
        title: String,
        outcome: Option<String>,
    },
    TaskAssigned {
        task: TaskId,
        from: String,
        owner: Owner,
    },
    TaskOverdue {
        task: TaskId,
        title: String,
    },
    ContactDueSoon {
        due: Option<DateTime<Utc>>,
    },
    ContactOverdue {
        due: Option<DateTime<Utc>>,
    },
    CloseDueSoon {
        due: Option<DateTime<Utc>>,
    },
    CloseOverdue {
        due: Option<DateTime<Utc>>,
    },
    MailSent {
        template: String,
        delivery: DeliveryId,
    },
    MailFailed {
        template: String,
        why: String,
    },
    MailSuppressed {
        template: String,
        why: String,
    },
    /// Perhaps delivered; sent again at `again`.
    MailUnknown {
        template: String,
        why: String,
        again: DateTime<Utc>,
    },
    /// A server had taken it and sent it back.
    MailReturned {
        template: String,
        delivery: DeliveryId,
        why: String,
    },
    /// The customer called a mail unwanted.
    Complained {
        template: String,
    },
    /// The customer wants no more mail.
    OptedOut {},
    WebhookCalled {
        webhook: String,
        delivery: DeliveryId,
    },
    WebhookFailed {
        webhook: String,
        why: String,
    },
    IncentiveGiven {
        pool: String,
    },
    IncentiveMissing {
        pool: String,
        reason: String,
    },
    IncentiveTakenBack {
        pool: String,
        reason: String,
    },
    /// Somebody came through the customer's link.
    Converted {
        value: Option<i64>,
    },
    TestimonialGiven {
        permission: String,
    },
    TestimonialWithdrawn {},
    /// Came back from an export: no rule was asked about its answer here.
    BroughtIn {},
    /// The customer's data was erased.
    Erased {},
}

/// Why a case closed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The customer was thanked, and nothing was left to do.
    Acknowledged,
    /// The last task was done.
    TaskFinished,
}

/// Where asking again stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub invitation: InvitationId,
    pub state: InvitationState,
    /// Why they are not asked, or not yet: a word of [`crate::campaign::Reason`].
    pub reason: Option<String>,
    pub not_before: Option<DateTime<Utc>>,
}

/// What one step of a rule did, or would have done. A step says only what applies to its action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The word of the action.
    #[serde(rename = "do")]
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Of a task when it must be done; of a step that waits, not before when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who owned the case before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Why somebody else owns it than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Entry {
    /// The case closed by itself.
    pub const fn closed_by(why: ClosedBy) -> Self {
        Self::Closed { root_cause: None, resolution: None, note: None, why: Some(why) }
    }

    /// The word of its kind.
    pub fn kind(&self) -> &'static str {
        self.into()
    }

    /// Its fields as an object.
    pub fn data(&self) -> Value {
        // Nothing in an entry can't be written as JSON.
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        whole.get_mut("data").map(Value::take).unwrap_or_default()
    }

    /// Reads an entry back; an error for a kind that this version does not know, or without what belongs to it.
    pub fn read(kind: &str, data: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::json!({ "kind": kind, "data": data }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_its_kind_and_an_object() {
        let entry = Entry::Resumed { note: None, close_due: None, why: Some("the customer replied".to_owned()) };
        assert_eq!((entry.kind(), entry.data()), ("resumed", json!({ "note": null, "close_due": null, "why": "the customer replied" })));
        assert_eq!((Entry::OptedOut {}.kind(), Entry::OptedOut {}.data()), ("opted_out", json!({})));
        let step = Step { action: "tag".to_owned(), tags: vec!["vip".to_owned()], ..Step::default() };
        assert_eq!(Entry::Planned { steps: vec![step] }.data(), json!({ "steps": [{ "do": "tag", "tags": ["vip"] }] }));
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = Entry::closed_by(ClosedBy::TaskFinished);
        assert_eq!(Entry::read(entry.kind(), &entry.data()).unwrap(), entry);
        assert_eq!(Entry::read("erased", &json!({})).unwrap(), Entry::Erased {});
        assert!(Entry::read("teleported", &json!({})).is_err(), "of a newer version");
        assert!(Entry::read("note", &json!({})).is_err(), "without its words");
    }
}
