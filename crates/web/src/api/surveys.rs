//! `/api/v1/surveys`: what is asked, in versions.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::{id::WorkspaceId, survey::Body};
use hearback_engine::surveys::{self, DraftChange, NewSurvey};
use hearback_store::{lists, surveys::Model, workspaces};
use serde::Serialize;
use uuid::Uuid;

use super::{Time, Whole};
use crate::route::{Access::Key, Route, get, post, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/surveys", Key(Read), "Survey versions", list),
        post("/surveys", Key(Admin), "Make a survey, as a draft", create),
        get("/surveys/{key}", Key(Read), "Versions of one survey, the newest first", one),
        put("/surveys/{key}/draft", Key(Admin), "Write the next version; what was published stays as it is", draft),
        post("/surveys/{key}/publish", Key(Admin), "Ask the draft from now on; links to the version before go on", publish),
        post("/surveys/{key}/close", Key(Admin), "Take no answers any more, by no link", close),
    ]
}

/// One survey version.
#[derive(Debug, Serialize)]
pub(crate) struct SurveyView {
    id: Uuid,
    key: String,
    version: i64,
    name: String,
    metric: String,
    scale_max: i64,
    status: &'static str,
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
            status: row.status.as_str(),
            created_at: Time(row.created_at),
            published_at: row.published_at.map(Time),
            closed_at: row.closed_at.map(Time),
        }
    }
}

/// `GET /surveys`: all versions, by key and version.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<SurveyView>>, Problem> {
    Params::read(&uri, &[])?;
    let rows = lists::surveys(app.cx.db.read(), caller.0.ws).await?;
    let key = workspace_key(&app, caller.0.ws).await?;
    Ok(Json(Whole::of(rows.into_iter().map(|row| SurveyView::of(&app, &key, row)))))
}

/// `POST /surveys`: a new one, as a draft.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewSurvey>,
) -> Result<(StatusCode, Json<SurveyView>), Problem> {
    let row = surveys::create(&app.cx, caller.0.ws, &caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, caller.0.ws, row).await?)))
}

/// `GET /surveys/{key}`: its versions, the newest first.
pub(crate) async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<Whole<SurveyView>>, Problem> {
    Params::read(&uri, &[])?;
    let rows = surveys::versions(&app.cx, caller.0.ws, &key).await?;
    let workspace = workspace_key(&app, caller.0.ws).await?;
    Ok(Json(Whole::of(rows.into_iter().map(|row| SurveyView::of(&app, &workspace, row)))))
}

/// `PUT /surveys/{key}/draft`.
pub(crate) async fn draft(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body::Json(change): body::Json<DraftChange>,
) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::change_draft(&app.cx, caller.0.ws, &caller.actor(), &key, change).await?;
    Ok(Json(shown(&app, caller.0.ws, row).await?))
}

/// `POST /surveys/{key}/publish`.
pub(crate) async fn publish(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::publish(&app.cx, caller.0.ws, &caller.actor(), &key).await?;
    Ok(Json(shown(&app, caller.0.ws, row).await?))
}

/// `POST /surveys/{key}/close`.
pub(crate) async fn close(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<SurveyView>, Problem> {
    let row = surveys::close(&app.cx, caller.0.ws, &caller.actor(), &key).await?;
    Ok(Json(shown(&app, caller.0.ws, row).await?))
}

async fn shown(app: &App, ws: WorkspaceId, row: Model) -> Result<SurveyView, Problem> {
    Ok(SurveyView::of(app, &workspace_key(app, ws).await?, row))
}

/// The key of the workspace, which stands in public links.
pub(crate) async fn workspace_key(app: &App, ws: WorkspaceId) -> Result<String, Problem> {
    let row = workspaces::by_id(app.cx.db.read(), ws).await?;
    Ok(row.ok_or_else(|| Problem::not_found("workspace", ws))?.key)
}
