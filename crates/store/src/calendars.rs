//! Working hours, as JSON of `hearback_core::calendar::Calendar`.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "calendars")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub body: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All calendars of the workspace, by key.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Key).all(conn).await?)
}

/// Stores a calendar under its key, new or changed.
pub async fn put(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    const OVER: &str = " ON CONFLICT (workspace_id, key) DO UPDATE SET body = excluded.body";
    bulk::insert_with::<Entity>(tx, std::slice::from_ref(row), OVER).await.map(|_| ())
}
