//! `/api/v1/suppressions`: addresses that must not be mailed, and why.

use axum::{
    body::Bytes,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hearback_engine::{
    customers::suppressions::{self, NotTaken, Source, Suppression},
    role::Scope::{Admin, Read, Write},
};
use hearback_store::lists;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    List, Time,
    openapi::{Operation, Schemas},
    words::{OneOf, OwnReason, SuppressionReason},
};
use crate::{
    body,
    call::{Call, Created, Input, Json, Output, Query, delete, get, post},
    error::Problem,
    parameters::Limit,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/suppressions", Read, "Addresses that must not be mailed", list),
        post("/suppressions", Write, "Stop mail to an address", add),
        get("/suppressions/export", Admin, "All of it as CSV: address, reason, note, created_at", export),
        post(
            "/suppressions/import",
            Admin,
            "Add every address of a list in any shape: one a line, CSV with or without names of columns, JSON lines. Reasons in the words of other programs are understood; other words become the note",
            import,
        ),
        delete("/suppressions/{address}", Admin, "Mail this address again; the note goes into the audit log", lift),
    ]
}

/// Largest CSV, in bytes.
const MAX_LIST: usize = 16 * 1024 * 1024;
/// What a list comes as.
const LISTS: [&str; 4] = ["text/csv", "text/plain", "application/x-ndjson", "text/tab-separated-values"];
/// Most lines that are told to be wrong.
const MAX_TOLD: usize = 100;
/// One address that must not be mailed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SuppressionView {
    address: String,
    #[schemars(with = "OneOf<SuppressionReason>")]
    reason: String,
    note: Option<String>,
    created_at: Time,
}

impl SuppressionView {
    fn of(row: Suppression) -> Self {
        Self { address: row.address, reason: row.reason, note: row.note, created_at: Time(row.created_at) }
    }
}

/// Which addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuppressionsAsked {
    reason: Option<OneOf<SuppressionReason>>,
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// `GET /suppressions`: by address; `next` is the last address.
pub(crate) async fn list(call: Call, Query(asked): Query<SuppressionsAsked>) -> Result<Json<List<SuppressionView>>, Problem> {
    let limit = asked.limit.0;
    let reason = asked.reason.map(|reason| reason.0);
    let rows = lists::suppressions(call.db(), call.ws(), reason, asked.cursor.as_deref(), limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if rows.len() > shown { rows.get(shown.saturating_sub(1)).map(|row| row.address.clone()) } else { None };
    Ok(Json(List { items: rows.into_iter().take(shown).map(SuppressionView::of).collect(), next }))
}

/// Body of `POST /suppressions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuppression {
    #[schemars(email)]
    address: String,
    #[serde(default)]
    #[schemars(with = "Option<OneOf<OwnReason>>")]
    reason: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /suppressions`: this address is not mailed from now on.
pub(crate) async fn add(call: Call, Json(new): Json<NewSuppression>) -> Result<Created<SuppressionView>, Problem> {
    let row = suppressions::add(call.cx(), call.ws(), &new.address, new.reason.as_deref(), new.note.as_deref()).await?;
    Ok(Created(SuppressionView::of(row)))
}

/// Why an address may be mailed again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifting {
    /// Goes into the audit log.
    #[schemars(required, length(min = 1))]
    note: Option<String>,
}

/// `DELETE /suppressions/{address}?note=`: it may be mailed again; the note goes into the audit log.
pub(crate) async fn lift(call: Call, Query(asked): Query<Lifting>) -> Result<(), Problem> {
    let note = asked.note.as_deref().ok_or_else(|| Problem::field("note", "is required: say why the address may be mailed again"))?;
    suppressions::lift(call.cx(), call.ws(), &call.actor(), call.key(), note).await?;
    Ok(())
}

/// A table as CSV.
pub(crate) struct Csv(String);

impl Output for Csv {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.gives(StatusCode::OK, "text/csv", &schemas.given::<String>());
    }

    fn answer(self) -> Response {
        ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], self.0).into_response()
    }
}

/// `GET /suppressions/export`: all of it as CSV.
pub(crate) async fn export(call: Call) -> Result<Csv, Problem> {
    Ok(Csv(suppressions::export(call.cx(), call.ws()).await?))
}

/// What came of an import.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ImportedSuppressionsView {
    stored: u64,
    unchanged: u64,
    rejected: Vec<NotSuppressedView>,
}

/// A line that was not taken.
#[derive(Debug, Serialize, JsonSchema)]
struct NotSuppressedView {
    line: u64,
    value: String,
    message: String,
}

/// A list of addresses in any shape.
pub(crate) struct AddressList(Bytes);

impl Input for AddressList {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        for kind in LISTS {
            operation.takes(kind, &schemas.taken::<String>());
        }
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        if let Some(other) = body::content_type(request.headers()).filter(|kind| !LISTS.contains(&kind.as_str())) {
            return Err(body::unsupported(other, "text/csv"));
        }
        body::read(request.into_body(), MAX_LIST).await.map(Self)
    }
}

/// `POST /suppressions/import`: a list in any shape, CSV or JSON lines; every address in it is taken.
pub(crate) async fn import(call: Call, AddressList(bytes): AddressList) -> Result<Json<ImportedSuppressionsView>, Problem> {
    let table = suppressions::open_list(&Source::Bytes(bytes.to_vec().into()), None).map_err(|error| Problem::field("body", error))?;
    let done = suppressions::import(call.cx(), call.ws(), &call.actor(), table).await?;
    let told = |row: NotTaken| NotSuppressedView { line: row.line, value: row.value, message: row.why };
    let rejected = done.rejected.into_iter().take(MAX_TOLD).map(told).collect();
    Ok(Json(ImportedSuppressionsView { stored: done.stored, unchanged: done.unchanged, rejected }))
}
