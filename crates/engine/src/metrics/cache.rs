//! Many answers are counted by the values of a property once a day of theirs, and kept: a question adds days up, whatever the number of
//! answers.
//!
//! What must stay true: a kept day is counted again before it is used when an answer of it has changed since, and then its case has. Every write to a
//! case sets its `updated_at`, so that is one look at an index; a write that was decided on before it is seen is found as
//! long as its transaction lasts less than [`OVERLAP`]. What is quickly counted is never kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hearback_store::{
    StoreError,
    measures::{self, DAY, GroupCount, Scope},
    time::millis,
};
use uuid::Uuid;

use crate::{Ctx, EngineError, metrics::Metrics};

/// Counting that takes longer than this is kept by day.
const LONG: Duration = Duration::from_millis(100);
/// How far back a change is looked for behind the last look, in milliseconds: longer than a transaction takes, and than
/// clocks of two nodes differ.
const OVERLAP: i64 = 120_000;
/// What was kept this long is counted anew, whatever was seen of its changes.
const REFRESH: Duration = Duration::from_hours(1);
/// Runs of changed days that are counted one by one; more are counted together.
const MOST_RUNS: usize = 24;
/// Rows of counts of one question; a property with more values than that fit is counted each time.
const MOST_ROWS: u64 = 200_000;
/// Most questions that are kept.
const MOST_QUESTIONS: usize = 64;

/// Days by what was asked.
#[derive(Debug, Default)]
pub struct MetricsCache(Mutex<HashMap<Asked, State>>);

/// What was asked: workspace, surveys, the property.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked(Uuid, Vec<Uuid>, String);

#[derive(Debug)]
enum State {
    BeingCounted,
    Days(Arc<tokio::sync::Mutex<Days>>),
}

/// All days of a question.
#[derive(Debug)]
struct Days {
    counted: BTreeMap<i64, Arc<Vec<GroupCount>>>,
    /// Changes up to then are in them; milliseconds since 1970.
    seen: i64,
    stale_from: Instant,
}

/// The counts of the scope, from kept days where there are some.
pub(super) async fn counted(cx: &Metrics, scope: &Scope, property: String) -> Result<Vec<Arc<Vec<GroupCount>>>, StoreError> {
    let asked = Asked(scope.workspace.uuid(), scope.surveys.clone(), property);
    if let Some(kept) = cx.metrics_cache.days(&asked) {
        return sum(cx, scope, &asked, &kept).await;
    }
    let begun = Instant::now();
    let (counted, is_all) = count(cx, scope, &asked.2).await?;
    if begun.elapsed() >= LONG && is_all && cx.metrics_cache.begin(&asked) {
        tokio::spawn(keep_meanwhile(cx.clone(), scope.clone(), asked));
    }
    Ok(vec![Arc::new(counted)])
}

/// Counts all days and keeps them.
pub(super) async fn keep(cx: &Metrics, scope: &Scope, property: String) -> Result<(), StoreError> {
    let asked = Asked(scope.workspace.uuid(), scope.surveys.clone(), property);
    let seen = millis(cx.now());
    let all = Scope { answered: i64::MIN..i64::MAX, ..scope.clone() };
    let (counted, is_all) = count(cx, &all, &asked.2).await?;
    if is_all {
        let days = Days { counted: by_day(counted), seen, stale_from: Instant::now() + REFRESH };
        cx.metrics_cache.put(asked, State::Days(Arc::new(tokio::sync::Mutex::new(days))));
    } else {
        cx.metrics_cache.forget(&asked);
    }
    Ok(())
}

/// The same beside the question that needs it.
async fn keep_meanwhile(cx: Metrics, scope: Scope, asked: Asked) {
    let kept = async {
        let _place = cx.readers.wait().await?;
        keep(&cx, &scope, asked.2.clone()).await.map_err(EngineError::from)
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the metrics could not be counted by day; they are counted each time");
        cx.metrics_cache.forget(&asked);
    }
}

async fn sum(cx: &Metrics, scope: &Scope, asked: &Asked, kept: &tokio::sync::Mutex<Days>) -> Result<Vec<Arc<Vec<GroupCount>>>, StoreError> {
    let mut days = kept.lock().await;
    if Instant::now() >= days.stale_from {
        days.stale_from = Instant::now() + REFRESH;
        tokio::spawn(keep_meanwhile(cx.clone(), scope.clone(), asked.clone()));
    }
    days.renew(cx, scope, &asked.2).await?;
    let Range { start, end } = scope.answered;
    let whole = start.div_euclid(DAY) + i64::from(start.rem_euclid(DAY) > 0)..end.div_euclid(DAY);
    let mut parts = Vec::new();
    if whole.start <= whole.end {
        parts.extend(days.counted.range(whole.clone()).map(|(_, counted)| Arc::clone(counted)));
    }
    drop(days);
    let (whole_from, whole_to) =
        if whole.start > whole.end { (end, end) } else { (whole.start.saturating_mul(DAY), whole.end.saturating_mul(DAY)) };
    for edge in [start..whole_from, whole_to..end] {
        // A bound that nobody set cuts nothing off.
        if edge.start < edge.end && edge.start > i64::MIN && edge.end < i64::MAX {
            parts.push(Arc::new(count(cx, &Scope { answered: edge, ..scope.clone() }, &asked.2).await?.0));
        }
    }
    Ok(parts)
}

impl Days {
    /// Counts the days again whose cases have changed.
    async fn renew(&mut self, cx: &Ctx, scope: &Scope, property: &str) -> Result<(), StoreError> {
        let now = millis(cx.now());
        let changed = measures::changed_days(cx.db.read(), scope, self.seen.min(now) - OVERLAP).await?;
        for run in runs(&changed) {
            let these = Scope { answered: run.start * DAY..run.end * DAY, ..scope.clone() };
            let (counted, _) = count(cx, &these, property).await?;
            self.counted.retain(|day, _| !run.contains(day));
            self.counted.extend(by_day(counted));
        }
        self.seen = now;
        Ok(())
    }
}

/// Days that follow each other, together; everything from the first to the last when those would be too many.
fn runs(days: &BTreeSet<i64>) -> Vec<Range<i64>> {
    let mut runs: Vec<Range<i64>> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some(run) if run.end == *day => run.end = day + 1,
            _ => runs.push(*day..day + 1),
        }
    }
    match (runs.first(), runs.last()) {
        (Some(first), Some(last)) if runs.len() > MOST_RUNS => std::iter::once(first.start..last.end).collect(),
        _ => runs,
    }
}

/// Counts answer by answer; false when the days could not be told apart, because there are too many values.
async fn count(cx: &Ctx, scope: &Scope, property: &str) -> Result<(Vec<GroupCount>, bool), StoreError> {
    let groups = measures::by_property(cx.db.read(), scope, property, MOST_ROWS).await?;
    if (groups.len() as u64) < MOST_ROWS {
        return Ok((groups, true));
    }
    Ok((measures::by_property_at_once(cx.db.read(), scope, property, MOST_ROWS).await?, false))
}

fn by_day(counted: Vec<GroupCount>) -> BTreeMap<i64, Arc<Vec<GroupCount>>> {
    let mut days: BTreeMap<i64, Vec<GroupCount>> = BTreeMap::new();
    for row in counted {
        days.entry(row.day).or_default().push(row);
    }
    days.into_iter().map(|(day, counted)| (day, Arc::new(counted))).collect()
}

impl MetricsCache {
    fn days(&self, asked: &Asked) -> Option<Arc<tokio::sync::Mutex<Days>>> {
        match self.lock().get(asked) {
            Some(State::Days(days)) => Some(Arc::clone(days)),
            Some(State::BeingCounted) | None => None,
        }
    }

    /// Whether the caller is the one who counts the days.
    fn begin(&self, asked: &Asked) -> bool {
        let mut all = self.lock();
        let is_free = !all.contains_key(asked) && all.len() < MOST_QUESTIONS;
        if is_free {
            all.insert(asked.clone(), State::BeingCounted);
        }
        is_free
    }

    fn put(&self, asked: Asked, state: State) {
        self.lock().insert(asked, state);
    }

    fn forget(&self, asked: &Asked) {
        self.lock().remove(asked);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_days_are_counted_in_runs() {
        assert_eq!(runs(&BTreeSet::new()), []);
        assert_eq!(runs(&[3, 4, 5, 9].into()), [3..6, 9..10]);
        let scattered: BTreeSet<i64> = (0..100).map(|n| n * 2).collect();
        assert_eq!(runs(&scattered).first(), Some(&(0..199)));
    }
}
