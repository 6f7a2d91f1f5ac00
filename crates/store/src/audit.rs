//! Who came in and who changed what in the set-up. Never a customer's words, names or addresses: nothing here has to go when they are
//! erased.
//!
//! The entries of a workspace are a chain: each has a number and a hash that covers it and the entry before. What must stay true:
//! entries are only added, by [`Tx::commit`](crate::Tx::commit), under the lock of the chain's end, so that two nodes never go on
//! behind the same entry.

use std::collections::BTreeMap;

use hearback_core::{id::WorkspaceId, token::fingerprint};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError, Tx, audit_heads, bulk,
    cursor::{Cursor, Listed, Page},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    /// 1 is the first of the workspace.
    pub number: i64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub data: String,
    /// See [`Model::hash_behind`].
    pub hash: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An entry that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub ws: WorkspaceId,
    pub id: Uuid,
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub data: String,
}

impl Model {
    /// What its hash must be behind an entry with that one: SHA-256 over the entry before and all fields, as a JSON array.
    pub fn hash_behind(&self, before: &str) -> String {
        let Self { workspace_id, id, at, number, actor, action, subject, data, hash: _ } = self;
        let (workspace_id, id) = (workspace_id.to_string(), id.to_string());
        fingerprint(&serde_json::json!([before, number, workspace_id, id, at, actor, action, subject, data]).to_string())
    }
}

/// Writes entries behind the last one of their workspace. Several chains are locked in the order of their workspaces.
pub(crate) async fn write(tx: &Tx, entries: Vec<Entry>) -> Result<(), StoreError> {
    let mut chains: BTreeMap<WorkspaceId, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        chains.entry(entry.ws).or_default().push(entry);
    }
    for (ws, entries) in chains {
        let mut head = audit_heads::lock(tx, ws).await?;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let Entry { ws, id, at, actor, action, subject, data } = entry;
            let number = head.number + 1;
            let row = Model { workspace_id: ws.uuid(), id, at, number, actor, action, subject, data, hash: String::new() };
            let row = Model { hash: row.hash_behind(&head.hash), ..row };
            (head.number, head.hash) = (number, row.hash.clone());
            rows.push(row);
        }
        bulk::insert::<Entity>(tx, &rows).await?;
        audit_heads::save(tx, &head).await?;
    }
    Ok(())
}

/// Entries of a chain behind this number, in order.
pub async fn behind(conn: &impl ConnectionTrait, ws: Uuid, number: i64, limit: u64) -> Result<Vec<Model>, StoreError> {
    let chain = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Number.gt(number));
    Ok(chain.order_by_asc(Column::Number).limit(limit).all(conn).await?)
}

/// One page of the entries, the newest first; those of one action only, when it is given.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, action: Option<&str>, page: Page) -> Result<Listed<Model>, StoreError> {
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(action.map(|action| Column::Action.eq(action)))
        .add_option(page.after.map(|after| Column::Id.lt(after.id)));
    let rows = Entity::find().filter(fits).order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.at, id: row.id }))
}

/// What this was done to, and when, the oldest first.
pub async fn subjects(conn: &impl ConnectionTrait, ws: WorkspaceId, action: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let done = Entity::find().select_only().columns([Column::Subject, Column::At]).filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(done.filter(Column::Action.eq(action)).order_by_asc(Column::Id).into_tuple().all(conn).await?)
}
