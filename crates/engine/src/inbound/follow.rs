//! What follows from a mail whose mark is genuine: one function for each kind, in the transaction that stores it.

use chrono::Duration;
use hearback_core::{
    id::{CaseId, DeliveryId, InvitationId, MessageId, PersonId, WorkspaceId},
    state::MessageState,
    timeline::Entry,
};
use hearback_mailer::inbound::{Failure, Inbound, Kind};
use hearback_store::{
    Tx, deliveries,
    erasure::ERASED,
    events, invitations,
    messages::{self, Thread},
    outbox, persons, snapshot, suppressions as stopped,
    time::millis,
};
use uuid::Uuid;

use super::As;
use crate::{
    Actor, Ctx, EngineError,
    alerts::{Alert, AlertKind, raise},
    cases::work::{self, InboundReply},
    customers::suppressions::{self, OptOut, Reason},
    faults,
    mail::untaken::{self, Untaken},
    trigger_events,
};

/// Messages of one thread within an hour, before what follows is only kept.
const MOST_AN_HOUR: u64 = 5;

/// A mail that came in, and the one of ours that it is about.
pub(super) struct Matched<'a> {
    pub(super) cx: &'a Ctx,
    pub(super) ws: WorkspaceId,
    pub(super) delivery: deliveries::Model,
    pub(super) mail: &'a Inbound,
}

/// Does what follows, and commits.
pub(super) async fn follow(known: Matched<'_>, tx: Tx, row: messages::Model, as_what: As) -> Result<messages::Model, EngineError> {
    if known.delivery.to_address == ERASED {
        // Nothing that could say who it was is kept.
        let (from_address, subject, text, whole_text, attachments, raw) = Default::default();
        let why = "its customer was erased".to_owned();
        let row = messages::Model { from_address, subject, text, whole_text, attachments, raw, message_id: None, person_id: None, ..row };
        return super::keep(known.cx, tx, row, why).await;
    }
    let case = known.case(&tx).await?;
    let person = known.person(&tx).await?;
    let row = messages::Model { case_id: case.map(CaseId::uuid), person_id: person.or(row.person_id), ..row };
    match (as_what, &known.mail.kind) {
        (As::Bounce, Kind::Bounce(failure)) => known.bounced(tx, row, failure).await,
        (As::Note, Kind::Delayed(failure) | Kind::Delivered(failure)) => {
            super::finish(known.cx, tx, messages::Model { reason: Some(failure.summary()), raw: String::new(), ..row }).await
        }
        (As::Complaint, Kind::Complaint(word)) => known.complained(tx, row, word).await,
        (As::OptOut, _) => known.opted_out(tx, row).await,
        (As::Reply, _) => known.replied(tx, row, case).await,
        (As::Bounce | As::Note | As::Complaint | As::Automatic, _) => known.answered_by_itself(tx, row).await,
    }
}

impl Matched<'_> {
    /// The case of the mail; of an invitation that of the answer which it got.
    async fn case(&self, tx: &Tx) -> Result<Option<CaseId>, EngineError> {
        if let Some(case) = self.delivery.case_id {
            return Ok(Some(CaseId::from_uuid(case)));
        }
        let Some(invitation) = self.delivery.invitation_id else { return Ok(None) };
        let row = invitations::by_id(&**tx, self.ws, InvitationId::from_uuid(invitation)).await?;
        let Some(response) = row.and_then(|row| row.response_id) else { return Ok(None) };
        let case = snapshot::case_of_response(&**tx, self.ws.uuid(), response).await?;
        Ok(case.map(|row| CaseId::from_uuid(row.id)))
    }

    /// Whom it was written to, or whoever they were merged into.
    async fn person(&self, tx: &Tx) -> Result<Option<Uuid>, EngineError> {
        let Some(person) = self.delivery.person_id else { return Ok(None) };
        Ok(persons::resolved(&**tx, self.ws, PersonId::from_uuid(person)).await?.map(|row| row.id))
    }

    async fn note(&self, tx: &Tx, row: &messages::Model, entry: &Entry) -> Result<(), EngineError> {
        if let Some(case) = row.case_id {
            let actor = Actor::System.to_string();
            events::append(tx, self.ws, CaseId::from_uuid(case), &actor, entry, self.cx.now()).await?;
        }
        Ok(())
    }

    /// The address that the mail went to is not mailed any more.
    async fn stop(&self, tx: &Tx, reason: Reason, note: Option<String>) -> Result<(), EngineError> {
        stopped::put(tx, &[suppressions::row(self.ws, &self.delivery.to_address, reason, note, self.cx.now())]).await?;
        Ok(())
    }

    /// Nor is the customer it was written to, whatever their address is by now.
    async fn opt_out(&self, tx: &Tx, row: &messages::Model, why: OptOut) -> Result<(), EngineError> {
        self.stop(tx, why.into(), None).await?;
        if let Some(person) = row.person_id {
            suppressions::opt_out(tx, self.ws, PersonId::from_uuid(person), why, self.cx.now()).await?;
        }
        Ok(())
    }

    /// A mail that a server had taken over came back.
    async fn bounced(&self, tx: Tx, row: messages::Model, failure: &Failure) -> Result<messages::Model, EngineError> {
        let (cx, now, mail) = (self.cx, self.cx.now(), &self.delivery);
        let row = messages::Model { reason: Some(format!("{} {}", failure.blame().as_str(), failure.summary())), ..row };
        let reply = format!("returned: {} {}", failure.summary(), failure.diagnosis);
        let is_first = deliveries::came_back(&tx, self.ws.uuid(), mail.id, reply.trim(), millis(now)).await?;
        if let Some(invitation) = mail.invitation_id {
            invitations::came_back(&tx, self.ws.uuid(), invitation, millis(now)).await?;
        }
        messages::save(&tx, row.clone()).await?;
        if mail.person_id.is_some() {
            let untaken =
                Untaken { address: mail.to_address.clone(), blame: failure.blame(), why: format!("returned: {}", failure.summary()) };
            untaken::note(&tx, self.ws, &untaken, now).await?;
        }
        let mut asked = Vec::new();
        if is_first {
            let (template, delivery) = (mail.kind.clone(), DeliveryId::from_uuid(mail.id));
            self.note(&tx, &row, &Entry::MailReturned { template, delivery, why: failure.summary() }).await?;
            if mail.acknowledges && mail.case_id.is_some() {
                let workspace = cx.workspaces.get(&*tx, self.ws).await?;
                asked = trigger_events::came_back(&tx, &workspace, &[mail.id], now).await?;
                outbox::enqueue(&tx, &asked).await?;
            }
        }
        let row = super::finish(cx, tx, row).await?;
        if !asked.is_empty() {
            cx.wake.notify_one();
        }
        Ok(row)
    }

    async fn complained(&self, tx: Tx, row: messages::Model, word: &str) -> Result<messages::Model, EngineError> {
        self.opt_out(&tx, &row, OptOut::Complaint).await?;
        self.note(&tx, &row, &Entry::Complained { template: self.delivery.kind.clone() }).await?;
        let message = "a customer called this mail unwanted and is not mailed any more; look whether it goes to the right people, often enough \
             and not too often";
        raise(&tx, self.ws, &[Alert::new(AlertKind::Complaint, self.delivery.kind.as_str(), message)], self.cx.now()).await?;
        super::finish(self.cx, tx, messages::Model { reason: Some(word.to_owned()), ..row }).await
    }

    async fn opted_out(&self, tx: Tx, row: messages::Model) -> Result<messages::Model, EngineError> {
        self.opt_out(&tx, &row, OptOut::Unsubscribed).await?;
        self.note(&tx, &row, &Entry::OptedOut {}).await?;
        super::finish(self.cx, tx, messages::Model { raw: String::new(), ..row }).await
    }

    /// Stored and shown; it reaches nobody, and nothing follows.
    async fn answered_by_itself(&self, tx: Tx, row: messages::Model) -> Result<messages::Model, EngineError> {
        let state = if self.too_many(&tx, &row).await? { MessageState::Muted } else { MessageState::Done };
        let row = messages::Model { state: state.into(), raw: String::new(), ..row };
        if state == MessageState::Done {
            self.note(&tx, &row, &Entry::AutoReply { message: MessageId::from_uuid(row.id) }).await?;
        }
        super::finish(self.cx, tx, row).await
    }

    /// A customer wrote.
    async fn replied(&self, tx: Tx, row: messages::Model, case: Option<CaseId>) -> Result<messages::Model, EngineError> {
        if self.too_many(&tx, &row).await? {
            let why = format!("more than {MOST_AN_HOUR} messages within an hour");
            return super::finish(self.cx, tx, messages::Model { state: MessageState::Muted.into(), reason: Some(why), ..row }).await;
        }
        messages::save(&tx, row.clone()).await?;
        let Some(case) = case else {
            let message = "a customer wrote to us in reply to a mail that has no case; read it under Messages";
            raise(&tx, self.ws, &[Alert::new(AlertKind::Written, "mail", message)], self.cx.now()).await?;
            return super::finish(self.cx, tx, row).await;
        };
        faults::pass("inbound.commit")?;
        work::heard(self.cx, tx, self.ws, case, &InboundReply { message: row.id }).await?;
        faults::pass("inbound.committed")?;
        Ok(row)
    }

    /// Whether more comes in this thread than people write. The first that is too many raises an alert.
    async fn too_many(&self, tx: &Tx, row: &messages::Model) -> Result<bool, EngineError> {
        let thread = row.case_id.map(Thread::Case).or(row.person_id.map(Thread::Person));
        let Some(thread) = thread else { return Ok(false) };
        let since = millis(self.cx.now() - Duration::hours(1));
        if messages::lately(tx, self.ws, thread, row.id, since).await? < MOST_AN_HOUR {
            return Ok(false);
        }
        let (Thread::Case(subject) | Thread::Person(subject)) = thread;
        let message = format!(
            "more than {MOST_AN_HOUR} messages came in this thread within an hour; more are only kept. If a machine writes there, stop mail to \
             its address"
        );
        raise(tx, self.ws, &[Alert::new(AlertKind::MailLoop, subject.to_string(), message)], self.cx.now()).await?;
        Ok(true)
    }
}
