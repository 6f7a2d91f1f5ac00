//! What is asked and what is answered, in the shape of `GET /metrics`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use hearback_core::{
    Counts, Metric, Scale,
    stats::{
        Confidence, Method,
        ces::{Ces, Orientation, ces},
        csat::{Csat, csat},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Loops;

/// Boxes at the top that count as satisfied.
const TOP_BOXES: u8 = 2;

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
    /// Whether the score and its buckets count what nobody confirmed as well.
    #[serde(default)]
    pub with_unconfirmed: bool,
}

/// A span that a trend counts by; in UTC, a week starts on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
    /// Scores chosen by links in mails that nobody confirmed: apart from the others unless they were asked for.
    pub unconfirmed: Unconfirmed,
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

/// How many scores nobody confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unconfirmed {
    /// One for each link at most.
    pub n: u64,
}

/// What some answers say.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
    #[schemars(with = "Csat")]
    pub csat: Option<Csat>,
    /// For CES surveys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Ces")]
    pub ces: Option<Ces>,
}

/// An interval and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// Text, number or flag; null for answers without the property.
    #[schemars(with = "Option<hearback_rules::Property>")]
    pub value: serde_json::Value,
    /// Their score.
    #[serde(flatten)]
    pub score: ScoreLine,
}

/// Answers of one span.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BucketLine {
    /// First moment of the span.
    pub start: DateTime<Utc>,
    /// Their score.
    #[serde(flatten)]
    pub score: ScoreLine,
}

impl Bucket {
    /// First day of the span that this day is in.
    pub(super) fn start(self, date: NaiveDate) -> NaiveDate {
        let month_start = |month| NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
        match self {
            Self::Day => date,
            Self::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
            Self::Month => month_start(date.month()),
            Self::Quarter => month_start(date.month0() / 3 * 3 + 1),
        }
    }

    /// First day of the span after the one that starts here.
    pub(super) fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Week => start.checked_add_days(Days::new(7)),
            Self::Month => start.checked_add_months(Months::new(1)),
            Self::Quarter => start.checked_add_months(Months::new(3)),
        }
    }
}

impl ScoreLine {
    /// What these counts say.
    pub(crate) fn new(scale: Scale, counts: &Counts) -> Self {
        let confidence = Confidence::P95;
        let split = counts.split(scale);
        let csat = (scale.metric == Metric::Csat).then(|| csat(counts, scale.max, TOP_BOXES, confidence)).flatten();
        let ces = (scale.metric == Metric::Ces).then(|| ces(counts, scale.max, Orientation::HighIsEasy, confidence)).flatten();
        let (interval, method) = match scale.metric {
            Metric::Nps => (split.interval(Method::Tango, confidence), Method::Tango.as_str()),
            Metric::Csat => (csat.map(|csat| csat.satisfied.interval), "wilson"),
            Metric::Ces => (ces.map(|ces| ces.agree.interval), "wilson"),
        };
        Self {
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
}
