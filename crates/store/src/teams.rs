//! Groups of users that own cases together.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "teams")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub name: String,
    pub email: Option<String>,
    /// Key of its calendar; absent means the workspace's.
    pub calendar: Option<String>,
    /// Address of who leads it.
    pub manager: Option<String>,
    /// The last number drawn in this team; see `team_members.turn`.
    pub turn: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The team with this key.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), key.to_owned())).one(conn).await?)
}

/// All teams, by key.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Key).all(conn).await?)
}

/// These teams, held until the transaction ends, in the order of their keys: everybody takes them in this order.
pub async fn lock(tx: &Tx, ws: WorkspaceId, keys: &[&str]) -> Result<Vec<Model>, StoreError> {
    let of_keys = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.is_in(keys.iter().copied()));
    Ok(of_keys.order_by_asc(Column::Key).lock_exclusive().all(&**tx).await?)
}

/// Stores a team, new or changed; whose turn it is stays.
pub async fn put(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    const OVER: &str = " ON CONFLICT (workspace_id, key) DO UPDATE SET name = excluded.name, email = excluded.email, \
         calendar = excluded.calendar, manager = excluded.manager";
    bulk::insert_with::<Entity>(tx, std::slice::from_ref(row), OVER).await.map(|_| ())
}

/// Notes the last number drawn; only for a team that [`lock`] gave in this transaction.
pub async fn set_turn(tx: &Tx, ws: WorkspaceId, key: &str, turn: i64) -> Result<(), StoreError> {
    let one = Entity::update_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    one.col_expr(Column::Turn, Expr::value(turn)).exec(&**tx).await?;
    Ok(())
}
