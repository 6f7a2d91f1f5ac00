//! What somebody of ours must do in a case.

use hearback_core::{
    Word as _,
    id::{CaseId, TaskId, WorkspaceId},
    state::TaskStatus,
};
use sea_orm::{QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, stored::Stored};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Uuid,
    pub title: String,
    pub owner: String,
    pub status: Stored<TaskStatus>,
    pub outcome: Option<String>,
    pub due_at: i64,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub overdue_at: Option<i64>,
    pub rule_version_id: Option<Uuid>,
    pub step_index: Option<i64>,
    pub revision: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The task.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: TaskId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The same, held until the transaction ends. Lock its case first: everybody takes the two in this order.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: TaskId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, task: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(task).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Gives the open tasks that one owner has in a case to another; how many. Lock the case first.
pub async fn hand_over(tx: &Tx, ws: WorkspaceId, case: CaseId, from: &str, to: &str) -> Result<u64, StoreError> {
    let theirs = Entity::update_many()
        .col_expr(Column::Owner, Expr::value(to))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::CaseId.eq(case.uuid()))
        .filter(Column::Owner.eq(from))
        .filter(Column::Status.eq(TaskStatus::Open.as_str()));
    Ok(theirs.exec(&**tx).await?.rows_affected)
}
