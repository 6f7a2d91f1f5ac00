//! What people do in a case: contacts, resolving, closing, handing over, tasks.
//!
//! Owns: one transaction per step of an agent: read the case under a lock, ask `core::case::step`, write the row and
//! the timeline. Refuses to know: which steps are legal (that is `core`), who may take them (that is `web`).

mod batch;
mod edit;
mod reply;
mod task;

use hearback_core::{
    CaseEvent, Owner,
    case::ContactOutcome,
    id::{CaseId, RecordId, WorkspaceId},
    text::{self, MAX_COMMENT, MAX_LINE},
    timeline::Entry,
};
use hearback_store::{Tx, bulk, contact_attempts, teams, time::millis, users};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Actor, Ctx, EngineError, error::Fields};
use edit::CaseEdit;

pub use batch::{MAX_CASES, close_many};
pub use edit::lacks;
pub(crate) use reply::{InboundReply, heard};
pub use reply::{NewReply, is_open_to_answers, reply};
pub use task::{TaskChange, update_task};

/// One try to reach a customer, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// How: `phone`, `email`, ...; 1-64 of `a-z 0-9 - _`.
    pub channel: String,
    /// `reached`, `no_answer`, `wrong_number` or `replied`.
    #[schemars(with = "ContactOutcome")]
    pub outcome: String,
    /// What was said; at most 10,000 characters.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_COMMENT))]
    pub note: Option<String>,
}

/// What is entered when a case is resolved or closed; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseChange {
    /// Why the customer was unhappy; one line.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// What was done about it; at most 10,000 characters.
    #[serde(default)]
    pub resolution: Option<String>,
    /// For the timeline; at most 10,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// Logs a try to reach the customer.
pub async fn log_contact(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, contact: NewContact) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let channel = fields.check("channel", text::key(&contact.channel));
    let outcome = ContactOutcome::parse(&contact.outcome).ok_or("must be reached, no_answer, wrong_number or replied");
    let outcome = fields.check("outcome", outcome);
    let note = check_block(&mut fields, "note", contact.note);
    fields.done()?;
    let (Some(channel), Some(outcome)) = (channel, outcome) else { return Err(EngineError::field("outcome", "is missing")) };

    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    let (waited, was_finished) = (edit.row.waiting_since.is_some(), !edit.status().is_active());
    edit.step(&CaseEvent::Contact(outcome))?;
    edit.row.contacts += 1;
    let attempt = contact_attempts::Model {
        workspace_id: ws.uuid(),
        id: RecordId::new(edit.now).uuid(),
        case_id: case.uuid(),
        channel: channel.clone(),
        outcome: outcome.as_str().to_owned(),
        note: note.clone(),
        actor: actor.to_string(),
        at: millis(edit.now),
    };
    bulk::insert::<contact_attempts::Entity>(&edit.tx, &[attempt]).await?;
    edit.note(&Entry::Contact { channel, outcome, note });
    if was_finished {
        edit.restart();
        edit.note_system(&Entry::Reopened { note: None, why: Some("the customer replied".to_owned()) });
    } else if waited && edit.row.waiting_since.is_none() {
        edit.note_system(&edit.resumed(None, Some("the customer was reached")));
    }
    edit.done().await
}

/// Marks the case as resolved. A detractor's case becomes `resolved` once somebody was in touch; until then what was
/// entered is kept.
pub async fn resolve(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, change: CaseChange) -> Result<(), EngineError> {
    let (event, note) = resolution(change)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.step(&event)?;
    edit.note(&Entry::Resolved { root_cause: edit.row.root_cause.clone(), resolution: edit.row.resolution.clone(), note });
    edit.done().await
}

/// Closes the loop; a `Conflict` that lists what is lacking while something is missing. A root cause or resolution in the
/// change is entered first.
pub async fn close(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, change: CaseChange) -> Result<(), EngineError> {
    let enters = change.root_cause.is_some() || change.resolution.is_some();
    let (event, note) = resolution(change)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    if enters {
        edit.step(&event)?;
    }
    edit.step(&CaseEvent::Close)?;
    let (root_cause, resolution) = (edit.row.root_cause.clone(), edit.row.resolution.clone());
    edit.note(&Entry::Closed { root_cause, resolution, note, why: None });
    edit.done().await
}

/// Takes up a finished case again: it is open, and its clock for closing starts anew.
pub async fn reopen(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: Option<String>) -> Result<(), EngineError> {
    let note = check_note(note)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.step(&CaseEvent::Reopen)?;
    edit.restart();
    edit.note(&Entry::Reopened { note, why: None });
    edit.done().await
}

/// Nothing can be done before the customer answers: the clock for closing stands still until somebody goes on, or the
/// customer was reached. The clock for the first contact runs on.
pub async fn wait(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: Option<String>) -> Result<(), EngineError> {
    let note = check_note(note)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.step(&CaseEvent::Wait)?;
    edit.note(&Entry::Waiting { note });
    edit.done().await
}

/// The wait is over: the business time waited is given back to the clock for closing.
pub async fn resume(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: Option<String>) -> Result<(), EngineError> {
    let note = check_note(note)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.step(&CaseEvent::Resume)?;
    edit.note(&edit.resumed(note, None));
    edit.done().await
}

/// Gives a case up: too old, or not to be answered well any more. Opening it again takes that back.
pub async fn lapse(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: Option<String>) -> Result<(), EngineError> {
    let note = check_note(note)?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.step(&CaseEvent::Lapse)?;
    edit.note(&Entry::Lapsed { note, why: None });
    edit.done().await
}

/// Hands the case to somebody else: an address of one of our users, or `team:KEY`.
pub async fn assign(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, owner: &str) -> Result<(), EngineError> {
    let owner = Owner::parse(owner.trim()).map_err(|error| EngineError::field("owner", error))?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    check_owner(&edit.tx, ws, "owner", &owner).await?;
    let from = edit.row.owner.replace(owner.to_string());
    edit.note(&Entry::Assigned { from, owner, tasks: None, why: None });
    edit.done().await
}

/// Writes a note into the timeline; at most 10,000 characters.
pub async fn add_note(cx: &Ctx, ws: WorkspaceId, case: CaseId, actor: &Actor, note: &str) -> Result<(), EngineError> {
    let note = text::block(note, MAX_COMMENT).map_err(|error| EngineError::field("note", error))?;
    let note = note.ok_or_else(|| EngineError::field("note", "must not be empty"))?;
    let mut edit = CaseEdit::open(cx, ws, case, actor).await?;
    edit.note(&Entry::Note { note });
    edit.done().await
}

fn resolution(change: CaseChange) -> Result<(CaseEvent, Option<String>), EngineError> {
    let mut fields = Fields::default();
    let filled = change.root_cause.filter(|text| !text.trim().is_empty());
    let root_cause = fields.check_some("root_cause", filled, |text| text::line(&text, MAX_LINE));
    let resolution = check_block(&mut fields, "resolution", change.resolution);
    let note = check_block(&mut fields, "note", change.note);
    fields.done()?;
    Ok((CaseEvent::Resolve { root_cause, resolution }, note))
}

fn check_note(note: Option<String>) -> Result<Option<String>, EngineError> {
    let mut fields = Fields::default();
    let note = check_block(&mut fields, "note", note);
    fields.done().map(|()| note)
}

fn check_block(fields: &mut Fields, field: &str, text: Option<String>) -> Option<String> {
    fields.check_some(field, text, |text| text::block(&text, MAX_COMMENT)).flatten()
}

/// Only somebody who exists here can own something.
async fn check_owner(tx: &Tx, ws: WorkspaceId, field: &str, owner: &Owner) -> Result<(), EngineError> {
    let known = match owner {
        Owner::User(email) => match users::by_email(&**tx, ws, email.as_str()).await? {
            Some(user) if user.disabled_at.is_some() => {
                return Err(EngineError::field(field, format!("{email} can't log in any more; choose somebody else")));
            }
            user => user.is_some(),
        },
        Owner::Team(key) => teams::by_key(&**tx, ws, key).await?.is_some(),
    };
    match owner {
        _ if known => Ok(()),
        Owner::User(email) => Err(EngineError::field(field, format!("there is no user {email}; add one first"))),
        Owner::Team(key) => Err(EngineError::field(field, format!("there is no team {key}"))),
    }
}
