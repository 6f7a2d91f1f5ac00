//! All rows of all tables, out of one database and into another, of either kind.
//!
//! The tables and their columns are asked of the database itself, so that a new table is in the next backup. A row is one
//! JSON array, made and read by the database: ids as 32 hexadecimal digits, flags as 0 and 1. What must stay true: tables
//! come parents first, and a name out of a file never gets into a statement before the database was found to have it.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use hearback_core::state::JobState;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::{Deserialize, Serialize};

use crate::{Db, StoreError, Tx, Unreadable, bulk::Kind, db::Snapshot, stored::quoted};

/// The migrations' own table: how far the schema is, not what is stored.
const NOT_OURS: &str = "seaql_migrations";

/// A table: its name and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub table: String,
    pub columns: Vec<(String, Kind)>,
}

/// All tables, parents before their children.
pub async fn shapes(conn: &impl ConnectionTrait) -> Result<Vec<Shape>, StoreError> {
    let mut tables: BTreeMap<String, Vec<(String, Kind)>> = BTreeMap::new();
    for (table, column, declared) in three(conn, columns_sql(conn.get_database_backend())).await? {
        let kind = kind(&declared).ok_or_else(|| {
            Unreadable::new("schema", format!("{table}.{column}"), format!("a backup knows no columns of type `{declared}`"))
        })?;
        tables.entry(table).or_default().push((column, kind));
    }
    let mut parents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (child, parent, _) in three(conn, parents_sql(conn.get_database_backend())).await? {
        if child != parent {
            parents.entry(child).or_default().insert(parent);
        }
    }
    Ok(parents_first(tables, &parents))
}

fn parents_first(mut tables: BTreeMap<String, Vec<(String, Kind)>>, parents: &BTreeMap<String, BTreeSet<String>>) -> Vec<Shape> {
    let mut sorted = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |table: &String| parents.get(table).is_some_and(|parents| parents.iter().any(|parent| tables.contains_key(parent)));
        let mut ready: Vec<String> = tables.keys().filter(|table| !waits(table)).cloned().collect();
        if ready.is_empty() {
            // Tables that point at each other in a circle: no order is right, any is as good.
            ready = tables.keys().cloned().collect();
        }
        sorted.extend(ready.into_iter().filter_map(|table| tables.remove(&table).map(|columns| Shape { table, columns })));
    }
    sorted
}

const fn columns_sql(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT) FROM information_schema.columns c \
             JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
             WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position"
        }
        _ => {
            "SELECT m.name, c.name, lower(c.type) FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid"
        }
    }
}

const fn parents_sql(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "SELECT CAST(child.relname AS TEXT), CAST(parent.relname AS TEXT), '' FROM pg_constraint f \
             JOIN pg_class child ON child.oid = f.conrelid JOIN pg_class parent ON parent.oid = f.confrelid \
             WHERE f.contype = 'f' AND f.connamespace = CAST(current_schema() AS regnamespace)"
        }
        _ => "SELECT m.name, f.\"table\", '' FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    }
}

fn kind(declared: &str) -> Option<Kind> {
    Some(match declared {
        "uuid" | "uuid_text" => Kind::Uuid,
        "bigint" | "integer" => Kind::Int,
        "boolean" => Kind::Flag,
        "text" => Kind::Text,
        _ => return None,
    })
}

async fn three(conn: &impl ConnectionTrait, sql: &str) -> Result<Vec<(String, String, String)>, StoreError> {
    let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), sql)).await?;
    let read = |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    let all: Vec<(String, String, String)> = rows.iter().map(read).collect::<Result<_, DbErr>>()?;
    Ok(all.into_iter().filter(|(table, ..)| table != NOT_OURS).collect())
}

/// Hands over each row of a table, a JSON array of its columns; ends at the first error of `take`.
pub async fn each_row<E: From<StoreError>>(
    snapshot: &Snapshot,
    shape: &Shape,
    mut take: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let backend = ConnectionTrait::get_database_backend(&**snapshot);
    let picks: Vec<String> = shape.columns.iter().map(|(column, kind)| out(backend, column, *kind)).collect();
    let sql = match backend {
        DbBackend::Postgres => format!("SELECT CAST(json_build_array({}) AS TEXT) FROM {}", picks.join(", "), shape.table),
        _ => format!("SELECT json_array({}) FROM {}", picks.join(", "), shape.table),
    };
    let mut rows = sea_orm::StreamTrait::stream_raw(&**snapshot, Statement::from_string(backend, sql)).await.map_err(StoreError::from)?;
    while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
        let text: String = row.try_get_by_index(0).map_err(StoreError::from)?;
        take(&text)?;
    }
    Ok(())
}

fn out(backend: DbBackend, column: &str, kind: Kind) -> String {
    match (backend, kind) {
        (DbBackend::Postgres, Kind::Uuid) => format!("replace(CAST({column} AS TEXT), '-', '')"),
        (DbBackend::Postgres, Kind::Flag) => format!("CAST({column} AS INT)"),
        (_, Kind::Uuid) => format!("CASE WHEN {column} IS NULL THEN NULL ELSE lower(hex({column})) END"),
        _ => column.to_owned(),
    }
}

/// Inserts rows as [`each_row`] gave them. `shape` must be one of [`shapes`] of this database.
pub async fn put(tx: &Tx, shape: &Shape, rows: &[String]) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    let names: Vec<&str> = shape.columns.iter().map(|(column, _)| column.as_str()).collect();
    let cells: Vec<String> = (0..).zip(&shape.columns).map(|(place, (_, kind))| cell(backend, place, *kind)).collect();
    let source = if backend == DbBackend::Postgres { "json_array_elements($1::json) AS r(value)" } else { "jsonb_each($1)" };
    let sql = format!("INSERT INTO {} ({}) SELECT {} FROM {source}", shape.table, names.join(", "), cells.join(", "));
    let json = format!("[{}]", rows.join(","));
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(json)])).await?;
    Ok(())
}

fn cell(backend: DbBackend, place: usize, kind: Kind) -> String {
    match (backend, kind) {
        (DbBackend::Postgres, Kind::Uuid) => format!("CAST(value ->> {place} AS uuid)"),
        (DbBackend::Postgres, Kind::Int) => format!("CAST(value ->> {place} AS bigint)"),
        (DbBackend::Postgres, Kind::Flag) => format!("CAST(CAST(value ->> {place} AS int) AS boolean)"),
        (_, Kind::Uuid) => format!("unhex(value ->> {place})"),
        _ => format!("value ->> {place}"),
    }
}

/// The first table that has a row.
pub async fn first_filled(conn: &impl ConnectionTrait, shapes: &[Shape]) -> Result<Option<String>, StoreError> {
    for Shape { table, .. } in shapes {
        let sql = format!("SELECT 1 FROM {table} LIMIT 1");
        if conn.query_one_raw(Statement::from_string(conn.get_database_backend(), sql)).await?.is_some() {
            return Ok(Some(table.clone()));
        }
    }
    Ok(None)
}

/// What was under way when the backup was made is not under way here: the claims of those workers end.
pub async fn end_claims(tx: &Tx) -> Result<(), StoreError> {
    let (queued, running) = (quoted(JobState::Queued), quoted(JobState::Running));
    let sql = format!("UPDATE outbox SET state = {queued}, lease_id = NULL, leased_until = NULL WHERE state = {running}");
    tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    Ok(())
}

/// Bytes that the database takes, indexes included.
pub async fn size(db: &Db) -> Result<u64, StoreError> {
    let sql = match db.backend() {
        DbBackend::Postgres => "SELECT pg_database_size(current_database())",
        _ => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    };
    let row = db.read().query_one_raw(Statement::from_string(db.backend(), sql)).await?;
    let bytes: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(bytes).unwrap_or(0))
}
