//! How a workspace is set up, to be read: `/api/v1/surveys`, `/suppressions`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use hearback_engine::unsubscribe;
use hearback_store::{lists, suppressions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Time, Whole};
use crate::{App, auth::Caller, body, error::Problem, query::Params};

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

/// One address that must not be mailed.
#[derive(Debug, Serialize)]
pub(crate) struct SuppressionView {
    address: String,
    reason: String,
    note: Option<String>,
    created_at: Time,
}

impl SuppressionView {
    fn of(row: suppressions::Model) -> Self {
        Self { address: row.address, reason: row.reason, note: row.note, created_at: Time(row.created_at) }
    }
}

/// `GET /suppressions`: by address; `next` is the last address.
pub(crate) async fn suppressions(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<SuppressionView>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.limit()?;
    let rows = lists::suppressions(app.cx.db.read(), caller.0.ws, params.text("cursor"), limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if rows.len() > shown { rows.get(shown.saturating_sub(1)).map(|row| row.address.clone()) } else { None };
    Ok(Json(Whole { items: rows.into_iter().take(shown).map(SuppressionView::of).collect(), next }))
}

/// Body of `POST /suppressions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suppression {
    address: String,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /suppressions`: this address is not mailed from now on.
pub(crate) async fn suppress(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<Suppression>,
) -> Result<(StatusCode, Json<SuppressionView>), Problem> {
    let row = unsubscribe::suppress(&app.cx, caller.0.ws, &new.address, new.note.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(SuppressionView::of(row))))
}
