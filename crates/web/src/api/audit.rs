//! `/api/v1/audit`: who changed what in the set-up.

use axum::{Json, extract::State, http::Uri};
use hearback_store::audit;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, json};
use crate::route::{Access::Key, Route, get};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/audit", Key(Admin), "Who changed what in the set-up, the newest first", list)]
}

/// One entry as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    id: Uuid,
    at: Time,
    actor: String,
    action: String,
    subject: String,
    data: serde_json::Value,
}

/// `GET /audit`: the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<EntryView>>, Problem> {
    let params = Params::read(&uri, &["action", "limit", "cursor"])?;
    let page = audit::list(app.cx.db.read(), caller.0.ws, params.text("action"), params.page()?).await?;
    let view = |row: audit::Model| EntryView {
        id: row.id,
        at: Time(row.at),
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        data: json(&row.data),
    };
    Ok(Json(List::of(page, view)))
}
