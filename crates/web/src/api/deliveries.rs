//! `/api/v1/deliveries`: the send ledger.

use std::collections::HashMap;

use hearback_core::{
    id::{CaseId, DeliveryId},
    state::{DeliveryStatus, Medium},
};
use hearback_engine::role::Scope::Read;
use hearback_store::{
    deliveries,
    lists::{self, DeliveryFilter},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Json, Query, get},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/deliveries", Read, "The send ledger, the newest first", list), get("/deliveries/{id}", Read, "One delivery", one)]
}

/// One delivery as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryView {
    id: Uuid,
    medium: Medium,
    kind: String,
    to: String,
    subject: Option<String>,
    status: DeliveryStatus,
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
            medium: *row.medium,
            kind: row.kind,
            to: row.to_address,
            subject: row.subject,
            status: *row.status,
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

/// Which deliveries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveriesAsked {
    status: Option<DeliveryStatus>,
    kind: Option<String>,
    /// Exactly this address.
    to: Option<String>,
    case: Option<CaseId>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /deliveries`: the newest first.
pub(crate) async fn list(call: Call, Query(asked): Query<DeliveriesAsked>) -> Result<Json<List<DeliveryView>>, Problem> {
    let filter = DeliveryFilter { status: asked.status, kind: asked.kind, to: asked.to.map(|to| to.to_lowercase()), case: asked.case };
    let (db, ws) = (call.db(), call.ws());
    let page = lists::deliveries(db, ws, &filter, asked.limit.after(asked.cursor)).await?;
    let rules = lists::rule_labels(db, ws, page.items.iter().filter_map(|row| row.rule_version_id)).await?;
    Ok(Json(List::of(page, |row| DeliveryView::of(row, &rules))))
}

/// `GET /deliveries/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<DeliveryView>, Problem> {
    let id: DeliveryId = call.id("delivery")?;
    let (db, ws) = (call.db(), call.ws());
    let row = lists::delivery(db, ws, id).await?.ok_or_else(|| Problem::not_found("delivery", id))?;
    let rules = lists::rule_labels(db, ws, row.rule_version_id.into_iter()).await?;
    Ok(Json(DeliveryView::of(row, &rules)))
}
