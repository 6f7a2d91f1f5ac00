//! Places on other sites where a survey is asked.
use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "widgets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub public_key: String,
    pub name: String,
    pub survey: String,
    /// JSON list of the origins that may use it.
    pub origins: String,
    /// Signs who the visitor is.
    pub secret: String,
    pub body: String,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
