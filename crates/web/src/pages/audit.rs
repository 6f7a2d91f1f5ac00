//! Who changed what in the set-up, the newest first.

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_store::{
    audit,
    cursor::{Cursor, Page},
};
use serde::Serialize;

use super::{Frame, session::Visitor, words::When};
use crate::route::{Access::User, Route, get};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/audit", User(Admin), "Who changed what in the set-up", show)]
}

/// Rows of one page.
const ROWS: u64 = 100;

#[derive(Serialize)]
struct Line {
    at: When,
    actor: String,
    action: String,
    subject: String,
    data: String,
}

#[derive(Serialize)]
struct View {
    lines: Vec<Line>,
    next: Option<String>,
}

/// `GET /audit`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let page = Page { limit: ROWS, after: params.page()?.after };
    let listed = audit::list(app.cx.db.read(), visitor.ws, None, page).await?;
    let now = app.cx.now().timestamp_millis();
    let line = |row: audit::Model| Line {
        at: When::past(row.at, now),
        actor: row.actor.split_once(':').map_or(row.actor.as_str(), |(_, name)| name).to_owned(),
        action: row.action.replace(['.', '_'], " "),
        subject: row.subject,
        data: words(&row.data),
    };
    let view = View { lines: listed.items.into_iter().map(line).collect(), next: listed.next.map(Cursor::encode) };
    let frame = Frame { title: "Audit log", here: "audit", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "audit", &frame, &view))
}

/// `role agent, name Ieva`: the fields of an entry as people read them.
fn words(data: &str) -> String {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(data).unwrap_or_default();
    let word = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    };
    fields.into_iter().map(word).collect::<Vec<_>>().join(", ")
}
