//! `/api/v1/workspace`: the workspace that the key opens. `hearback workspace` makes further ones: a key knows of no other.

use hearback_engine::{
    role::Scope::{Admin, Read},
    setup::{self, WorkspaceChange},
};
use hearback_store::workspaces;
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::{
    call::{Call, Json, get, patch},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/workspace", Read, "The workspace that the key opens", show),
        patch("/workspace", Admin, "Another name, language, colour or picture", change),
    ]
}

/// The workspace as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
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
pub(crate) async fn show(call: Call) -> Result<Json<WorkspaceView>, Problem> {
    let row = workspaces::by_id(call.db(), call.ws()).await?;
    Ok(Json(WorkspaceView::of(row.ok_or_else(|| Problem::not_found("workspace", call.ws()))?)))
}

/// `PATCH /workspace`: another name, language, colour or picture.
pub(crate) async fn change(call: Call, Json(change): Json<WorkspaceChange>) -> Result<Json<WorkspaceView>, Problem> {
    Ok(Json(WorkspaceView::of(setup::change_workspace(call.cx(), call.ws(), &call.actor(), change).await?)))
}
