//! `/api/v1/apikeys`: the keys of this workspace. A key itself is told once, when it is made.

use chrono::{DateTime, Utc};
use hearback_engine::{
    access,
    role::Scope::{self, Admin},
};
use hearback_store::api_keys;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Created, Json, delete, get, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/apikeys", Admin, "The keys of this workspace, revoked ones too, the oldest first", list),
        post("/apikeys", Admin, "Make a key; it is told only now", create),
        delete("/apikeys/{id}", Admin, "Revoke a key", revoke),
    ]
}

/// A key as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    #[schemars(with = "Scope")]
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
pub(crate) async fn list(call: Call) -> Result<Json<List<KeyView>>, Problem> {
    let rows = api_keys::all(call.db(), call.ws()).await?;
    Ok(Json(List::whole(rows.into_iter().map(KeyView::of))))
}

/// Body of `POST /apikeys`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    #[schemars(length(min = 1, max = hearback_core::text::MAX_LINE))]
    name: String,
    scope: Scope,
    /// From then on it opens nothing.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyMade {
    /// The key: it is shown only here.
    key: String,
}

/// `POST /apikeys`.
pub(crate) async fn create(call: Call, Json(new): Json<NewKey>) -> Result<Created<KeyMade>, Problem> {
    let key = access::create_api_key_until(call.cx(), call.ws(), &call.actor(), &new.name, new.scope, new.expires_at).await?;
    Ok(Created(KeyMade { key }))
}

/// `DELETE /apikeys/{id}`: the key opens nothing any more; other nodes may believe it for 30 seconds.
pub(crate) async fn revoke(call: Call) -> Result<(), Problem> {
    access::revoke_api_key(call.cx(), call.ws(), &call.actor(), call.id("key")?).await?;
    Ok(())
}
