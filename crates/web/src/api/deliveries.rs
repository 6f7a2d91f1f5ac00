//! `/api/v1/deliveries`: the send ledger.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_core::id::{CaseId, DeliveryId};
use hearback_store::{
    deliveries,
    lists::{self, DeliveryFilter},
};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::Read;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/deliveries", Key(Read), "The send ledger, the newest first", list), get("/deliveries/{id}", Key(Read), "One delivery", one)]
}

/// One delivery as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveryView {
    id: Uuid,
    medium: &'static str,
    kind: String,
    to: String,
    subject: Option<String>,
    status: &'static str,
    attempts: i64,
    duplicates: i64,
    message_id: String,
    /// The mail server's last answer, or why nothing was sent.
    reply: Option<String>,
    /// `KEY@VERSION` of the rule that asked for it.
    rule: Option<String>,
    case: Option<Uuid>,
    created_at: Time,
    sent_at: Option<Time>,
    updated_at: Time,
}

impl DeliveryView {
    /// A row; `rules` has the labels of rule versions.
    pub(crate) fn of(row: deliveries::Model, rules: &HashMap<Uuid, String>) -> Self {
        Self {
            rule: row.rule_version_id.and_then(|id| rules.get(&id).cloned()),
            id: row.id,
            medium: row.medium.as_str(),
            kind: row.kind,
            to: row.to_address,
            subject: row.subject,
            status: row.status.as_str(),
            attempts: row.attempts,
            duplicates: row.duplicates,
            message_id: row.message_id,
            reply: row.reply,
            case: row.case_id,
            created_at: Time(row.created_at),
            sent_at: row.sent_at.map(Time),
            updated_at: Time(row.updated_at),
        }
    }
}

/// `GET /deliveries`: the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<DeliveryView>>, Problem> {
    let params = Params::read(&uri, &["status", "kind", "to", "case", "limit", "cursor"])?;
    let filter = DeliveryFilter {
        status: params.word("status")?,
        kind: params.text("kind").map(str::to_owned),
        to: params.text("to").map(str::to_lowercase),
        case: params.id::<CaseId>("case")?,
    };
    let (db, ws) = (app.cx.db.read(), caller.0.ws);
    let page = lists::deliveries(db, ws, &filter, params.page()?).await?;
    let rules = lists::rule_labels(db, ws, page.items.iter().filter_map(|row| row.rule_version_id)).await?;
    Ok(Json(List::of(page, |row| DeliveryView::of(row, &rules))))
}

/// `GET /deliveries/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<DeliveryView>, Problem> {
    Params::read(&uri, &[])?;
    let id: DeliveryId = path_id("delivery", &id)?;
    let (db, ws) = (app.cx.db.read(), caller.0.ws);
    let row = lists::delivery(db, ws, id).await?.ok_or_else(|| Problem::not_found("delivery", id))?;
    let rules = lists::rule_labels(db, ws, row.rule_version_id.into_iter()).await?;
    Ok(Json(DeliveryView::of(row, &rules)))
}
