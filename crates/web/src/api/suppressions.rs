//! `/api/v1/suppressions`: addresses that must not be mailed, and why.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hearback_engine::suppressions::{self, NotTaken, Source, Suppression};
use hearback_store::lists;
use serde::{Deserialize, Serialize};

use super::{Time, Whole};
use crate::route::{Access::Key, Route, delete, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/suppressions", Key(Read), "Addresses that must not be mailed", list),
        post("/suppressions", Key(Write), "Stop mail to an address", add),
        get("/suppressions/export", Key(Admin), "All of it as CSV: address, reason, note, created_at", export),
        post(
            "/suppressions/import",
            Key(Admin),
            "Add every address of a list in any shape: one a line, CSV with or without names of columns, JSON lines. Reasons in the words of other programs are understood; other words become the note",
            import,
        ),
        delete("/suppressions/{address}", Key(Admin), "Mail this address again; the note goes into the audit log", lift),
    ]
}

/// Largest CSV, in bytes.
const MAX_LIST: usize = 16 * 1024 * 1024;
/// What a list comes as.
const LISTS: [&str; 4] = ["text/csv", "text/plain", "application/x-ndjson", "text/tab-separated-values"];
/// Most lines that are told to be wrong.
const MAX_TOLD: usize = 100;
/// What a row can say; `erased` stands beside a fingerprint.
const REASONS: [&str; 5] = ["manual", "unsubscribed", "hard_bounce", "complaint", "erased"];

/// One address that must not be mailed.
#[derive(Debug, Serialize)]
pub(crate) struct SuppressionView {
    address: String,
    reason: String,
    note: Option<String>,
    created_at: Time,
}

impl SuppressionView {
    fn of(row: Suppression) -> Self {
        Self { address: row.address, reason: row.reason, note: row.note, created_at: Time(row.created_at) }
    }
}

/// `GET /suppressions`: by address; `next` is the last address.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<SuppressionView>>, Problem> {
    let params = Params::read(&uri, &["reason", "limit", "cursor"])?;
    let limit = params.limit()?;
    let reason = params.parse("reason", &REASONS.join(", "), |text| REASONS.into_iter().find(|reason| *reason == text))?;
    let rows = lists::suppressions(app.cx.db.read(), caller.0.ws, reason, params.text("cursor"), limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if rows.len() > shown { rows.get(shown.saturating_sub(1)).map(|row| row.address.clone()) } else { None };
    Ok(Json(Whole { items: rows.into_iter().take(shown).map(SuppressionView::of).collect(), next }))
}

/// Body of `POST /suppressions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuppression {
    address: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /suppressions`: this address is not mailed from now on.
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewSuppression>,
) -> Result<(StatusCode, Json<SuppressionView>), Problem> {
    let row = suppressions::add(&app.cx, caller.0.ws, &new.address, new.reason.as_deref(), new.note.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(SuppressionView::of(row))))
}

/// `DELETE /suppressions/{address}?note=`: it may be mailed again; the note goes into the audit log.
pub(crate) async fn lift(State(app): State<App>, caller: Caller, Path(address): Path<String>, uri: Uri) -> Result<StatusCode, Problem> {
    let params = Params::read(&uri, &["note"])?;
    let note = params.text("note").ok_or_else(|| Problem::field("note", "is required: say why the address may be mailed again"))?;
    suppressions::lift(&app.cx, caller.0.ws, &caller.actor(), &address, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /suppressions/export`: all of it as CSV.
pub(crate) async fn export(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let csv = suppressions::export(&app.cx, caller.0.ws).await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

/// What came of an import.
#[derive(Debug, Serialize)]
pub(crate) struct ImportedView {
    stored: u64,
    unchanged: u64,
    rejected: Vec<RejectedView>,
}

/// A line that was not taken.
#[derive(Debug, Serialize)]
struct RejectedView {
    line: u64,
    value: String,
    message: String,
}

/// `POST /suppressions/import`: a list in any shape, CSV or JSON lines; every address in it is taken.
pub(crate) async fn import(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<ImportedView>, Problem> {
    if let Some(other) = body::content_type(request.headers()).filter(|kind| !LISTS.contains(&kind.as_str())) {
        return Err(body::unsupported(other, "text/csv"));
    }
    let bytes = body::read(request.into_body(), MAX_LIST).await?;
    let table = suppressions::open_list(&Source::Bytes(bytes.to_vec().into()), None).map_err(|error| Problem::field("body", error))?;
    let done = suppressions::import(&app.cx, caller.0.ws, &caller.actor(), table).await?;
    let told = |row: NotTaken| RejectedView { line: row.line, value: row.value, message: row.why };
    let rejected = done.rejected.into_iter().take(MAX_TOLD).map(told).collect();
    Ok(Json(ImportedView { stored: done.stored, unchanged: done.unchanged, rejected }))
}
