//! Where each workspace's chain of audit entries ends: the number of its last entry and that entry's hash. Without it, entries cut
//! off the end would not be missed.

use hearback_core::id::WorkspaceId;
use sea_orm::{QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_heads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    pub number: i64,
    pub hash: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The end of the chain, held until the transaction ends: the next writer, on whichever node, waits here and goes on behind it.
pub(crate) async fn lock(tx: &Tx, ws: WorkspaceId) -> Result<Model, StoreError> {
    let start = Model { workspace_id: ws.uuid(), number: 0, hash: String::new() };
    bulk::insert_missing::<Entity>(tx, std::slice::from_ref(&start)).await?;
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).lock_exclusive().one(&**tx).await?.unwrap_or(start))
}

/// Moves the end; only for a row that was locked in this transaction.
pub(crate) async fn save(tx: &Tx, head: &Model) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Number, Expr::value(head.number))
        .col_expr(Column::Hash, Expr::value(&head.hash))
        .filter(Column::WorkspaceId.eq(head.workspace_id))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// The ends of all chains.
pub async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().all(conn).await?)
}
