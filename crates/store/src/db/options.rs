//! What connections are set to, and whether they are.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement,
    sqlx::{self, Connection as _, SqliteConnection},
};

use crate::StoreError;

/// How long SQLite waits for another process's write lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes find their rows by key, whatever the planner believes: a plan that was made while a table was small, and kept,
/// would read the whole table for every batch once it has grown. The rows travel as JSON, of which the planner sees nothing: it plans
/// once, not for each batch.
pub(super) const WRITE_PLANS: [(&str, &str); 4] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("plan_cache_mode", "force_generic_plan")];

pub(super) fn postgres(url: &str, connections: u32, plans: &'static [(&'static str, &'static str)]) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .connect_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_mins(5))
        .test_before_acquire_if_idle_for(Duration::from_secs(2))
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|options| {
            options
                .statement_cache_capacity(100)
                .application_name("hearback")
                .options([("idle_in_transaction_session_timeout", "30s"), ("lock_timeout", "10s")])
                .options(plans.iter().copied())
        });
    options
}

pub(super) fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_at_rest(connection))))
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .statement_cache_capacity(64)
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .pragma("secure_delete", "ON")
                .pragma("cache_size", "-8000")
                .busy_timeout(BUSY_TIMEOUT)
        });
    options
}

/// Whether a connection may be used again. When a write fails (full disk), SQLite takes the whole transaction back by
/// itself; the driver goes on counting it, makes every later transaction a savepoint within it, and in the end "commits"
/// what nobody ever commits. Such a connection is closed and a new one opened.
pub(super) async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Lets a rollback that is under way happen first.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Durability depends on these: refuse to run on anything else.
pub(super) async fn check_pragmas(connection: &DatabaseConnection) -> Result<(), StoreError> {
    for (pragma, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let statement = Statement::from_string(DbBackend::Sqlite, format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"));
        let row = connection.query_one_raw(statement).await?;
        let got: String = match row {
            Some(row) => row.try_get_by_index(0)?,
            None => String::new(),
        };
        if got != wanted {
            return Err(StoreError::Other(sea_orm::DbErr::Custom(format!(
                "SQLite runs with {pragma}={got}, but {wanted} is needed to keep what was accepted; is the file on a network drive?"
            ))));
        }
    }
    Ok(())
}
