//! What a monitoring system wants to know of the whole installation. Each figure is read from an index that holds only what it
//! counts, so that asking every few seconds costs little, however much has happened.

use std::collections::BTreeMap;

use hearback_core::{
    Word as _,
    state::{DeliveryStatus, JobState},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::{
    StoreError, deliveries, outbox,
    stored::{Stored, words},
    workspaces,
};

/// Jobs by state, of all workspaces: those that wait, those that run and those that were given up.
pub async fn jobs(conn: &impl ConnectionTrait) -> Result<Vec<(JobState, u64)>, StoreError> {
    let mut found = Vec::new();
    for state in JobState::OPEN {
        found.push((state, outbox::Entity::find().filter(outbox::Column::State.eq(state.as_str())).count(conn).await?));
    }
    found.push((JobState::Dead, outbox::dead(conn).await?.iter().map(|stuck| u64::try_from(stuck.jobs).unwrap_or_default()).sum()));
    Ok(found)
}

/// Deliveries by status, of all workspaces, but for those that ended well or were never meant to go.
pub async fn deliveries(conn: &impl ConnectionTrait) -> Result<BTreeMap<DeliveryStatus, i64>, StoreError> {
    use deliveries::{Column, Entity};
    let watched = [DeliveryStatus::Queued, DeliveryStatus::Sending, DeliveryStatus::Deferred, DeliveryStatus::Unknown];
    let watched = [watched.as_slice(), &[DeliveryStatus::Bounced, DeliveryStatus::Dead]].concat();
    let mut found: BTreeMap<DeliveryStatus, i64> = watched.iter().map(|status| (*status, 0)).collect();
    for workspace in workspaces::all(conn).await? {
        let rows = Entity::find().filter(Column::WorkspaceId.eq(workspace.id)).filter(Column::Status.is_in(words(&watched)));
        let counted = rows.select_only().column(Column::Status).column_as(Column::Id.count(), "n").group_by(Column::Status);
        for (status, n) in counted.into_tuple::<(Stored<DeliveryStatus>, i64)>().all(conn).await? {
            *found.entry(*status).or_default() += n;
        }
    }
    Ok(found)
}
