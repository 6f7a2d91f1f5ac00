//! Jobs that wait for something that somebody has to end: a hold, a pause. What they say is how they are found again.

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::{JobId, WorkspaceId},
    state::{DeliveryStatus, JobState},
};
use sea_orm::{
    Condition,
    entity::prelude::{ColumnTrait, EntityTrait, Expr, QueryFilter},
};

use super::{Column, Entity};
use crate::{StoreError, Tx, deliveries, stored::words, time::millis};

/// What a job says that found sending on hold.
pub const ON_HOLD: &str = "sending is on hold";

/// What a job says that waits for a node that can read it, or what it needs. Part of an index.
pub const UNREADABLE: &str = "a newer version is needed to read it";

/// What a job says that waits because its rule is paused.
pub const RULE_PAUSED: &str = "its rule is paused: it wanted to send too many mails";

/// Lets the jobs that wait for a paused rule look again at once.
pub async fn wake_paused(tx: &Tx, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let due = Entity::update_many().col_expr(Column::RunAt, Expr::value(millis(now))).filter(Column::WorkspaceId.eq(workspace.uuid()));
    due.filter(Column::State.eq(JobState::Queued.as_str())).filter(Column::Error.eq(RULE_PAUSED)).exec(&**tx).await?;
    Ok(())
}

/// What a job says that waits because its wave or campaign is paused.
pub const WAVE_PAUSED: &str = "its wave is paused";

/// Lets the jobs that wait for a paused wave or campaign look again at once; those whose own one is still paused go on waiting.
pub async fn wake_waves(tx: &Tx, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let due = Entity::update_many().col_expr(Column::RunAt, Expr::value(millis(now))).filter(Column::WorkspaceId.eq(workspace.uuid()));
    due.filter(Column::State.eq(JobState::Queued.as_str())).filter(Column::Error.eq(WAVE_PAUSED)).exec(&**tx).await?;
    Ok(())
}

/// Lets a job that waits look again at once.
pub async fn wake(tx: &Tx, workspace: WorkspaceId, job: JobId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let due = Entity::update_many().col_expr(Column::RunAt, Expr::value(millis(now))).filter(Column::WorkspaceId.eq(workspace.uuid()));
    due.filter(Column::Id.eq(job.uuid())).filter(Column::State.eq(JobState::Queued.as_str())).exec(&**tx).await?;
    Ok(())
}

/// The jobs that wait for sending to go on, and all mails; not those that ask people, each of whom is told apart by when they were due.
fn held(workspace: WorkspaceId) -> Condition {
    Condition::all()
        .add(Column::WorkspaceId.eq(workspace.uuid()))
        .add(Column::State.eq(JobState::Queued.as_str()))
        .add(Condition::any().add(Column::Error.eq(ON_HOLD)).add(Column::Kind.is_in(["mail", "post"])))
        .add(Column::Kind.is_not_in(["wave", "invite"]))
}

/// Sending goes on: the jobs that waited for it are due now; how many there are.
pub async fn wake_held(tx: &Tx, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let due = Entity::update_many().col_expr(Column::RunAt, Expr::value(millis(now))).filter(Column::WorkspaceId.eq(workspace.uuid()));
    let due = due.filter(Column::State.eq(JobState::Queued.as_str())).filter(Column::Error.eq(ON_HOLD));
    Ok(due.exec(&**tx).await?.rows_affected)
}

/// Cancels all mails that were not handed over, and every other job that waited for sending to go on and asks nobody; how many jobs.
pub async fn cancel_held(tx: &Tx, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<u64, StoreError> {
    const WHY: &str = "cancelled when sending was resumed";
    let cancelled = Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Cancelled.as_str()))
        .col_expr(Column::Error, Expr::value(WHY))
        .col_expr(Column::FinishedAt, Expr::value(millis(now)))
        .filter(held(workspace))
        .exec(&**tx)
        .await?;
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::Status, Expr::value(DeliveryStatus::Cancelled.as_str()))
        .col_expr(deliveries::Column::Reply, Expr::value(WHY))
        .col_expr(deliveries::Column::UpdatedAt, Expr::value(millis(now)))
        .filter(deliveries::Column::WorkspaceId.eq(workspace.uuid()))
        .filter(deliveries::Column::Status.is_in(words(&DeliveryStatus::UNSENT)))
        .exec(&**tx)
        .await?;
    Ok(cancelled.rows_affected)
}
