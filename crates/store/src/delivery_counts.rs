//! How many mails are where, over all workspaces: for whoever watches the process.

use hearback_core::{id::WorkspaceId, state::DeliveryStatus};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{StoreError, deliveries, stored::words};

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
