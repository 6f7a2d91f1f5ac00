//! The mail of an invitation, as rows: what is sent in it, and how, is the business of [`crate::sending`].

use chrono::{DateTime, Utc};
use hearback_core::id::{DeliveryId, WorkspaceId};
use hearback_store::{
    deliveries, invitations,
    outbox::{self, Job},
    time::millis,
};

use crate::Settings;

/// Which mail of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskMail {
    /// The question.
    Invitation,
    /// The question once more, for the n-th time; the first reminder is 1.
    Reminder(i64),
}

impl AskMail {
    /// The template.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Invitation => "survey_invitation",
            Self::Reminder(_) => "survey_reminder",
        }
    }

    /// The same invitation has each of its mails once.
    const fn number(self) -> i64 {
        match self {
            Self::Invitation => 0,
            Self::Reminder(number) => number,
        }
    }
}

/// The delivery of a mail and the job that sends it, due now. Both ids follow from the invitation: whoever asks for the same
/// mail again asks for the same rows.
pub fn mail_row(
    settings: &Settings,
    invitation: &invitations::Model,
    mail: AskMail,
    (address, name): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> (deliveries::Model, outbox::Model) {
    let id = DeliveryId::derived(&format!("ask/{}/{}", invitation.id, mail.number()));
    let delivery = deliveries::Model {
        workspace_id: invitation.workspace_id,
        id: id.uuid(),
        case_id: None,
        person_id: Some(invitation.person_id),
        task_id: None,
        medium: "mail".to_owned(),
        kind: mail.kind().to_owned(),
        to_address: address.to_owned(),
        to_name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        subject: None,
        status: "queued".to_owned(),
        attempts: 0,
        duplicates: 0,
        message_id: format!("{id}@{}", settings.mail_from.domain()),
        acknowledges: false,
        exempt: false,
        reply: None,
        rule_version_id: None,
        step_index: None,
        revision: None,
        chain: None,
        link: None,
        created_at: millis(now),
        updated_at: millis(now),
        sent_at: None,
        invitation_id: Some(invitation.id),
        words: None,
        in_reply_to: None,
    };
    let ws = WorkspaceId::from_uuid(invitation.workspace_id);
    let job = outbox::row(ws, &Job::Mail { delivery: id }, &format!("mail/{id}"), now, now, None);
    (delivery, job)
}
