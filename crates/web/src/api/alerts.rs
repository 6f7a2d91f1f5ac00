//! `/api/v1/alerts`: what somebody has to look at.

use hearback_core::id::RecordId;
use hearback_engine::{
    alerts::done as look_after,
    role::Scope::{Read, Write},
};
use hearback_store::alerts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Json, Query, get, post},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/alerts", Read, "What somebody has to look at, the newest first", list),
        post("/alerts/{id}/done", Write, "Somebody has looked after it", done),
    ]
}

/// One alert as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AlertView {
    id: Uuid,
    kind: String,
    /// Key of the rule, pool or webhook that it is about.
    subject: String,
    message: String,
    #[schemars(range(min = 1))]
    count: i64,
    first_at: Time,
    last_at: Time,
    done_at: Option<Time>,
}

impl AlertView {
    fn of(row: alerts::Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            subject: row.subject,
            message: row.message,
            count: row.count,
            first_at: Time(row.first_at),
            last_at: Time(row.last_at),
            done_at: row.done_at.map(Time),
        }
    }
}

/// Which alerts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsAsked {
    /// true: those that were looked after; else the open ones.
    done: Option<bool>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /alerts`: the open ones, or with `done=true` those that were looked after; the newest first.
pub(crate) async fn list(call: Call, Query(asked): Query<AlertsAsked>) -> Result<Json<List<AlertView>>, Problem> {
    let page = alerts::list(call.db(), call.ws(), asked.done.unwrap_or(false), asked.limit.after(asked.cursor)).await?;
    Ok(Json(List::of(page, AlertView::of)))
}

/// `POST /alerts/{id}/done`: somebody has looked after it.
pub(crate) async fn done(call: Call) -> Result<Json<AlertView>, Problem> {
    let id: RecordId = call.id("alert")?;
    Ok(Json(AlertView::of(look_after(call.cx(), call.ws(), id).await?)))
}
