//! Whether the process lives and whether it can work, for whoever starts and balances processes.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::App;

/// `GET /healthz`: the process answers.
pub(crate) async fn process() -> Response {
    ok(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`: the database answers and its schema is this version's.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let (status, database, schema) = match app.cx.db.is_migrated().await {
        Ok(true) => (StatusCode::OK, "ok", "ok"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "ok", "out of date; run `hearback migrate`"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not available", "unknown")
        }
    };
    ok(status, &json!({ "status": if status.is_success() { "ok" } else { "not ready" }, "database": database, "schema": schema }))
}

fn ok(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, axum::Json(body)).into_response()
}
