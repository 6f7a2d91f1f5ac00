//! `/api/v1/tasks`: what somebody of ours must do.

use hearback_core::{
    id::{CaseId, TaskId},
    state::TaskStatus,
};
use hearback_engine::{
    cases::work::{self, TaskChange},
    role::Scope::{Read, Write},
};
use hearback_store::{
    lists::{self, TaskFilter},
    tasks,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Json, Query, get, patch},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tasks", Read, "Tasks, what is due first comes first", list),
        get("/tasks/{id}", Read, "One task", one),
        patch("/tasks/{id}", Write, "Finish, reopen or hand over a task", update).may_conflict(),
    ]
}

/// One task as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskView {
    id: Uuid,
    case_id: Uuid,
    title: String,
    owner: String,
    status: TaskStatus,
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
            status: *row.status,
            outcome: row.outcome,
            due_at: Time(row.due_at),
            created_at: Time(row.created_at),
            finished_at: row.finished_at.map(Time),
        }
    }
}

/// Which tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksAsked {
    status: Option<TaskStatus>,
    /// An address of one of yours, or `team:KEY`.
    owner: Option<String>,
    case: Option<CaseId>,
    overdue: Option<bool>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /tasks`: what is due first comes first.
pub(crate) async fn list(call: Call, Query(asked): Query<TasksAsked>) -> Result<Json<List<TaskView>>, Problem> {
    let now = call.cx().now();
    let filter = TaskFilter {
        status: asked.status,
        owners: asked.owner.map(|owner| owner.to_lowercase()).into_iter().collect(),
        case: asked.case,
        overdue: asked.overdue.map(|overdue| (overdue, now)),
    };
    let page = lists::tasks(call.db(), call.ws(), &filter, asked.limit.after(asked.cursor)).await?;
    Ok(Json(List::of(page, |row| TaskView::of(row, now.timestamp_millis()))))
}

/// `GET /tasks/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<TaskView>, Problem> {
    Ok(Json(view(&call, call.id("task")?).await?))
}

/// `PATCH /tasks/{id}`: done, dropped, open again, or handed over.
pub(crate) async fn update(call: Call, Json(change): Json<TaskChange>) -> Result<Json<TaskView>, Problem> {
    let id = call.id("task")?;
    work::update_task(call.cx(), call.ws(), id, &call.actor(), change).await?;
    Ok(Json(view(&call, id).await?))
}

async fn view(call: &Call, id: TaskId) -> Result<TaskView, Problem> {
    let row = tasks::by_id(call.db(), call.ws(), id).await?.ok_or_else(|| Problem::not_found("task", id))?;
    Ok(TaskView::of(row, call.cx().now().timestamp_millis()))
}
