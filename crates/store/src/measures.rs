//! Counting for the metrics: one grouped query a number, whatever the number of answers.
//!
//! Owns: what is counted, and on which columns. Refuses to know: what the counts mean (that is `core`).

use std::ops::Range;

use hearback_core::{Counts, LoopStatus, Segment, id::WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::StoreError;

/// Bins of [`Counts`].
const BINS: usize = 11;

/// Which answers: of these survey versions, given in this span of milliseconds.
#[derive(Debug, Clone)]
pub struct Scope {
    pub workspace: WorkspaceId,
    pub surveys: Vec<Uuid>,
    pub answered: Range<i64>,
}

/// Cases of one segment and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopCount {
    pub segment: Segment,
    pub status: LoopStatus,
    pub cases: i64,
    /// Nobody was in touch when the first contact was due, or not closed when that was due, and still under work.
    pub overdue: i64,
    /// With a time for the first contact.
    pub with_due: i64,
    /// Contacted by then.
    pub contacted_in_time: i64,
}

/// What one of [`hours_to`] measures.
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

/// Answers by the value of a property, the largest groups first, at most `limit` of them. The value is JSON as it is
/// stored; `None` for answers without the property.
pub async fn by_property(
    conn: &impl ConnectionTrait,
    scope: &Scope,
    property: &str,
    limit: u64,
) -> Result<Vec<(Option<String>, Counts)>, StoreError> {
    let (value, name) = match conn.get_database_backend() {
        DbBackend::Postgres => ("CAST(properties AS json) -> $4", property.to_owned()),
        // A plain name is a name to SQLite, unless it looks like a path.
        _ if property.starts_with(['$', '[']) => ("properties -> $4", format!("$.\"{property}\"")),
        _ => ("properties -> $4", property.to_owned()),
    };
    let sql = format!(
        "SELECT CAST({value} AS TEXT) AS value, {}, COUNT(*) AS n FROM responses WHERE {} GROUP BY 1 ORDER BY n DESC, 1 LIMIT $5",
        count_columns(),
        scope.condition_from(6),
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for row in query(conn, sql, scope.values([name.into(), limit.into()])).await? {
        rows.push((row.try_get_by_index(0)?, read_counts(&row, 1)?));
    }
    Ok(rows)
}

/// Where the loops of these answers stand at `now`.
pub async fn loops(conn: &impl ConnectionTrait, scope: &Scope, now: i64) -> Result<Vec<LoopCount>, StoreError> {
    let sql = format!(
        "SELECT segment, loop_status, COUNT(*), \
         CAST(SUM(CASE WHEN (loop_status = 'open' AND first_contact_at IS NULL AND first_contact_due_at < $4) \
           OR (loop_status IN ('open', 'contacted', 'resolved') AND close_due_at < $4 \
           AND (waiting_since IS NULL OR close_due_at < waiting_since)) THEN 1 ELSE 0 END) AS BIGINT), \
         COUNT(first_contact_due_at), \
         CAST(SUM(CASE WHEN first_contact_at <= first_contact_due_at THEN 1 ELSE 0 END) AS BIGINT) \
         FROM cases WHERE {} GROUP BY 1, 2",
        scope.condition_from(5),
    );
    query(conn, sql, scope.values([now.into()])).await?.iter().map(read_loop_count).collect()
}

/// Median and 90th percentile of the milliseconds from an answer to the milestone, over the cases that reached it; each is
/// a time that really was taken. `None` when no case did.
pub async fn hours_to(conn: &impl ConnectionTrait, scope: &Scope, milestone: Milestone) -> Result<Option<(i64, i64)>, StoreError> {
    let (reached, cases) = match milestone {
        Milestone::FirstContact => ("first_contact_at", "first_contact_at IS NOT NULL"),
        Milestone::Close => ("closed_at", "closed_at IS NOT NULL AND loop_status = 'closed'"),
    };
    let sql = format!(
        "SELECT taken FROM (SELECT {reached} - answered_at AS taken, ROW_NUMBER() OVER (ORDER BY {reached} - answered_at) AS place, \
         COUNT(*) OVER () AS n FROM cases WHERE {} AND {cases}) AS ranked \
         WHERE place = (n * 50 + 99) / 100 OR place = (n * 90 + 99) / 100 ORDER BY place",
        scope.condition_from(4),
    );
    let rows = query(conn, sql, scope.values([])).await?;
    let taken: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?;
    Ok(taken.first().copied().zip(taken.last().copied()))
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
    let (segment, status): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let unreadable =
        |word: &str| StoreError::Unreadable { table: "cases", id: "(several)".to_owned(), why: format!("`{word}` is no word for it") };
    Ok(LoopCount {
        segment: Segment::parse(&segment).ok_or_else(|| unreadable(&segment))?,
        status: LoopStatus::parse(&status).ok_or_else(|| unreadable(&status))?,
        cases: row.try_get_by_index(2)?,
        overdue: row.try_get_by_index(3)?,
        with_due: row.try_get_by_index(4)?,
        contacted_in_time: row.try_get_by_index(5)?,
    })
}
