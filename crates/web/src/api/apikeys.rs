//! `/api/v1/apikeys`: the keys of this workspace. A key itself is told once, when it is made.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use chrono::{DateTime, Utc};
use hearback_engine::access::{self, Scope};
use hearback_store::api_keys;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Time, Whole, path_id};
use crate::route::{Access::Key, Route, delete, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/apikeys", Key(Admin), "The keys of this workspace, revoked ones too, the oldest first", list),
        post("/apikeys", Key(Admin), "Make a key; it is told only now", create),
        delete("/apikeys/{id}", Key(Admin), "Revoke a key", revoke),
    ]
}

/// A key as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    scope: String,
    /// What it starts with.
    starts: String,
    created_at: Time,
    expires_at: Option<Time>,
    used_at: Option<Time>,
    revoked_at: Option<Time>,
}

impl KeyView {
    fn of(row: api_keys::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scope: row.scope,
            starts: format!("{}{}", access::KEY_PREFIX, row.public_part),
            created_at: Time(row.created_at),
            expires_at: row.expires_at.map(Time),
            used_at: row.used_at.map(Time),
            revoked_at: row.revoked_at.map(Time),
        }
    }
}

/// `GET /apikeys`: all of them, revoked ones too, the oldest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<KeyView>>, Problem> {
    Params::read(&uri, &[])?;
    let rows = api_keys::all(app.cx.db.read(), caller.0.ws).await?;
    Ok(Json(Whole::of(rows.into_iter().map(KeyView::of))))
}

/// Body of `POST /apikeys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    name: String,
    scope: Scope,
    /// From then on it opens nothing.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Debug, Serialize)]
pub(crate) struct KeyMade {
    /// The key: it is shown only here.
    key: String,
}

/// `POST /apikeys`.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewKey>,
) -> Result<(StatusCode, Json<KeyMade>), Problem> {
    let key = access::create_api_key_until(&app.cx, caller.0.ws, &caller.actor(), &new.name, new.scope, new.expires_at).await?;
    Ok((StatusCode::CREATED, Json(KeyMade { key })))
}

/// `DELETE /apikeys/{id}`: the key opens nothing any more; other nodes may believe it for 30 seconds.
pub(crate) async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    access::revoke_api_key(&app.cx, caller.0.ws, &caller.actor(), path_id("key", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
