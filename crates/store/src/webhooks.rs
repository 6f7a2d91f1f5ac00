//! Addresses of other programs that rules call: webhooks, and chat rooms that take a line of text.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored. `kind` is `webhook` or `chat`. The address and what messages are signed with are sealed
/// ([`hearback_core::seal`]); the secret is shown to nobody after it was made.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub kind: String,
    pub sealed_url: String,
    pub sealed_secret: String,
    pub created_at: i64,
    /// When it was switched off; null while it is used.
    pub disabled_at: Option<i64>,
    /// Why.
    pub reason: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All of a workspace, by key.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Key).all(conn).await?)
}

/// The one with this key.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), key.to_owned())).one(conn).await?)
}

/// Writes the whole row back.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Takes it away; whether it was there.
pub async fn delete(tx: &Tx, ws: WorkspaceId, key: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id((ws.uuid(), key.to_owned())).exec(&**tx).await?.rows_affected > 0)
}
