//! Connections and transactions.
//!
//! SQLite: one connection writes (`BEGIN IMMEDIATE`, WAL, `synchronous=FULL`), a few read. PostgreSQL: one pool.
//! What must stay true: a write transaction starts here and nowhere else; no network call happens while a [`Tx`] is alive.

mod gaps;
mod options;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hearback_migrations::{Migrator, MigratorTrait};
use sea_orm::{
    AccessMode, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, QueryResult,
    RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
    sqlx::{self, AssertSqlSafe, SqlitePool, query::Query},
};

use crate::{StoreError, audit, cases, loop_counts::LoopChanges};
use options::{BUSY_TIMEOUT, WRITE_PLANS, check_pragmas, postgres, sqlite};

/// How long a node waits for another one that changes the schema: tables can be large then.
const SCHEMA_TIMEOUT: Duration = Duration::from_mins(1);
/// How long until a lock is asked for again for which SQLite does not wait by itself.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A database, ready to read and to write.
#[derive(Debug, Clone)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
    readers: usize,
    growth: Arc<Growth>,
    writes: Arc<Writes>,
}

/// The planner is told of so many rows, and again whenever they have grown by a factor: early, since it believes of tables that were
/// empty a moment ago that they still are.
const FIRST_ROWS: usize = 16;
const GROWTH: usize = 4;

/// How many rows came since the start, and at how many the planner is told next.
#[derive(Debug)]
struct Growth {
    rows: AtomicUsize,
    tell_at: AtomicUsize,
}

impl Default for Growth {
    fn default() -> Self {
        Self { rows: AtomicUsize::new(0), tell_at: AtomicUsize::new(FIRST_ROWS) }
    }
}

/// Write transactions of this process that were asked for and have not ended: when, and a number that tells them apart.
#[derive(Debug, Default)]
struct Writes {
    open: Mutex<BTreeSet<(Instant, usize)>>,
    asked: AtomicUsize,
}

/// One of them, for as long as this lives.
#[derive(Debug)]
struct Write(Arc<Writes>, (Instant, usize));

impl Writes {
    fn enter(self: &Arc<Self>) -> Write {
        let entry = (Instant::now(), self.asked.fetch_add(1, Ordering::Relaxed));
        self.lock().insert(entry);
        Write(Arc::clone(self), entry)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Instant, usize)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// A write transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    transaction: DatabaseTransaction,
    #[expect(dead_code, reason = "lives as long as the transaction")]
    write: Write,
    /// Entries of the audit log, written last.
    entries: Mutex<Vec<audit::Entry>>,
    /// How the counts of loops change, written before them.
    loops: Mutex<LoopChanges>,
}

impl Db {
    /// Connects to `sqlite://PATH` or `postgres://...`. `connections` bounds the pool that reads (and, on PostgreSQL, writes).
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            let write = Database::connect(sqlite(url, 1)).await?;
            keep_a_log(&write).await?;
            check_pragmas(&write).await?;
            let connections = connections.clamp(1, 4);
            let read = Database::connect(sqlite(url, connections)).await?;
            Ok(Self { write, read, readers: readers(connections), growth: Arc::default(), writes: Arc::default() })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let connections = connections.max(2);
            let write = Database::connect(postgres(url, connections, &WRITE_PLANS)).await?;
            let read = Database::connect(postgres(url, connections, &[])).await?;
            Ok(Self { write, read, readers: readers(connections), growth: Arc::default(), writes: Arc::default() })
        } else {
            Err(StoreError::Other(sea_orm::DbErr::Custom(format!(
                "database.url must start with sqlite:// or postgres://, got `{}`",
                url.split("://").next().unwrap_or_default()
            ))))
        }
    }

    /// Starts a write transaction.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        let write = self.writes.enter();
        let options = match self.backend() {
            DbBackend::Sqlite => {
                TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
            }
            _ => TransactionOptions::default(),
        };
        Ok(Tx { transaction: self.write.begin_with_options(options).await?, write, entries: Mutex::default(), loops: Mutex::default() })
    }

    /// Runs statements as a write transaction of their own, in one round trip. They are one text, with `$1`, `$2` .. in the order of
    /// `parameters`; returns their rows. (On PostgreSQL it has to be one statement, which is a transaction there.)
    pub(crate) async fn write_at_once(&self, text: String, parameters: Vec<String>) -> Result<Vec<QueryResult>, StoreError> {
        let _write = self.writes.enter();
        if self.backend() == DbBackend::Postgres {
            let values = parameters.into_iter().map(Value::from);
            return Ok(self.write.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, text, values)).await?);
        }
        let pool = self.write.get_sqlite_connection_pool().clone();
        // Apart from its caller: a caller that is dropped must not leave a transaction open that the pool does not know of.
        let rows = tokio::spawn(async move { one_transaction(&pool, &text, parameters).await }).await;
        let rows = rows.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into())
    }

    /// How long ago the oldest write transaction of this process was asked for that has not ended; `None` when all have.
    pub fn oldest_write(&self) -> Option<Duration> {
        self.writes.lock().first().map(|(asked, _)| asked.elapsed())
    }

    /// The database as it is now, whatever is written meanwhile: for reads that must agree with each other. Everything runs
    /// on one connection. Held long, it keeps the databases from cleaning up behind writers.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let options = match self.backend() {
            DbBackend::Sqlite => TransactionOptions::default(),
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..Default::default()
            },
        };
        Ok(Snapshot(self.read.begin_with_options(options).await?))
    }

    /// The connection pool to read from.
    pub const fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// The connection pool to read from by key, a few rows of many tables at a time: on PostgreSQL it plans as writes do.
    pub(crate) fn by_key(&self) -> &DatabaseConnection {
        if self.backend() == DbBackend::Postgres { &self.write } else { &self.read }
    }

    /// Which database this is.
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// How many transactions can usefully be written side by side: SQLite has one writer; on PostgreSQL a second batch is
    /// put together while the first one is stored, and more only make the batches smaller.
    pub fn writers(&self) -> usize {
        if self.backend() == DbBackend::Postgres { 2 } else { 1 }
    }

    /// How many may read much at the same time, so that everybody else always finds a connection to read from.
    pub const fn readers(&self) -> usize {
        self.readers
    }

    /// Whether a statement costs far more than the rows that it is about: on PostgreSQL each one starts anew and travels.
    pub fn costs_by_statement(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// Brings the schema up to date, in one transaction: a process that dies in between leaves nothing behind. Safe when
    /// several nodes do it at once: one works, the others wait for its transaction.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.is_migrated().await? {
            return Ok(());
        }
        let tx = wait_for_lock(SCHEMA_TIMEOUT, || self.write()).await?;
        if self.backend() == DbBackend::Postgres {
            tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {}", SCHEMA_TIMEOUT.as_millis())).await?;
            tx.execute_raw(Statement::from_string(DbBackend::Postgres, "SELECT pg_advisory_xact_lock(7237123)")).await?;
        }
        Migrator::up(&*tx, None).await?;
        tx.commit().await
    }

    /// Whether the schema is as this version expects it. Changes nothing, and waits for nobody who does.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        match Migrator::get_pending_migrations_read_only(&self.read).await {
            Ok(pending) => Ok(pending.is_empty()),
            // The only error of the migrator's own: a change was made that it does not know.
            Err(DbErr::Custom(_)) => Err(StoreError::NewerSchema),
            Err(error) => Err(error.into()),
        }
    }

    /// Milliseconds since 1970 by the database's own clock, where it has one: a PostgreSQL server may be another machine.
    pub async fn clock(&self) -> Result<Option<i64>, StoreError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let row = self.read.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Names of the schema changes of this version, oldest first.
    pub fn schema() -> Vec<String> {
        Migrator::migrations().iter().map(|change| change.name().to_owned()).collect()
    }

    /// SQLite: moves what was committed into the database file and empties the log, so that no copy of erased text stays in
    /// it. Waits a little for those who read; false when they did not end. Nothing happens on PostgreSQL.
    pub async fn checkpoint(&self) -> Result<bool, StoreError> {
        const TRIES: u32 = 20;
        if self.backend() != DbBackend::Sqlite {
            return Ok(true);
        }
        for _ in 0..TRIES {
            let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
            let row = self.write.query_one_raw(statement).await?;
            let is_busy = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.is_some_and(|busy| busy != 0);
            if !is_busy {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(false)
    }

    /// SQLite's own quick look at the pages of the file: what is wrong, in its words; empty when nothing is. It reads the whole file. Nothing is
    /// looked at on PostgreSQL, which notices damage by itself.
    pub async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(Vec::new());
        }
        let found = self.read.query_all_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA quick_check(10)")).await;
        let rows = match found.map_err(StoreError::from) {
            Ok(rows) => rows,
            // So badly damaged that not even this can be asked.
            Err(StoreError::Damaged(why)) => return Ok(vec![why]),
            Err(error) => return Err(error),
        };
        let lines = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, DbErr>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Notes that rows were added. When their number has grown by a factor since the last look, the planner looks again.
    pub fn grew(&self, rows: usize) {
        let total = self.growth.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let tell_at = self.growth.tell_at.load(Ordering::Relaxed);
        if total < tell_at || self.backend() != DbBackend::Postgres {
            return;
        }
        let mine = self.growth.tell_at.compare_exchange(tell_at, total.saturating_mul(GROWTH), Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            let db = self.clone();
            tokio::spawn(async move {
                if let Err(error) = db.refresh_statistics().await {
                    tracing::warn!(%error, "the planner's statistics could not be refreshed; writes may be slow for a minute");
                }
            });
        }
    }

    /// Lets PostgreSQL look at the tables that grow with every question and answer. Until it has looked, it believes that one workspace
    /// has few rows and reads all of them where it should look up one; its own look comes only once a minute.
    pub async fn refresh_statistics(&self) -> Result<(), StoreError> {
        const GROWING: [&str; 19] = [
            "accounts",
            "cases",
            "contact_attempts",
            "deliveries",
            "events",
            "incentive_codes",
            "invitations",
            "loop_counts",
            "loop_durations",
            "messages",
            "outbox",
            "persons",
            "preferences",
            "referrals",
            "responses",
            "rollups",
            "runs",
            "suppressions",
            "tasks",
        ];
        if self.backend() == DbBackend::Postgres {
            self.read.execute_unprepared(&format!("ANALYZE {}", GROWING.join(", "))).await?;
        }
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(self) -> Result<(), StoreError> {
        self.write.close().await?;
        Ok(self.read.close().await?)
    }
}

/// A view that stands still; it ends when it is dropped. See [`Db::snapshot`].
#[derive(Debug)]
pub struct Snapshot(DatabaseTransaction);

impl std::ops::Deref for Snapshot {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Tx {
    /// Makes everything written so far durable and visible. The counts of loops are moved here, in one order, and the entries of the audit
    /// log chained and written, as the last thing of all: whoever holds the end of a chain waits for nobody any more, so that no two transactions wait for each other.
    pub async fn commit(self) -> Result<(), StoreError> {
        let loops = std::mem::take(&mut *self.loops.lock().unwrap_or_else(PoisonError::into_inner));
        // Kept out of the futures of all who commit.
        Box::pin(loops.write(&self)).await?;
        let entries = std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner));
        audit::write(&self, entries).await?;
        Ok(self.transaction.commit().await?)
    }

    /// Takes everything back.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.transaction.rollback().await?)
    }

    /// A case was as `before` says (not there), and is as `after` says: the counts are moved with the commit.
    pub fn case_moved(&self, before: Option<&cases::Model>, after: &cases::Model) {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).moved(before, after);
    }

    /// An entry of the audit log; it is written with the commit.
    pub fn note(&self, entry: audit::Entry) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

/// Statements run inside a transaction by dereferencing it: `find().all(&*tx)`.
impl std::ops::Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

/// All connections that read but for a quarter of them, one at least.
const fn readers(connections: u32) -> usize {
    let kept_free = if connections < 8 { 1 } else { connections / 4 };
    if connections > kept_free { (connections - kept_free) as usize } else { 1 }
}

/// Turns SQLite's write-ahead log on; the file remembers it. For this switch, made while another process opens the same file, SQLite
/// does not wait by itself.
async fn keep_a_log(connection: &DatabaseConnection) -> Result<(), StoreError> {
    let switch = || async { Ok(connection.execute_unprepared("PRAGMA journal_mode = WAL").await?) };
    wait_for_lock(BUSY_TIMEOUT, switch).await.map(drop)
}

/// Asks until nobody else holds the lock, for so long at most.
async fn wait_for_lock<T, F: Future<Output = Result<T, StoreError>>>(most: Duration, ask: impl Fn() -> F) -> Result<T, StoreError> {
    let from = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_)) if from.elapsed() < most => tokio::time::sleep(ASK_AGAIN).await,
            done => return done,
        }
    }
}

/// The connection does not count this transaction, so whatever happens it must be over when the connection goes back.
async fn one_transaction(pool: &SqlitePool, text: &str, parameters: Vec<String>) -> Result<Vec<QueryResult>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let text = AssertSqlSafe(format!("BEGIN IMMEDIATE;\n{text};\nCOMMIT"));
    let written = parameters.into_iter().fold(sqlx::query(text), Query::bind).fetch_all(&mut *connection).await;
    if written.is_err() && sqlx::query("ROLLBACK").execute(&mut *connection).await.is_err() {
        // SQLite has ended the transaction by itself, or nobody knows.
        connection.close().await?;
    }
    Ok(written?.into_iter().map(QueryResult::from).collect())
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::{Connection as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn who_opens_a_file_that_another_process_reads_waits_until_it_can_turn_the_log_on() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("taken.db").display());
        let mut other = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (a INT); BEGIN; SELECT * FROM t").execute(&mut other).await.unwrap();
        let connecting = tokio::spawn(async move { Db::connect(&url, 2).await });
        tokio::time::sleep(ASK_AGAIN * 5).await;
        assert!(!connecting.is_finished(), "the file is not ours yet: {:?}", connecting.await);
        sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
        connecting.await.unwrap().unwrap().close().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nodes_that_open_a_new_file_at_once_all_get_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("new.db").display());
            let nodes = (0..8).map(|_| {
                tokio::spawn({
                    let url = url.clone();
                    async move { Db::connect(&url, 2).await }
                })
            });
            for node in futures::future::join_all(nodes).await {
                node.unwrap().unwrap();
            }
        }
    }

    #[test]
    fn who_reads_much_leaves_connections_to_others() {
        assert_eq!([1, 2, 4, 10, 200].map(readers), [1, 1, 3, 8, 150]);
    }

    #[tokio::test]
    async fn statements_that_fail_half_way_leave_nothing_open() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&format!("sqlite://{}", folder.path().join("half.db").display()), 1).await.unwrap();
        let at_once = async |text: &str| db.write_at_once(text.to_owned(), vec!["x".to_owned()]).await;
        at_once("CREATE TABLE t (a TEXT PRIMARY KEY)").await.unwrap();
        assert_eq!(at_once("INSERT INTO t VALUES ('y');\nINSERT INTO t VALUES ($1) RETURNING a").await.unwrap().len(), 1);
        let taken = at_once("INSERT INTO t VALUES ('z');\nINSERT INTO t VALUES ($1)").await;
        assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
        assert!(at_once("INSERT INTO nowhere VALUES ($1)").await.is_err());
        let tx = db.write().await.unwrap();
        let rows = tx.query_all_raw(Statement::from_string(DbBackend::Sqlite, "SELECT a FROM t ORDER BY a")).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect::<Vec<_>>(), ["x", "y"]);
        tx.commit().await.unwrap();
    }
}
