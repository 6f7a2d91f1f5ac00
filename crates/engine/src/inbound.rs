//! Mail that comes in: each is stored once, with everything that follows from it, in one transaction.
//!
//! Owns: whom a mail is believed to be about, and what follows. A mail belongs to the delivery that the signed mark in its
//! address names, never to whoever it says it is from; what has no genuine mark is kept for somebody to look at and changes
//! nothing. Nothing is ever answered by itself, so no two machines can write to each other through us. Refuses to know:
//! what a mail is (that is `mailer::inbound`), how a case moves (that is [`crate::cases::work`]).

mod counters;
mod follow;
mod noted;
mod poll;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Duration;
use hearback_core::{
    Email,
    id::{CaseId, MessageId, WorkspaceId},
    state::MessageState,
    token::Purpose,
};
use hearback_mailer::inbound::{self as reading, Attachment, Inbound, Kind, Refused};
use hearback_store::{
    Tx, lists, messages,
    time::{from_millis, millis},
    workspaces,
};
use sha2::{Digest as _, Sha256};
use std::ops::Deref;
use std::sync::Arc;
use uuid::Uuid;

use crate::{Ctx, EngineError, faults, mail::Delivery};
use follow::Matched;

pub use counters::Counters;
pub use hearback_mailer::inbound::MAX_BYTES;
pub use poll::{PollError, Polled, poll, watch};

/// The context with how much mail came in.
#[derive(Debug, Clone)]
pub struct InboundMail {
    inner: Delivery,
    pub came_in: Arc<Counters>,
}

impl InboundMail {
    pub(crate) fn new(inner: Delivery) -> Self {
        Self { inner, came_in: Arc::default() }
    }
}

impl Deref for InboundMail {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.inner
    }
}

/// How long a bounce may follow its mail.
const BOUNCE_LIFETIME: Duration = Duration::days(14);
/// Largest mail that is kept as it came, in bytes.
const MAX_KEPT: usize = 512 * 1024;

/// Where a mail came in, which says whose mail it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Somebody who works for one workspace brought it.
    Workspace(WorkspaceId),
    /// The mailbox of the installation.
    Installation,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The workspace that it is stored in.
    pub workspace: WorkspaceId,
    /// Its row.
    pub id: MessageId,
    /// `reply`, `auto_reply`, `bounce`, `delayed`, `delivered`, `complaint`, `opt_out` or `unknown`.
    pub kind: String,
    /// `done`, `muted` or `quarantined`.
    pub state: MessageState,
    /// Why it is not done, or the code of a bounce.
    pub reason: Option<String>,
    /// The case that it joined.
    pub case: Option<CaseId>,
    /// False for one that was taken before.
    pub is_new: bool,
}

/// Takes a mail in. `recipient` is the address of the envelope, where it is known. Safe to repeat: the same mail is taken once.
pub async fn take(cx: &InboundMail, raw: Vec<u8>, recipient: Option<String>, door: Door) -> Result<Taken, EngineError> {
    faults::pass("inbound.begin")?;
    let ways = &cx.settings.dispatch;
    let own: Vec<Email> =
        [Some(&cx.settings.mail_from), ways.return_path.as_ref(), ways.reply_to.as_ref()].into_iter().flatten().cloned().collect();
    let read = tokio::task::spawn_blocking(move || {
        let read = reading::read(&raw, recipient.as_deref(), &own);
        let hash = hash(&raw, read.as_ref().ok());
        let kept = if raw.len() <= MAX_KEPT { STANDARD.encode(&raw) } else { String::new() };
        (read, hash, kept)
    });
    let (read, hash, kept) = read.await.map_err(|_| EngineError::conflict("the server is stopping"))?;
    let mark = match &read {
        Ok(mail) => genuine(cx, mail, door).await?,
        Err(_) => None,
    };
    let ws = match (mark, door) {
        (Some(Mark { ws, .. }), _) | (None, Door::Workspace(ws)) => ws,
        (None, Door::Installation) => of_the_house(cx).await?,
    };
    let row = row(cx, ws, hash, kept, read.as_ref());
    let tx = cx.db.write().await?;
    if !messages::store(&tx, row.clone()).await? {
        let before = messages::by_id(&*tx, ws, MessageId::from_uuid(row.id)).await?.unwrap_or(row);
        return Ok(Taken { is_new: false, ..taken(before) });
    }
    let row = match read {
        Ok(mail) => Box::pin(settle(cx, tx, row, &mail, mark)).await?,
        Err(refused) => keep(cx, tx, row, refused.to_string()).await?,
    };
    cx.came_in.count(&row.kind, *row.state);
    tracing::info!(kind = row.kind, state = row.state.as_str(), "a mail came in");
    Ok(taken(row))
}

/// What can be said of a mail of the mailbox that was not read. Its name stands for what it says.
async fn take_unread(cx: &InboundMail, name: &str, why: Refused) -> Result<Taken, EngineError> {
    let ws = of_the_house(cx).await?;
    let hash = hex(&Sha256::digest(name.as_bytes()));
    let row = row(cx, ws, hash, String::new(), Err(&why));
    let tx = cx.db.write().await?;
    let is_new = messages::store(&tx, row.clone()).await?;
    let row = keep(cx, tx, row, why.to_string()).await?;
    cx.came_in.count(&row.kind, *row.state);
    Ok(Taken { is_new, ..taken(row) })
}

/// A genuine mark: what it is for, whose it is, and which delivery it names.
#[derive(Debug, Clone, Copy)]
struct Mark {
    purpose: Purpose,
    ws: WorkspaceId,
    delivery: Uuid,
    /// It stands in the mail of ours that a report brings back, and not in the address that the report came to.
    is_returned: bool,
}

/// The first genuine mark. Those in a mail that came back count only where no address had one: many servers lose the envelope.
async fn genuine(cx: &Ctx, mail: &Inbound, door: Door) -> Result<Option<Mark>, EngineError> {
    let known: Vec<Uuid> = match door {
        Door::Workspace(ws) => vec![ws.uuid()],
        Door::Installation => workspaces::ids(cx.db.read()).await?.into_iter().map(WorkspaceId::uuid).collect(),
    };
    let read = |mark: &String, is_returned: bool| {
        let of = |purpose| {
            let (ws, delivery) = cx.settings.secret_key.read_mark(purpose, mark, known.iter().copied())?;
            Some(Mark { purpose, ws: WorkspaceId::from_uuid(ws), delivery, is_returned })
        };
        of(Purpose::Bounce).or_else(|| of(Purpose::Reply))
    };
    let addressed = mail.marks.iter().find_map(|mark| read(mark, false));
    Ok(addressed.or_else(|| mail.returned_marks.iter().find_map(|mark| read(mark, true))))
}

/// What comes to the installation and belongs to nobody lies in its first workspace.
async fn of_the_house(cx: &Ctx) -> Result<WorkspaceId, EngineError> {
    let all = workspaces::all(cx.db.read()).await?;
    let first = all.iter().find(|row| row.key == crate::workspace::FIRST).or(all.first());
    first.map(|row| WorkspaceId::from_uuid(row.id)).ok_or_else(|| EngineError::not_found("workspace", "at all"))
}

/// Finds out what the mail is about, and does what follows. Commits.
async fn settle(cx: &Ctx, tx: Tx, row: messages::Model, mail: &Inbound, mark: Option<Mark>) -> Result<messages::Model, EngineError> {
    let Some(mark) = mark else {
        return keep(cx, tx, row, "it came to no address with a mark of ours".to_owned()).await;
    };
    let ws = mark.ws;
    let Some(delivery) = lists::delivery(&*tx, ws, hearback_core::id::DeliveryId::from_uuid(mark.delivery)).await? else {
        return keep(cx, tx, row, "the mail that it is about is not known".to_owned()).await;
    };
    let age = cx.now() - from_millis(delivery.sent_at.unwrap_or(delivery.created_at));
    match accepted_as(&mail.kind, mark, age, delivery.person_id.is_some()) {
        Err(why) => keep(cx, tx, row, why.to_owned()).await,
        Ok(as_what) => {
            let row = messages::Model {
                kind: if as_what == As::Automatic { "auto_reply".to_owned() } else { row.kind },
                delivery_id: Some(delivery.id),
                person_id: delivery.person_id,
                ..row
            };
            Box::pin(follow::follow(Matched { cx, ws, delivery, mail }, tx, row, as_what)).await
        }
    }
}

/// As what a mail with a genuine mark is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// A mail of ours came back for good.
    Bounce,
    /// Noted, shown, without consequence.
    Note,
    /// Somebody called it unwanted.
    Complaint,
    /// A machine answered.
    Automatic,
    /// No more mail, please.
    OptOut,
    /// A customer wrote.
    Reply,
}

/// What a mail with a genuine mark is good for: a report on delivery only at the address that servers write to, and only for
/// a while; a person's words only at the address that people write to. What comes there without a sign of a machine was
/// written by one all the same: nobody ever sees that address.
///
/// The mail that a report brings back has the address for replies in it, which its reader knows as well: whoever got a mail of
/// ours could forge a report about it. All they could bring about is that they get no more of our mail, which the link to
/// unsubscribe in the same mail does as well; so such a report is believed of mail to customers, as long as any other. One
/// that was sent to the address for replies itself has no need of that way and is not.
fn accepted_as(kind: &Kind, mark: Mark, age: Duration, is_customers: bool) -> Result<As, &'static str> {
    let at_bounces = mark.purpose == Purpose::Bounce;
    match kind {
        Kind::Unknown(why) => Err(why),
        Kind::Bounce(_) | Kind::Delayed(_) | Kind::Delivered(_) if !(at_bounces || mark.is_returned && is_customers) => {
            Err("a report on delivery that came to the address for replies")
        }
        Kind::Bounce(_) | Kind::Delayed(_) | Kind::Delivered(_) if age > BOUNCE_LIFETIME => Err("the mark in its address has expired"),
        Kind::Bounce(_) => Ok(As::Bounce),
        Kind::Delayed(_) | Kind::Delivered(_) => Ok(As::Note),
        _ if !is_customers => Err("it answers a mail to one of us"),
        Kind::Complaint(_) => Ok(As::Complaint),
        Kind::OptOut => Ok(As::OptOut),
        Kind::AutoReply(_) => Ok(As::Automatic),
        Kind::Reply if at_bounces => Ok(As::Automatic),
        Kind::Reply => Ok(As::Reply),
    }
}

/// Kept for somebody to look at; nothing follows. Commits.
async fn keep(cx: &Ctx, tx: Tx, row: messages::Model, why: String) -> Result<messages::Model, EngineError> {
    // Nobody could say whose words they are, so nothing is kept that could not be searched when somebody is to be forgotten.
    let row = messages::Model { state: MessageState::Quarantined.into(), reason: Some(why), raw: String::new(), ..row };
    finish(cx, tx, row).await
}

async fn finish(_: &Ctx, tx: Tx, row: messages::Model) -> Result<messages::Model, EngineError> {
    messages::save(&tx, row.clone()).await?;
    faults::pass("inbound.commit")?;
    tx.commit().await?;
    faults::pass("inbound.committed")?;
    Ok(row)
}

fn row(cx: &Ctx, ws: WorkspaceId, hash: String, kept: String, read: Result<&Inbound, &Refused>) -> messages::Model {
    let blank = messages::Model {
        workspace_id: ws.uuid(),
        id: MessageId::derived(&format!("message/{ws}/{hash}")).uuid(),
        kind: "unknown".to_owned(),
        state: MessageState::Done.into(),
        hash,
        from_address: String::new(),
        subject: String::new(),
        text: String::new(),
        whole_text: String::new(),
        attachments: String::new(),
        raw: kept,
        message_id: None,
        reason: None,
        case_id: None,
        delivery_id: None,
        person_id: None,
        received_at: millis(cx.now()),
    };
    match read {
        Err(_) => blank,
        Ok(mail) => {
            let said = if mail.kind == Kind::Reply { &mail.said } else { &mail.text }.clone();
            messages::Model {
                kind: mail.kind.as_str().to_owned(),
                from_address: mail.from.clone(),
                subject: mail.subject.clone(),
                whole_text: if said == mail.text { String::new() } else { mail.text.clone() },
                text: said,
                attachments: attachments(mail),
                message_id: mail.message_id.clone(),
                ..blank
            }
        }
    }
}

/// What was sent along, as it is stored.
fn attachments(mail: &Inbound) -> String {
    let stored = |sent: &Attachment| messages::Attachment { name: sent.name.clone(), media_type: sent.media_type.clone(), size: sent.size };
    serde_json::to_string(&mail.attachments.iter().map(stored).collect::<Vec<_>>()).unwrap_or_default()
}

fn taken(row: messages::Model) -> Taken {
    Taken {
        workspace: WorkspaceId::from_uuid(row.workspace_id),
        id: MessageId::from_uuid(row.id),
        kind: row.kind,
        state: *row.state,
        reason: row.reason,
        case: row.case_id.map(CaseId::from_uuid),
        is_new: true,
    }
}

/// Of what a mail says and whom it is for, without what the way here has written upon it: a copy that came by another way is
/// the same mail, and so is one whose Message-ID alone differs.
fn hash(raw: &[u8], read: Option<&Inbound>) -> String {
    let mut digest = Sha256::new();
    match read {
        Some(mail) => {
            for part in reading::essence(raw) {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
            digest.update(mail.marks.first().or(mail.returned_marks.first()).map(String::as_bytes).unwrap_or_default());
        }
        None => digest.update(raw),
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    })
}

#[cfg(test)]
mod tests {
    use hearback_mailer::inbound::Failure;

    use super::*;

    #[test]
    fn a_mark_is_good_for_one_thing() {
        let (bounce, reply) = (Kind::Bounce(Failure::default()), Kind::Reply);
        let (late, arrived) = (Kind::Delayed(Failure::default()), Kind::Delivered(Failure::default()));
        let day = Duration::days(1);
        let mark = |purpose, is_returned| Mark { purpose, ws: WorkspaceId::from_uuid(Uuid::nil()), delivery: Uuid::nil(), is_returned };
        let (at_bounces, at_replies) = (mark(Purpose::Bounce, false), mark(Purpose::Reply, false));
        assert_eq!(accepted_as(&bounce, at_bounces, day, true), Ok(As::Bounce));
        assert_eq!(accepted_as(&bounce, at_bounces, day, false), Ok(As::Bounce));
        assert!(accepted_as(&bounce, at_replies, day, true).is_err());
        assert!(accepted_as(&bounce, at_bounces, Duration::days(15), true).is_err());
        assert!(accepted_as(&late, at_bounces, Duration::days(15), true).is_err());
        assert_eq!(accepted_as(&arrived, at_bounces, day, true), Ok(As::Note));
        let returned = mark(Purpose::Reply, true);
        assert_eq!(accepted_as(&bounce, returned, day, true), Ok(As::Bounce));
        assert_eq!(accepted_as(&late, returned, day, true), Ok(As::Note));
        assert!(accepted_as(&bounce, returned, Duration::days(15), true).is_err());
        assert!(accepted_as(&bounce, returned, day, false).is_err(), "of a mail to one of us");
        assert_eq!(accepted_as(&reply, at_replies, Duration::days(400), true), Ok(As::Reply));
        assert_eq!(accepted_as(&reply, at_bounces, day, true), Ok(As::Automatic));
        assert!(accepted_as(&reply, at_replies, day, false).is_err());
        assert_eq!(accepted_as(&Kind::AutoReply("x"), at_bounces, day, true), Ok(As::Automatic));
        assert!(accepted_as(&Kind::Unknown("x"), at_bounces, day, true).is_err());
    }
}
