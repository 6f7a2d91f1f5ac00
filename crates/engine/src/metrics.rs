//! The score and the measure of a closed loop, over a survey and a span of time.
//!
//! Owns: which answers count and how they are laid out for `GET /metrics`. Refuses to know: SQL, and what may be said
//! about counts (that is `core::stats`). A score is always computed from merged counts, never averaged.

mod kept;
mod loops;

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use hearback_core::{
    Counts, Metric, Scale,
    id::WorkspaceId,
    stats::{
        Confidence, Method,
        ces::{Ces, Orientation, ces},
        csat::{Csat, csat},
    },
    text,
};
use hearback_store::{
    StoreError,
    measures::{self, Scope},
    surveys,
    time::millis,
};
use serde::{Deserialize, Serialize};

use crate::{Ctx, EngineError};

pub use kept::Kept;
pub use loops::{HoursTaken, LoopCounts, Loops};

/// Survey when none is named.
const DEFAULT_SURVEY: &str = "nps";
/// Most groups of one report; the largest are kept.
const MAX_GROUPS: usize = 200;
/// Longest name of a property, in characters.
const MAX_PROPERTY_NAME: usize = 64;
/// Boxes at the top that count as satisfied.
const TOP_BOXES: u8 = 2;
const HOUR: i64 = 3_600_000;

/// What to count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsQuery {
    /// Key of the survey; `nps` when absent.
    #[serde(default)]
    pub survey: Option<String>,
    /// Answers from then on.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// Answers before then.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// One group for each value of this property of the person, as it was when they answered.
    #[serde(default)]
    pub by: Option<String>,
    /// One entry for each of these.
    #[serde(default)]
    pub bucket: Option<Bucket>,
}

/// A span that a trend counts by; in UTC, a week starts on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// A day.
    Day,
    /// Seven days from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
}

/// The answer, in the shape of `GET /metrics`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricsReport {
    /// Key of the survey.
    pub survey: String,
    /// What it measures.
    pub metric: Metric,
    /// Highest answer.
    pub scale_max: u8,
    /// All answers together.
    #[serde(flatten)]
    pub total: ScoreLine,
    /// One line for each value of the property that was asked for, the largest first.
    pub groups: Vec<Group>,
    /// Whether there are more groups than the 200 largest.
    pub more_groups: bool,
    /// One line for each span from the first answer to the last, empty ones included.
    pub buckets: Vec<BucketLine>,
    /// What became of the loops.
    pub loops: Loops,
    /// When groups and loops were counted: now, unless there are millions of them. The score and its buckets are always of now.
    pub as_of: DateTime<Utc>,
}

/// What some answers say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreLine {
    /// Answers with a score.
    pub n: u64,
    /// NPS 9-10; satisfied, easy.
    pub promoters: u64,
    /// NPS 7-8; neutral.
    pub passives: u64,
    /// NPS 0-6; dissatisfied, hard.
    pub detractors: u64,
    /// Answers with a comment.
    pub with_comment: i64,
    /// From -100 to 100, not rounded; `None` without answers and for other metrics.
    pub nps: Option<f64>,
    /// Uncertainty of the metric's number: of the NPS, of the satisfied or of the agreeing per cent.
    pub interval: Option<IntervalLine>,
    /// For CSAT surveys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csat: Option<Csat>,
    /// For CES surveys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ces: Option<Ces>,
}

/// An interval and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IntervalLine {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How sure, 0.95.
    pub confidence: f64,
    /// `tango` for NPS, `wilson` for shares.
    pub method: &'static str,
}

/// Answers with one value of a property.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Text, number or flag; null for answers without the property.
    pub value: serde_json::Value,
    /// Their score.
    #[serde(flatten)]
    pub score: ScoreLine,
}

/// Answers of one span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BucketLine {
    /// First moment of the span.
    pub start: DateTime<Utc>,
    /// Their score.
    #[serde(flatten)]
    pub score: ScoreLine,
}

/// Counts. A survey's versions are counted together as long as they have the scale of the newest.
pub async fn metrics(cx: &Ctx, ws: WorkspaceId, query: MetricsQuery) -> Result<MetricsReport, EngineError> {
    let key = query.survey.as_deref().unwrap_or(DEFAULT_SURVEY);
    let versions = surveys::versions(cx.db.read(), ws, key).await?;
    let newest = versions.first().ok_or_else(|| EngineError::not_found("survey", key))?;
    let scale = read_scale(newest)?;
    let same_scale = versions.iter().filter(|other| other.metric == newest.metric && other.scale_max == newest.scale_max);
    let scope = Scope {
        workspace: ws,
        surveys: same_scale.map(|version| version.id).collect(),
        answered: query.since.map_or(i64::MIN, millis)..query.until.map_or(i64::MAX, millis),
    };
    let days = days(cx, &scope).await?;
    let counted = kept::counted(cx, scope, scale, query.by).await?;
    Ok(MetricsReport {
        survey: newest.key.clone(),
        metric: scale.metric,
        scale_max: scale.max,
        total: line(scale, &days.values().copied().sum()),
        groups: counted.groups,
        more_groups: counted.more_groups,
        buckets: query.bucket.map_or_else(Vec::new, |bucket| buckets(scale, bucket, &days)),
        loops: counted.loops,
        as_of: counted.as_of,
    })
}

fn read_scale(survey: &surveys::Model) -> Result<Scale, StoreError> {
    let unreadable = |why: String| StoreError::Unreadable { table: "surveys", id: survey.id.to_string(), why };
    let metric = Metric::parse(&survey.metric).ok_or_else(|| unreadable(format!("there is no metric `{}`", survey.metric)))?;
    Scale::new(metric, u8::try_from(survey.scale_max).unwrap_or(0)).map_err(|error| unreadable(error.to_string()))
}

async fn groups(cx: &Ctx, scope: &Scope, scale: Scale, property: &str) -> Result<(Vec<Group>, bool), EngineError> {
    let property = text::line(property, MAX_PROPERTY_NAME).map_err(|error| EngineError::field("by", error))?;
    let mut rows = measures::by_property(cx.db.read(), scope, &property, MAX_GROUPS as u64 + 1).await?;
    let more = rows.len() > MAX_GROUPS;
    rows.truncate(MAX_GROUPS);
    let value = |json: Option<String>| json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Ok((rows.into_iter().map(|(json, counts)| Group { value: value(json), score: line(scale, &counts) }).collect(), more))
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
            score: line(scale, &counts.get(&date).copied().unwrap_or_default()),
        })
        .collect()
}

fn date_of(day: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp(day.checked_mul(24 * HOUR / 1_000)?, 0).map(|time| time.date_naive())
}

impl Bucket {
    /// First day of the span that this day is in.
    fn start(self, date: NaiveDate) -> NaiveDate {
        let month_start = |month| NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
        match self {
            Self::Day => date,
            Self::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
            Self::Month => month_start(date.month()),
            Self::Quarter => month_start(date.month0() / 3 * 3 + 1),
        }
    }

    /// First day of the span after the one that starts here.
    fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Week => start.checked_add_days(Days::new(7)),
            Self::Month => start.checked_add_months(chrono::Months::new(1)),
            Self::Quarter => start.checked_add_months(chrono::Months::new(3)),
        }
    }
}

fn line(scale: Scale, counts: &Counts) -> ScoreLine {
    let confidence = Confidence::P95;
    let split = counts.split(scale);
    let csat = (scale.metric == Metric::Csat).then(|| csat(counts, scale.max, TOP_BOXES, confidence)).flatten();
    let ces = (scale.metric == Metric::Ces).then(|| ces(counts, scale.max, Orientation::HighIsEasy, confidence)).flatten();
    let (interval, method) = match scale.metric {
        Metric::Nps => (split.interval(Method::Tango, confidence), Method::Tango.as_str()),
        Metric::Csat => (csat.map(|csat| csat.satisfied.interval), "wilson"),
        Metric::Ces => (ces.map(|ces| ces.agree.interval), "wilson"),
    };
    ScoreLine {
        n: counts.scored(),
        promoters: split.promoters,
        passives: split.passives,
        detractors: split.detractors,
        with_comment: counts.with_comment,
        nps: split.nps().filter(|_| scale.metric == Metric::Nps),
        interval: interval.map(|found| IntervalLine { low: found.low, high: found.high, confidence: confidence.value(), method }),
        csat,
        ces,
    }
}
