//! Codes of a pool; each is given at most once.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use hearback_core::id::CaseId;
use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{LockBehavior, LockType},
};

use crate::{StoreError, Tx, time::millis};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "incentive_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub pool: String,
    pub code: String,
    pub created_at: i64,
    pub case_id: Option<Uuid>,
    pub given_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Gives each of `wanted` one unused code of the pool, as far as they last; a case that has one of this pool keeps it.
/// Returns the cases that have a code now.
pub async fn give(tx: &Tx, workspace: Uuid, pool: &str, wanted: &[CaseId], now: DateTime<Utc>) -> Result<HashSet<CaseId>, StoreError> {
    let of_pool = || Entity::find().filter(Column::WorkspaceId.eq(workspace)).filter(Column::Pool.eq(pool));
    let had = of_pool().filter(Column::CaseId.is_in(wanted.iter().map(|case| case.uuid()))).all(&**tx).await?;
    let mut have: HashSet<CaseId> = had.into_iter().filter_map(|row| row.case_id).map(CaseId::from_uuid).collect();
    let missing: Vec<CaseId> = wanted.iter().copied().filter(|case| !have.contains(case)).collect();
    let limit = u64::try_from(missing.len()).unwrap_or(u64::MAX);
    let free = of_pool()
        .filter(Column::CaseId.is_null())
        .order_by_asc(Column::Id)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(&**tx)
        .await?;
    for (code, case) in free.into_iter().zip(missing) {
        Entity::update_many()
            .col_expr(Column::CaseId, Expr::value(case.uuid()))
            .col_expr(Column::GivenAt, Expr::value(millis(now)))
            .filter(Column::WorkspaceId.eq(workspace))
            .filter(Column::Id.eq(code.id))
            .exec(&**tx)
            .await?;
        have.insert(case);
    }
    Ok(have)
}
