//! Keys of the API. The secret itself is never stored, only its SHA-256.

use hearback_core::id::{ApiKeyId, WorkspaceId};
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub scope: String,
    pub public_part: String,
    pub secret_hash: String,
    pub created_at: i64,
    /// From then on it opens nothing.
    pub expires_at: Option<i64>,
    pub used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The key with this public part, unless it was revoked. The public part is unique over all workspaces, and says which one it opens.
pub async fn by_public_part(conn: &impl ConnectionTrait, public_part: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::PublicPart.eq(public_part)).filter(Column::RevokedAt.is_null()).one(conn).await?)
}

/// All keys, the oldest first.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Id).all(conn).await?)
}

/// The key of this workspace with this public part, revoked or not.
pub async fn named(conn: &impl ConnectionTrait, ws: WorkspaceId, public_part: &str) -> Result<Option<Model>, StoreError> {
    let named = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::PublicPart.eq(public_part));
    Ok(named.one(conn).await?)
}

/// Revokes one, once; the row as it was, or nothing when there is no such key that still opens anything.
pub async fn revoke(tx: &Tx, ws: WorkspaceId, id: ApiKeyId, now: i64) -> Result<Option<Model>, StoreError> {
    let row = Entity::find_by_id((ws.uuid(), id.uuid())).filter(Column::RevokedAt.is_null()).lock_exclusive().one(&**tx).await?;
    if row.is_some() {
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(now))
            .filter(Column::WorkspaceId.eq(ws.uuid()))
            .filter(Column::Id.eq(id.uuid()))
            .exec(&**tx)
            .await?;
    }
    Ok(row)
}

/// Notes that it was used.
pub async fn touch(tx: &Tx, key: &Model, used_at: i64) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(used_at))
        .filter(Column::WorkspaceId.eq(key.workspace_id))
        .filter(Column::Id.eq(key.id))
        .exec(&**tx)
        .await?;
    Ok(())
}
