//! Jobs that go on only when somebody does something: those that were given up, and those that wait for a newer version.

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::{JobId, WorkspaceId},
    state::JobState,
};
use sea_orm::{
    Condition, ConnectionTrait, QueryOrder, QuerySelect, Statement,
    entity::prelude::{ColumnTrait, DbErr, EntityTrait, Expr, QueryFilter},
};

use super::{Column, Entity, Model, UNREADABLE};
use crate::{
    StoreError, Tx,
    cursor::{Cursor, Listed, Page},
    stored::quoted,
    time::millis,
};

/// How many jobs of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub workspace: WorkspaceId,
    pub kind: String,
    pub jobs: i64,
}

/// Jobs that were given up, of all workspaces.
pub async fn dead(conn: &impl ConnectionTrait) -> Result<Vec<Stuck>, StoreError> {
    count(conn, &format!("state = {}", quoted(JobState::Dead))).await
}

/// Jobs that wait for a version that can read them or what they need, of all workspaces.
pub async fn unreadable(conn: &impl ConnectionTrait) -> Result<Vec<Stuck>, StoreError> {
    count(conn, &format!("state = {} AND error = '{UNREADABLE}'", quoted(JobState::Queued))).await
}

/// The condition is literal: so the index that holds only these rows can be used.
async fn count(conn: &impl ConnectionTrait, which: &str) -> Result<Vec<Stuck>, StoreError> {
    let sql =
        format!("SELECT workspace_id, kind, COUNT(*) FROM outbox WHERE {which} GROUP BY workspace_id, kind ORDER BY workspace_id, kind");
    let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), sql)).await?;
    let read = |row: &sea_orm::QueryResult| {
        let workspace = WorkspaceId::from_uuid(row.try_get_by_index(0)?);
        Ok(Stuck { workspace, kind: row.try_get_by_index(1)?, jobs: row.try_get_by_index(2)? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
}

fn stuck() -> Condition {
    let unreadable = Condition::all().add(Column::State.eq(JobState::Queued.as_str())).add(Column::Error.eq(UNREADABLE));
    Condition::any().add(Column::State.eq(JobState::Dead.as_str())).add(unreadable)
}

/// These jobs, whatever their state.
pub async fn by_ids(conn: &impl ConnectionTrait, ws: WorkspaceId, ids: &[JobId]) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids.iter().map(|id| id.uuid())));
    Ok(these.all(conn).await?)
}

/// One page of these jobs, the newest first.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, page: Page) -> Result<Listed<Model>, StoreError> {
    let of = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(stuck()).add(page.below(Expr::col(Column::CreatedAt), Column::Id));
    let found = Entity::find().filter(of).order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    let rows = found.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}

/// One of them, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: JobId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).filter(stuck()).lock_exclusive().one(&**tx).await?)
}

/// Puts a job back into the queue: due now, with all its attempts.
pub async fn put_back(tx: &Tx, ws: WorkspaceId, id: JobId, now: DateTime<Utc>) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Queued.as_str()))
        .col_expr(Column::RunAt, Expr::value(millis(now)))
        .col_expr(Column::Attempts, Expr::value(0_i64))
        .col_expr(Column::Error, Expr::value(Option::<String>::None))
        .col_expr(Column::FinishedAt, Expr::value(Option::<i64>::None))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// The job is never done.
pub async fn discard(tx: &Tx, ws: WorkspaceId, id: JobId, why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Cancelled.as_str()))
        .col_expr(Column::Error, Expr::value(why))
        .col_expr(Column::FinishedAt, Expr::value(millis(now)))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}
