//! Two persons who turned out to be one.
//!
//! Owns: what the survivor takes over, and that what named the other keeps finding the survivor. Refuses to know: how rows
//! move (that is the store).

use futures::future::BoxFuture;
use hearback_core::id::{PersonId, WorkspaceId};
use hearback_rules::Property;
use hearback_store::{bulk, former_addresses::Moves, lists, merge, persons, suppressions, time::millis};
use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit, customers::suppressions::Reason};

/// How long after a merge it is looked whether an answer came to the one who is gone.
const LOOK_BACK: chrono::Duration = chrono::Duration::hours(1);
/// Most that one look repairs; the next look goes on.
const PER_LOOK: u64 = 100;

/// Merges `from` into `into`: answers, cases, mail and links become the survivor's; what the survivor's description lacks is
/// taken over; address and id of the one who is gone lead to the survivor from now on; whoever wanted no mail gets none. Doing
/// it again changes nothing. Can't be undone.
pub async fn merge_people(cx: &Ctx, ws: WorkspaceId, actor: &Actor, from: PersonId, into: PersonId) -> Result<persons::Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let unknown = |id: PersonId| EngineError::not_found("person", id);
    // In one order, whichever way round two merges ask.
    let (first, second) = (from.min(into), from.max(into));
    let locked = (persons::lock(&tx, ws, first).await?, persons::lock(&tx, ws, second).await?);
    let (from_row, into_row) = if first == from { locked } else { (locked.1, locked.0) };
    let (from_row, mut into_row) = (from_row.ok_or_else(|| unknown(from))?, into_row.ok_or_else(|| unknown(into))?);
    if let Some(survivor) = into_row.merged_into.map(PersonId::from_uuid) {
        into_row = persons::lock(&tx, ws, survivor).await?.ok_or_else(|| unknown(survivor))?;
    }
    if from_row.id == into_row.id {
        return Err(EngineError::field("into", "is the same person"));
    }
    if let Some(survivor) = from_row.merged_into {
        return if survivor == into_row.id {
            Ok(into_row)
        } else {
            Err(EngineError::conflict("this person was merged into another one before"))
        };
    }
    let into = PersonId::from_uuid(into_row.id);
    let (survivor, signpost) = merged(into_row, from_row, millis(now));
    // The signpost first: it may give its key away.
    persons::save(&tx, signpost.clone()).await?;
    persons::save(&tx, survivor.clone()).await?;
    merge::move_rows(&tx, ws, from, into).await?;
    let mut moves = Moves::default();
    moves.inherit(&survivor, signpost.email.clone().filter(|gone| survivor.email.as_ref() != Some(gone)));
    moves.follow(&tx, ws.uuid()).await?;
    if let (Some(gone), Some(kept)) = (&signpost.email, &survivor.email)
        && let Some(wish) = lists::suppression(&*tx, ws, gone).await?.filter(|row| row.reason == Reason::Manual.as_str())
    {
        let row = suppressions::Model { address: kept.clone(), note: None, ..wish };
        bulk::insert_missing::<suppressions::Entity>(&tx, &[row]).await?;
    }
    audit::note(&tx, ws, actor, "person.merged", &from.to_string(), json!({ "into": into }), now);
    tx.commit().await?;
    Ok(survivor)
}

/// What the two said about all mail; a complaint weighs more.
fn opted_out(into: &persons::Model, from: &persons::Model) -> (Option<String>, Option<i64>) {
    let is_complaint = |row: &persons::Model| row.opted_out_for.as_deref() == Some(Reason::Complaint.as_str());
    let weightier = if into.opted_out_for.is_none() || (is_complaint(from) && !is_complaint(into)) { from } else { into };
    (weightier.opted_out_for.clone(), weightier.opted_out_at)
}

/// The survivor with what it lacked, and the row that leads to it.
fn merged(into: persons::Model, from: persons::Model, now: i64) -> (persons::Model, persons::Model) {
    let takes_email = into.email.is_none() && from.email.is_some();
    let takes_id = into.external_id.is_none();
    let properties = both(&into.properties, &from.properties);
    let (opted_out_for, opted_out_at) = opted_out(&into, &from);
    let signpost = persons::Model {
        key: if takes_email { format!("merged:{}", from.id) } else { from.key.clone() },
        external_id: from.external_id.clone().filter(|_| !takes_id),
        merged_into: Some(into.id),
        updated_at: now,
        ..from.clone().stripped()
    };
    let survivor = persons::Model {
        key: if takes_email { from.key } else { into.key },
        email: into.email.or(from.email),
        external_id: into.external_id.or(from.external_id),
        name: into.name.or(from.name),
        locale: into.locale.or(from.locale),
        timezone: into.timezone.or(from.timezone),
        owner: into.owner.or(from.owner),
        account_key: into.account_key.or(from.account_key),
        opted_out_for,
        opted_out_at,
        properties,
        updated_at: now,
        ..into
    };
    (survivor, signpost)
}

/// The properties of both; where both have one, the survivor's.
fn both(into: &str, from: &str) -> String {
    let read = |text: &str| serde_json::from_str::<std::collections::BTreeMap<String, Property>>(text).unwrap_or_default();
    let mut all = read(from);
    all.extend(read(into));
    serde_json::to_string(&all).unwrap_or_else(|_| into.to_owned())
}

/// A tick: an answer that was on its way while its person was merged belongs to the survivor.
pub fn reconcile(cx: &Ctx) -> BoxFuture<'_, Result<u64, EngineError>> {
    Box::pin(async move {
        let left = merge::left_behind(cx.db.read(), millis(cx.now() - LOOK_BACK), PER_LOOK).await?;
        let mut moved = 0;
        for row in left {
            let Some(into) = row.merged_into else { continue };
            let tx = cx.db.write().await?;
            let (ws, from) = (WorkspaceId::from_uuid(row.workspace_id), PersonId::from_uuid(row.id));
            moved += merge::move_rows(&tx, ws, from, PersonId::from_uuid(into)).await?;
            tx.commit().await?;
        }
        Ok(moved)
    })
}
