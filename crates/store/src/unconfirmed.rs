//! Scores that were chosen by a link and confirmed by nobody: they count nowhere and start nothing.
use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unconfirmed")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub invitation_id: Uuid,
    pub survey_id: Uuid,
    pub person_id: Uuid,
    pub score: i64,
    pub comment: Option<String>,
    pub answers: Option<String>,
    pub tries: i64,
    pub given_at: i64,
    pub last_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
