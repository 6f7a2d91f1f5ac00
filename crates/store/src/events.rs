//! The timeline of a case.

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{CaseId, EventId, WorkspaceId},
    timeline::Entry,
};
use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx, Unreadable, bulk, time::millis};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub case_id: Uuid,
    pub kind: String,
    pub actor: String,
    pub data: String,
    pub at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What it tells.
    pub fn entry(&self) -> Result<Entry, Unreadable> {
        let read = || Entry::read(&self.kind, &serde_json::from_str(&self.data)?);
        read().map_err(|error| Unreadable::new("events", self.id, error))
    }
}

/// A new entry. `actor` as `engine::Actor` writes itself.
pub fn row(ws: WorkspaceId, case: CaseId, actor: &str, entry: &Entry, now: DateTime<Utc>) -> Model {
    Model {
        workspace_id: ws.uuid(),
        id: EventId::new(now).uuid(),
        case_id: case.uuid(),
        kind: entry.kind().to_owned(),
        actor: actor.to_owned(),
        data: entry.data().to_string(),
        at: millis(now),
    }
}

/// Writes one entry.
pub async fn append(tx: &Tx, ws: WorkspaceId, case: CaseId, actor: &str, entry: &Entry, now: DateTime<Utc>) -> Result<(), StoreError> {
    bulk::insert::<Entity>(tx, &[row(ws, case, actor, entry, now)]).await
}
