//! `/api/v1/workspace`: the workspace that the key opens. `hearback workspace` makes further ones: a key knows of no other.

use axum::{Json, extract::State, http::Uri};
use hearback_engine::setup::{self, WorkspaceChange};
use hearback_store::workspaces;
use serde::Serialize;

use super::Time;
use crate::route::{Access::Key, Route, get, patch};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/workspace", Key(Read), "The workspace that the key opens", show),
        patch("/workspace", Key(Admin), "Another name, language, colour or picture", change),
    ]
}

/// The workspace as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct WorkspaceView {
    key: String,
    name: String,
    locale: String,
    default_team: String,
    accent: Option<String>,
    logo: Option<String>,
    created_at: Time,
}

impl WorkspaceView {
    fn of(row: workspaces::Model) -> Self {
        Self {
            key: row.key,
            name: row.name,
            locale: row.locale,
            default_team: row.default_team,
            accent: row.accent,
            logo: row.logo,
            created_at: Time(row.created_at),
        }
    }
}

/// `GET /workspace`.
pub(crate) async fn show(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<WorkspaceView>, Problem> {
    Params::read(&uri, &[])?;
    let row = workspaces::by_id(app.cx.db.read(), caller.0.ws).await?;
    Ok(Json(WorkspaceView::of(row.ok_or_else(|| Problem::not_found("workspace", caller.0.ws))?)))
}

/// `PATCH /workspace`: another name, language, colour or picture.
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    body::Json(change): body::Json<WorkspaceChange>,
) -> Result<Json<WorkspaceView>, Problem> {
    Ok(Json(WorkspaceView::of(setup::change_workspace(&app.cx, caller.0.ws, &caller.actor(), change).await?)))
}
