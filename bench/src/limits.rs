//! What the databases themselves can do, measured with nothing around it: the limits that are put
//! beside the product's own paths. Tables of its own (`bench_*`), dropped again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use hearback_core::id::JobId;
use hearback_store::{Db, StoreError, bulk};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

/// Makes the tables that the limits write to.
pub async fn prepare(db: &Db) -> Result<(), StoreError> {
    drop(db).await?;
    let serial = if db.backend() == DbBackend::Postgres { "BIGSERIAL PRIMARY KEY" } else { "INTEGER PRIMARY KEY" };
    let tx = db.write().await?;
    for table in ["bench_responses", "bench_outbox"] {
        let sql = format!(
            "CREATE TABLE {table} (id {serial}, workspace BIGINT NOT NULL, person BIGINT NOT NULL, score BIGINT NOT NULL, body TEXT NOT NULL)"
        );
        tx.execute_unprepared(&sql).await?;
    }
    tx.execute_unprepared(
        "CREATE TABLE bench_jobs (id TEXT PRIMARY KEY, payload TEXT NOT NULL, state TEXT NOT NULL, run_at BIGINT NOT NULL, attempts BIGINT NOT NULL)",
    )
    .await?;
    tx.execute_unprepared("CREATE INDEX ix_bench_jobs ON bench_jobs (run_at, id) WHERE state = 'queued'").await?;
    tx.commit().await
}

/// Drops them.
pub async fn drop(db: &Db) -> Result<(), StoreError> {
    let tx = db.write().await?;
    for table in ["bench_responses", "bench_outbox", "bench_jobs"] {
        tx.execute_unprepared(&format!("DROP TABLE IF EXISTS {table}")).await?;
    }
    tx.commit().await
}

/// Transactions a second when `clients` each insert into two tables and commit, one after the other, for `time`.
pub async fn two_inserts(db: &Db, clients: usize, time: Duration) -> Result<f64, StoreError> {
    let done = AtomicU64::new(0);
    let until = Instant::now() + time;
    let work = (0..clients).map(|client| {
        let done = &done;
        async move {
            while Instant::now() < until {
                let tx = db.write().await?;
                for table in ["bench_responses", "bench_outbox"] {
                    insert(&*tx, db.backend(), table, client).await?;
                }
                tx.commit().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), StoreError>(())
        }
    });
    let started = Instant::now();
    futures::future::try_join_all(work).await?;
    Ok(done.into_inner() as f64 / started.elapsed().as_secs_f64())
}

/// Rows a second when one client inserts one row of about 300 bytes a commit, for `time`.
pub async fn one_row_a_commit(db: &Db, time: Duration) -> Result<f64, StoreError> {
    let started = Instant::now();
    let mut rows = 0_u64;
    while started.elapsed() < time {
        let tx = db.write().await?;
        insert(&*tx, db.backend(), "bench_responses", 1).await?;
        tx.commit().await?;
        rows += 1;
    }
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

async fn insert(connection: &impl ConnectionTrait, backend: DbBackend, table: &str, client: usize) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO {table} (workspace, person, score, body) VALUES ($1, $2, $3, $4)");
    let client = i64::try_from(client).unwrap_or(0);
    let values: [Value; 4] = [1_i64.into(), client.into(), 9_i64.into(), BODY.into()];
    connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// About 300 bytes, as an answer with a comment has.
const BODY: &str = "{\"survey\":\"nps\",\"score\":9,\"comment\":\"The delivery came a day early and the driver carried it upstairs, which was very kind. \
     I would only wish for a shorter form when ordering as a guest, it asked me the same address twice.\",\"person\":{\"email\":\"anna.kalnina@example.com\",\"locale\":\"lv\"}}";

/// Jobs a second that a bare loop claims and marks as done, `batch` at a time, with `workers` loops.
pub async fn claim_and_settle(db: &Db, jobs: u64, batch: u64, workers: usize) -> Result<f64, StoreError> {
    fill(db, jobs).await?;
    let started = Instant::now();
    futures::future::try_join_all((0..workers).map(|_| drain(db, batch))).await?;
    Ok(jobs as f64 / started.elapsed().as_secs_f64())
}

async fn fill(db: &Db, jobs: u64) -> Result<(), StoreError> {
    let now = chrono::DateTime::UNIX_EPOCH;
    let tx = db.write().await?;
    tx.execute_unprepared("DELETE FROM bench_jobs").await?;
    let mut left = jobs;
    while left > 0 {
        let some = left.min(1_000);
        let rows: Vec<String> = (0..some).map(|_| format!("('{}', '{{\"job\":\"noop\"}}', 'queued', 0, 0)", JobId::new(now))).collect();
        tx.execute_unprepared(&format!("INSERT INTO bench_jobs (id, payload, state, run_at, attempts) VALUES {}", rows.join(", "))).await?;
        left -= some;
    }
    tx.commit().await
}

async fn drain(db: &Db, batch: u64) -> Result<(), StoreError> {
    let backend = db.backend();
    let lock = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let claim = format!(
        "UPDATE bench_jobs SET state = 'running', attempts = attempts + 1 WHERE id IN (SELECT id FROM bench_jobs WHERE state = 'queued' \
         AND run_at <= $1 ORDER BY run_at, id LIMIT $2 {lock}) RETURNING id, payload"
    );
    let settle = format!("UPDATE bench_jobs SET state = 'done' WHERE id IN {}", bulk::texts(backend, 1));
    loop {
        let tx = db.write().await?;
        let values: [Value; 2] = [1_i64.into(), i64::try_from(batch).unwrap_or(i64::MAX).into()];
        let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, claim.clone(), values)).await?;
        tx.commit().await?;
        if rows.is_empty() {
            return Ok(());
        }
        let ids = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
        let tx = db.write().await?;
        let list = bulk::text_list(&ids);
        tx.execute_raw(Statement::from_sql_and_values(backend, settle.clone(), [list])).await?;
        tx.commit().await?;
    }
}
