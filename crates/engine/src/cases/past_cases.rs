//! Cases that come back from an export: how far the loop with each customer had come.
//!
//! Owns: which cases take it (those that nobody and no rule has worked on here), and what becomes of the clocks. Nothing starts: what was
//! due before is overdue without a word, what is due later rings then. Tasks do not come back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    LoopStatus, Owner, Word as _,
    case::ContactOutcome,
    id::{CaseId, RecordId, ResponseId, WorkspaceId},
    text,
    timeline::Entry,
};
use hearback_store::{Tx, bulk, cases, contact_attempts, events, time::millis};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Actor, Ctx, EngineError,
    error::{Fields, fail_all},
    rows::clocks,
    workspace::Workspace,
};

/// A case as an export tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PastCase {
    /// The answer that it follows up.
    pub response: Option<ResponseId>,
    /// `not_needed`, `open`, ... `lapsed`.
    pub loop_status: String,
    /// An address or `team:KEY`.
    pub owner: Option<String>,
    /// Tags, in order.
    pub tags: Vec<String>,
    /// Why the customer was unhappy.
    pub root_cause: Option<String>,
    /// What was done about it.
    pub resolution: Option<String>,
    /// Tries that reached nobody.
    pub attempts: u32,
    /// Every try, the oldest first.
    pub contacts: Vec<PastContact>,
    /// When things were due, and when they happened.
    pub times: Times,
}

/// The moments of a case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct Times {
    pub first_contact_due_at: Option<DateTime<Utc>>,
    pub close_due_at: Option<DateTime<Utc>>,
    pub first_contact_at: Option<DateTime<Utc>>,
    pub contacted_at: Option<DateTime<Utc>>,
    pub acknowledged_at: Option<DateTime<Utc>>,
    pub escalated_at: Option<DateTime<Utc>>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// One try to reach a customer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PastContact {
    /// How.
    pub channel: String,
    /// `reached`, `no_answer`, `wrong_number` or `replied`.
    pub outcome: String,
    /// What was said.
    #[serde(default)]
    pub note: Option<String>,
    /// Who tried.
    pub actor: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// Cases that a dry run would have changed so far.
#[derive(Debug, Default)]
pub struct Rehearsal(HashMap<uuid::Uuid, cases::Model>);

/// Brings cases to where they were; whether each changed. `rehearsal`: nothing is stored, and what it says counts as done.
pub async fn take_back(
    cx: &Ctx,
    ws: WorkspaceId,
    items: Vec<PastCase>,
    rehearsal: Option<&mut Rehearsal>,
) -> Vec<Result<bool, EngineError>> {
    let count = items.len();
    take_all(cx, ws, items, rehearsal).await.unwrap_or_else(|error| fail_all(count, &error))
}

async fn take_all(
    cx: &Ctx,
    ws: WorkspaceId,
    items: Vec<PastCase>,
    mut rehearsal: Option<&mut Rehearsal>,
) -> Result<Vec<Result<bool, EngineError>>, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let answers: Vec<uuid::Uuid> = items.iter().filter_map(|item| item.response.map(ResponseId::uuid)).collect();
    let rows = cases::lock_of_responses(&tx, ws, answers).await?;
    let mut rows: HashMap<uuid::Uuid, cases::Model> = rows.into_iter().map(|row| (row.response_id, row)).collect();
    if let Some(before) = &rehearsal {
        for row in rows.values_mut() {
            *row = before.0.get(&row.id).unwrap_or(row).clone();
        }
    }
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        let row = item.response.and_then(|response| rows.get_mut(&response.uuid()));
        let Some(row) = row else {
            results
                .push(Err(EngineError::field("response_id", "there is no such answer here; import the answers first, then their cases")));
            continue;
        };
        let next = match after(row, &item, &workspace, cx.now()) {
            Ok(next) if next == *row => {
                results.push(Ok(false));
                continue;
            }
            Ok(next) => next,
            Err(error) => {
                results.push(Err(error));
                continue;
            }
        };
        match &mut rehearsal {
            Some(before) => drop(before.0.insert(next.id, next.clone())),
            None => store(&tx, &next, &item, cx.now()).await?,
        }
        *row = next;
        results.push(Ok(true));
    }
    if rehearsal.is_none() {
        tx.commit().await?;
    }
    Ok(results)
}

/// The row after what an export says of it; the same row when it says nothing new.
fn after(row: &cases::Model, past: &PastCase, workspace: &Workspace, now: DateTime<Utc>) -> Result<cases::Model, EngineError> {
    let mut fields = Fields::default();
    let status = fields.check("loop_status", LoopStatus::parse(&past.loop_status).ok_or("is no loop status"));
    let owner = fields.check_some("owner", past.owner.clone(), |owner| Owner::parse(owner.trim()).map(|owner| owner.to_string()));
    let root_cause = fields.check_some("root_cause", past.root_cause.clone(), |cause| text::line(&cause, text::MAX_LINE));
    let resolution = fields.check_some("resolution", past.resolution.clone(), |words| text::block(&words, text::MAX_COMMENT)).flatten();
    for contact in &past.contacts {
        let known = ContactOutcome::parse(&contact.outcome).ok_or("has an outcome that is not reached, no_answer, wrong_number or replied");
        fields.check("contact_log", known);
    }
    fields.done()?;
    let Some(status) = status else { return Err(EngineError::field("loop_status", "is missing")) };
    if status == LoopStatus::Closed && past.times.closed_at.is_none() {
        return Err(EngineError::field("closed_at", "is missing: a closed case was closed at some time"));
    }
    let at = |moment: Option<DateTime<Utc>>| moment.map(millis);
    let tries = || past.contacts.iter().filter(|contact| matches!(contact.outcome.as_str(), "no_answer" | "wrong_number"));
    let mut next = cases::Model {
        loop_status: status.into(),
        owner,
        tags: serde_json::to_string(&past.tags).unwrap_or_else(|_| row.tags.clone()),
        root_cause,
        resolution,
        attempts: i64::from(past.attempts),
        contacts: i64::try_from(past.contacts.len()).unwrap_or(i64::MAX),
        first_attempt_at: tries().map(|contact| contact.at).min(),
        last_attempt_at: tries().map(|contact| contact.at).max(),
        first_contact_due_at: at(past.times.first_contact_due_at),
        close_due_at: at(past.times.close_due_at),
        first_contact_at: at(past.times.first_contact_at),
        contacted_at: at(past.times.contacted_at),
        acknowledged_at: at(past.times.acknowledged_at),
        escalated_at: at(past.times.escalated_at),
        resolved_at: at(past.times.resolved_at),
        closed_at: at(past.times.closed_at).filter(|_| status == LoopStatus::Closed),
        ..row.clone()
    };
    if is_same(&next, row) {
        return Ok(row.clone());
    }
    if !is_untouched(row) {
        return Err(EngineError::conflict("somebody or a rule has worked on this case here; it stays as it is"));
    }
    // What was due before this moment is told nobody again.
    let missed = |due: Option<i64>| due.filter(|due| *due <= millis(now));
    next.contact_overdue_at = missed(next.first_contact_due_at);
    next.close_overdue_at = missed(next.close_due_at);
    let terms = workspace.terms(&next);
    clocks::wind(&mut next, terms);
    if next.next_deadline_at.is_some_and(|deadline| deadline <= millis(now)) {
        next.warned_at = Some(millis(now));
        let terms = workspace.terms(&next);
        clocks::wind(&mut next, terms);
    }
    next.updated_at = millis(now);
    Ok(next)
}

/// Whether a file would change nothing that it speaks of.
fn is_same(next: &cases::Model, row: &cases::Model) -> bool {
    *next == cases::Model { first_attempt_at: next.first_attempt_at, last_attempt_at: next.last_attempt_at, ..row.clone() }
}

/// History that nobody has worked on since it was brought in.
fn is_untouched(row: &cases::Model) -> bool {
    row.loop_status == LoopStatus::NotNeeded
        && row.first_contact_due_at.is_none()
        && row.contacts == 0
        && row.root_cause.is_none()
        && row.resolution.is_none()
}

async fn store(tx: &Tx, row: &cases::Model, past: &PastCase, now: DateTime<Utc>) -> Result<(), EngineError> {
    let (ws, case) = (WorkspaceId::from_uuid(row.workspace_id), CaseId::from_uuid(row.id));
    // Their ids rise in the order of the file: contacts of one moment are told in the order of their ids.
    let first = RecordId::derived(&format!("past/{case}")).uuid().as_u128() & !u128::from(u16::MAX);
    let attempts = (first..).zip(&past.contacts).map(|(id, contact)| contact_attempts::Model {
        workspace_id: row.workspace_id,
        id: Uuid::from_u128(id),
        case_id: row.id,
        channel: contact.channel.clone(),
        outcome: contact.outcome.clone(),
        note: contact.note.clone(),
        actor: contact.actor.clone(),
        at: contact.at,
    });
    cases::save(tx, row.clone()).await?;
    bulk::insert::<contact_attempts::Entity>(tx, &attempts.collect::<Vec<_>>()).await?;
    let entry = events::row(ws, case, &Actor::Operator.to_string(), &Entry::BroughtIn {}, now);
    bulk::insert::<events::Entity>(tx, &[entry]).await?;
    Ok(())
}
