//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: log-ins, their length, and API keys. How a password is kept and how often one may be tried is in
//! `access/password.rs`. Refuses to know: cookies and headers, and what a role may do.

mod password;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    Email,
    id::{ApiKeyId, UserId, WorkspaceId},
    text::{self, MAX_LINE},
    token::{fingerprint, random_secret},
};
use hearback_store::{
    StoreError, api_keys, bulk, sessions, team_members,
    time::{from_millis, millis},
    users, workspaces,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::{Ctx, EngineError, error::Fields};

/// A log-in ends this long after it began, whatever happens.
const SESSION_LENGTH: Duration = Duration::hours(12);
/// A log-in ends when it is not used for this long.
const SESSION_IDLE: Duration = Duration::hours(8);
/// What changes each time something is used is written at most this often.
const NOTE_USE_EVERY: Duration = Duration::minutes(1);
/// How long a key is believed without asking the database.
const KEY_CACHED: Duration = Duration::seconds(30);
/// Most keys remembered.
const KEYS_CACHED: usize = 1_024;
/// What every API key starts with; known to secret scanners.
const KEY_PREFIX: &str = "hb_live_";
/// Length of the part of a key that names it.
const PUBLIC_PART: usize = 8;

/// What a user may do; each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Works on cases.
    Agent,
    /// Sets up surveys and rules.
    Manager,
    /// Everything, users and keys included.
    Admin,
}

/// What an API key may do; each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// GET.
    Read,
    /// Answers, people, cases.
    Write,
    /// Rules, surveys and the rest.
    Admin,
}

impl Role {
    /// All, from least to most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Manager, Self::Admin];

    /// The word used on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl Scope {
    /// All, from least to most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The word used on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

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

/// What one process remembers of those who come in: keys it has seen, passwords that were wrong.
#[derive(Debug, Default)]
pub struct Doors {
    keys: Mutex<HashMap<String, SeenKey>>,
    passwords: password::Guard,
}

/// A key as the database had it a moment ago; `None` when it had none.
#[derive(Debug, Clone)]
struct SeenKey {
    row: Option<api_keys::Model>,
    read_at: DateTime<Utc>,
}

/// Adds a user, also to the workspace's default team. Without a password one is made up and returned, once.
pub async fn add_user(
    cx: &Ctx,
    ws: WorkspaceId,
    email: &str,
    name: &str,
    role: Role,
    password: Option<&str>,
) -> Result<(users::Model, Option<String>), EngineError> {
    let mut fields = Fields::default();
    let email = fields.check("email", Email::parse(email));
    let given = Some(name).filter(|name| !name.trim().is_empty());
    let name = fields.check_some("name", given, |name| text::line(name, MAX_LINE));
    if let Some(password) = password {
        fields.check("password", password::check(password));
    }
    fields.done()?;
    let Some(email) = email else { return Err(EngineError::field("email", "must be a mail address")) };

    let generated = if password.is_none() { Some(password::made_up().map_err(no_randomness)?) } else { None };
    let chosen = password.map(str::to_owned).or_else(|| generated.clone()).unwrap_or_default();
    let hash = cx.doors.passwords.hash(chosen).await?;
    let now = cx.now();
    let user = users::Model {
        workspace_id: ws.uuid(),
        id: UserId::new(now).uuid(),
        name: name.unwrap_or_else(|| email.as_str().split('@').next().unwrap_or_default().to_owned()),
        email: email.to_string(),
        role: role.as_str().to_owned(),
        password_hash: hash,
        created_at: millis(now),
    };
    let tx = cx.db.write().await?;
    let workspace = workspaces::lock(&tx, ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    match bulk::insert::<users::Entity>(&tx, std::slice::from_ref(&user)).await {
        Err(StoreError::Taken(_)) => return Err(EngineError::field("email", format!("there is a user {email} already"))),
        other => other?,
    }
    let member = team_members::Model { workspace_id: ws.uuid(), team_key: workspace.default_team, user_id: user.id };
    bulk::insert::<team_members::Entity>(&tx, &[member]).await?;
    workspaces::bump_config(&tx, ws).await?;
    tx.commit().await?;
    Ok((user, generated))
}

/// Checks a password: the user and a fresh session token, or `None` when address or password is wrong. After five wrong
/// ones within a minute the account is a `Conflict` until the minute is over, whether it exists or not.
pub async fn log_in(cx: &Ctx, ws: WorkspaceId, email: &str, password: &str) -> Result<Option<(users::Model, String)>, EngineError> {
    let address = Email::parse(email).map_or_else(|_| email.chars().take(MAX_LINE).collect(), |email| email.to_string());
    let account = (ws, address);
    let guard = &cx.doors.passwords;
    if let Some(wait) = guard.must_wait(&account, cx.now()) {
        return Err(EngineError::conflict(format!("too many wrong passwords for this account; try again in {wait} seconds")));
    }
    let user = users::by_email(cx.db.read(), ws, &account.1).await?;
    let verdict = guard.verify(password, user.as_ref().map(|user| user.password_hash.clone())).await?;
    let now = cx.now();
    let (Some(user), Some(better_hash)) = (user, verdict) else {
        guard.note_failure(account, now);
        return Ok(None);
    };
    guard.forget(&account);
    let token = random_secret().map_err(no_randomness)?;
    let session = sessions::Model {
        workspace_id: ws.uuid(),
        token_hash: fingerprint(&token),
        user_id: user.id,
        created_at: millis(now),
        seen_at: millis(now),
    };
    let tx = cx.db.write().await?;
    if let Some(hash) = better_hash {
        users::set_password_hash(&tx, ws, UserId::from_uuid(user.id), &hash).await?;
    }
    sessions::delete_expired(&tx, ws, millis(now - SESSION_LENGTH), millis(now - SESSION_IDLE)).await?;
    bulk::insert::<sessions::Entity>(&tx, &[session]).await?;
    tx.commit().await?;
    Ok(Some((user, token)))
}

/// Who a session token belongs to, while it lives: 8 hours without use, 12 hours in all.
pub async fn session(cx: &Ctx, token: &str) -> Result<Option<(WorkspaceId, users::Model)>, EngineError> {
    let Some(session) = sessions::by_hash(cx.db.read(), &fingerprint(token)).await? else { return Ok(None) };
    let now = cx.now();
    let (begun, seen) = (from_millis(session.created_at), from_millis(session.seen_at));
    if now - begun >= SESSION_LENGTH || now - seen >= SESSION_IDLE {
        return Ok(None);
    }
    let ws = WorkspaceId::from_uuid(session.workspace_id);
    let user = users::by_id(cx.db.read(), ws, UserId::from_uuid(session.user_id)).await?;
    if now - seen >= NOTE_USE_EVERY {
        let tx = cx.db.write().await?;
        sessions::touch(&tx, ws, &session.token_hash, millis(now)).await?;
        tx.commit().await?;
    }
    Ok(user.map(|user| (ws, user)))
}

/// Ends a session.
pub async fn log_out(cx: &Ctx, token: &str) -> Result<(), EngineError> {
    let tx = cx.db.write().await?;
    sessions::delete(&tx, &fingerprint(token)).await?;
    Ok(tx.commit().await?)
}

/// Makes a key; what it returns is shown once and stored only as a hash.
pub async fn create_api_key(cx: &Ctx, ws: WorkspaceId, name: &str, scope: Scope) -> Result<String, EngineError> {
    let name = text::line(name, MAX_LINE).map_err(|error| EngineError::field("name", error))?;
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
        used_at: None,
        revoked_at: None,
    };
    let tx = cx.db.write().await?;
    bulk::insert::<api_keys::Entity>(&tx, &[row]).await?;
    tx.commit().await?;
    Ok(key)
}

/// Who a bearer key belongs to; `None` for a wrong or revoked one. A revoked key may pass for up to 30 seconds more.
pub async fn authenticate(cx: &Ctx, bearer: &str) -> Result<Option<ApiKey>, EngineError> {
    let named = bearer.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split_at_checked(PUBLIC_PART));
    let Some((public_part, secret)) = named else { return Ok(None) };
    if !secret.starts_with('_') {
        return Ok(None);
    }
    let now = cx.now();
    let Some(row) = cx.doors.key(cx, public_part, now).await? else { return Ok(None) };
    let genuine = bool::from(fingerprint(bearer).as_bytes().ct_eq(row.secret_hash.as_bytes()));
    let Some(scope) = Scope::parse(&row.scope).filter(|_| genuine) else { return Ok(None) };
    if row.used_at.is_none_or(|used| now - from_millis(used) >= NOTE_USE_EVERY) {
        cx.doors.note_key_use(cx, &row, now).await;
    }
    Ok(Some(ApiKey { ws: WorkspaceId::from_uuid(row.workspace_id), id: ApiKeyId::from_uuid(row.id), name: row.name, scope }))
}

/// Whether anybody can log in yet; the first-run page is shown until then.
pub async fn has_users(cx: &Ctx, ws: WorkspaceId) -> Result<bool, EngineError> {
    Ok(users::any(cx.db.read(), ws).await?)
}

impl Doors {
    async fn key(&self, cx: &Ctx, public_part: &str, now: DateTime<Utc>) -> Result<Option<api_keys::Model>, EngineError> {
        let fresh = |seen: &&SeenKey| now - seen.read_at < KEY_CACHED && seen.read_at <= now;
        if let Some(seen) = self.keys().get(public_part).filter(fresh) {
            return Ok(seen.row.clone());
        }
        let row = api_keys::by_public_part(cx.db.read(), public_part).await?;
        self.remember(public_part.to_owned(), SeenKey { row: row.clone(), read_at: now });
        Ok(row)
    }

    fn remember(&self, public_part: String, seen: SeenKey) {
        let mut keys = self.keys();
        // Only a flood of made-up keys gets here; forgetting all costs each real one a query.
        if keys.len() >= KEYS_CACHED {
            keys.clear();
        }
        keys.insert(public_part, seen);
    }

    /// A key works even when that can't be noted: the answer it brings matters more.
    async fn note_key_use(&self, cx: &Ctx, row: &api_keys::Model, now: DateTime<Utc>) {
        let used = api_keys::Model { used_at: Some(millis(now)), ..row.clone() };
        self.remember(row.public_part.clone(), SeenKey { row: Some(used), read_at: now });
        if let Err(error) = write_key_use(cx, row, now).await {
            tracing::warn!(key = %row.id, %error, "the last use of an API key could not be noted");
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<String, SeenKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_key_use(cx: &Ctx, row: &api_keys::Model, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tx = cx.db.write().await?;
    api_keys::touch(&tx, row, millis(now)).await?;
    tx.commit().await
}

/// The operating system gave no random bytes: nothing that has to be secret can be made now.
#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
fn no_randomness(error: impl ToString) -> EngineError {
    tracing::error!(error = error.to_string(), "the operating system gave no random bytes");
    EngineError::Busy
}
