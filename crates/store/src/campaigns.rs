//! Recurring plans of asking: which survey, whom, when.

use hearback_core::{Word as _, id::WorkspaceId, state::CampaignStatus};
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, stored::Stored};

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
    pub status: Stored<CampaignStatus>,
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

/// The campaign with this key.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), key.to_owned())).one(conn).await?)
}

/// The same, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), key.to_owned())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// All of a workspace, by key.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Key).all(conn).await?)
}

/// Those of all workspaces whose time has come, the longest waiting first.
pub async fn due(conn: &impl ConnectionTrait, now: i64, limit: u64) -> Result<Vec<Model>, StoreError> {
    let due = Entity::find().filter(Column::Status.eq(CampaignStatus::Active.as_str())).filter(Column::NextFireAt.lte(now));
    Ok(due.order_by_asc(Column::NextFireAt).limit(limit).all(conn).await?)
}
