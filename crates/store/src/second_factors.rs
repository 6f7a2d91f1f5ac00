//! What proves who a user is besides the password: the secret of an authenticator app (RFC 6238), sealed.

use hearback_core::id::{UserId, WorkspaceId};
use sea_orm::{QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// Sealed.
    pub secret: String,
    pub created_at: i64,
    /// The step of the last code that was taken: it and those before are spent.
    pub used_step: i64,
    /// Since then log-ins ask for a code; absent while it is being set up.
    pub confirmed_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// That of a user, being set up or in force.
pub async fn of_user(conn: &impl ConnectionTrait, ws: WorkspaceId, user: UserId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), user.uuid())).one(conn).await?)
}

/// The same, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, user: UserId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), user.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Ids of the users of whom log-ins ask for a code.
pub async fn in_force(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Uuid>, StoreError> {
    let confirmed = Entity::find().select_only().column(Column::UserId).filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(confirmed.filter(Column::ConfirmedAt.is_not_null()).into_tuple().all(conn).await?)
}

/// Stores one in place of what there was.
pub async fn put(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::WorkspaceId.eq(row.workspace_id)).filter(Column::UserId.eq(row.user_id)).exec(&**tx).await?;
    bulk::insert::<Entity>(tx, std::slice::from_ref(row)).await
}

/// Takes it away; false when there was none.
pub async fn delete(tx: &Tx, ws: WorkspaceId, user: UserId) -> Result<bool, StoreError> {
    let theirs = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    Ok(theirs.exec(&**tx).await?.rows_affected > 0)
}
