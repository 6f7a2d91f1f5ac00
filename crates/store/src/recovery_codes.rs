//! Codes that open once, for whoever has lost the second factor. Only their SHA-256 is kept; a spent one is gone.

use hearback_core::id::{UserId, WorkspaceId};
use sea_orm::{PaginatorTrait as _, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How many a user has left.
pub async fn count(conn: &impl ConnectionTrait, ws: WorkspaceId, user: UserId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid())).count(conn).await?)
}

/// Makes these the codes of a user; those of before open nothing any more.
pub async fn set(tx: &Tx, ws: WorkspaceId, user: UserId, hashes: &[String]) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid())).exec(&**tx).await?;
    let row = |hash: &String| Model { workspace_id: ws.uuid(), user_id: user.uuid(), code_hash: hash.clone() };
    bulk::insert::<Entity>(tx, &hashes.iter().map(row).collect::<Vec<_>>()).await
}

/// Spends one; false when the user has no such code.
pub async fn spend(tx: &Tx, ws: WorkspaceId, user: UserId, hash: &str) -> Result<bool, StoreError> {
    let one = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    Ok(one.filter(Column::CodeHash.eq(hash)).exec(&**tx).await?.rows_affected == 1)
}
