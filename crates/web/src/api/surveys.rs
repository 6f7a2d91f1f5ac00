//! `/api/v1/surveys`: what is asked, in versions.

use hearback_core::{Metric, id::WorkspaceId, state::SurveyStatus, survey::Body};
use hearback_engine::{
    role::Scope::{Admin, Read},
    surveys::{self, DraftChange, NewSurvey},
};
use hearback_store::{lists, surveys::Model, workspaces};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time};
use crate::{
    App,
    call::{Call, Created, Json, get, post, put},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/surveys", Read, "Survey versions", list),
        post("/surveys", Admin, "Make a survey, as a draft", create).may_conflict(),
        get("/surveys/{key}", Read, "Versions of one survey, the newest first", one),
        put("/surveys/{key}/draft", Admin, "Write the next version; what was published stays as it is", draft),
        post("/surveys/{key}/publish", Admin, "Ask the draft from now on; links to the version before go on", publish).may_conflict(),
        post("/surveys/{key}/close", Admin, "Take no answers any more, by no link", close).may_conflict(),
    ]
}

/// One survey version.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SurveyView {
    id: Uuid,
    key: String,
    version: i64,
    name: String,
    #[schemars(with = "Metric")]
    metric: String,
    scale_max: i64,
    status: SurveyStatus,
    body: Body,
    created_at: Time,
    published_at: Option<Time>,
    closed_at: Option<Time>,
    /// Where whoever comes by can answer.
    public_url: Option<String>,
    /// Where one of ours can look at it as customers will.
    preview_url: String,
}

impl SurveyView {
    fn of(app: &App, workspace: &str, row: Model) -> Self {
        Self {
            public_url: surveys::public_url(&app.cx, workspace, &row),
            preview_url: format!("{}{}", app.config.public_url, surveys::preview_path(&app.cx, &row)),
            body: surveys::body(&row),
            id: row.id,
            key: row.key,
            version: row.version,
            name: row.name,
            metric: row.metric,
            scale_max: row.scale_max,
            status: *row.status,
            created_at: Time(row.created_at),
            published_at: row.published_at.map(Time),
            closed_at: row.closed_at.map(Time),
        }
    }
}

/// `GET /surveys`: all versions, by key and version.
pub(crate) async fn list(call: Call) -> Result<Json<List<SurveyView>>, Problem> {
    let rows = lists::surveys(call.db(), call.ws()).await?;
    let key = workspace_key(&call.app, call.ws()).await?;
    Ok(Json(List::whole(rows.into_iter().map(|row| SurveyView::of(&call.app, &key, row)))))
}

/// `POST /surveys`: a new one, as a draft.
pub(crate) async fn create(call: Call, Json(new): Json<NewSurvey>) -> Result<Created<SurveyView>, Problem> {
    let row = surveys::create(call.cx(), call.ws(), &call.actor(), new).await?;
    Ok(Created(shown(&call.app, call.ws(), row).await?))
}

/// `GET /surveys/{key}`: its versions, the newest first.
pub(crate) async fn one(call: Call) -> Result<Json<List<SurveyView>>, Problem> {
    let rows = surveys::versions(call.cx(), call.ws(), call.key()).await?;
    let workspace = workspace_key(&call.app, call.ws()).await?;
    Ok(Json(List::whole(rows.into_iter().map(|row| SurveyView::of(&call.app, &workspace, row)))))
}

/// `PUT /surveys/{key}/draft`.
pub(crate) async fn draft(call: Call, Json(change): Json<DraftChange>) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::change_draft(call.cx(), call.ws(), &call.actor(), call.key(), change).await?;
    Ok(Json(shown(&call.app, call.ws(), row).await?))
}

/// `POST /surveys/{key}/publish`.
pub(crate) async fn publish(call: Call) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::publish(call.cx(), call.ws(), &call.actor(), call.key()).await?;
    Ok(Json(shown(&call.app, call.ws(), row).await?))
}

/// `POST /surveys/{key}/close`.
pub(crate) async fn close(call: Call) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::close(call.cx(), call.ws(), &call.actor(), call.key()).await?;
    Ok(Json(shown(&call.app, call.ws(), row).await?))
}

async fn shown(app: &App, ws: WorkspaceId, row: Model) -> Result<SurveyView, Problem> {
    Ok(SurveyView::of(app, &workspace_key(app, ws).await?, row))
}

/// The key of the workspace, which stands in public links.
pub(crate) async fn workspace_key(app: &App, ws: WorkspaceId) -> Result<String, Problem> {
    let row = workspaces::by_id(app.cx.db.read(), ws).await?;
    Ok(row.ok_or_else(|| Problem::not_found("workspace", ws))?.key)
}
