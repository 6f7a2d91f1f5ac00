//! What the way of a response reads and writes in bulk, over several tables.
//!
//! Each statement has one text whatever the size of the batch (see [`crate::bulk`]), so that it is prepared once.

use std::collections::BTreeMap;

use hearback_core::Counts;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError, Tx,
    bulk::{self, text_list},
    persons, responses, rollups,
};

/// The stored answers with one of these keys.
pub async fn responses_by_keys(tx: &Tx, ws: Uuid, keys: &[&str]) -> Result<Vec<responses::Model>, StoreError> {
    let backend = tx.get_database_backend();
    let sql = bulk::by_texts(backend, "responses", "idem_key", 2);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(ws), text_list(keys)])).await?;
    Ok(rows.iter().map(|row| responses::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// The stored customers with one of these keys or one of these external ids.
pub async fn persons_by_keys(tx: &Tx, ws: Uuid, keys: &[&str], externals: &[&str]) -> Result<Vec<persons::Model>, StoreError> {
    let backend = tx.get_database_backend();
    let of_key = bulk::by_texts(backend, "persons", "key", 2);
    let (sql, values) = if externals.is_empty() {
        (of_key, vec![Value::from(ws), text_list(keys)])
    } else {
        let of_external = bulk::by_texts(backend, "persons", "external_id", 3);
        (format!("{of_key} UNION {of_external}"), vec![Value::from(ws), text_list(keys), text_list(externals)])
    };
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| persons::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// Stores customers: new rows and changed ones alike.
pub async fn put_persons(tx: &Tx, rows: &[persons::Model]) -> Result<(), StoreError> {
    const OVER: &str = " ON CONFLICT (workspace_id, id) DO UPDATE SET key = excluded.key, external_id = excluded.external_id, \
         email = excluded.email, name = excluded.name, locale = excluded.locale, timezone = excluded.timezone, owner = excluded.owner, \
         account_key = excluded.account_key, properties = excluded.properties, updated_at = excluded.updated_at";
    bulk::insert_with::<persons::Entity>(tx, rows, OVER).await.map(|_| ())
}

/// Adds to the roll-up counters. The map is sorted, and this is the last statement of its transaction: two nodes that
/// meet on the same counters wait for each other, never in a circle, and not for long.
pub async fn add_rollups(tx: &Tx, ws: Uuid, counts: &BTreeMap<(Uuid, i64), Counts>) -> Result<(), StoreError> {
    const ADD: &str = " ON CONFLICT (workspace_id, survey_id, hour) DO UPDATE SET c0 = rollups.c0 + excluded.c0, \
         c1 = rollups.c1 + excluded.c1, c2 = rollups.c2 + excluded.c2, c3 = rollups.c3 + excluded.c3, c4 = rollups.c4 + excluded.c4, \
         c5 = rollups.c5 + excluded.c5, c6 = rollups.c6 + excluded.c6, c7 = rollups.c7 + excluded.c7, c8 = rollups.c8 + excluded.c8, \
         c9 = rollups.c9 + excluded.c9, c10 = rollups.c10 + excluded.c10, no_score = rollups.no_score + excluded.no_score, \
         with_comment = rollups.with_comment + excluded.with_comment";
    let rows: Vec<rollups::Model> = counts.iter().map(|((survey, hour), counts)| rollup(ws, *survey, *hour, counts)).collect();
    bulk::insert_with::<rollups::Entity>(tx, &rows, ADD).await.map(|_| ())
}

/// The roll-up bucket of an answer: hours since 1970, UTC.
pub const fn hour(answered_at: i64) -> i64 {
    answered_at.div_euclid(3_600_000)
}

fn rollup(workspace_id: Uuid, survey_id: Uuid, hour: i64, counts: &Counts) -> rollups::Model {
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10] = counts.bins;
    let (no_score, with_comment) = (counts.no_score, counts.with_comment);
    rollups::Model { workspace_id, survey_id, hour, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, no_score, with_comment }
}
