//! Log-ins. The token itself is never stored, only its SHA-256.

use hearback_core::id::WorkspaceId;
use sea_orm::{Condition, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub user_id: Uuid,
    pub created_at: i64,
    pub seen_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The log-in with this token hash; the hash is unique over all workspaces, and says which one it is for.
pub async fn by_hash(conn: &impl ConnectionTrait, token_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TokenHash.eq(token_hash)).one(conn).await?)
}

/// Notes that it was used.
pub async fn touch(tx: &Tx, ws: WorkspaceId, token_hash: &str, seen_at: i64) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::SeenAt, Expr::value(seen_at))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::TokenHash.eq(token_hash))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Ends one.
pub async fn delete(tx: &Tx, token_hash: &str) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::TokenHash.eq(token_hash)).exec(&**tx).await?;
    Ok(())
}

/// Forgets those that began before `created_before` or were last used before `seen_before`.
pub async fn delete_expired(tx: &Tx, ws: WorkspaceId, created_before: i64, seen_before: i64) -> Result<(), StoreError> {
    let expired = Condition::any().add(Column::CreatedAt.lt(created_before)).add(Column::SeenAt.lt(seen_before));
    Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(expired).exec(&**tx).await?;
    Ok(())
}
