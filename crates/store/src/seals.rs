//! Where sealed secrets lie, for whoever looks for a key that is missing or seals them anew.

use std::collections::BTreeSet;

use hearback_core::{id::WorkspaceId, seal::Sealed};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value, prelude::Uuid};

use crate::{StoreError, Tx};

/// A column of sealed values.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What is sealed.
    pub what: Sealed,
    table: &'static str,
    column: &'static str,
    /// The column that tells the rows of a workspace apart.
    row: &'static str,
    /// The first of them, before all that there are.
    first: fn() -> Row,
    /// Whether what it is found by stands beside it, in `lookup`.
    is_found: bool,
}

/// All of them.
pub const PLACES: [Place; 5] = [
    Place::by_key(Sealed::WebhookUrl, "webhooks", "sealed_url"),
    Place::by_key(Sealed::WebhookSecret, "webhooks", "sealed_secret"),
    Place::by_id(Sealed::WidgetSecret, "widgets", "sealed_secret"),
    Place { row: "user_id", ..Place::by_id(Sealed::OneTimePassword, "second_factors", "secret") },
    Place { is_found: true, ..Place::by_id(Sealed::GiftCode, "incentive_codes", "sealed") },
];

impl Place {
    const fn by_key(what: Sealed, table: &'static str, column: &'static str) -> Self {
        Self { what, table, column, row: "key", first: || Row::Key(String::new()), is_found: false }
    }

    const fn by_id(what: Sealed, table: &'static str, column: &'static str) -> Self {
        Self { what, table, column, row: "id", first: || Row::Id(Uuid::nil()), is_found: false }
    }

    /// Whether a look-up has to be made for the value.
    pub const fn is_found(&self) -> bool {
        self.is_found
    }
}

/// Which row a value is of: what it was sealed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// By key.
    Key(String),
    /// By id.
    Id(Uuid),
}

impl Row {
    /// As it is authenticated.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Key(key) => key.as_bytes(),
            Self::Id(id) => id.as_bytes(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Key(key) => key.clone().into(),
            Self::Id(id) => (*id).into(),
        }
    }

    fn read(&self, row: &QueryResult) -> Result<Self, DbErr> {
        match self {
            Self::Key(_) => row.try_get_by_index(0).map(Self::Key),
            Self::Id(_) => row.try_get_by_index(0).map(Self::Id),
        }
    }
}

/// The ids of the keys that sealed something of a workspace.
pub async fn keys(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for Place { table, column, .. } in PLACES {
        let sql = format!("SELECT DISTINCT substr({column}, 4, 8) FROM {table} WHERE workspace_id = $1 AND {column} IS NOT NULL");
        let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, [ws.uuid().into()])).await?;
        for row in rows {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}

/// Up to `limit` values of a workspace that another key than this one sealed, behind the row `after`, in the order of rows.
pub async fn of_other_keys(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    place: &Place,
    key: &str,
    after: Option<&Row>,
    limit: u64,
) -> Result<Vec<(Row, String)>, StoreError> {
    let Place { table, column, row, .. } = place;
    let sql = format!(
        "SELECT {row}, {column} FROM {table} WHERE workspace_id = $1 AND {row} > $2 AND substr({column}, 4, 8) <> $3 ORDER BY {row} LIMIT {limit}"
    );
    let first = (place.first)();
    let values = [ws.uuid().into(), after.unwrap_or(&first).value(), key.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| Ok((first.read(row)?, row.try_get_by_index(1)?))).collect::<Result<_, DbErr>>()?)
}

/// Puts `new` in the place of `old`, with what it is found by where there is such; whether `old` was still there.
pub async fn replace(
    tx: &Tx,
    ws: WorkspaceId,
    place: &Place,
    row: &Row,
    old: &str,
    new: &str,
    lookup: Option<&str>,
) -> Result<bool, StoreError> {
    let Place { table, column, row: name, .. } = place;
    let also = if lookup.is_some() { ", lookup = $5" } else { "" };
    let sql = format!("UPDATE {table} SET {column} = $1{also} WHERE workspace_id = $2 AND {name} = $3 AND {column} = $4");
    let mut values = vec![Value::from(new), ws.uuid().into(), row.value(), old.into()];
    values.extend(lookup.map(Value::from));
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() > 0)
}
