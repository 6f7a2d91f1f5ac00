//! How a workspace is set up, to be read: `/api/v1/surveys`.

use axum::{Json, extract::State, http::Uri};
use hearback_store::lists;
use serde::Serialize;
use uuid::Uuid;

use super::Whole;
use crate::{App, auth::Caller, error::Problem, query::Params};

/// One survey version.
#[derive(Debug, Serialize)]
pub(crate) struct SurveyView {
    id: Uuid,
    key: String,
    version: i64,
    name: String,
    metric: String,
    scale_max: i64,
    status: String,
}

/// `GET /surveys`: all versions, by key and version.
pub(crate) async fn surveys(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<SurveyView>>, Problem> {
    Params::read(&uri, &[])?;
    let rows = lists::surveys(app.cx.db.read(), caller.0.ws).await?;
    let view = |row: hearback_store::surveys::Model| SurveyView {
        id: row.id,
        key: row.key,
        version: row.version,
        name: row.name,
        metric: row.metric,
        scale_max: row.scale_max,
        status: row.status,
    };
    Ok(Json(Whole { items: rows.into_iter().map(view).collect(), next: None }))
}
