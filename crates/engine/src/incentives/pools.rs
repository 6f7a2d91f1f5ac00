//! Pools of codes: filling them, looking at them, withdrawing codes, and what happens while one is empty.
//!
//! Owns: each code is given once; a case that was promised a code and got none waits for one, with its mail, and its owner is
//! told. Refuses to know: HTTP, files.
//!
//! A code goes back to its pool when the mail that carries it certainly never left (bounced, suppressed, given up or called off
//! before its final dot). Was any attempt in doubt, the code stays given: the customer may have it.

mod give;
mod read;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{RecordId, WorkspaceId},
    seal::{Sealed, Unreadable},
    state::CodeState,
    text::{self, MAX_LINE},
    token::SecretKey,
};
use hearback_store::{
    bulk,
    cursor::{Listed, Page},
    incentive_codes::{self, NEVER},
    pools,
    time::{from_millis, millis},
};

pub(crate) use give::{give, look, take_back};
pub use read::{NewCode, Unread, read_codes, read_expiry};

use serde_json::json;
use uuid::Uuid;

use crate::{Actor, Ctx, EngineError, audit, error::Fields};

/// With this many free codes or fewer, somebody is told, unless the pool says otherwise.
pub const LOW_STOCK: i64 = 20;
/// Codes inserted by one statement.
const BATCH: usize = 1_000;
/// Most codes of one import.
pub const MAX_CODES: usize = 200_000;

/// What came of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Codes that are new in the pool.
    pub added: u64,
    /// Codes that were there already, in whatever state, or stood twice; they stay as they are.
    pub duplicates: u64,
}

/// A pool with its codes counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The pool.
    pub pool: pools::Model,
    /// Can be given.
    pub free: i64,
    /// Belong to a case.
    pub given: i64,
    /// Were never given, and can't be any more.
    pub expired: i64,
    /// Were withdrawn by hand.
    pub revoked: i64,
    /// Cases that wait for a code.
    pub waiting: i64,
}

/// Makes a pool, or changes its name and the number at which somebody is told.
pub async fn put(
    cx: &Ctx,
    ws: WorkspaceId,
    actor: &Actor,
    key: &str,
    name: Option<&str>,
    low_stock: Option<i64>,
) -> Result<Stock, EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(key));
    let name = fields.check_some("name", name, |name| text::line(name, MAX_LINE));
    if low_stock.is_some_and(|low| !(0..=1_000_000).contains(&low)) {
        fields.refuse("low_stock", "must be a whole number from 0 to 1000000");
    }
    fields.done()?;
    let key = key.unwrap_or_default();
    let now = cx.now();
    let tx = cx.db.write().await?;
    let mut pool = make(&tx, ws, &key, now).await?;
    pool.name = name.unwrap_or(pool.name);
    pool.low_stock = low_stock.unwrap_or(pool.low_stock);
    pools::save(&tx, pool.clone()).await?;
    let data = json!({ "name": pool.name, "low_stock": pool.low_stock });
    audit::note(&tx, ws, actor, "pool.changed", &key, data, now);
    give::look(&tx, pool, now).await?;
    tx.commit().await?;
    one(cx, ws, &key).await
}

/// Puts codes into a pool, which is made when it is not there. Cases that wait get theirs within seconds.
pub async fn import(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, codes: Vec<NewCode>) -> Result<Imported, EngineError> {
    let key = text::key(key).map_err(|error| EngineError::field("pool", error))?;
    if codes.len() > MAX_CODES {
        return Err(EngineError::field("codes", format!("at most {MAX_CODES} at a time, got {}", codes.len())));
    }
    let now = cx.now();
    let total = u64::try_from(codes.len()).unwrap_or(u64::MAX);
    let secret = cx.settings.secret_key.clone();
    let pool = key.clone();
    // Sealing so many takes a while, which others must not wait for.
    let sealing = tokio::task::spawn_blocking(move || codes.iter().map(|code| row(&secret, ws, &pool, code, now)).collect());
    let rows: Result<Vec<Row>, Unreadable> = sealing.await.map_err(|error| EngineError::field("codes", error))?;
    let rows = rows.map_err(EngineError::sealed("a code"))?;
    let tx = cx.db.write().await?;
    let pool = make(&tx, ws, &key, now).await?;
    let mut added = 0;
    for batch in rows.chunks(BATCH) {
        let older: Vec<String> = batch.iter().flat_map(|row| &row.older).cloned().collect();
        let there = incentive_codes::known(&tx, ws.uuid(), &key, &older).await?;
        let new = batch.iter().filter(|row| !row.older.iter().any(|lookup| there.contains(lookup)));
        let new: Vec<incentive_codes::Model> = new.map(|row| row.code.clone()).collect();
        added += bulk::insert_missing::<incentive_codes::Entity>(&tx, &new).await?;
    }
    audit::note(&tx, ws, actor, "pool.filled", &key, json!({ "added": added }), now);
    give::look(&tx, pool, now).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(Imported { added, duplicates: total - added })
}

/// Withdraws codes: free ones are not given any more. How many of them were free.
pub async fn revoke(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, codes: &[String]) -> Result<u64, EngineError> {
    let tx = cx.db.write().await?;
    let pool = pools::lock(&tx, ws.uuid(), key).await?.ok_or_else(|| EngineError::not_found("pool", key))?;
    let secret = &cx.settings.secret_key;
    let lookups: Vec<String> = codes.iter().flat_map(|code| secret.lookups(Sealed::GiftCode, ws.uuid(), code)).collect();
    let revoked = incentive_codes::revoke(&tx, ws.uuid(), key, &lookups).await?;
    audit::note(&tx, ws, actor, "pool.revoked", key, json!({ "revoked": revoked }), cx.now());
    give::look(&tx, pool, cx.now()).await?;
    tx.commit().await?;
    Ok(revoked)
}

/// All pools, by key, counted.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Stock>, EngineError> {
    let pools = pools::of_workspace(cx.db.read(), ws).await?;
    let counts = pools::counts(cx.db.read(), ws, millis(cx.now())).await?;
    let counts: HashMap<(&str, &str), i64> =
        counts.iter().map(|count| ((count.pool.as_str(), count.state.as_str()), count.codes)).collect();
    let counted = |pool: pools::Model| {
        let of = |state: &str| counts.get(&(pool.key.as_str(), state)).copied().unwrap_or_default();
        let (free, given, expired, revoked, waiting) = (of("free"), of("given"), of("expired"), of("revoked"), of("waiting"));
        Stock { pool, free, given, expired, revoked, waiting }
    };
    Ok(pools.into_iter().map(counted).collect())
}

/// One pool, counted.
pub async fn one(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<Stock, EngineError> {
    let found = list(cx, ws).await?.into_iter().find(|stock| stock.pool.key == key);
    found.ok_or_else(|| EngineError::not_found("pool", key))
}

/// One page of a pool's codes.
pub async fn codes(
    cx: &Ctx,
    ws: WorkspaceId,
    key: &str,
    state: Option<CodeState>,
    page: Page,
) -> Result<Listed<incentive_codes::Model>, EngineError> {
    one(cx, ws, key).await?;
    Ok(incentive_codes::of_pool(cx.db.read(), ws.uuid(), key, state, page).await?)
}

/// The code of a row, opened.
pub fn code(key: &SecretKey, row: &incentive_codes::Model) -> Result<String, Unreadable> {
    open(key, row.workspace_id, row.id, &row.sealed)
}

/// The same where only its id is known.
pub(crate) fn open(key: &SecretKey, ws: Uuid, id: Uuid, sealed: &str) -> Result<String, Unreadable> {
    key.open(Sealed::GiftCode, ws, id.as_bytes(), sealed)
}

/// When a stored code expires; `None` for one that never does.
pub fn expiry(row: &incentive_codes::Model) -> Option<DateTime<Utc>> {
    (row.expires_at != NEVER).then(|| from_millis(row.expires_at))
}

/// The pool, held; made first when it is not there.
async fn make(tx: &hearback_store::Tx, ws: WorkspaceId, key: &str, now: DateTime<Utc>) -> Result<pools::Model, EngineError> {
    let fresh = pools::Model {
        workspace_id: ws.uuid(),
        key: key.to_owned(),
        name: key.to_owned(),
        low_stock: LOW_STOCK,
        created_at: millis(now),
        low_since: None,
        empty_since: None,
    };
    bulk::insert_missing::<pools::Entity>(tx, std::slice::from_ref(&fresh)).await?;
    Ok(pools::lock(tx, ws.uuid(), key).await?.unwrap_or(fresh))
}

/// A code to be stored, and what it is found by where an older key sealed it.
struct Row {
    code: incentive_codes::Model,
    older: Vec<String>,
}

fn row(key: &SecretKey, ws: WorkspaceId, pool: &str, code: &NewCode, now: DateTime<Utc>) -> Result<Row, Unreadable> {
    let id = RecordId::new(now).uuid();
    let mut lookups = key.lookups(Sealed::GiftCode, ws.uuid(), &code.code).into_iter();
    let code = incentive_codes::Model {
        workspace_id: ws.uuid(),
        id,
        pool: pool.to_owned(),
        sealed: key.seal(Sealed::GiftCode, ws.uuid(), id.as_bytes(), &code.code)?,
        lookup: lookups.next().unwrap_or_default(),
        state: CodeState::Free.into(),
        expires_at: code.expires_at.map_or(NEVER, millis),
        created_at: millis(now),
        case_id: None,
        given_at: None,
    };
    Ok(Row { code, older: lookups.collect() })
}
