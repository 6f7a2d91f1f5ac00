//! Counting for the metrics: one grouped query a number, whatever the number of answers.
//!
//! Owns: what is counted, and on which columns. Refuses to know: what the counts mean (that is `core`).

use std::{collections::BTreeSet, ops::Range};

use hearback_core::{Counts, LoopStatus, Segment, id::WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError, Unreadable,
    case_list::{RUNNING, contact_due_sql},
    cases::active,
    durations,
    stored::{Stored, quoted},
};

/// Bins of [`Counts`].
const BINS: usize = 11;
/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// Which answers: of these survey versions, given in this span of milliseconds.
#[derive(Debug, Clone)]
pub struct Scope {
    pub workspace: WorkspaceId,
    pub surveys: Vec<Uuid>,
    pub answered: Range<i64>,
}

/// Cases of one day (of their answers, in days since 1970, UTC), segment and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopCount {
    pub day: i64,
    pub segment: Segment,
    pub status: LoopStatus,
    pub cases: i64,
    /// With a time for the first contact.
    pub with_due: i64,
    /// Contacted by then.
    pub contacted_in_time: i64,
}

/// Cases of one day that took about this long to a milestone; `bucket` is one of [`crate::durations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenCount {
    pub day: i64,
    pub bucket: i64,
    pub cases: i64,
}

/// A case under work that is late after this moment, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueCase {
    pub day: i64,
    pub segment: Segment,
    pub late_after: i64,
}

/// Answers of one day with one value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCount {
    pub day: i64,
    /// JSON as it is stored; `None` for answers without the property.
    pub value: Option<String>,
    pub counts: Counts,
}

/// What [`taken`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    FirstContact,
    Close,
}

/// Answers by day (days since 1970, UTC), from the hourly roll-ups; `hours` are hours since 1970.
pub async fn by_day(conn: &impl ConnectionTrait, scope: &Scope, hours: Range<i64>) -> Result<Vec<(i64, Counts)>, StoreError> {
    let sums: Vec<String> = (0..BINS).map(|bin| format!("CAST(SUM(c{bin}) AS BIGINT)")).collect();
    let sql = format!(
        "SELECT hour / 24 AS day, {}, CAST(SUM(no_score) AS BIGINT), CAST(SUM(with_comment) AS BIGINT) FROM rollups \
         WHERE workspace_id = $1 AND hour >= $2 AND hour < $3 AND survey_id IN ({}) GROUP BY 1 ORDER BY 1",
        sums.join(", "),
        scope.survey_list(4),
    );
    let mut rows = Vec::new();
    for row in query(conn, sql, scope.values_between(&hours, [])).await? {
        rows.push((row.try_get_by_index(0)?, read_counts(&row, 1)?));
    }
    Ok(rows)
}

/// Answers of the scope, from the answers themselves: for spans that do not fill an hour.
pub async fn directly(conn: &impl ConnectionTrait, scope: &Scope) -> Result<Counts, StoreError> {
    let sql = format!("SELECT {} FROM responses WHERE {}", count_columns(), scope.condition_from(4));
    let rows = query(conn, sql, scope.values([])).await?;
    Ok(rows.first().map(|row| read_counts(row, 0)).transpose()?.unwrap_or_default())
}

/// Scores that nobody confirmed, by day. They are in no other count.
pub async fn unconfirmed(conn: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<(i64, Counts)>, StoreError> {
    let sql = format!(
        "SELECT given_at / {DAY} AS day, {} FROM unconfirmed WHERE workspace_id = $1 AND given_at >= $2 AND given_at < $3 \
         AND survey_id IN ({}) GROUP BY 1",
        count_columns(),
        scope.survey_list(4),
    );
    let mut rows = Vec::new();
    for row in query(conn, sql, scope.values([])).await? {
        rows.push((row.try_get_by_index(0)?, read_counts(&row, 1)?));
    }
    Ok(rows)
}

/// Answers by day and by the value of a property; at most `limit` rows, which say that there are more when they are all used.
pub async fn by_property(conn: &impl ConnectionTrait, scope: &Scope, property: &str, limit: u64) -> Result<Vec<GroupCount>, StoreError> {
    grouped(conn, scope, property, &format!("answered_at / {DAY}"), "", limit).await
}

async fn grouped(
    conn: &impl ConnectionTrait,
    scope: &Scope,
    property: &str,
    day: &str,
    order: &str,
    limit: u64,
) -> Result<Vec<GroupCount>, StoreError> {
    let (value, name) = match conn.get_database_backend() {
        DbBackend::Postgres => ("CAST(properties AS json) -> $4", property.to_owned()),
        // A plain name is a name to SQLite, unless it looks like a path.
        _ if property.starts_with(['$', '[']) => ("properties -> $4", format!("$.\"{property}\"")),
        _ => ("properties -> $4", property.to_owned()),
    };
    let sql = format!(
        "SELECT {day} AS day, CAST({value} AS TEXT) AS value, {} FROM responses WHERE {} GROUP BY 1, 2{order} LIMIT $5",
        count_columns(),
        scope.condition_from(6),
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query(conn, sql, scope.values([name.into(), limit.into()])).await?;
    let read = |row: &QueryResult| -> Result<GroupCount, DbErr> {
        Ok(GroupCount { day: row.try_get_by_index(0)?, value: row.try_get_by_index(1)?, counts: read_counts(row, 2)? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// The same without the days, for a property with too many values: the largest groups.
pub async fn by_property_at_once(
    conn: &impl ConnectionTrait,
    scope: &Scope,
    property: &str,
    limit: u64,
) -> Result<Vec<GroupCount>, StoreError> {
    grouped(conn, scope, property, "CAST(0 AS BIGINT)", " ORDER BY COUNT(*) DESC, 2", limit).await
}

/// Where the loops of these answers stand, by day.
pub async fn loops(conn: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<LoopCount>, StoreError> {
    let sql = format!(
        "SELECT answered_at / {DAY} AS day, segment, loop_status, COUNT(*), COUNT(first_contact_due_at), \
         CAST(SUM(CASE WHEN first_contact_at <= first_contact_due_at THEN 1 ELSE 0 END) AS BIGINT) \
         FROM cases WHERE {} GROUP BY 1, 2, 3",
        scope.condition_from(4),
    );
    query(conn, sql, scope.values([])).await?.iter().map(read_loop_count).collect()
}

/// Cases under work and when each is late, by day: when the first contact is due while there was none, or when closing is due
/// while that clock runs, whichever comes first. Those that nothing is due in are left out.
pub async fn dues(conn: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<DueCase>, StoreError> {
    let sql = format!(
        "SELECT answered_at / {DAY} AS day, segment, {}, CASE WHEN {RUNNING} THEN close_due_at END FROM cases WHERE {} AND {}",
        contact_due_sql(),
        active(),
        scope.condition_from(4),
    );
    let mut found = Vec::new();
    for row in query(conn, sql, scope.values([])).await? {
        let (contact, close): (Option<i64>, Option<i64>) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        if let Some(late_after) = contact.into_iter().chain(close).min() {
            let segment = read_segment(&row.try_get_by_index::<String>(1)?)?;
            found.push(DueCase { day: row.try_get_by_index(0)?, segment, late_after });
        }
    }
    Ok(found)
}

/// How long it took from an answer to the milestone, over the cases that reached it, by day.
pub async fn taken(conn: &impl ConnectionTrait, scope: &Scope, milestone: Milestone) -> Result<Vec<TakenCount>, StoreError> {
    let (reached, cases) = match milestone {
        Milestone::FirstContact => ("first_contact_at", "first_contact_at IS NOT NULL".to_owned()),
        Milestone::Close => ("closed_at", format!("closed_at IS NOT NULL AND loop_status = {}", quoted(LoopStatus::Closed))),
    };
    let minutes = format!("({reached} - answered_at) / 60000");
    let sql = format!(
        "SELECT answered_at / {DAY} AS day, {} AS bucket, COUNT(*) FROM cases WHERE {} AND {cases} GROUP BY 1, 2",
        durations::bucket_sql(&minutes),
        scope.condition_from(4),
    );
    let rows = query(conn, sql, scope.values([])).await?;
    let read = |row: &QueryResult| -> Result<TakenCount, DbErr> {
        Ok(TakenCount { day: row.try_get_by_index(0)?, bucket: row.try_get_by_index(1)?, cases: row.try_get_by_index(2)? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Days of the answers whose cases changed from `since` on: every write to a case sets its `updated_at`.
pub async fn changed_days(conn: &impl ConnectionTrait, scope: &Scope, since: i64) -> Result<BTreeSet<i64>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT answered_at / {DAY} FROM cases WHERE workspace_id = $1 AND updated_at >= $2 AND survey_id IN ({})",
        scope.survey_list(3)
    );
    let values = [scope.workspace.uuid().into(), since.into()].into_iter().chain(scope.surveys.iter().map(|id| Value::from(*id)));
    let rows = query(conn, sql, values.collect()).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?)
}

impl Scope {
    /// `$N, ..` for the surveys, from parameter `first`.
    fn survey_list(&self, first: usize) -> String {
        let places: Vec<String> = (first..first + self.surveys.len()).map(|place| format!("${place}")).collect();
        if places.is_empty() { "NULL".to_owned() } else { places.join(", ") }
    }

    /// On `$1` workspace, `$2` and `$3` times, and the surveys from parameter `first`.
    fn condition_from(&self, first: usize) -> String {
        format!("workspace_id = $1 AND survey_id IN ({}) AND answered_at >= $2 AND answered_at < $3", self.survey_list(first))
    }

    /// Workspace, times, what the statement has besides, surveys: the values for [`Scope::condition_from`].
    fn values<const N: usize>(&self, besides: [Value; N]) -> Vec<Value> {
        self.values_between(&self.answered, besides)
    }

    fn values_between<const N: usize>(&self, bounds: &Range<i64>, besides: [Value; N]) -> Vec<Value> {
        let fixed = [self.workspace.uuid().into(), bounds.start.into(), bounds.end.into()];
        fixed.into_iter().chain(besides).chain(self.surveys.iter().map(|id| Value::from(*id))).collect()
    }
}

async fn query(conn: &impl ConnectionTrait, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
    Ok(conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?)
}

/// The columns that [`read_counts`] reads, over rows of `responses`.
fn count_columns() -> String {
    let bins: Vec<String> = (0..BINS).map(|bin| format!("COUNT(CASE WHEN score = {bin} THEN 1 END)")).collect();
    format!("{}, COUNT(CASE WHEN score IS NULL THEN 1 END), COUNT(comment)", bins.join(", "))
}

fn read_counts(row: &QueryResult, first: usize) -> Result<Counts, DbErr> {
    let mut counts = Counts::default();
    for (index, bin) in counts.bins.iter_mut().enumerate() {
        *bin = number(row, first + index)?;
    }
    counts.no_score = number(row, first + BINS)?;
    counts.with_comment = number(row, first + BINS + 1)?;
    Ok(counts)
}

/// A sum over no rows is null.
fn number(row: &QueryResult, index: usize) -> Result<i64, DbErr> {
    Ok(row.try_get_by_index::<Option<i64>>(index)?.unwrap_or(0))
}

fn read_loop_count(row: &QueryResult) -> Result<LoopCount, StoreError> {
    let (segment, status): (String, Stored<LoopStatus>) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
    Ok(LoopCount {
        day: row.try_get_by_index(0)?,
        segment: read_segment(&segment)?,
        status: *status,
        cases: row.try_get_by_index(3)?,
        with_due: row.try_get_by_index(4)?,
        contacted_in_time: row.try_get_by_index(5)?,
    })
}

fn read_segment(word: &str) -> Result<Segment, StoreError> {
    Segment::parse(word).ok_or_else(|| unreadable(word))
}

fn unreadable(word: &str) -> StoreError {
    Unreadable::new("cases", "(several)", format!("`{word}` is no word for it")).into()
}
