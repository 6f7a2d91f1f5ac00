//! The follow-up of each response.

use hearback_core::id::{CaseId, WorkspaceId};
use sea_orm::{QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub response_id: Uuid,
    pub person_id: Uuid,
    pub survey_id: Uuid,
    pub segment: String,
    pub score: i64,
    pub revision: i64,
    pub loop_status: String,
    pub owner: Option<String>,
    pub tags: String,
    pub answered_at: i64,
    pub first_contact_due_at: Option<i64>,
    pub close_due_at: Option<i64>,
    pub first_contact_at: Option<i64>,
    pub contact_overdue_at: Option<i64>,
    pub acknowledged_at: Option<i64>,
    pub escalated_at: Option<i64>,
    pub resolved_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub root_cause: Option<String>,
    pub resolution: Option<String>,
    pub attempts: i64,
    pub contacts: i64,
    pub open_tasks: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The case, held until the transaction ends: steps of one case happen one after the other.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: CaseId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, case: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(case).reset_all()).exec(&**tx).await?;
    Ok(())
}
