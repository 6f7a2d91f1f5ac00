//! Rows of several tables in one round trip.
//!
//! What a statement costs is above all the way to the database and back (on SQLite a hand-over between threads); a batch of
//! a few answers fills eight tables. A script carries them all: several statements in one text on SQLite, one statement with
//! a `WITH` for each table on PostgreSQL, which checks references at its end. Its text depends on its tables alone, so that each of the few
//! combinations that occur is prepared once; tables without rows are left out, because opening one with its indexes costs as much
//! as writing several rows.
//!
//! What must stay true: no row is touched by two statements of one script (on PostgreSQL they all see what was there before).

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryResult, Statement, Value};

use crate::{
    Db, StoreError, Tx,
    bulk::{self, Kind, Write},
};

/// Writes on their way. They happen in the order in which they were added as far as that matters: on PostgreSQL the last
/// one comes after all others.
#[derive(Debug)]
pub struct Script {
    backend: DbBackend,
    writes: Vec<Write>,
    /// Its parameters: the rows of each write as JSON.
    rows: Vec<String>,
    is_empty: bool,
}

impl Script {
    /// An empty script for the database of this transaction.
    pub fn new(tx: &Tx) -> Self {
        Self::on(tx.get_database_backend())
    }

    /// An empty script for this kind of database.
    pub const fn on(backend: DbBackend) -> Self {
        Self { backend, writes: Vec::new(), rows: Vec::new(), is_empty: true }
    }

    /// Adds rows of a table; a taken key fails the script.
    pub fn insert<E: EntityTrait>(&mut self, rows: &[E::Model]) {
        self.insert_with::<E>(rows, "");
    }

    /// Adds rows of a table; those whose primary key is taken are left out.
    pub fn insert_missing<E: EntityTrait>(&mut self, rows: &[E::Model]) {
        self.insert_with::<E>(rows, " ON CONFLICT DO NOTHING");
    }

    /// Adds rows with what to do on a conflict (`" ON CONFLICT (..) DO .."`, a constant text).
    pub fn insert_with<E: EntityTrait>(&mut self, rows: &[E::Model], on_conflict: &'static str) {
        if rows.is_empty() {
            return;
        }
        self.is_empty = false;
        self.writes.push(bulk::insert_of::<E>(self.backend, self.rows.len() + 1, on_conflict));
        self.rows.push(bulk::rows_to_json::<E>(self.backend, rows));
    }

    /// Changes rows of a table: `update` (`UPDATE t SET ..`) for each of the records, which the text calls `x`, `matching` it.
    pub fn update<R: IntoIterator<Item = Value>>(
        &mut self,
        update: &str,
        fields: &[(&str, Kind)],
        matching: &str,
        records: impl ExactSizeIterator<Item = R>,
    ) {
        self.is_empty &= records.len() == 0;
        let x = bulk::select(self.backend, fields, self.rows.len() + 1);
        self.writes.push(Write { start: format!("{update} FROM ({x}) AS x WHERE {matching}"), end: "" });
        self.rows.push(bulk::to_json(self.backend, records));
    }

    /// Runs it; nothing happens when no table has rows.
    pub async fn run(self, tx: &Tx) -> Result<(), StoreError> {
        if !self.is_empty {
            tx.execute_raw(self.statement("")).await?;
        }
        Ok(())
    }

    /// Runs it and returns what the last write says (`" RETURNING .."`) of the rows that it wrote.
    pub async fn run_returning(self, tx: &Tx, returning: &'static str) -> Result<Vec<QueryResult>, StoreError> {
        if self.is_empty {
            return Ok(Vec::new());
        }
        Ok(tx.query_all_raw(self.statement(returning)).await?)
    }

    /// Runs it as a transaction of its own and returns what the last write says.
    pub async fn run_alone(self, db: &Db, returning: &'static str) -> Result<Vec<QueryResult>, StoreError> {
        if self.is_empty {
            return Ok(Vec::new());
        }
        db.write_at_once(format!("{}{returning}", self.text()), self.rows).await
    }

    fn statement(self, returning: &'static str) -> Statement {
        let text = format!("{}{returning}", self.text());
        Statement::from_sql_and_values(self.backend, text, self.rows.into_iter().map(Value::from))
    }

    fn text(&self) -> String {
        if self.backend == DbBackend::Postgres { with(&self.writes) } else { one_after_another(&self.writes) }
    }
}

fn one_after_another(writes: &[Write]) -> String {
    writes.iter().map(|write| write.text("")).collect::<Vec<_>>().join(";\n")
}

/// The last write asks for the number of rows of the others, which makes it wait for them.
fn with(writes: &[Write]) -> String {
    let Some((last, others)) = writes.split_last() else { return String::new() };
    if others.is_empty() {
        return last.text("");
    }
    let parts: Vec<String> = (0..).zip(others).map(|(n, write)| format!("w{n} AS ({} RETURNING 1)", write.text(""))).collect();
    let counts: Vec<String> = (0..others.len()).map(|n| format!("(SELECT count(*) FROM w{n})")).collect();
    format!("WITH {}\n{}", parts.join(",\n"), last.text(&format!(" AND {} >= 0", counts.join(" + "))))
}
