//! How many mails are where, over all workspaces: for the benchmark and for whoever watches the process.

use hearback_core::{id::WorkspaceId, state::DeliveryStatus};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{StoreError, deliveries, stored::words};

/// Mails that a server has accepted.
pub async fn sent(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    of(connection, &[DeliveryStatus::Sent]).await
}

/// Mails that wait for their turn.
pub async fn queued(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    of(connection, &DeliveryStatus::WAITING).await
}

/// Mails of one workspace that were not handed over yet.
pub async fn waiting(connection: &impl ConnectionTrait, ws: WorkspaceId) -> Result<u64, StoreError> {
    use deliveries::Column::{Status, WorkspaceId};
    let rows = deliveries::Entity::find().filter(WorkspaceId.eq(ws.uuid())).filter(Status.is_in(words(&DeliveryStatus::UNSENT)));
    Ok(rows.count(connection).await?)
}

/// Mails that asked somebody something and were sent since then: a sender is known by all its mail.
pub async fn asked_since(connection: &impl ConnectionTrait, since: i64) -> Result<u64, StoreError> {
    use deliveries::Column::{InvitationId, SentAt};
    Ok(deliveries::Entity::find().filter(InvitationId.is_not_null()).filter(SentAt.gte(since)).count(connection).await?)
}

async fn of(connection: &impl ConnectionTrait, statuses: &[DeliveryStatus]) -> Result<u64, StoreError> {
    let rows = deliveries::Entity::find().filter(deliveries::Column::Status.is_in(words(statuses)));
    Ok(rows.count(connection).await?)
}
