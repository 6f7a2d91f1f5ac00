//! The alerts: what was stopped or ran out, and what to do about it.

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::id::{RecordId, WorkspaceId};
use hearback_engine::alerts::{AlertKind, done as look_after};
use hearback_store::{StoreError, alerts, cursor::Page};
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Visitor, see_other},
    words::When,
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, api::path_id, error::Problem, query::Params};
use hearback_engine::role::Role::{Agent, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/alerts", User(Viewer), "Alerts, the open ones first", show),
        post("/alerts/{id}/done", User(Agent), "An alert was looked after", done),
    ]
}

/// Alerts that one page shows; who has more, looks after these first.
const ROWS: u64 = 100;

/// One alert as pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct AlertRow {
    id: String,
    heading: &'static str,
    subject: String,
    message: String,
    count: i64,
    often: bool,
    last: When,
    done: bool,
}

impl AlertRow {
    fn of(row: alerts::Model, now: i64) -> Self {
        let kind = AlertKind::ALL.into_iter().find(|kind| kind.as_str() == row.kind);
        Self {
            id: row.id.to_string(),
            heading: kind.map_or("Look at this", AlertKind::words),
            subject: row.subject,
            message: row.message,
            count: row.count,
            often: row.count > 1,
            last: When::past(row.last_at, now),
            done: row.done_at.is_some(),
        }
    }
}

/// The newest alerts that are open, for any page.
pub(crate) async fn open(app: &App, ws: WorkspaceId, limit: u64) -> Result<Vec<AlertRow>, StoreError> {
    rows(app, ws, false, limit).await
}

async fn rows(app: &App, ws: WorkspaceId, done: bool, limit: u64) -> Result<Vec<AlertRow>, StoreError> {
    let now = app.cx.now().timestamp_millis();
    let found = alerts::list(app.cx.db.read(), ws, done, Page::first(limit)).await?;
    Ok(found.items.into_iter().map(|row| AlertRow::of(row, now)).collect())
}

#[derive(Serialize)]
struct View {
    open: Vec<AlertRow>,
    done: Vec<AlertRow>,
}

/// `GET /alerts`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let view = View { open: open(&app, visitor.ws, ROWS).await?, done: rows(&app, visitor.ws, true, ROWS / 5).await? };
    let frame = Frame { title: "Alerts", here: "alerts", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "alerts", &frame, &view))
}

/// `POST /alerts/{id}/done`
pub(crate) async fn done(State(app): State<App>, Path(id): Path<String>, form: Form) -> Result<Response, Problem> {
    let id: RecordId = path_id("alert", &id)?;
    look_after(&app.cx, form.visitor.ws, id).await?;
    Ok(see_other("/alerts"))
}
