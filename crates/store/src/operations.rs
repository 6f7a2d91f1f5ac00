//! What a monitoring system wants to know of the whole installation. Each figure is read from an index that holds only what it
//! counts, so that asking every few seconds costs little, however much has happened.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::{StoreError, deliveries, outbox, workspaces};

/// Jobs by state, of all workspaces: those that wait, those that run and those that were given up.
pub async fn jobs(conn: &impl ConnectionTrait) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let mut found = Vec::new();
    for state in ["queued", "running"] {
        found.push((state, outbox::Entity::find().filter(outbox::Column::State.eq(state)).count(conn).await?));
    }
    found.push(("dead", outbox::dead(conn).await?.iter().map(|stuck| u64::try_from(stuck.jobs).unwrap_or_default()).sum()));
    Ok(found)
}

/// Deliveries by status, of all workspaces, but for those that ended well or were never meant to go.
pub async fn deliveries(conn: &impl ConnectionTrait) -> Result<BTreeMap<String, i64>, StoreError> {
    use deliveries::{Column, Entity};
    const WATCHED: [&str; 6] = ["queued", "sending", "deferred", "unknown", "bounced", "dead"];
    let mut found: BTreeMap<String, i64> = WATCHED.iter().map(|status| ((*status).to_owned(), 0)).collect();
    for workspace in workspaces::all(conn).await? {
        let watched = Entity::find().filter(Column::WorkspaceId.eq(workspace.id)).filter(Column::Status.is_in(WATCHED));
        let counted = watched.select_only().column(Column::Status).column_as(Column::Id.count(), "n").group_by(Column::Status);
        for (status, n) in counted.into_tuple::<(String, i64)>().all(conn).await? {
            *found.entry(status).or_default() += n;
        }
    }
    Ok(found)
}
