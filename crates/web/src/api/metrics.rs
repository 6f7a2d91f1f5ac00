//! `/api/v1/metrics`: the score and the measure of a closed loop.

use axum::http::StatusCode;
use hearback_engine::{
    metrics::{self, Bucket, MetricsQuery, MetricsReport},
    role::Scope::Read,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    call::{Call, Json, Query, get},
    error::Problem,
    parameters::Moment,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/metrics", Read, "Score with interval, groups, trend and loops of one survey", show).may_end_in(StatusCode::NOT_FOUND)]
}

/// Of what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsAsked {
    /// Key of a survey.
    survey: Option<String>,
    /// Answers from this moment on.
    since: Option<Moment>,
    /// Answers before this moment.
    until: Option<Moment>,
    /// One group for each value of this property of the people, as it was when they answered.
    by: Option<String>,
    bucket: Option<Bucket>,
    /// Whether the score and its buckets count what nobody confirmed as well; `exclude` when absent.
    unconfirmed: Option<UnconfirmedScores>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum UnconfirmedScores {
    Include,
    Exclude,
}

/// `GET /metrics`: of one survey over a span of time, in groups and in buckets when asked.
pub(crate) async fn show(call: Call, Query(asked): Query<MetricsAsked>) -> Result<Json<MetricsReport>, Problem> {
    let query = MetricsQuery {
        survey: asked.survey,
        since: asked.since.map(|Moment(at)| at),
        until: asked.until.map(|Moment(at)| at),
        by: asked.by,
        bucket: asked.bucket,
        with_unconfirmed: matches!(asked.unconfirmed, Some(UnconfirmedScores::Include)),
    };
    if query.since.zip(query.until).is_some_and(|(since, until)| since > until) {
        return Err(Problem::field("until", "must not be before `since`"));
    }
    Ok(Json(metrics::metrics(call.cx(), call.ws(), query).await?))
}
