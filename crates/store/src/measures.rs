//! Counting for the metrics: one grouped query a number, whatever the number of answers.
//!
//! Owns: what is counted, and on which columns. Refuses to know: what the counts mean (that is `core`).

use std::{collections::BTreeSet, ops::Range};

use hearback_core::{Counts, LoopStatus, Segment, id::WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError, Unreadable, cases,
    loop_counts::{self, BLOCK},
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

/// Cases of a segment and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopCount {
    pub segment: Segment,
    pub status: LoopStatus,
    pub cases: i64,
    /// With a time for the first contact.
    pub with_due: i64,
    /// Contacted by then.
    pub contacted_in_time: i64,
}

/// Cases that took about this long to a milestone; `bucket` is one of [`crate::durations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenCount {
    pub bucket: i64,
    pub cases: i64,
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

impl Milestone {
    pub(crate) const ALL: [Self; 2] = [Self::FirstContact, Self::Close];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FirstContact => "first_contact",
            Self::Close => "close",
        }
    }

    /// Minutes from the answer to it; `None` for a case that has not reached it.
    pub(crate) fn minutes(self, case: &cases::Model) -> Option<i64> {
        let reached = match self {
            Self::FirstContact => case.first_contact_at,
            Self::Close => case.closed_at.filter(|_| case.loop_status == LoopStatus::Closed),
        };
        Some((reached? - case.answered_at) / 60_000)
    }

    /// The same in SQL.
    pub(crate) fn minutes_sql(self) -> String {
        let reached = match self {
            Self::FirstContact => "first_contact_at",
            Self::Close => "closed_at",
        };
        format!("({reached} - answered_at) / 60000")
    }

    pub(crate) fn reached_sql(self) -> String {
        match self {
            Self::FirstContact => "first_contact_at IS NOT NULL".to_owned(),
            Self::Close => format!("closed_at IS NOT NULL AND loop_status = {}", quoted(LoopStatus::Closed)),
        }
    }
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

/// Where the loops of these answers stand. Whole days come from what is kept; what a bound cuts off a day is counted case by case.
pub async fn loops(conn: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<LoopCount>, StoreError> {
    let (days, edges) = scope.days();
    let sql = format!(
        "SELECT segment, loop_status, CAST(SUM(cases) AS BIGINT), CAST(SUM(with_due) AS BIGINT), CAST(SUM(contacted_in_time) AS BIGINT) \
         FROM loop_counts WHERE workspace_id = $1 AND survey_id IN ({}) AND day >= $2 AND day < $3 GROUP BY 1, 2",
        scope.survey_list(4)
    );
    let mut rows = query(conn, sql, scope.values_between(&days, [])).await?;
    for edge in edges {
        let counted = loop_counts::counts_select();
        let sql = format!(
            "SELECT segment, loop_status, CAST(SUM(cases) AS BIGINT), CAST(SUM(with_due) AS BIGINT), CAST(SUM(contacted_in_time) AS BIGINT) \
             FROM ({counted} WHERE {} GROUP BY 1, 2, 3, 4, 5) AS edge GROUP BY 1, 2",
            scope.condition_from(4)
        );
        rows.extend(query(conn, sql, scope.values_between(&edge, [])).await?);
    }
    rows.iter().map(read_loop_count).collect()
}

/// How many cases of each segment are late at this moment.
pub async fn overdue(conn: &impl ConnectionTrait, scope: &Scope, now: i64) -> Result<Vec<(Segment, i64)>, StoreError> {
    let late = "late_at IS NOT NULL AND late_at < $4";
    let sql = format!("SELECT segment, COUNT(*) FROM cases WHERE {} AND {late} GROUP BY 1", scope.condition_from(5));
    let mut found = Vec::new();
    for row in query(conn, sql, scope.values([now.into()])).await? {
        found.push((read_segment(&row.try_get_by_index::<String>(0)?)?, row.try_get_by_index(1)?));
    }
    Ok(found)
}

/// How long it took from an answer to the milestone, over the cases that reached it.
pub async fn taken(conn: &impl ConnectionTrait, scope: &Scope, milestone: Milestone) -> Result<Vec<TakenCount>, StoreError> {
    let (days, edges) = scope.days();
    let (blocks, others) = blocks(&days);
    let kept = format!(
        "SELECT bucket, CAST(SUM(cases) AS BIGINT) FROM loop_durations WHERE workspace_id = $1 AND days = $4 AND milestone = '{}' \
         AND start >= $2 AND start < $3 AND survey_id IN ({}) GROUP BY 1",
        milestone.as_str(),
        scope.survey_list(5),
    );
    let mut rows = query(conn, kept.clone(), scope.values_between(&blocks, [BLOCK.into()])).await?;
    for days in others.into_iter().filter(|days| !days.is_empty()) {
        rows.extend(query(conn, kept.clone(), scope.values_between(&days, [1_i64.into()])).await?);
    }
    for edge in edges {
        let counted = loop_counts::taken_select(milestone, 1);
        let sql = format!(
            "SELECT bucket, CAST(SUM(cases) AS BIGINT) FROM ({counted} AND {} GROUP BY 1, 2, 3, 4, 5, 6) AS edge GROUP BY 1",
            scope.condition_from(4)
        );
        rows.extend(query(conn, sql, scope.values_between(&edge, [])).await?);
    }
    let read = |row: &QueryResult| -> Result<TakenCount, DbErr> {
        Ok(TakenCount { bucket: row.try_get_by_index(0)?, cases: row.try_get_by_index(1)? })
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

/// The whole blocks within these days, and the days before and after them. A bound that nobody set cuts no block.
fn blocks(days: &Range<i64>) -> (Range<i64>, [Range<i64>; 2]) {
    let start = if days.start == i64::MIN { days.start } else { days.start.saturating_add(BLOCK - 1).div_euclid(BLOCK) * BLOCK };
    let end = if days.end == i64::MAX { days.end } else { days.end.div_euclid(BLOCK) * BLOCK };
    if start < end { (start..end, [days.start..start, end..days.end]) } else { (0..0, [days.clone(), 0..0]) }
}

impl Scope {
    /// The whole days of the span, and what its bounds cut off a day. A bound that nobody set cuts nothing off.
    fn days(&self) -> (Range<i64>, Vec<Range<i64>>) {
        let Range { start, end } = self.answered;
        let first = if start == i64::MIN { i64::MIN } else { start.div_euclid(DAY) + i64::from(start.rem_euclid(DAY) > 0) };
        let last = if end == i64::MAX { i64::MAX } else { end.div_euclid(DAY) };
        if first > last {
            return (0..0, Some(start..end).filter(|span| !span.is_empty()).into_iter().collect());
        }
        let before = (start > i64::MIN).then(|| start..first.saturating_mul(DAY).min(end));
        let after = (end < i64::MAX).then(|| last.saturating_mul(DAY).max(start)..end);
        (first..last, before.into_iter().chain(after).filter(|span| !span.is_empty()).collect())
    }
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
    let (segment, status): (String, Stored<LoopStatus>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(LoopCount {
        segment: read_segment(&segment)?,
        status: *status,
        cases: row.try_get_by_index(2)?,
        with_due: row.try_get_by_index(3)?,
        contacted_in_time: row.try_get_by_index(4)?,
    })
}

fn read_segment(word: &str) -> Result<Segment, StoreError> {
    Segment::parse(word).ok_or_else(|| unreadable(word))
}

fn unreadable(word: &str) -> StoreError {
    Unreadable::new("cases", "(several)", format!("`{word}` is no word for it")).into()
}
