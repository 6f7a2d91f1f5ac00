//! A case's mail: what the customer wrote, and what one of us writes back.
//!
//! A customer's reply counts as a contact that got through ([`ContactOutcome::Replied`]). A mail of ours is a try to reach
//! them that has no answer yet ([`ContactOutcome::NoAnswer`]): it counts towards the tries that closing may need, and the
//! reply, when it comes, is the contact.

use hearback_core::{
    CaseEvent,
    case::ContactOutcome,
    id::{CaseId, DeliveryId, MessageId, PersonId, RecordId, WorkspaceId},
    text::{self, MAX_COMMENT, MAX_LINE},
    timeline::Entry,
};
use hearback_mailer::Mail;
use hearback_store::{
    Tx, bulk, contact_attempts, deliveries, messages,
    outbox::{self, Job},
    persons, suppressions,
    time::millis,
};
use schemars::JsonSchema;
use uuid::Uuid;

use super::edit::CaseEdit;
use crate::{
    Actor, Ctx, EngineError,
    customers::suppressions::Reason,
    error::Fields,
    rows::{read_owner, small},
    workspace::{Member, Workspace},
};

/// A mail of the customer's that was stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InboundReply {
    /// Its row.
    pub(crate) message: Uuid,
}

/// The customer wrote: a contact that got through. It ends a wait, and opens a finished case again where the policy wants
/// that; whoever looks after the case is told. Commits the transaction that stored the letter.
pub(crate) async fn heard(cx: &Ctx, tx: Tx, ws: WorkspaceId, case: CaseId, letter: &InboundReply) -> Result<(), EngineError> {
    let actor = Actor::Customer;
    let mut edit = CaseEdit::within(cx, tx, ws, case, &actor).await?;
    let (waited, was_finished) = (edit.row.waiting_since.is_some(), !edit.status().is_active());
    // Where the policy lets a finished case rest, the words are shown all the same.
    let counts = edit.step(&CaseEvent::Contact(ContactOutcome::Replied)).is_ok();
    if counts {
        edit.row.contacts += 1;
        let attempt = attempt(&edit, ContactOutcome::Replied, &actor);
        bulk::insert::<contact_attempts::Entity>(&edit.tx, &[attempt]).await?;
    }
    edit.note(&Entry::Wrote { channel: "email".to_owned(), message: MessageId::from_uuid(letter.message) });
    if counts && was_finished {
        edit.restart();
        edit.note_system(&Entry::Reopened { note: None, why: Some("the customer replied".to_owned()) });
    } else if waited && edit.row.waiting_since.is_none() {
        edit.note_system(&edit.resumed(None, Some("the customer replied")));
    }
    let workspace = std::sync::Arc::clone(&edit.workspace);
    let owner = read_owner(edit.row.owner.as_deref()).unwrap_or_else(|| workspace.default_owner.clone());
    let told: Vec<deliveries::Model> = workspace.addresses(&owner).iter().map(|member| notice(cx, &edit, member, letter.message)).collect();
    queue(&edit, &workspace, &told).await?;
    edit.done().await?;
    cx.wake.notify_one();
    Ok(())
}

/// What one of us writes to the customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReply {
    /// The subject; without one that of the thread.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub subject: Option<String>,
    /// What is said; at most 10,000 characters.
    #[schemars(length(max = hearback_core::text::MAX_COMMENT))]
    pub text: String,
}

/// Sends a mail to the customer of a case: it stands in one thread with what they wrote, and their answer comes back here.
/// Refused where the address must not be mailed. Logged as a try to reach them.
pub async fn reply(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, new: NewReply) -> Result<DeliveryId, EngineError> {
    let mut fields = Fields::default();
    let subject = fields.check_some("subject", new.subject.filter(|line| !line.trim().is_empty()), |line| text::line(&line, MAX_LINE));
    let words = fields.check("text", text::block(&new.text, MAX_COMMENT)).flatten();
    if words.is_none() {
        fields.refuse("text", "must not be empty: write what the customer shall read");
    }
    fields.done()?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    let person = persons::by_id(&*edit.tx, ws, PersonId::from_uuid(edit.row.person_id)).await?;
    let person = person.ok_or_else(|| EngineError::not_found("person", edit.row.person_id))?;
    let address = person.email.clone().ok_or_else(|| EngineError::conflict("the customer has no mail address; reach them another way"))?;
    may_be_answered(&edit, &person, &address).await?;
    let last = messages::of_case(&*edit.tx, ws, edit.row.id, 1).await?.pop();
    let id = DeliveryId::new(edit.now);
    let said = subject.or_else(|| last.as_ref().map(|last| answering(&last.subject)));
    let row = deliveries::Model {
        person_id: Some(person.id),
        to_name: person.name,
        subject: said,
        words,
        in_reply_to: last.and_then(|last| last.message_id),
        ..of_case(cx, &edit, id, Mail::AgentReply, &address)
    };
    if edit.status().is_active() {
        edit.step(&CaseEvent::Contact(ContactOutcome::NoAnswer))?;
        edit.row.contacts += 1;
        let attempt = attempt(&edit, ContactOutcome::NoAnswer, actor);
        bulk::insert::<contact_attempts::Entity>(&edit.tx, &[attempt]).await?;
    }
    edit.note(&Entry::Replied { channel: "email".to_owned(), delivery: id });
    let workspace = std::sync::Arc::clone(&edit.workspace);
    queue(&edit, &workspace, &[row]).await?;
    edit.done().await?;
    cx.wake.notify_one();
    Ok(id)
}

/// Whoever wants no mail of the kind that goes to all may still be written to by one of us; the case says that they opted out. An address
/// whose mailbox does not exist, whose owner complained or was erased stays closed.
async fn may_be_answered(edit: &CaseEdit<'_>, person: &persons::Model, address: &str) -> Result<(), EngineError> {
    match suppressions::of_person(&*edit.tx, person).await? {
        Some(reason) if !is_open_to_answers(&reason) => {
            Err(EngineError::conflict(format!("the address must not be mailed ({reason}); reach the customer another way")))
        }
        _ if edit.workspace.was_erased(address) => Err(EngineError::conflict("the customer was erased")),
        _ => Ok(()),
    }
}

/// Whether a mail that one of us writes may go to somebody who is not mailed otherwise, for this reason. The ledger holds by the same.
pub fn is_open_to_answers(reason: &str) -> bool {
    match Reason::parse(reason) {
        Some(Reason::Manual | Reason::Unsubscribed) => true,
        Some(Reason::HardBounce | Reason::Complaint) | None => false,
    }
}

/// `Re:` once, whatever the subject began with.
fn answering(subject: &str) -> String {
    let mut bare = subject.trim();
    while let Some(rest) = ["re:", "aw:", "vs:", "sv:", "ats:", "fwd:", "fw:"].iter().find_map(|prefix| {
        bare.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix)).and_then(|_| bare.get(prefix.len()..))
    }) {
        bare = rest.trim_start();
    }
    let bare: String = bare.chars().take(MAX_LINE - 4).collect();
    format!("Re: {bare}")
}

/// Tells one of us that the customer wrote; once for each message and address.
fn notice(cx: &Ctx, edit: &CaseEdit<'_>, to: &Member, message: Uuid) -> deliveries::Model {
    let id = DeliveryId::beside(&format!("mail/wrote/{message}/{}", to.email));
    deliveries::Model {
        to_name: Some(to.name.clone()).filter(|name| !name.is_empty()),
        ..of_case(cx, edit, id, Mail::CustomerWrote, &to.email)
    }
}

/// A mail about this case that somebody wants sent: no limit of rules holds it.
fn of_case(cx: &Ctx, edit: &CaseEdit<'_>, id: DeliveryId, mail: Mail, to: &str) -> deliveries::Model {
    let domain = cx.settings.mail_from.domain();
    deliveries::Model {
        case_id: Some(edit.row.id),
        exempt: true,
        revision: Some(edit.row.revision),
        ..deliveries::Model::queued(edit.workspace.id, id, mail.template(), to, domain, edit.now)
    }
}

async fn queue(edit: &CaseEdit<'_>, workspace: &Workspace, mails: &[deliveries::Model]) -> Result<(), EngineError> {
    let about = Some((CaseId::from_uuid(edit.row.id), small(edit.row.revision)));
    let job = |mail: &deliveries::Model| {
        let job = Job::Mail { delivery: DeliveryId::from_uuid(mail.id) };
        outbox::row(workspace.id, &job, &format!("mail/{}", mail.id), edit.now, edit.now, about)
    };
    bulk::insert_missing::<deliveries::Entity>(&edit.tx, mails).await?;
    outbox::enqueue(&edit.tx, &mails.iter().map(job).collect::<Vec<_>>()).await?;
    Ok(())
}

fn attempt(edit: &CaseEdit<'_>, outcome: ContactOutcome, actor: &Actor) -> contact_attempts::Model {
    contact_attempts::Model {
        workspace_id: edit.row.workspace_id,
        id: RecordId::new(edit.now).uuid(),
        case_id: edit.row.id,
        channel: "email".to_owned(),
        outcome: outcome.as_str().to_owned(),
        note: None,
        actor: actor.to_string(),
        at: millis(edit.now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_one_subject() {
        for (subject, answer) in [("Hello", "Re: Hello"), ("Re: Hello", "Re: Hello"), ("AW: RE: fw: Hello", "Re: Hello"), ("", "Re: ")] {
            assert_eq!(answering(subject), answer);
        }
    }
}
