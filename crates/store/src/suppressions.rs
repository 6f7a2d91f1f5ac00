//! Addresses that must not be mailed, and why.

use std::collections::HashSet;

use hearback_core::{id::WorkspaceId, token::fingerprint};
use sea_orm::{QuerySelect as _, entity::prelude::*};

use crate::StoreError;

/// How the address of somebody who was erased is written: by its fingerprint alone, so that nobody reads it here any more
/// and it is known again when it comes back.
const ERASED: &str = "erased:";

/// A row, as stored. `address` is a mail address, or what [`erased`] makes of one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppressions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub reason: String,
    pub created_at: i64,
    pub note: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What stands for the address of somebody who was erased.
pub fn erased(ws: WorkspaceId, address: &str) -> String {
    format!("{ERASED}{}", fingerprint(&format!("{ws}/{address}")))
}

/// All addresses of people who were erased, as [`erased`] wrote them.
pub async fn all_erased(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<HashSet<String>, StoreError> {
    let rows = Entity::find().select_only().column(Column::Address).filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(rows.filter(Column::Address.starts_with(ERASED)).into_tuple::<String>().all(conn).await?.into_iter().collect())
}
