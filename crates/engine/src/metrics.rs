//! The score and the measure of a closed loop, over a survey and a span of time.
//!
//! Owns: which answers count and how they are laid out for `GET /metrics`. Refuses to know: SQL, and what may be said
//! about counts (that is `core::stats`). A score is always computed from merged counts, never averaged.

mod cache;
mod loops;
mod report;

use std::{
    collections::{BTreeMap, HashMap},
    ops::{Deref, Range},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate};
use hearback_core::{Counts, Scale, id::WorkspaceId, text};
use hearback_store::{
    StoreError,
    measures::{self, Scope},
    surveys,
    time::millis,
};

use crate::{Ctx, EngineError, access::Access, reading};

pub use cache::MetricsCache;
pub use loops::{HoursTaken, LoopCounts, Loops};
pub use report::{Bucket, BucketLine, Group, IntervalLine, MetricsQuery, MetricsReport, ScoreLine, Unconfirmed};

/// Survey when none is named.
const DEFAULT_SURVEY: &str = "nps";
/// Most groups of one report; the largest are kept.
const MAX_GROUPS: usize = 200;
/// Longest name of a property, in characters.
const MAX_PROPERTY_NAME: usize = 64;
const HOUR: i64 = 3_600_000;

/// The context with counts that took long.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Access,
    pub(crate) metrics_cache: Arc<MetricsCache>,
}

impl Metrics {
    pub(crate) fn new(inner: Access) -> Self {
        Self { inner, metrics_cache: Arc::default() }
    }
}

impl Deref for Metrics {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.inner
    }
}

/// Counts. A survey's versions are counted together as long as they have the scale of the newest.
pub async fn metrics(cx: &Metrics, ws: WorkspaceId, query: MetricsQuery) -> Result<MetricsReport, EngineError> {
    let (scope, newest, scale) = scope(cx, ws, &query).await?;
    let mut days = days(cx, &scope).await?;
    let unconfirmed = measures::unconfirmed(cx.db.read(), &scope).await?;
    let n = unconfirmed.iter().map(|(_, counts)| counts.scored()).sum();
    if query.with_unconfirmed {
        for (day, counts) in unconfirmed {
            *days.entry(day).or_default() += counts;
        }
    }
    let (groups, more_groups) = match &query.by {
        Some(property) => groups(cx, &scope, scale, property).await?,
        None => (Vec::new(), false),
    };
    Ok(MetricsReport {
        survey: newest.key,
        metric: scale.metric,
        scale_max: scale.max,
        total: ScoreLine::new(scale, &days.values().copied().sum()),
        unconfirmed: Unconfirmed { n },
        groups,
        more_groups,
        buckets: query.bucket.map_or_else(Vec::new, |bucket| buckets(scale, bucket, &days)),
        loops: loops::loops(cx, &scope).await?,
        as_of: cx.now(),
    })
}

/// Counts what a question needs and keeps it by day, as a question does that took long.
pub async fn keep(cx: &Metrics, ws: WorkspaceId, query: &MetricsQuery) -> Result<(), EngineError> {
    let (scope, ..) = scope(cx, ws, query).await?;
    if let Some(property) = &query.by {
        cache::keep(cx, &scope, property_name(property)?).await?;
    }
    Ok(())
}

async fn scope(cx: &Ctx, ws: WorkspaceId, query: &MetricsQuery) -> Result<(Scope, surveys::Model, Scale), EngineError> {
    let key = query.survey.as_deref().unwrap_or(DEFAULT_SURVEY);
    let mut versions = surveys::versions(cx.db.read(), ws, key).await?;
    let newest = versions.first().cloned().ok_or_else(|| EngineError::not_found("survey", key))?;
    let scale = reading::scale(&newest).map_err(StoreError::from)?;
    versions.retain(|other| other.metric == newest.metric && other.scale_max == newest.scale_max);
    let scope = Scope {
        workspace: ws,
        surveys: versions.iter().map(|version| version.id).collect(),
        answered: query.since.map_or(i64::MIN, millis)..query.until.map_or(i64::MAX, millis),
    };
    Ok((scope, newest, scale))
}

fn property_name(property: &str) -> Result<String, EngineError> {
    text::line(property, MAX_PROPERTY_NAME).map_err(|error| EngineError::field("by", error))
}

async fn groups(cx: &Metrics, scope: &Scope, scale: Scale, property: &str) -> Result<(Vec<Group>, bool), EngineError> {
    let property = property_name(property)?;
    let mut sums: HashMap<Option<String>, Counts> = HashMap::new();
    for part in cache::counted(cx, scope, property).await? {
        for count in part.iter() {
            match sums.get_mut(&count.value) {
                Some(sum) => *sum += count.counts,
                None => drop(sums.insert(count.value.clone(), count.counts)),
            }
        }
    }
    let mut rows: Vec<(Option<String>, Counts)> = sums.into_iter().collect();
    rows.sort_by(|(a, a_counts), (b, b_counts)| size(b_counts).cmp(&size(a_counts)).then_with(|| a.cmp(b)));
    let more = rows.len() > MAX_GROUPS;
    rows.truncate(MAX_GROUPS);
    let value = |json: Option<String>| json.and_then(|json| serde_json::from_str(&json).ok()).map(whole).unwrap_or_default();
    Ok((rows.into_iter().map(|(json, counts)| Group { value: value(json), score: ScoreLine::new(scale, &counts) }).collect(), more))
}

/// How many answers.
fn size(counts: &Counts) -> i64 {
    counts.bins.iter().sum::<i64>() + counts.no_score
}

/// A whole number as people write it: 3, not 3.0.
fn whole(value: serde_json::Value) -> serde_json::Value {
    /// Up to here a double tells whole numbers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the exact range of a double")]
        Some(number) if number.fract() == 0.0 && number.abs() < EXACT => (number as i64).into(),
        _ => value,
    }
}

/// Answers by day. Whole hours come from the roll-ups; what a bound cuts off an hour is counted answer by answer.
async fn days(cx: &Ctx, scope: &Scope) -> Result<BTreeMap<i64, Counts>, StoreError> {
    let Range { start, end } = scope.answered;
    let hours = start.div_euclid(HOUR) + i64::from(start.rem_euclid(HOUR) > 0)..end.div_euclid(HOUR);
    let (whole_from, whole_to) =
        if hours.start > hours.end { (end, end) } else { (hours.start.saturating_mul(HOUR), hours.end.saturating_mul(HOUR)) };
    let mut days: BTreeMap<i64, Counts> = measures::by_day(cx.db.read(), scope, hours).await?.into_iter().collect();
    for edge in [start..whole_from, whole_to..end] {
        // A bound that nobody set cuts nothing off.
        if edge.start < edge.end && edge.start > i64::MIN && edge.end < i64::MAX {
            let day = edge.start.div_euclid(24 * HOUR);
            let cut = Scope { answered: edge, ..scope.clone() };
            *days.entry(day).or_default() += measures::directly(cx.db.read(), &cut).await?;
        }
    }
    Ok(days)
}

fn buckets(scale: Scale, bucket: Bucket, days: &BTreeMap<i64, Counts>) -> Vec<BucketLine> {
    let mut counts: BTreeMap<NaiveDate, Counts> = BTreeMap::new();
    for (day, found) in days {
        if let Some(date) = date_of(*day) {
            *counts.entry(bucket.start(date)).or_default() += *found;
        }
    }
    let (Some(first), Some(last)) = (counts.keys().next().copied(), counts.keys().next_back().copied()) else { return Vec::new() };
    let starts = std::iter::successors(Some(first), |start| bucket.next(*start)).take_while(|start| *start <= last);
    starts
        .map(|date| BucketLine {
            start: date.and_time(chrono::NaiveTime::MIN).and_utc(),
            score: ScoreLine::new(scale, &counts.get(&date).copied().unwrap_or_default()),
        })
        .collect()
}

fn date_of(day: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp(day.checked_mul(24 * HOUR / 1_000)?, 0).map(|time| time.date_naive())
}
