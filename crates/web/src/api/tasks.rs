//! `/api/v1/tasks`: what somebody of ours must do.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_core::{
    id::{CaseId, TaskId, WorkspaceId},
    state::TaskStatus,
};
use hearback_engine::work::{self, TaskChange};
use hearback_store::{
    lists::{self, TaskFilter},
    tasks,
};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, patch};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tasks", Key(Read), "Tasks, what is due first comes first", list),
        get("/tasks/{id}", Key(Read), "One task", one),
        patch("/tasks/{id}", Key(Write), "Finish, reopen or hand over a task", update),
    ]
}

/// One task as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct TaskView {
    id: Uuid,
    case_id: Uuid,
    title: String,
    owner: String,
    status: &'static str,
    outcome: Option<String>,
    overdue: bool,
    due_at: Time,
    created_at: Time,
    finished_at: Option<Time>,
}

impl TaskView {
    pub(crate) fn of(row: tasks::Model, now: i64) -> Self {
        Self {
            overdue: row.status == TaskStatus::Open && row.due_at < now,
            id: row.id,
            case_id: row.case_id,
            title: row.title,
            owner: row.owner,
            status: row.status.as_str(),
            outcome: row.outcome,
            due_at: Time(row.due_at),
            created_at: Time(row.created_at),
            finished_at: row.finished_at.map(Time),
        }
    }
}

/// `GET /tasks`: what is due first comes first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<TaskView>>, Problem> {
    let params = Params::read(&uri, &["status", "owner", "case", "overdue", "limit", "cursor"])?;
    let now = app.cx.now();
    let filter = TaskFilter {
        status: params.word("status")?,
        owners: params.text("owner").map(str::to_lowercase).into_iter().collect(),
        case: params.id::<CaseId>("case")?,
        overdue: params.flag("overdue")?.map(|overdue| (overdue, now)),
    };
    let page = lists::tasks(app.cx.db.read(), caller.0.ws, &filter, params.page()?).await?;
    Ok(Json(List::of(page, |row| TaskView::of(row, now.timestamp_millis()))))
}

/// `GET /tasks/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<TaskView>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(view(&app, caller.0.ws, path_id("task", &id)?).await?))
}

/// `PATCH /tasks/{id}`: done, dropped, open again, or handed over.
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(change): body::Json<TaskChange>,
) -> Result<Json<TaskView>, Problem> {
    let id = path_id("task", &id)?;
    work::update_task(&app.cx, caller.0.ws, id, &caller.actor(), change).await?;
    Ok(Json(view(&app, caller.0.ws, id).await?))
}

async fn view(app: &App, ws: WorkspaceId, id: TaskId) -> Result<TaskView, Problem> {
    let row = tasks::by_id(app.cx.db.read(), ws, id).await?.ok_or_else(|| Problem::not_found("task", id))?;
    Ok(TaskView::of(row, app.cx.now().timestamp_millis()))
}
