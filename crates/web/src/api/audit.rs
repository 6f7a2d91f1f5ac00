//! `/api/v1/audit`: who changed what in the set-up.

use hearback_engine::role::Scope::Admin;
use hearback_store::audit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{List, Time, json};
use crate::{
    call::{Call, Json, Query, get},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/audit", Admin, "Who changed what in the set-up, the newest first", list)]
}

/// One entry as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EntryView {
    id: Uuid,
    at: Time,
    actor: String,
    action: String,
    subject: String,
    #[schemars(with = "Map<String, Value>")]
    data: serde_json::Value,
}

/// Which entries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditAsked {
    /// Only this kind of change, such as `user.added`.
    action: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /audit`: the newest first.
pub(crate) async fn list(call: Call, Query(asked): Query<AuditAsked>) -> Result<Json<List<EntryView>>, Problem> {
    let page = audit::list(call.db(), call.ws(), asked.action.as_deref(), asked.limit.after(asked.cursor)).await?;
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
