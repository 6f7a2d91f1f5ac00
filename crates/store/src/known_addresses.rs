//! From where users have logged in: strangers never take the places that are kept for these.

use hearback_core::id::{UserId, WorkspaceId};
use sea_orm::{Condition, PaginatorTrait as _, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, bulk, users};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_addresses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// As limits count it: an address of IPv4, a network of IPv6.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub seen_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether one of these users has logged in from there.
pub async fn any(conn: &impl ConnectionTrait, users: &[users::Model], address: &str) -> Result<bool, StoreError> {
    let one = |user: &users::Model| Condition::all().add(Column::WorkspaceId.eq(user.workspace_id)).add(Column::UserId.eq(user.id));
    let theirs = users.iter().map(one).fold(Condition::any(), Condition::add);
    if users.is_empty() {
        return Ok(false);
    }
    Ok(Entity::find().filter(theirs).filter(Column::Address.eq(address)).count(conn).await? > 0)
}

/// Forgets all places of a user.
pub async fn forget(tx: &Tx, ws: WorkspaceId, user: UserId) -> Result<(), StoreError> {
    let theirs = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    theirs.exec(&**tx).await?;
    Ok(())
}

/// Notes a log-in from there, and forgets the places of long ago: `most` stay, none of them older than `seen_since`.
pub async fn note(tx: &Tx, row: &Model, most: u64, seen_since: i64) -> Result<(), StoreError> {
    bulk::insert_with::<Entity>(
        tx,
        std::slice::from_ref(row),
        " ON CONFLICT (workspace_id, user_id, address) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .await?;
    let (ws, user) = (WorkspaceId::from_uuid(row.workspace_id), UserId::from_uuid(row.user_id));
    let theirs = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(Column::UserId.eq(user.uuid()));
    let newest_first = Entity::find().filter(theirs.clone()).order_by_desc(Column::SeenAt).order_by_asc(Column::Address);
    let over: Vec<String> = newest_first.offset(most).limit(1_000).all(&**tx).await?.into_iter().map(|row| row.address).collect();
    let old = Condition::any().add(Column::SeenAt.lt(seen_since)).add(Column::Address.is_in(over));
    Entity::delete_many().filter(theirs.add(old)).exec(&**tx).await?;
    Ok(())
}
