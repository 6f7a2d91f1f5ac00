//! Two persons who turned out to be one: rows move, and what named the one still finds the other.
//!
//! The merged row stays as a signpost (`merged_into`): its key and its sender's id keep leading to the survivor. There is
//! never a signpost to a signpost.

use std::collections::BTreeMap;

use hearback_core::{
    campaign::Reason,
    id::{PersonId, WorkspaceId},
    state::InvitationState,
};
use sea_orm::{ConnectionTrait, QuerySelect, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx,
    persons::{Column, Entity, Model},
    stored::{among, quoted},
};

/// Tables with rows of a person, in the order in which they move: whoever works on a case holds its row, so that what they
/// write about it meanwhile is moved as well. Where somebody has one of a kind at most, they move by themselves.
pub const MOVED: [&str; 7] = ["cases", "responses", "deliveries", "testimonials", "unconfirmed", "invitations", "messages"];

/// Gives everything of `from` to `into`, and what leads to `from` leads to `into`. How many rows moved.
pub async fn move_rows(tx: &Tx, ws: WorkspaceId, from: PersonId, into: PersonId) -> Result<u64, StoreError> {
    let (ws, from, into) = (Value::from(ws.uuid()), Value::from(from.uuid()), Value::from(into.uuid()));
    let run = async |sql: String| -> Result<u64, StoreError> {
        let values = [ws.clone(), from.clone(), into.clone()];
        Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
    };
    // Whoever has two places in a wave now keeps their own.
    run(format!(
        "UPDATE invitations SET state = {not_asked}, reason = '{}' WHERE workspace_id = $1 AND person_id = $2 \
         AND state IN {} AND EXISTS (SELECT 1 FROM invitations o WHERE o.workspace_id = $1 AND o.person_id = $3 \
         AND o.wave_id = invitations.wave_id AND o.state <> {not_asked})",
        Reason::Merged.as_str(),
        among(&InvitationState::WAITING),
        not_asked = quoted(InvitationState::NotAsked)
    ))
    .await?;
    let mut moved = 0;
    for table in MOVED {
        moved += run(format!("UPDATE {table} SET person_id = $3 WHERE workspace_id = $1 AND person_id = $2")).await?;
    }
    // Somebody has one link at most: the survivor's own stays, the other one goes on leading to whoever it was made for.
    let new =
        "NOT EXISTS (SELECT 1 FROM preferences q WHERE q.workspace_id = $1 AND q.person_id = $3 AND q.survey_key = preferences.survey_key)";
    moved += run(format!("UPDATE preferences SET person_id = $3 WHERE workspace_id = $1 AND person_id = $2 AND {new}")).await?;
    let free = "NOT EXISTS (SELECT 1 FROM referrals r WHERE r.workspace_id = $1 AND r.person_id = $3)";
    moved += run(format!("UPDATE referrals SET person_id = $3 WHERE workspace_id = $1 AND person_id = $2 AND {free}")).await?;
    let new = "NOT EXISTS (SELECT 1 FROM interactions q WHERE q.workspace_id = $1 AND q.person_id = $3 AND q.external_id = interactions.external_id \
         AND q.event = interactions.event)";
    moved += run(format!("UPDATE interactions SET person_id = $3 WHERE workspace_id = $1 AND person_id = $2 AND {new}")).await?;
    let new = "NOT EXISTS (SELECT 1 FROM former_addresses q WHERE q.workspace_id = $1 AND q.person_id = $3 AND q.address = former_addresses.address)";
    moved += run(format!("UPDATE former_addresses SET person_id = $3 WHERE workspace_id = $1 AND person_id = $2 AND {new}")).await?;
    run("UPDATE persons SET merged_into = $3 WHERE workspace_id = $1 AND merged_into = $2".to_owned()).await?;
    Ok(moved)
}

/// The persons themselves in place of those that were merged into others, each once, locked until the transaction ends; and
/// the signposts that led there.
pub async fn survivors(tx: &Tx, ws: Uuid, rows: Vec<Model>) -> Result<(Vec<Model>, Vec<Model>), StoreError> {
    if rows.iter().all(|row| row.merged_into.is_none()) {
        return Ok((rows, Vec::new()));
    }
    let (signposts, rows): (Vec<Model>, Vec<Model>) = rows.into_iter().partition(|row| row.merged_into.is_some());
    let mut found: BTreeMap<Uuid, Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let ids = signposts.iter().filter_map(|row| row.merged_into);
    let survivors = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Id.is_in(ids)).lock_exclusive();
    found.extend(survivors.all(&**tx).await?.into_iter().map(|row| (row.id, row)));
    Ok((found.into_values().collect(), signposts))
}

/// The persons who were merged into this one.
pub async fn signposts(conn: &impl ConnectionTrait, ws: WorkspaceId, into: PersonId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::MergedInto.eq(into.uuid())).all(conn).await?)
}

/// Those merged since then, of all workspaces, to whom an answer came that was under way meanwhile.
pub async fn left_behind(conn: &impl ConnectionTrait, since: i64, limit: u64) -> Result<Vec<Model>, StoreError> {
    let answered = "EXISTS (SELECT 1 FROM responses r WHERE r.workspace_id = persons.workspace_id AND r.person_id = persons.id)";
    let merged = Entity::find().filter(Column::MergedInto.is_not_null()).filter(Column::UpdatedAt.gte(since));
    Ok(merged.filter(Expr::cust(answered)).limit(limit).all(conn).await?)
}
