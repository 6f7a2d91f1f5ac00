//! Whether the process lives and whether it can work, for whoever starts and balances processes.

use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use hearback_engine::health;
use serde_json::json;

use crate::App;
use crate::route::{Access::Anyone, Route, get};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/healthz", Anyone, "Whether the process answers", process),
        get("/readyz", Anyone, "Whether it can work: database, schema, clock, and what else is wrong", ready),
    ]
}

/// `GET /healthz`: the process answers.
pub(crate) async fn process() -> Response {
    ok(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`: the database answers and its schema is this version's. What else is wrong is told, each kind in a few words and without
/// a name, but takes no process out of service: answers are still taken.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let (status, database, schema) = match app.cx.db.is_migrated().await {
        Ok(true) => (StatusCode::OK, "ok", "ok"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "ok", "out of date; run `hearback migrate`"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not available", "unknown")
        }
    };
    let reasons = if status.is_success() { health::reasons(&app.cx).await.unwrap_or_default() } else { BTreeSet::default() };
    let is_steady = app.cx.clock.look().is_steady();
    let clock = if is_steady { "ok" } else { "was set not long ago; nothing is sent until it has been quiet for a while" };
    let word = match (status.is_success(), is_steady && reasons.is_empty()) {
        (false, _) => "not ready",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let reasons: Vec<_> = reasons.into_iter().map(|kind| json!({ "kind": kind.as_str(), "what": kind.words() })).collect();
    ok(status, &json!({ "status": word, "database": database, "schema": schema, "clock": clock, "reasons": reasons }))
}

fn ok(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, axum::Json(body)).into_response()
}
