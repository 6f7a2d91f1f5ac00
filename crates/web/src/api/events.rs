//! `/api/v1/events`: all that happened, in one order, for whoever follows it.

use axum::{Json, extract::State, http::Uri};
use hearback_store::feed;
use serde::Serialize;
use uuid::Uuid;

use super::{Time, json};
use crate::route::{Access::Key, Route, get};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::Read;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get(
        "/events",
        Key(Read),
        "All that happened, the oldest first: go on from `next`, and you miss nothing and see nothing twice",
        list,
    )]
}

/// One entry.
#[derive(Debug, Serialize)]
pub(crate) struct FeedEntry {
    id: Uuid,
    case_id: Uuid,
    kind: String,
    actor: String,
    data: serde_json::Value,
    at: Time,
}

/// A piece of the feed.
#[derive(Debug, Serialize)]
pub(crate) struct Feed {
    items: Vec<FeedEntry>,
    /// `after` of the next question, also when there is nothing new; null only as long as nothing has ever happened.
    next: Option<Uuid>,
}

/// `GET /events?after=&limit=`: what happened after an entry, the oldest first. Entries show a few seconds after they happened,
/// so that none can appear before one that was shown: whoever goes on from `next` misses none and sees none twice.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Feed>, Problem> {
    let params = Params::read(&uri, &["after", "limit"])?;
    let (after, limit) = (params.id::<Uuid>("after")?, params.limit()?);
    let settled = feed::settled(&app.cx.db, app.cx.now(), feed::SLACK).await?;
    let rows = feed::page(app.cx.db.read(), caller.0.ws, after, settled, limit).await?;
    let next = rows.last().map(|row| row.id).or(after);
    let entry = |row: hearback_store::events::Model| FeedEntry {
        id: row.id,
        case_id: row.case_id,
        kind: row.kind,
        actor: row.actor,
        data: json(&row.data),
        at: Time(row.at),
    };
    Ok(Json(Feed { items: rows.into_iter().map(entry).collect(), next }))
}
