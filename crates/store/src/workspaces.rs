//! A programme or brand: every other row belongs to one.

use hearback_core::id::WorkspaceId;
use sea_orm::{QuerySelect, entity::prelude::*, sea_query::ExprTrait};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub locale: String,
    pub default_team: String,
    pub config_revision: i64,
    pub created_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The workspace with this key.
pub async fn by_key(conn: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Key.eq(key)).one(conn).await?)
}

/// The workspace, if there is one with this id.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(ws.uuid()).one(conn).await?)
}

/// The same, held until the transaction ends: whoever changes the configuration waits here for the one before.
pub async fn lock(tx: &Tx, ws: WorkspaceId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(ws.uuid()).lock_exclusive().one(&**tx).await?)
}

/// Gives the workspace another name: what customers know the company as.
pub async fn rename(tx: &Tx, ws: WorkspaceId, name: &str) -> Result<(), StoreError> {
    Entity::update_many().col_expr(Column::Name, Expr::value(name)).filter(Column::Id.eq(ws.uuid())).exec(&**tx).await?;
    bump_config(tx, ws).await
}

/// Notes that the configuration changed: what was cached of it under an older revision is stale.
pub async fn bump_config(tx: &Tx, ws: WorkspaceId) -> Result<(), StoreError> {
    let next = ExprTrait::add(Expr::col(Column::ConfigRevision), 1);
    Entity::update_many().col_expr(Column::ConfigRevision, next).filter(Column::Id.eq(ws.uuid())).exec(&**tx).await?;
    Ok(())
}

/// All workspaces.
pub async fn ids(conn: &impl ConnectionTrait) -> Result<Vec<WorkspaceId>, StoreError> {
    let ids = Entity::find().select_only().column(Column::Id).into_tuple::<Uuid>().all(conn).await?;
    Ok(ids.into_iter().map(WorkspaceId::from_uuid).collect())
}
