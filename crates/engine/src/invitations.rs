//! An invitation and its mails, as rows. Refuses to know: who asks whom and when, what is sent in the mail, and how.

use chrono::{DateTime, Utc};
use hearback_core::{
    campaign::Channel,
    id::{DeliveryId, InvitationId, WorkspaceId},
};
use hearback_store::{
    deliveries, invitations,
    outbox::{self, Job},
};

use crate::{Settings, reading::Survey, workspace::Workspace};

/// An invitation that is due now, not written yet.
pub(crate) fn row(
    workspace: &Workspace,
    survey: &Survey,
    id: InvitationId,
    person: uuid::Uuid,
    channel: Channel,
    now: DateTime<Utc>,
) -> invitations::Model {
    invitations::Model { channel: channel.as_str().to_owned(), ..invitations::Model::planned(workspace.id, id, person, survey.id, now) }
}

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
    let id = DeliveryId::beside(&format!("ask/{}/{}", invitation.id, mail.number()));
    let ws = WorkspaceId::from_uuid(invitation.workspace_id);
    let delivery = deliveries::Model {
        person_id: Some(invitation.person_id),
        to_name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        invitation_id: Some(invitation.id),
        ..deliveries::Model::queued(ws, id, mail.kind(), address, settings.mail_from.domain(), now)
    };
    let job = outbox::row(ws, &Job::Mail { delivery: id }, &format!("mail/{id}"), now, now, None);
    (delivery, job)
}
