//! Codes of a pool; each is given at most once.
//!
//! Owns: which code goes to which case. Whoever takes codes holds the pool's row ([`crate::pools::lock`]).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::CaseId,
    state::{CodeState, DeliveryStatus},
};
use sea_orm::{ConnectionTrait, DbErr, QueryOrder, QuerySelect, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx,
    bulk::{Kind, select, text_list, texts, to_json},
    cursor::{Cursor, Listed, Page},
    stored::{Stored, among, quoted},
    time::millis,
};

/// When a code expires that never does.
pub const NEVER: i64 = i64::MAX;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incentive_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub pool: String,
    /// The code, sealed for this row.
    pub sealed: String,
    /// What it is found by (`SecretKey::lookup`).
    pub lookup: String,
    pub state: Stored<CodeState>,
    /// From this moment on it is not given any more; [`NEVER`] for a code without an end.
    pub expires_at: i64,
    pub created_at: i64,
    pub case_id: Option<Uuid>,
    pub given_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Gives each of `wanted` one free code of the pool, what expires first goes first, as far as they last; a case that has one
/// of this pool keeps it. Returns the cases that have a code now. The caller holds the pool.
pub async fn give(tx: &Tx, ws: Uuid, pool: &str, wanted: &[CaseId], now: DateTime<Utc>) -> Result<HashSet<CaseId>, StoreError> {
    const FIELDS: [(&str, Kind); 2] = [("c", Kind::Uuid), ("place", Kind::Int)];
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let backend = tx.get_database_backend();
    let sql = format!(
        "WITH x AS ({}), wanted AS (SELECT c, row_number() OVER (ORDER BY place) AS n FROM x WHERE NOT EXISTS (SELECT 1 FROM \
         incentive_codes h WHERE h.workspace_id = $2 AND h.case_id = x.c AND h.case_id IS NOT NULL AND h.pool = $3)), \
         free AS (SELECT i, row_number() OVER (ORDER BY e, i) AS n FROM (SELECT id AS i, expires_at AS e FROM incentive_codes \
         WHERE workspace_id = $2 AND pool = $3 AND state = {free} AND expires_at > $4 ORDER BY expires_at, id LIMIT $5) AS soonest) \
         UPDATE incentive_codes SET state = {given}, case_id = wanted.c, given_at = $4 FROM free JOIN wanted ON wanted.n = free.n \
         WHERE incentive_codes.workspace_id = $2 AND incentive_codes.id = free.i RETURNING case_id",
        select(backend, &FIELDS, 1),
        free = quoted(CodeState::Free),
        given = quoted(CodeState::Given),
    );
    let mut seen = HashSet::new();
    let each: Vec<CaseId> = wanted.iter().copied().filter(|case| seen.insert(*case)).collect();
    let places: Vec<[Value; 2]> = (0_i64..).zip(&each).map(|(place, case)| [case.uuid().into(), place.into()]).collect();
    let count = i64::try_from(each.len()).unwrap_or(i64::MAX);
    let values = [Value::from(to_json(backend, places.into_iter())), ws.into(), pool.into(), millis(now).into(), count.into()];
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let mut have = rows.iter().map(|row| row.try_get_by_index(0).map(CaseId::from_uuid)).collect::<Result<HashSet<_>, DbErr>>()?;
    if have.len() < each.len() {
        let of_pool = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Pool.eq(pool));
        let had = of_pool.filter(Column::CaseId.is_in(each.iter().map(|case| case.uuid()))).all(&**tx).await?;
        have.extend(had.into_iter().filter_map(|row| row.case_id).map(CaseId::from_uuid));
    }
    Ok(have)
}

/// How many codes can be given, counted up to `limit`.
pub async fn free_up_to(conn: &impl ConnectionTrait, ws: Uuid, pool: &str, now: i64, limit: i64) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM incentive_codes WHERE workspace_id = $1 AND pool = $2 AND state = {} \
         AND expires_at > $3 LIMIT $4) AS part",
        quoted(CodeState::Free)
    );
    let values = [Value::from(ws), pool.into(), now.into(), limit.into()];
    let row = conn.query_one_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get_by_index(0))?)
}

/// Puts the codes of these cases back whose mail certainly never left: each mail to the customer of one of these `kinds` ended
/// unsent, and none was ever in doubt. What was put back: case and pool.
pub async fn take_back(tx: &Tx, ws: Uuid, cases: &[Uuid], kinds: &[&str], now: i64) -> Result<Vec<(Uuid, String)>, StoreError> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let backend = tx.get_database_backend();
    let sql = format!(
        "SELECT i.id, i.case_id, i.pool FROM incentive_codes i WHERE i.workspace_id = $1 AND i.state = {} AND i.case_id IS NOT NULL \
         AND i.case_id IN ({}) \
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.workspace_id = $1 AND d.case_id = i.case_id AND d.acknowledges \
         AND d.kind IN {} AND (d.status NOT IN {} OR d.duplicates > 0))",
        quoted(CodeState::Given),
        select(backend, &[("c", Kind::Uuid)], 2),
        texts(backend, 3),
        among(&DeliveryStatus::NEVER_ARRIVED)
    );
    let list = to_json(backend, cases.iter().map(|case| [Value::from(*case)]));
    let values = [Value::from(ws), list.into(), text_list(kinds)];
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let mut ids: Vec<Uuid> = Vec::new();
    let mut back = Vec::new();
    for row in &rows {
        ids.push(row.try_get_by_index(0)?);
        back.push((row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    if !ids.is_empty() {
        let sql = format!(
            "UPDATE incentive_codes SET state = CASE WHEN expires_at <= $2 THEN {} ELSE {} END, case_id = NULL, given_at = NULL \
             WHERE workspace_id = $1 AND state = {} AND id IN ({})",
            quoted(CodeState::Expired),
            quoted(CodeState::Free),
            quoted(CodeState::Given),
            select(backend, &[("c", Kind::Uuid)], 3)
        );
        let list = to_json(backend, ids.into_iter().map(|id| [Value::from(id)]));
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(ws), now.into(), list.into()])).await?;
    }
    Ok(back)
}

/// Marks free codes of a pool whose time is over; how many. The caller holds the pool.
pub async fn expire(tx: &Tx, ws: Uuid, pool: &str, now: i64) -> Result<u64, StoreError> {
    let over = Entity::update_many()
        .col_expr(Column::State, Expr::value(CodeState::Expired.as_str()))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Pool.eq(pool))
        .filter(Column::State.eq(CodeState::Free.as_str()))
        .filter(Column::ExpiresAt.lte(now));
    Ok(over.exec(&**tx).await?.rows_affected)
}

/// Whether a free code of the pool is past its time.
pub async fn is_any_over(conn: &impl ConnectionTrait, ws: Uuid, pool: &str, now: i64) -> Result<bool, StoreError> {
    let over = Entity::find()
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Pool.eq(pool))
        .filter(Column::State.eq(CodeState::Free.as_str()))
        .filter(Column::ExpiresAt.lte(now));
    Ok(over.limit(1).one(conn).await?.is_some())
}

/// Which of these look-ups there are in the pool.
pub async fn known(tx: &Tx, ws: Uuid, pool: &str, lookups: &[String]) -> Result<HashSet<String>, StoreError> {
    if lookups.is_empty() {
        return Ok(HashSet::new());
    }
    let backend = tx.get_database_backend();
    let sql = format!("SELECT lookup FROM incentive_codes WHERE workspace_id = $1 AND pool = $2 AND lookup IN {}", texts(backend, 3));
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(ws), pool.into(), text_list(lookups)])).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?)
}

/// Withdraws the free codes with these look-ups; how many of them were free. The caller holds the pool.
pub async fn revoke(tx: &Tx, ws: Uuid, pool: &str, lookups: &[String]) -> Result<u64, StoreError> {
    let backend = tx.get_database_backend();
    let sql = format!(
        "UPDATE incentive_codes SET state = {} WHERE workspace_id = $1 AND pool = $2 AND state = {} AND lookup IN {}",
        quoted(CodeState::Revoked),
        quoted(CodeState::Free),
        texts(backend, 3)
    );
    let values = [Value::from(ws), pool.into(), text_list(lookups)];
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected())
}

/// One page of a pool's codes, in the order in which they were imported.
pub async fn of_pool(
    conn: &impl ConnectionTrait,
    ws: Uuid,
    pool: &str,
    state: Option<CodeState>,
    page: Page,
) -> Result<Listed<Model>, StoreError> {
    let found = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Pool.eq(pool));
    let found = match state {
        Some(state) => found.filter(Column::State.eq(state.as_str())),
        None => found,
    };
    let found = match page.after {
        Some(after) => found.filter(Column::Id.gt(after.id)),
        None => found,
    };
    let rows = found.order_by_asc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}
