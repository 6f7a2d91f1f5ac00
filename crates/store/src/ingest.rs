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
    script::Script,
};

/// The stored answers with one of these keys.
pub async fn responses_by_keys(conn: &impl ConnectionTrait, ws: Uuid, keys: &[&str]) -> Result<Vec<responses::Model>, StoreError> {
    let backend = conn.get_database_backend();
    let sql = bulk::by_texts(backend, "responses", "idem_key", 2);
    let rows = conn.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(ws), text_list(keys)])).await?;
    Ok(rows.iter().map(|row| responses::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// What a batch of answers has to know before it is put together.
#[derive(Debug)]
pub struct Found {
    /// The revision of the workspace's set-up; 0 when there is no such workspace.
    pub revision: i64,
    /// The stored customers.
    pub persons: Vec<persons::Model>,
}

/// The stored customers with one of these keys or one of these external ids, and how the workspace is set up at the same
/// moment: one way to the database and back.
pub async fn look(tx: &Tx, ws: Uuid, keys: &[&str], externals: &[&str]) -> Result<Found, StoreError> {
    let backend = tx.get_database_backend();
    let of_key = bulk::by_texts(backend, "persons", "key", 2);
    let mut values = vec![Value::from(ws), text_list(keys)];
    let persons = if externals.is_empty() {
        of_key
    } else {
        values.push(text_list(externals));
        format!("{of_key} UNION {}", bulk::by_texts(backend, "persons", "external_id", 3))
    };
    let sql = format!("SELECT w.config_revision, p.* FROM workspaces AS w LEFT JOIN ({persons}) AS p ON true WHERE w.id = $1");
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let revision = rows.first().map_or(Ok(0), |row| row.try_get("", "config_revision"))?;
    let persons = rows.iter().map(|row| persons::Model::from_query_result_optional(row, "")).collect::<Result<Vec<_>, _>>()?;
    Ok(Found { revision, persons: persons.into_iter().flatten().collect() })
}

/// Adds to the roll-up counters, as the last thing that its transaction does.
pub async fn add_rollups(tx: &Tx, ws: Uuid, counts: &BTreeMap<(Uuid, i64), Counts>) -> Result<(), StoreError> {
    let mut script = Script::new(tx);
    put_rollups(&mut script, ws, counts);
    script.run(tx).await
}

/// Adds to the roll-up counters. The map is sorted, and this comes last in its transaction: two nodes that meet on the
/// same counters wait for each other, never in a circle, and not for long.
pub fn put_rollups(script: &mut Script, ws: Uuid, counts: &BTreeMap<(Uuid, i64), Counts>) {
    const ADD: &str = " ON CONFLICT (workspace_id, survey_id, hour) DO UPDATE SET c0 = rollups.c0 + excluded.c0, \
         c1 = rollups.c1 + excluded.c1, c2 = rollups.c2 + excluded.c2, c3 = rollups.c3 + excluded.c3, c4 = rollups.c4 + excluded.c4, \
         c5 = rollups.c5 + excluded.c5, c6 = rollups.c6 + excluded.c6, c7 = rollups.c7 + excluded.c7, c8 = rollups.c8 + excluded.c8, \
         c9 = rollups.c9 + excluded.c9, c10 = rollups.c10 + excluded.c10, no_score = rollups.no_score + excluded.no_score, \
         with_comment = rollups.with_comment + excluded.with_comment";
    let rows: Vec<rollups::Model> = counts.iter().map(|((survey, hour), counts)| rollup(ws, *survey, *hour, counts)).collect();
    script.insert_with::<rollups::Entity>(&rows, ADD);
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
