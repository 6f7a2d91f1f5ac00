//! One person asked once.
use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub person_id: Uuid,
    /// The version that is asked.
    pub survey_id: Uuid,
    /// Null for one that was asked for alone.
    pub wave_id: Option<Uuid>,
    pub campaign: Option<String>,
    pub account_key: Option<String>,
    /// `email` or `link`.
    pub channel: String,
    /// `planned`, `blocked` (looked at again at `due_at`), `queued` (its mail is in the outbox), `sent`, `answered`, `not_asked`, `cancelled`, `bounced` or `expired`.
    pub state: String,
    /// Why it is blocked or not asked: a word of `hearback_core::campaign::Reason`.
    pub reason: Option<String>,
    /// When it is sent, or looked at again.
    pub due_at: i64,
    pub ignores_limits: bool,
    /// Reminders sent so far.
    pub reminders: i64,
    pub remind_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub answered_at: Option<i64>,
    pub response_id: Option<Uuid>,
    /// Until when its link can be answered.
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
