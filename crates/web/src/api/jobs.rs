//! `/api/v1/jobs`: deferred actions that somebody has to look at, because they were given up or can't be read by this version.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::id::JobId;
use hearback_engine::stuck;
use hearback_store::outbox::{self, Model};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/jobs", Key(Admin), "Deferred actions that were given up, or that this version can't read, the newest first", list),
        post(
            "/jobs/{id}/retry",
            Key(Admin),
            "Put a job back into the queue: due now, with all its attempts; a mail that was given up with it waits again",
            retry,
        ),
        post("/jobs/{id}/discard", Key(Admin), "Do without a job", discard),
    ]
}

/// One job as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct JobView {
    id: Uuid,
    kind: String,
    /// `dead`: given up; `unreadable`: it waits for a newer version.
    state: &'static str,
    why: String,
    attempts: i64,
    case: Option<Uuid>,
    created_at: Time,
    ended_at: Option<Time>,
}

impl JobView {
    fn of(row: Model) -> Self {
        Self {
            id: row.id,
            state: stuck::state(&row),
            why: stuck::why(&row),
            kind: row.kind,
            attempts: row.attempts,
            case: row.case_id,
            created_at: Time(row.created_at),
            ended_at: row.finished_at.map(Time),
        }
    }
}

/// `GET /jobs`, the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<JobView>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let page = outbox::stuck::list(app.cx.db.read(), caller.0.ws, params.page()?).await?;
    Ok(Json(List::of(page, JobView::of)))
}

/// `POST /jobs/{id}/retry`: it is due now, with all its attempts.
pub(crate) async fn retry(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id: JobId = path_id("job", &id)?;
    stuck::retry(&app.cx, caller.0.ws, &caller.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /jobs/{id}/discard`: it is never done.
pub(crate) async fn discard(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id: JobId = path_id("job", &id)?;
    stuck::discard(&app.cx, caller.0.ws, &caller.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
