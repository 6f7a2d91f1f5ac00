//! Many rows in one statement whose text never changes.
//!
//! The rows travel as one JSON parameter, on both databases. The statement text depends on the table
//! alone, so it is prepared once, whatever the size of the batch, and a small statement cache is enough.

use std::fmt::Write as _;

use sea_orm::{ColumnTrait, ColumnType, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value};

use crate::{StoreError, Tx};

/// What a field of a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Uuid,
    Int,
    Flag,
    Text,
}

/// Inserts all rows. A taken key fails the whole statement with [`StoreError::Taken`].
pub async fn insert<E: EntityTrait>(tx: &Tx, rows: &[E::Model]) -> Result<(), StoreError>
where
    E::Model: ModelTrait<Entity = E>,
{
    insert_with::<E>(tx, rows, "").await.map(|_| ())
}

/// Inserts the rows whose primary key is not taken yet; how many those were.
pub async fn insert_missing<E: EntityTrait>(tx: &Tx, rows: &[E::Model]) -> Result<u64, StoreError>
where
    E::Model: ModelTrait<Entity = E>,
{
    insert_with::<E>(tx, rows, " ON CONFLICT DO NOTHING").await
}

/// Inserts all rows, with what to do on a conflict (`" ON CONFLICT (..) DO .."`, a constant text).
pub async fn insert_with<E: EntityTrait>(tx: &Tx, rows: &[E::Model], on_conflict: &'static str) -> Result<u64, StoreError>
where
    E::Model: ModelTrait<Entity = E>,
{
    if rows.is_empty() {
        return Ok(0);
    }
    let backend = tx.get_database_backend();
    let sql = insert_of::<E>(backend, 1, on_conflict).text("");
    let json = rows_to_json::<E>(backend, rows);
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(json)])).await?.rows_affected())
}

/// A statement that writes rows which are a JSON parameter. `start` ends in its `WHERE`.
#[derive(Debug)]
pub struct Write {
    pub start: String,
    pub end: &'static str,
}

impl Write {
    /// The statement; `only_if` (`" AND .."`) restricts the rows.
    pub fn text(&self, only_if: &str) -> String {
        format!("{}{only_if}{}", self.start, self.end)
    }
}

/// How rows of this table are inserted from parameter number `parameter`.
pub fn insert_of<E: EntityTrait>(backend: DbBackend, parameter: usize, on_conflict: &'static str) -> Write {
    let fields: Vec<(&str, Kind)> = E::Column::iter().map(|column| (column.as_str(), kind(&column))).collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let start = format!("INSERT INTO {} ({}) {}", E::default().table_name(), names.join(", "), select(backend, &fields, parameter));
    Write { start, end: on_conflict }
}

/// The parameter of [`insert_of`].
pub fn rows_to_json<E: EntityTrait>(backend: DbBackend, rows: &[E::Model]) -> String {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    to_json(backend, rows.iter().map(|row| columns.iter().map(|column| row.get(*column))))
}

fn kind<C: ColumnTrait>(column: &C) -> Kind {
    match column.def().get_column_type() {
        ColumnType::Uuid => Kind::Uuid,
        ColumnType::BigInteger | ColumnType::Integer => Kind::Int,
        ColumnType::Boolean => Kind::Flag,
        _ => Kind::Text,
    }
}

/// `SELECT field, .. FROM` the JSON records in parameter number `parameter`, to insert from or to join with.
/// Ends in a `WHERE`, which SQLite's `INSERT .. SELECT .. ON CONFLICT` needs.
pub fn select(backend: DbBackend, fields: &[(&str, Kind)], parameter: usize) -> String {
    let mut picks = Vec::with_capacity(fields.len());
    let mut types = Vec::with_capacity(fields.len());
    for (index, (name, kind)) in fields.iter().enumerate() {
        match (backend, kind) {
            (DbBackend::Postgres, kind) => {
                picks.push(format!("c{index} AS {name}"));
                types.push(format!("c{index} {}", postgres_type(*kind)));
            }
            (_, Kind::Uuid) => picks.push(format!("unhex(value ->> {index}) AS {name}")),
            (_, _) => picks.push(format!("value ->> {index} AS {name}")),
        }
    }
    let picks = picks.join(", ");
    match backend {
        DbBackend::Postgres => {
            format!("SELECT {picks} FROM json_to_recordset(${parameter}::json) AS r({}) WHERE true", types.join(", "))
        }
        // Binary JSON: each record is read where it stands, not written out as text and parsed again.
        _ => format!("SELECT {picks} FROM jsonb_each(${parameter}) WHERE true"),
    }
}

/// The rows of a workspace (parameter 1) whose `column` is one of the texts in a JSON array parameter. The order of the
/// join is fixed, list first: a planner without statistics would read the whole workspace instead.
pub fn by_texts(backend: DbBackend, table: &str, column: &str, parameter: usize) -> String {
    let list = match backend {
        DbBackend::Postgres => format!("json_array_elements_text(${parameter}::json) AS k(value)"),
        _ => format!("json_each(${parameter}) AS k"),
    };
    format!("SELECT t.* FROM {list} CROSS JOIN {table} AS t WHERE t.workspace_id = $1 AND t.{column} = k.value")
}

/// `(SELECT ..)` of the texts in a JSON array parameter, for `IN`.
pub fn texts(backend: DbBackend, parameter: usize) -> String {
    match backend {
        DbBackend::Postgres => format!("(SELECT json_array_elements_text(${parameter}::json))"),
        _ => format!("(SELECT value FROM json_each(${parameter}))"),
    }
}

/// `(SELECT ..)` of the ids (without dashes) in a JSON array parameter, for `IN`.
pub fn uuids(backend: DbBackend, parameter: usize) -> String {
    match backend {
        DbBackend::Postgres => format!("(SELECT value::uuid FROM json_array_elements_text(${parameter}::json))"),
        _ => format!("(SELECT unhex(value) FROM json_each(${parameter}))"),
    }
}

/// A JSON array of the texts, each once, for [`by_texts`] and [`texts`].
pub fn text_list<T: AsRef<str>>(items: &[T]) -> Value {
    let each: std::collections::BTreeSet<&str> = items.iter().map(AsRef::as_ref).collect();
    Value::from(serde_json::Value::from_iter(each).to_string())
}

const fn postgres_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Int => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
    }
}

/// Records as the JSON that [`select`] reads: objects (`{"c0":..}`) for PostgreSQL, arrays for SQLite.
pub fn to_json<R: IntoIterator<Item = Value>>(backend: DbBackend, records: impl ExactSizeIterator<Item = R>) -> String {
    let named = backend == DbBackend::Postgres;
    let (open, close) = if named { ('{', '}') } else { ('[', ']') };
    let mut json = String::with_capacity(records.len() * 400);
    json.push('[');
    for (number, record) in records.enumerate() {
        if number > 0 {
            json.push(',');
        }
        json.push(open);
        for (index, value) in record.into_iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            if named {
                let _ = write!(json, "\"c{index}\":");
            }
            push(&mut json, &value);
        }
        json.push(close);
    }
    json.push(']');
    json
}

/// Writes one value. Rows hold only uuids, integers, flags and text; anything else would be a new column type.
fn push(json: &mut String, value: &Value) {
    let _ = match value {
        Value::Uuid(Some(uuid)) => write!(json, "\"{}\"", uuid.simple()),
        Value::BigInt(Some(number)) => write!(json, "{number}"),
        Value::Bool(Some(flag)) => write!(json, "{flag}"),
        Value::String(Some(text)) => write!(json, "{}", serde_json::Value::from(text.as_str())),
        _ => write!(json, "null"),
    };
}
