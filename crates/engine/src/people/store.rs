//! Storing one person, and forgetting one.

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, case,
    id::{CaseId, PersonId, WorkspaceId},
    policy::Terms,
};
use hearback_store::{StoreError, bulk, cases, erasure, events, persons, time::millis};
use serde_json::Value;

use super::{CheckedPerson, check_person};
use crate::{
    Actor, Ctx, EngineError, audit,
    error::Fields,
    submit::NewPerson,
    work::{core_case, write_case},
};

/// How often a write is tried again when somebody else stored the same person first.
const RACES: u32 = 5;

/// Stores a person, or lays what was sent over who is stored. Needs an address or an external id.
pub async fn upsert_person(cx: &Ctx, ws: WorkspaceId, person: NewPerson) -> Result<persons::Model, EngineError> {
    let mut fields = Fields::default();
    let sent = check_person(&mut fields, person);
    if sent.email.is_none() && sent.external_id.is_none() {
        fields.refuse("person.email", "a person needs an email or an external_id");
    }
    fields.done().map_err(without_prefix)?;
    for _ in 0..RACES {
        match try_upsert(cx, ws, sent.clone()).await {
            Err(EngineError::Store(StoreError::Taken(_))) => {}
            result => return result,
        }
    }
    Err(EngineError::Busy)
}

/// Here the person is the whole body: fields are named as they were sent.
fn without_prefix(error: EngineError) -> EngineError {
    let EngineError::Invalid(mut list) = error else { return error };
    for error in &mut list {
        if let Some(field) = error.field.strip_prefix("person.") {
            error.field = field.to_owned();
        }
    }
    EngineError::Invalid(list)
}

async fn try_upsert(cx: &Ctx, ws: WorkspaceId, sent: CheckedPerson) -> Result<persons::Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let known = persons::lock_match(&tx, ws, &sent.key, sent.external_id.as_deref()).await?;
    let stored = match known.as_slice() {
        [] => None,
        [one] => Some(one),
        _ => return Err(EngineError::conflict("external_id belongs to somebody with another address; correct one of the two first")),
    };
    let mut row = sent.over(stored, ws, now);
    match stored {
        Some(stored) if *stored == row => return Ok(row),
        Some(_) => {
            row.updated_at = millis(now);
            persons::save(&tx, row.clone()).await?;
        }
        None => bulk::insert::<persons::Entity>(&tx, std::slice::from_ref(&row)).await?,
    }
    tx.commit().await?;
    Ok(row)
}

/// Forgets a person: answers stay as anonymous counts; words, names and addresses go, what waits is cancelled, cases under
/// work are given up. The address stays in one place, the list of those that must not be mailed.
pub async fn erase_person(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: PersonId) -> Result<(), EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let person = persons::lock(&tx, ws, id).await?.ok_or_else(|| EngineError::not_found("person", id))?;
    let cases = erasure::lock_cases(&tx, ws, id).await?;
    audit::note(&tx, ws, actor, "person.erased", &id.to_string(), Value::Null, now).await?;
    erasure::erase(&tx, &person, &cases, millis(now)).await?;
    for mut row in cases {
        let terms = workspace.terms(&row);
        give_up(&mut row, terms, now);
        let entry = events::row(ws, CaseId::from_uuid(row.id), "erased", &Actor::System.to_string(), &serde_json::json!({}), now);
        cases::save(&tx, row).await?;
        bulk::insert::<events::Entity>(&tx, &[entry]).await?;
    }
    tx.commit().await?;
    Ok(cx.db.checkpoint().await?)
}

/// A case whose customer is gone: nobody can be contacted any more, and what was written about them goes.
fn give_up(row: &mut cases::Model, terms: Terms<'_>, now: DateTime<Utc>) {
    if let Ok(next) = case::step(&core_case(row), &CaseEvent::Lapse, terms, now) {
        write_case(next, row);
    }
    row.open_tasks = 0;
    row.resolution = row.resolution.take().map(|_| erasure::ERASED.to_owned());
    row.root_cause = row.root_cause.take().map(|_| erasure::ERASED.to_owned());
    row.updated_at = millis(now);
}
