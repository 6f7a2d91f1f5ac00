//! Log-ins. The token itself is never stored, only its SHA-256.

use hearback_core::id::{RecordId, UserId, WorkspaceId};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// What it is called where the token must not be seen.
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: i64,
    pub seen_at: i64,
    /// Where it began, as limits count it: an address of IPv4, a network of IPv6.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The log-in with this token hash; the hash is unique over all workspaces, and says which one it is for.
pub async fn by_hash(conn: &impl ConnectionTrait, token_hash: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::TokenHash.eq(token_hash)).one(conn).await?)
}

/// Those of a user, the newest first.
pub async fn of_user(conn: &impl ConnectionTrait, ws: WorkspaceId, user: UserId) -> Result<Vec<Model>, StoreError> {
    let theirs = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    Ok(theirs.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).all(conn).await?)
}

/// Which of a user's sessions are meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Every one.
    All,
    /// Every one but that of this token hash.
    Others(&'a str),
    /// These, but never that of this token hash.
    These(&'a [RecordId], &'a str),
}

/// Ends sessions of a user; how many those were.
pub async fn end(tx: &Tx, ws: WorkspaceId, user: UserId, which: Which<'_>) -> Result<u64, StoreError> {
    let theirs = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(Column::UserId.eq(user.uuid()));
    let meant = match which {
        Which::All => theirs,
        Which::Others(own) => theirs.add(Column::TokenHash.ne(own)),
        Which::These(ids, own) => theirs.add(Column::TokenHash.ne(own)).add(Column::Id.is_in(ids.iter().map(|id| id.uuid()))),
    };
    Ok(Entity::delete_many().filter(meant).exec(&**tx).await?.rows_affected)
}

/// Ends the oldest sessions of a user, so that `most` are left; how many those were.
pub async fn end_oldest(tx: &Tx, ws: WorkspaceId, user: UserId, most: u64) -> Result<u64, StoreError> {
    let theirs = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    let newest_first = theirs.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    let over: Vec<Model> = newest_first.offset(most).limit(1_000).all(&**tx).await?;
    let hashes = over.into_iter().map(|row| row.token_hash);
    let ended = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::TokenHash.is_in(hashes));
    Ok(ended.exec(&**tx).await?.rows_affected)
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
