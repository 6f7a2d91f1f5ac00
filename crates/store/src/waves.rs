//! One run of a campaign, made of invitations.
use hearback_core::id::WorkspaceId;
use sea_orm::entity::prelude::*;

use crate::StoreError;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "waves")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub campaign: String,
    /// As people call it: 2026-Q4.
    pub name: String,
    /// `planning`, `running`, `paused`, `cancelled`, `finished` or `missed`.
    pub status: String,
    /// The version that is asked.
    pub survey_id: Uuid,
    pub fire_at: i64,
    /// The plan as it was when the wave was fired.
    pub body: String,
    pub created_at: i64,
    pub planned_at: Option<i64>,
    pub paused_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// Why it is paused, cancelled or missed, for people.
    pub reason: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The wave.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: Uuid) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id)).one(conn).await?)
}
