//! `/api/v1/jobs`: deferred actions that somebody has to look at, because they were given up or can't be read by this version.

use hearback_core::id::JobId;
use hearback_engine::{role::Scope::Admin, stuck};
use hearback_store::outbox::{self, Model};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    List, Time,
    words::{JobState, OneOf},
};
use crate::{
    call::{Call, Json, Query, get, post},
    error::Problem,
    parameters::Paged,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/jobs", Admin, "Deferred actions that were given up, or that this version can't read, the newest first", list),
        post(
            "/jobs/{id}/retry",
            Admin,
            "Put a job back into the queue: due now, with all its attempts; a mail that was given up with it waits again",
            retry,
        ),
        post("/jobs/{id}/discard", Admin, "Do without a job", discard),
    ]
}

/// One job as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobView {
    id: Uuid,
    kind: String,
    /// `dead`: given up; `unreadable`: it waits for a newer version.
    #[schemars(with = "OneOf<JobState>")]
    state: &'static str,
    why: String,
    #[schemars(range(min = 0))]
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
pub(crate) async fn list(call: Call, Query(paged): Query<Paged>) -> Result<Json<List<JobView>>, Problem> {
    let page = outbox::stuck::list(call.db(), call.ws(), paged.limit.after(paged.cursor)).await?;
    Ok(Json(List::of(page, JobView::of)))
}

/// `POST /jobs/{id}/retry`: it is due now, with all its attempts.
pub(crate) async fn retry(call: Call) -> Result<(), Problem> {
    let id: JobId = call.id("job")?;
    stuck::retry(call.cx(), call.ws(), &call.actor(), id).await?;
    Ok(())
}

/// `POST /jobs/{id}/discard`: it is never done.
pub(crate) async fn discard(call: Call) -> Result<(), Problem> {
    let id: JobId = call.id("job")?;
    stuck::discard(call.cx(), call.ws(), &call.actor(), id).await?;
    Ok(())
}
