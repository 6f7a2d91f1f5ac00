//! Keys of the API: how they are made, and how a request's key is recognised without asking the database each time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    id::{ApiKeyId, WorkspaceId},
    text::{self, MAX_LINE},
    token::{fingerprint, random_secret},
};
use hearback_store::{
    StoreError, api_keys, bulk,
    time::{from_millis, millis},
};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{NOTE_USE_EVERY, no_randomness};
use crate::{Actor, Ctx, EngineError, access::Access, audit, error::Fields, role::Scope};

/// How long a key is believed without asking the database.
const KEY_CACHED: Duration = Duration::seconds(30);
/// Most keys remembered.
const KEYS_CACHED: usize = 1_024;
/// What every API key starts with; known to secret scanners.
pub const KEY_PREFIX: &str = "hb_live_";
/// Length of the part of a key that names it.
const PUBLIC_PART: usize = 8;

/// Who calls the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The workspace that it opens.
    pub ws: WorkspaceId,
    /// Which key.
    pub id: ApiKeyId,
    /// What it was called when it was made.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
}

/// Keys this process has seen a moment ago.
#[derive(Debug, Default)]
pub struct Keys(Mutex<HashMap<String, SeenKey>>);

/// A key as the database had it a moment ago; `None` when it had none.
#[derive(Debug, Clone)]
struct SeenKey {
    row: Option<api_keys::Model>,
    read_at: DateTime<Utc>,
}

/// Makes a key that opens for good; what it returns is shown once and stored only as a hash.
pub async fn create_api_key(cx: &Ctx, ws: WorkspaceId, actor: &Actor, name: &str, scope: Scope) -> Result<String, EngineError> {
    create_api_key_until(cx, ws, actor, name, scope, None).await
}

/// The same for a key that opens until a moment.
pub async fn create_api_key_until(
    cx: &Ctx,
    ws: WorkspaceId,
    actor: &Actor,
    name: &str,
    scope: Scope,
    expires_at: Option<DateTime<Utc>>,
) -> Result<String, EngineError> {
    let mut fields = Fields::default();
    let name = fields.check("name", text::line(name, MAX_LINE));
    if expires_at.is_some_and(|at| at <= cx.now()) {
        fields.refuse("expires_at", "must be in the future");
    }
    fields.done()?;
    let Some(name) = name else { return Err(EngineError::field("name", "is missing")) };
    let public_part: String = fingerprint(&random_secret().map_err(no_randomness)?).chars().take(PUBLIC_PART).collect();
    let key = format!("{KEY_PREFIX}{public_part}_{}", random_secret().map_err(no_randomness)?);
    let now = cx.now();
    let row = api_keys::Model {
        workspace_id: ws.uuid(),
        id: ApiKeyId::new(now).uuid(),
        name,
        scope: scope.as_str().to_owned(),
        public_part,
        secret_hash: fingerprint(&key),
        created_at: millis(now),
        expires_at: expires_at.map(millis),
        used_at: None,
        revoked_at: None,
    };
    let tx = cx.db.write().await?;
    let data = json!({ "name": row.name, "scope": row.scope, "expires_at": expires_at });
    audit::note(&tx, ws, actor, "key.created", &row.public_part, data, now);
    bulk::insert::<api_keys::Entity>(&tx, &[row]).await?;
    tx.commit().await?;
    Ok(key)
}

/// Takes a key back: here it opens nothing any more, other nodes may believe it for 30 seconds.
pub async fn revoke_api_key(cx: &Access, ws: WorkspaceId, actor: &Actor, id: ApiKeyId) -> Result<(), EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let row = api_keys::revoke(&tx, ws, id, millis(now)).await?.ok_or_else(|| EngineError::not_found("key", id))?;
    audit::note(&tx, ws, actor, "key.revoked", &row.public_part, json!({ "name": row.name }), now);
    tx.commit().await?;
    cx.auth.keys.lock().remove(&row.public_part);
    Ok(())
}

/// Who a bearer key belongs to; `None` for a wrong, expired or revoked one. A revoked key may pass for up to 30 seconds more.
pub async fn authenticate(cx: &Access, bearer: &str) -> Result<Option<ApiKey>, EngineError> {
    let named = bearer.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split_at_checked(PUBLIC_PART));
    let Some((public_part, secret)) = named else { return Ok(None) };
    if !secret.starts_with('_') {
        return Ok(None);
    }
    let now = cx.now();
    let Some(row) = cx.auth.keys.find(cx, public_part, now).await? else { return Ok(None) };
    if row.expires_at.is_some_and(|at| from_millis(at) <= now) {
        return Ok(None);
    }
    let genuine = bool::from(fingerprint(bearer).as_bytes().ct_eq(row.secret_hash.as_bytes()));
    let Some(scope) = Scope::parse(&row.scope).filter(|_| genuine) else { return Ok(None) };
    if row.used_at.is_none_or(|used| now - from_millis(used) >= NOTE_USE_EVERY) {
        cx.auth.keys.note_use(cx, &row, now).await;
    }
    Ok(Some(ApiKey { ws: WorkspaceId::from_uuid(row.workspace_id), id: ApiKeyId::from_uuid(row.id), name: row.name, scope }))
}

impl Keys {
    async fn find(&self, cx: &Ctx, public_part: &str, now: DateTime<Utc>) -> Result<Option<api_keys::Model>, EngineError> {
        let fresh = |seen: &&SeenKey| now - seen.read_at < KEY_CACHED && seen.read_at <= now;
        if let Some(seen) = self.lock().get(public_part).filter(fresh) {
            return Ok(seen.row.clone());
        }
        let row = api_keys::by_public_part(cx.db.read(), public_part).await?;
        self.remember(public_part.to_owned(), SeenKey { row: row.clone(), read_at: now });
        Ok(row)
    }

    fn remember(&self, public_part: String, seen: SeenKey) {
        let mut keys = self.lock();
        // Only a flood of made-up keys gets here; forgetting all costs each real one a query.
        if keys.len() >= KEYS_CACHED {
            keys.clear();
        }
        keys.insert(public_part, seen);
    }

    /// A key works even when that can't be noted: the answer it brings matters more.
    async fn note_use(&self, cx: &Ctx, row: &api_keys::Model, now: DateTime<Utc>) {
        let used = api_keys::Model { used_at: Some(millis(now)), ..row.clone() };
        self.remember(row.public_part.clone(), SeenKey { row: Some(used), read_at: now });
        if let Err(error) = write_use(cx, row, now).await {
            tracing::warn!(key = %row.id, %error, "the last use of an API key could not be noted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, SeenKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_use(cx: &Ctx, row: &api_keys::Model, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tx = cx.db.write().await?;
    api_keys::touch(&tx, row, millis(now)).await?;
    tx.commit().await
}
