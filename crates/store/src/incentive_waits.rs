//! Cases that were promised a code which their pool did not have: a row stands here until the case got one, or needs none any
//! more, and its owner's task is settled.

use hearback_core::state::JobState;
use sea_orm::{Condition, ConnectionTrait, FromQueryResult, QueryOrder, QuerySelect, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx, bulk,
    bulk::{Kind, select, to_json},
    stored::quoted,
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incentive_waits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub case_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub pool: String,
    pub asked_at: i64,
    /// When the case's owner was told.
    pub told_at: Option<i64>,
    /// When the waiting was over.
    pub ended_at: Option<i64>,
    /// What ended it, for the owner's task.
    pub outcome: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// These cases wait for a code; one that waits already goes on waiting.
pub async fn begin(tx: &Tx, rows: &[Model]) -> Result<(), StoreError> {
    const AGAIN: &str = " ON CONFLICT (workspace_id, case_id, pool) DO UPDATE SET ended_at = NULL, outcome = NULL";
    bulk::insert_with::<Entity>(tx, rows, AGAIN).await.map(|_| ())
}

/// Cases that wait for a code of this pool, who waits longest first.
pub async fn of_pool(conn: &impl ConnectionTrait, ws: Uuid, pool: &str, limit: u64) -> Result<Vec<Model>, StoreError> {
    let waiting = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Pool.eq(pool)).filter(Column::EndedAt.is_null());
    Ok(waiting.order_by_asc(Column::AskedAt).order_by_asc(Column::CaseId).limit(limit).all(conn).await?)
}

/// The waiting of these cases is over, of one pool or of all; how many waited.
pub async fn end(tx: &Tx, ws: Uuid, cases: &[Uuid], pool: Option<&str>, outcome: &str, now: i64) -> Result<u64, StoreError> {
    if cases.is_empty() {
        return Ok(0);
    }
    let backend = tx.get_database_backend();
    let of_pool = if pool.is_some() { " AND pool = $5" } else { "" };
    let sql = format!(
        "UPDATE incentive_waits SET ended_at = $2, outcome = $3 WHERE workspace_id = $4 AND ended_at IS NULL{of_pool} AND case_id IN ({})",
        select(backend, &[("c", Kind::Uuid)], 1)
    );
    let list = to_json(backend, cases.iter().map(|case| [Value::from(*case)]));
    let mut values = vec![Value::from(list), now.into(), outcome.into(), ws.into()];
    values.extend(pool.map(Value::from));
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected())
}

/// Mails of these cases that wait for a later time are tried now.
pub async fn hurry_mails(tx: &Tx, ws: Uuid, cases: &[Uuid], now: i64) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    let sql = format!(
        "UPDATE outbox SET run_at = $2 WHERE workspace_id = $3 AND kind = 'mail' AND state = {} AND run_at > $2 AND case_id IN ({})",
        quoted(JobState::Queued),
        select(backend, &[("c", Kind::Uuid)], 1)
    );
    let list = to_json(backend, cases.iter().map(|case| [Value::from(*case)]));
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(list), now.into(), ws.into()])).await?;
    Ok(())
}

/// Pools of every workspace in which cases wait.
pub async fn pools(conn: &impl ConnectionTrait) -> Result<Vec<(Uuid, String)>, StoreError> {
    let waiting = Entity::find().select_only().columns([Column::WorkspaceId, Column::Pool]).distinct();
    Ok(waiting.filter(Column::EndedAt.is_null()).into_tuple().all(conn).await?)
}

/// Rows of every workspace that ask for something: the owner is not told yet, or the waiting is over.
pub async fn unsettled(conn: &impl ConnectionTrait, limit: u64) -> Result<Vec<Model>, StoreError> {
    let unsettled = Entity::find().filter(Condition::any().add(Column::ToldAt.is_null()).add(Column::EndedAt.is_not_null()));
    let sorted = unsettled.order_by_asc(Column::WorkspaceId).order_by_asc(Column::AskedAt).order_by_asc(Column::CaseId);
    Ok(sorted.limit(limit).all(conn).await?)
}

/// The rows of these cases as they are now; the cases are locked.
pub async fn of_cases(tx: &Tx, ws: Uuid, cases: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let backend = tx.get_database_backend();
    let lock = if backend == sea_orm::DbBackend::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT * FROM incentive_waits WHERE workspace_id = $2 AND case_id IN ({}) ORDER BY case_id, pool{lock}",
        select(backend, &[("c", Kind::Uuid)], 1)
    );
    let list = to_json(backend, cases.iter().map(|case| [Value::from(*case)]));
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(list), ws.into()])).await?;
    Ok(rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// Writes a row back; only for one that [`of_cases`] gave in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Removes a row whose task is settled.
pub async fn remove(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    Entity::delete_by_id((row.workspace_id, row.case_id, row.pool.clone())).exec(&**tx).await?;
    Ok(())
}
