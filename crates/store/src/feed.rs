//! All that happened in a workspace, in one order that stands still, for whoever follows it.
//!
//! Ids sort by the time at which they were made, and that is before their transaction is committed: a row may become visible
//! after one with a larger id. So the feed ends at [`settled`], the last moment before which nothing can appear any more:
//! no transaction that is under way was asked for earlier. That costs those who write nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hearback_core::id::WorkspaceId;
use sea_orm::{Condition, ConnectionTrait as _, DbBackend, QueryOrder, QuerySelect, Statement, entity::prelude::*};

use crate::{Db, StoreError, cases, events, lists, responses, time::millis};

/// How far the clocks of two nodes may differ, with the time between a glance at the clock and the start of a transaction.
pub const SLACK: Duration = Duration::from_secs(5);
/// Between a glance at the clock and the start of a transaction in this process.
const GLANCE: Duration = Duration::from_secs(1);

/// The moment before which nothing can appear any more. Whatever is written by this process is known to it; what other nodes
/// write on PostgreSQL, the server tells. `slack` is [`SLACK`], but for tests.
pub async fn settled(db: &Db, now: DateTime<Utc>, slack: Duration) -> Result<DateTime<Utc>, StoreError> {
    let ours = db.oldest_write().map_or(Duration::ZERO, |oldest| oldest + GLANCE.min(slack));
    let theirs = match db.backend() {
        DbBackend::Postgres => oldest_transaction(db).await?.map_or(Duration::ZERO, |oldest| oldest + slack),
        _ => Duration::ZERO,
    };
    let behind = slack.max(ours).max(theirs);
    Ok(now - chrono::Duration::from_std(behind).unwrap_or(chrono::Duration::days(1)))
}

/// How long the oldest transaction on this database lasts, but for the one that asks.
async fn oldest_transaction(db: &Db) -> Result<Option<Duration>, StoreError> {
    let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp() - MIN(xact_start)) AS double precision) FROM pg_stat_activity \
               WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    let row = db.read().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let seconds: Option<f64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(seconds.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))))
}

/// What happened after this entry and before that moment, the oldest first: each answer, and each entry of a timeline.
pub async fn page(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    after: Option<Uuid>,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<events::Model>, StoreError> {
    let end = first_id(before);
    let mut found = {
        use events::{Column, Entity};
        let span = Condition::all().add(Column::Id.lt(end)).add_option(after.map(|after| Column::Id.gt(after)));
        let rest = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(span);
        rest.order_by_asc(Column::Id).limit(limit).all(conn).await?
    };
    let answers = {
        use responses::{Column, Entity};
        let span = Condition::all().add(Column::Id.lt(end)).add_option(after.map(|after| Column::Id.gt(after)));
        let rest = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(span);
        rest.order_by_asc(Column::Id).limit(limit).all(conn).await?
    };
    let of_answers = cases::Column::ResponseId.is_in(answers.iter().map(|row| row.id));
    let of_answers = cases::Entity::find().filter(cases::Column::WorkspaceId.eq(ws.uuid())).filter(of_answers);
    for case in of_answers.all(conn).await? {
        found.extend(answers.iter().find(|row| row.id == case.response_id).map(|row| lists::answered(&case, row)));
    }
    found.sort_unstable_by_key(|entry| entry.id);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// An id smaller than any that is made at this moment or later.
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(millis(at)).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}
