//! `/api/v1/metrics`: the score and the measure of a closed loop.

use axum::{Json, extract::State, http::Uri};
use hearback_engine::metrics::{self, Bucket, MetricsQuery, MetricsReport};

use crate::route::{Access::Key, Route, get};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::Read;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/metrics", Key(Read), "Score with interval, groups, trend and loops of one survey", show)]
}

/// `GET /metrics`: of one survey over a span of time, in groups and in buckets when asked.
pub(crate) async fn show(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<MetricsReport>, Problem> {
    let params = Params::read(&uri, &["survey", "since", "until", "by", "bucket", "unconfirmed"])?;
    let query = MetricsQuery {
        survey: params.text("survey").map(str::to_owned),
        since: params.time("since")?,
        until: params.time("until")?,
        by: params.text("by").map(str::to_owned),
        bucket: params.parse("bucket", "day, week, month or quarter", bucket)?,
        with_unconfirmed: params.parse("unconfirmed", "include or exclude", with_unconfirmed)?.unwrap_or_default(),
    };
    if query.since.zip(query.until).is_some_and(|(since, until)| since > until) {
        return Err(Problem::field("until", "must not be before `since`"));
    }
    Ok(Json(metrics::metrics(&app.cx, caller.0.ws, query).await?))
}

fn with_unconfirmed(word: &str) -> Option<bool> {
    match word {
        "include" => Some(true),
        "exclude" => Some(false),
        _ => None,
    }
}

fn bucket(word: &str) -> Option<Bucket> {
    match word {
        "day" => Some(Bucket::Day),
        "week" => Some(Bucket::Week),
        "month" => Some(Bucket::Month),
        "quarter" => Some(Bucket::Quarter),
        _ => None,
    }
}
