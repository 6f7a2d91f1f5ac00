//! How many mails each rule version decided on in each clock hour: what the guard rail looks at.

use sea_orm::{ConnectionTrait, DbErr, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx,
    bulk::{Kind, select, to_json},
};

/// A row, as stored. `hour` counts from 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_hours")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub rule_version_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub hour: i64,
    pub mails: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds to the counts of one hour; gives the new ones, by rule version. `more` is sorted: two writers that meet wait for each
/// other, never in a circle.
pub async fn add(tx: &Tx, ws: Uuid, hour: i64, more: &[(Uuid, i64)]) -> Result<Vec<(Uuid, i64)>, StoreError> {
    const FIELDS: [(&str, Kind); 4] =
        [("workspace_id", Kind::Uuid), ("rule_version_id", Kind::Uuid), ("hour", Kind::Int), ("mails", Kind::Int)];
    if more.is_empty() {
        return Ok(Vec::new());
    }
    let backend = tx.get_database_backend();
    let sql = format!(
        "INSERT INTO rule_hours (workspace_id, rule_version_id, hour, mails) {} ON CONFLICT (workspace_id, rule_version_id, hour) \
         DO UPDATE SET mails = rule_hours.mails + excluded.mails RETURNING rule_version_id, mails",
        select(backend, &FIELDS, 1)
    );
    let records = more.iter().map(|(version, mails)| [Value::from(ws), Value::from(*version), hour.into(), (*mails).into()]);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(to_json(backend, records))])).await?;
    Ok(rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<_, DbErr>>()?)
}
