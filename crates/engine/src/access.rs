//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: users, log-ins and how long these last. Passwords, keys and roles have files of their own. Refuses to know: cookies and headers, and what a role may do.

mod keys;
mod password;
mod role;

use chrono::Duration;
use hearback_core::{
    Email,
    id::{UserId, WorkspaceId},
    text::{self, MAX_LINE},
    token::{fingerprint, random_secret},
};
use hearback_store::{
    StoreError, bulk, sessions, team_members,
    time::{from_millis, millis},
    users, workspaces,
};

use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit, error::Fields};

pub use keys::{ApiKey, authenticate, create_api_key};
pub use role::{Role, Scope};

/// A log-in ends this long after it began, whatever happens.
const SESSION_LENGTH: Duration = Duration::hours(12);
/// A log-in ends when it is not used for this long.
const SESSION_IDLE: Duration = Duration::hours(8);
/// What changes each time something is used is written at most this often.
const NOTE_USE_EVERY: Duration = Duration::minutes(1);
/// What one process remembers of those who come in: keys it has seen, passwords that were wrong.
#[derive(Debug, Default)]
pub struct Doors {
    keys: keys::Keys,
    passwords: password::Guard,
}

/// Adds a user, also to the workspace's default team. Without a password one is made up and returned, once. In the audit log
/// it is `actor` who did it.
pub async fn add_user(
    cx: &Ctx,
    ws: WorkspaceId,
    actor: &Actor,
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
        absent_from: None,
        absent_until: None,
        cap: None,
        deputy: None,
    };
    let tx = cx.db.write().await?;
    let workspace = workspaces::lock(&tx, ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    match bulk::insert::<users::Entity>(&tx, std::slice::from_ref(&user)).await {
        Err(StoreError::Taken(_)) => return Err(EngineError::field("email", format!("there is a user {email} already"))),
        other => other?,
    }
    let member = team_members::Model { workspace_id: ws.uuid(), team_key: workspace.default_team, user_id: user.id, turn: 0 };
    bulk::insert::<team_members::Entity>(&tx, &[member]).await?;
    audit::note(&tx, ws, actor, "user.added", &user.email, json!({ "role": user.role }), now).await?;
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

/// Whether anybody can log in yet; the first-run page is shown until then.
pub async fn has_users(cx: &Ctx, ws: WorkspaceId) -> Result<bool, EngineError> {
    Ok(users::any(cx.db.read(), ws).await?)
}

/// The operating system gave no random bytes: nothing that has to be secret can be made now.
#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
fn no_randomness(error: impl ToString) -> EngineError {
    tracing::error!(error = error.to_string(), "the operating system gave no random bytes");
    EngineError::Busy
}
