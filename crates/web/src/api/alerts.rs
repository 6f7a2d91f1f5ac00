//! `/api/v1/alerts`: what somebody has to look at.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_core::id::RecordId;
use hearback_engine::alerts::done as look_after;
use hearback_store::alerts;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/alerts", Key(Read), "What somebody has to look at, the newest first", list),
        post("/alerts/{id}/done", Key(Write), "Somebody has looked after it", done),
    ]
}

/// One alert as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct AlertView {
    id: Uuid,
    kind: String,
    /// Key of the rule, pool or webhook that it is about.
    subject: String,
    message: String,
    count: i64,
    first_at: Time,
    last_at: Time,
    done_at: Option<Time>,
}

impl AlertView {
    fn of(row: alerts::Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            subject: row.subject,
            message: row.message,
            count: row.count,
            first_at: Time(row.first_at),
            last_at: Time(row.last_at),
            done_at: row.done_at.map(Time),
        }
    }
}

/// `GET /alerts`: the open ones, or with `done=true` those that were looked after; the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<AlertView>>, Problem> {
    let params = Params::read(&uri, &["done", "limit", "cursor"])?;
    let done = params.flag("done")?.unwrap_or(false);
    let page = alerts::list(app.cx.db.read(), caller.0.ws, done, params.page()?).await?;
    Ok(Json(List::of(page, AlertView::of)))
}

/// `POST /alerts/{id}/done`: somebody has looked after it.
pub(crate) async fn done(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<AlertView>, Problem> {
    let id: RecordId = path_id("alert", &id)?;
    Ok(Json(AlertView::of(look_after(&app.cx, caller.0.ws, id).await?)))
}
