//! Pools of codes: how they are called, and when they run low.

use hearback_core::{id::WorkspaceId, state::CodeState};
use sea_orm::{ConnectionTrait, FromQueryResult, QueryOrder, QuerySelect, Statement, Value, entity::prelude::*};

use crate::{StoreError, Tx, stored::quoted};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pools")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub name: String,
    /// With this many free codes or fewer, somebody is told.
    pub low_stock: i64,
    pub created_at: i64,
    /// Since when it is low; told once until it is filled again.
    pub low_since: Option<i64>,
    /// Since when there is no free code.
    pub empty_since: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The pool, held until the transaction ends. Whoever takes a code holds it: the next taker waits until it is certain what
/// the one before took, so that a pool is called empty only when it is. Lock cases first.
pub async fn lock(tx: &Tx, ws: Uuid, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws, key.to_owned())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, pool: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(pool).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// The pools of a workspace, by key.
pub async fn of_workspace(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Key).all(conn).await?)
}

/// Every pool of every workspace.
pub async fn every(conn: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().all(conn).await?)
}

/// How many codes of one pool are in one state, and how many cases wait for one (`waiting`).
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Count {
    pub pool: String,
    pub state: String,
    pub codes: i64,
}

/// The codes of a workspace counted by pool and state at this moment; a free code whose time is over counts as expired.
pub async fn counts(conn: &impl ConnectionTrait, ws: WorkspaceId, now: i64) -> Result<Vec<Count>, StoreError> {
    let sql = format!(
        "SELECT pool, CASE WHEN state = {} AND expires_at <= $2 THEN {} ELSE state END AS state, COUNT(*) AS codes \
         FROM incentive_codes WHERE workspace_id = $1 GROUP BY 1, 2 \
         UNION ALL SELECT pool, 'waiting', COUNT(*) FROM incentive_waits WHERE workspace_id = $1 AND ended_at IS NULL GROUP BY 1",
        quoted(CodeState::Free),
        quoted(CodeState::Expired)
    );
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, [Value::from(ws.uuid()), Value::from(now)]);
    let rows = conn.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| Count::from_query_result(row, "")).collect::<Result<_, _>>()?)
}
