//! `/api/v1/events`: all that happened, in one order, for whoever follows it.

use hearback_engine::role::Scope::Read;
use hearback_store::feed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Time, json};
use crate::{
    call::{Call, Json, Query, get},
    error::Problem,
    parameters::Limit,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/events", Read, "All that happened, the oldest first: go on from `next`, and you miss nothing and see nothing twice", list)]
}

/// One entry.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FeedEntry {
    id: Uuid,
    case_id: Uuid,
    kind: String,
    actor: String,
    data: serde_json::Value,
    at: Time,
}

/// A piece of the feed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Feed {
    items: Vec<FeedEntry>,
    /// `after` of the next question, also when there is nothing new; null only as long as nothing has ever happened.
    next: Option<Uuid>,
}

/// From where on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedAsked {
    /// The last entry that was seen; from the first on when absent.
    after: Option<Uuid>,
    #[serde(default)]
    limit: Limit,
}

/// `GET /events?after=&limit=`: what happened after an entry, the oldest first. Entries show a few seconds after they happened,
/// so that none can appear before one that was shown: whoever goes on from `next` misses none and sees none twice.
pub(crate) async fn list(call: Call, Query(asked): Query<FeedAsked>) -> Result<Json<Feed>, Problem> {
    let (after, limit) = (asked.after, asked.limit.0);
    let settled = feed::settled(&call.cx().db, call.cx().now(), feed::SLACK).await?;
    let rows = feed::page(call.db(), call.ws(), after, settled, limit).await?;
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
