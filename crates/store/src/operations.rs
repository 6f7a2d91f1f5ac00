//! What a monitoring system wants to know of the whole installation. Each figure is read from an index that holds only what it
//! counts, so that asking every few seconds costs little, however much has happened.

use std::collections::BTreeMap;

use hearback_core::{
    Word as _,
    state::{DeliveryStatus, JobState},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QuerySelect, Statement};

use crate::{
    Db, StoreError, deliveries, outbox,
    stored::{Stored, words},
    workspaces,
};

/// A transaction that has not ended. PostgreSQL can't clean up what was changed or deleted since it began.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct OpenTransaction {
    /// Since when, by the database's clock; milliseconds since 1970.
    pub since: i64,
    /// Whose it is: a process and the program behind it, or the name of a prepared transaction.
    pub holder: String,
    /// The statement that ends it.
    pub ended_by: String,
}

/// The transaction that has kept PostgreSQL from cleaning up for longest in this database, whoever's it is; `None` while there is none, and always on
/// SQLite. One that has neither read nor written holds back nothing, and what cleans up does not hold itself back. Sessions of other
/// roles are seen only by a role that has `pg_read_all_stats`.
pub async fn oldest_transaction(db: &Db) -> Result<Option<OpenTransaction>, StoreError> {
    const OPEN: &str = "\
        SELECT CAST(EXTRACT(EPOCH FROM since) * 1000 AS BIGINT) AS since, holder, ended_by FROM ( \
            SELECT xact_start AS since, \
                'process ' || pid || ' (' || COALESCE(NULLIF(application_name, ''), 'a program without a name') || ', user ' || COALESCE(usename, 'of the server itself') || ')' AS holder, \
                'SELECT pg_terminate_backend(' || pid || ')' AS ended_by \
            FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL \
                AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) \
                AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum) \
            UNION ALL \
            SELECT prepared, 'prepared transaction ' || quote_literal(gid) || ' (user ' || owner || ')', 'ROLLBACK PREPARED ' || quote_literal(gid) \
            FROM pg_prepared_xacts WHERE database = current_database() \
        ) AS transactions ORDER BY since LIMIT 1";
    if db.backend() != DbBackend::Postgres {
        return Ok(None);
    }
    Ok(OpenTransaction::find_by_statement(Statement::from_string(DbBackend::Postgres, OPEN)).one(db.read()).await?)
}

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
