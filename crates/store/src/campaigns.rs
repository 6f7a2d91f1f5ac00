//! Recurring plans of asking: which survey, whom, when.
use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaigns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub name: String,
    /// Key of the survey; a wave asks its version of that moment.
    pub survey: String,
    /// `active`, `paused` or `ended`.
    pub status: String,
    /// The plan: `hearback_core::campaign::Plan` as JSON.
    pub body: String,
    /// When the schedule fires next; null for campaigns without one.
    pub next_fire_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
