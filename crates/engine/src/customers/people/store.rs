//! Storing one person, and forgetting one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, case,
    id::{CaseId, PersonId, WorkspaceId},
    policy::Terms,
    timeline::Entry,
};
use hearback_store::{StoreError, Tx, bulk, cases, erasure, events, former_addresses::Moves, merge, persons, time::millis};
use serde_json::Value;

use super::{CheckedPerson, PersonChange, check_person};
use crate::{
    Actor, Ctx, EngineError, audit,
    customers::{
        erased,
        people::NewPerson,
        suppressions::{self, Reason},
    },
    error::{Fields, fail_all},
    rows::{core_case, write_case},
};

/// How often a write is tried again when somebody else stored the same person first.
const RACES: u32 = 5;

/// Stores a person, or lays what was sent over who is stored. Needs an address or an external id.
pub async fn upsert_person(cx: &Ctx, ws: WorkspaceId, person: NewPerson) -> Result<persons::Model, EngineError> {
    Ok(upsert(cx, ws, check(person)?).await?.0)
}

/// The same with what is taken away: a field that is `null` goes.
pub async fn change_person(cx: &Ctx, ws: WorkspaceId, change: PersonChange) -> Result<persons::Model, EngineError> {
    let (person, taken) = change.split();
    let sent = CheckedPerson { taken, ..check(person)? };
    Ok(upsert(cx, ws, sent).await?.0)
}

async fn upsert(cx: &Ctx, ws: WorkspaceId, sent: CheckedPerson) -> Result<(persons::Model, bool), EngineError> {
    for _ in 0..RACES {
        let tx = cx.db.write().await?;
        match put(&tx, ws, sent.clone(), cx.now()).await {
            Err(EngineError::Store(StoreError::Taken(_))) => {}
            Err(error) => return Err(error),
            Ok(stored) => {
                tx.commit().await?;
                return Ok(stored);
            }
        }
    }
    Err(EngineError::Busy)
}

/// People whom earlier batches of a rehearsal would have stored or changed.
#[derive(Debug, Default)]
pub struct Rehearsal(HashMap<uuid::Uuid, persons::Model>);

/// Says what [`upsert_people`] would say after everybody in `before`, and stores nobody.
pub async fn rehearse_people(cx: &Ctx, ws: WorkspaceId, people: Vec<NewPerson>, before: &mut Rehearsal) -> Vec<Result<bool, EngineError>> {
    let count = people.len();
    let tx = match cx.db.write().await {
        Ok(tx) => tx,
        Err(error) => return fail_all(count, &error.into()),
    };
    let mut results = Vec::with_capacity(count);
    for person in people {
        results.push(match check(person) {
            Ok(sent) => rehearse(&tx, ws, sent, cx.now(), before).await,
            Err(error) => Err(error),
        });
    }
    results
}

async fn rehearse(tx: &Tx, ws: WorkspaceId, sent: CheckedPerson, now: DateTime<Utc>, before: &mut Rehearsal) -> Result<bool, EngineError> {
    let stored = known(tx, ws, &sent).await?;
    let is_meant = |row: &&persons::Model| row.key == sent.key || (sent.external_id.is_some() && row.external_id == sent.external_id);
    let mut rows: HashMap<uuid::Uuid, persons::Model> = stored.rows.into_iter().map(|row| (row.id, row)).collect();
    for row in rows.values_mut() {
        *row = before.0.get(&row.id).unwrap_or(row).clone();
    }
    rows.extend(before.0.values().filter(is_meant).map(|row| (row.id, row.clone())));
    let opted_out = sent.opted_out;
    let (mut row, is_new) = laid_over(sent, &rows.into_values().collect::<Vec<_>>(), &stored.signposts, ws, now)?;
    let has_opted_out = opted_out.is_some_and(|(why, _)| suppressions::weighs_more(why, row.opted_out_for.as_deref()));
    if let (true, Some((why, _))) = (has_opted_out, opted_out) {
        row.opted_out_for = Some(Reason::from(why).as_str().to_owned());
    }
    before.0.insert(row.id, row);
    Ok(is_new || has_opted_out)
}

/// Stores people in one transaction, in order; whether each was new or changed. One bad item never fails its neighbours.
pub async fn upsert_people(cx: &Ctx, ws: WorkspaceId, people: Vec<NewPerson>) -> Vec<Result<bool, EngineError>> {
    let checked: Vec<Result<CheckedPerson, EngineError>> = people.into_iter().map(check).collect();
    let good: Vec<CheckedPerson> = checked.iter().filter_map(|person| person.as_ref().ok()).cloned().collect();
    let mut stored = match upsert_all(cx, ws, &good).await {
        Ok(stored) => stored,
        // Somebody else stored one of them first: each alone, so that one can be tried again without its neighbours.
        Err(EngineError::Store(error)) if error.is_race() => upsert_each(cx, ws, good).await,
        Err(error) => fail_all(good.len(), &error),
    }
    .into_iter();
    checked.into_iter().map(|person| person.and_then(|_| stored.next().unwrap_or(Err(EngineError::Busy)))).collect()
}

async fn upsert_all(cx: &Ctx, ws: WorkspaceId, people: &[CheckedPerson]) -> Result<Vec<Result<bool, EngineError>>, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let mut results = Vec::with_capacity(people.len());
    for person in people {
        results.push(match put(&tx, ws, person.clone(), now).await {
            Err(error @ EngineError::Conflict { .. }) => Err(error),
            result => Ok(result?.1),
        });
    }
    tx.commit().await?;
    Ok(results)
}

async fn upsert_each(cx: &Ctx, ws: WorkspaceId, people: Vec<CheckedPerson>) -> Vec<Result<bool, EngineError>> {
    let mut results = Vec::with_capacity(people.len());
    for person in people {
        results.push(upsert(cx, ws, person).await.map(|(_, changed)| changed));
    }
    results
}

fn check(person: NewPerson) -> Result<CheckedPerson, EngineError> {
    let mut fields = Fields::default();
    let sent = check_person(&mut fields, person);
    if sent.email.is_none() && sent.external_id.is_none() && sent.past.is_none() {
        fields.refuse("person.email", "a person needs an email or an external_id");
    }
    fields.done().map_err(without_prefix)?;
    Ok(sent)
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

/// Who a description may mean: those that it names, and who was merged into them.
struct Found {
    rows: Vec<persons::Model>,
    signposts: Vec<persons::Model>,
}

async fn known(tx: &Tx, ws: WorkspaceId, sent: &CheckedPerson) -> Result<Found, StoreError> {
    let mut rows = persons::lock_match(tx, ws, &sent.key, sent.external_id.as_deref()).await?;
    if let (true, Some(past)) = (rows.is_empty(), sent.past) {
        rows.extend(persons::lock(tx, ws, past.id).await?);
    }
    let (rows, signposts) = merge::survivors(tx, ws.uuid(), rows).await?;
    Ok(Found { rows, signposts })
}

/// The row after what was sent, and whether that is anything new.
fn laid_over(
    sent: CheckedPerson,
    known: &[persons::Model],
    signposts: &[persons::Model],
    ws: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<(persons::Model, bool), EngineError> {
    let sent = sent.without_names_of(signposts);
    let stored = match known {
        [] => None,
        [one] => Some(one),
        _ => return Err(EngineError::conflict("external_id belongs to somebody with another address; correct one of the two first")),
    };
    let comes_back = sent.past.is_some();
    let mut row = sent.over(stored, ws, now);
    if row.email.is_none() && row.external_id.is_none() && !comes_back {
        // What names them belongs to somebody who was merged into them.
        return Err(EngineError::conflict("nothing would be left to know this person by: send another email or external_id with it"));
    }
    if signposts.iter().any(|signpost| signpost.key == row.key) {
        row.key = format!("anon:{}", row.id);
    }
    let is_new = stored.is_none_or(|stored| *stored != row);
    Ok((row, is_new))
}

/// The row as it is stored now, and whether that is new.
async fn put(tx: &Tx, ws: WorkspaceId, sent: CheckedPerson, now: DateTime<Utc>) -> Result<(persons::Model, bool), EngineError> {
    let opted_out = sent.opted_out;
    let (row, is_new) = lay_over(tx, ws, sent, now).await?;
    let has_opted_out = match opted_out {
        Some((why, since)) => Box::pin(suppressions::opt_out(tx, ws, PersonId::from_uuid(row.id), why, since)).await?,
        None => false,
    };
    Ok((row, is_new || has_opted_out))
}

async fn lay_over(tx: &Tx, ws: WorkspaceId, sent: CheckedPerson, now: DateTime<Utc>) -> Result<(persons::Model, bool), EngineError> {
    let known = known(tx, ws, &sent).await?;
    let (mut row, is_new) = laid_over(sent, &known.rows, &known.signposts, ws, now)?;
    if !is_new {
        return Ok((row, false));
    }
    match known.rows.first() {
        Some(stored) => {
            row.updated_at = millis(now);
            let mut moves = Moves::default();
            moves.note(stored, &row);
            persons::save(tx, row.clone()).await?;
            Box::pin(moves.follow(tx, ws.uuid())).await?;
        }
        None => persons::insert(tx, vec![row.clone()]).await?,
    }
    Ok((row, true))
}

/// Takes everything out of the database that says who this was; the message ids of their mails.
pub(super) async fn erase(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: PersonId) -> Result<Vec<String>, EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let unknown = || EngineError::not_found("person", id);
    let mut person = persons::lock(&tx, ws, id).await?.ok_or_else(unknown)?;
    if let Some(survivor) = person.merged_into.map(PersonId::from_uuid) {
        person = persons::lock(&tx, ws, survivor).await?.ok_or_else(unknown)?;
    }
    let id = PersonId::from_uuid(person.id);
    let cases = erasure::lock_cases(&tx, ws, id).await?;
    for signpost in merge::signposts(&*tx, ws, id).await? {
        erasure::erase(&tx, &signpost, &[], millis(now)).await?;
        audit::note(&tx, ws, actor, erased::ACTION, &signpost.id.to_string(), Value::Null, now);
    }
    audit::note(&tx, ws, actor, erased::ACTION, &id.to_string(), Value::Null, now);
    let mails = erasure::mails(&tx, &person, &cases).await?;
    erasure::erase(&tx, &person, &cases, millis(now)).await?;
    for mut row in cases {
        let terms = workspace.terms(&row);
        give_up(&mut row, terms, now);
        let entry = events::row(ws, CaseId::from_uuid(row.id), &Actor::System.to_string(), &Entry::Erased {}, now);
        cases::save(&tx, row).await?;
        bulk::insert::<events::Entity>(&tx, &[entry]).await?;
    }
    tx.commit().await?;
    Ok(mails)
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
