//! The score and the measure of a closed loop, over a survey and a span of time.

use chrono::{DateTime, Utc};
use hearback_core::id::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::{Ctx, EngineError};

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
    /// One group for each value of this property.
    #[serde(default)]
    pub by: Option<String>,
    /// One entry for each of these.
    #[serde(default)]
    pub bucket: Option<Bucket>,
}

/// A span that a trend counts by; in UTC, a week starts on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
}

/// Counts.
pub async fn metrics(_cx: &Ctx, _ws: WorkspaceId, _query: MetricsQuery) -> Result<MetricsReport, EngineError> {
    todo!()
}
