//! Log-ins: how one begins, how long it lasts, how it ends.
//!
//! An address may have a user in several workspaces, each with a password of its own. Which one is meant follows from the
//! password, or is asked when it fits more than one: whoever does not know a password learns of no workspace.

use chrono::Duration;
use hearback_core::{
    Email,
    id::{UserId, WorkspaceId},
    text::MAX_LINE,
    token::{fingerprint, random_secret},
};
use hearback_store::{
    bulk, sessions,
    time::{from_millis, millis},
    users, workspaces,
};

use super::{NOTE_USE_EVERY, no_randomness};
use crate::{Ctx, EngineError};

/// A log-in ends this long after it began, whatever happens.
const SESSION_LENGTH: Duration = Duration::hours(12);
/// A log-in ends when it is not used for this long.
const SESSION_IDLE: Duration = Duration::hours(8);

/// What came of an address and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogIn {
    /// The user and a fresh session token.
    In(Box<users::Model>, String),
    /// One of the two is wrong.
    Wrong,
    /// They fit users in several workspaces: the key and name of each, by key.
    Several(Vec<(String, String)>),
}

/// Checks a password, in the workspace with this key or in all of them. After five wrong ones within a minute the address is
/// a `Conflict` until the minute is over, whether it exists or not.
pub async fn log_in(cx: &Ctx, workspace: Option<&str>, email: &str, password: &str) -> Result<LogIn, EngineError> {
    let address = Email::parse(email).map_or_else(|_| email.chars().take(MAX_LINE).collect(), |email| email.to_string());
    let guard = &cx.doors.passwords;
    if let Some(wait) = guard.must_wait(&address, cx.now()) {
        return Err(EngineError::conflict(format!("too many wrong passwords for this account; try again in {wait} seconds")));
    }
    let mut fits = fitting(cx, workspace, &address, password).await?;
    let Some((user, better_hash)) = fits.pop() else {
        guard.note_failure(address, cx.now());
        return Ok(LogIn::Wrong);
    };
    if !fits.is_empty() {
        let ids = fits.iter().map(|(user, _)| user).chain([&user]).map(|user| user.workspace_id);
        let rows = workspaces::by_ids(cx.db.read(), ids).await?;
        return Ok(LogIn::Several(rows.into_iter().map(|row| (row.key, row.name)).collect()));
    }
    guard.forget(&address);
    let token = begin(cx, &user, better_hash).await?;
    Ok(LogIn::In(Box::new(user), token))
}

/// The users of this address whose password this is, each with a new hash if the stored one should be replaced.
async fn fitting(
    cx: &Ctx,
    workspace: Option<&str>,
    address: &str,
    password: &str,
) -> Result<Vec<(users::Model, Option<String>)>, EngineError> {
    let mut candidates = users::by_address(cx.db.read(), address).await?;
    if let Some(key) = workspace {
        let named = workspaces::by_key(cx.db.read(), key).await?.map(|row| row.id);
        candidates.retain(|user| Some(user.workspace_id) == named);
    }
    let guard = &cx.doors.passwords;
    if candidates.is_empty() {
        // Takes as long as a wrong password: nobody learns whether the address has a user.
        guard.verify(password, None).await?;
    }
    let mut fits = Vec::new();
    for user in candidates {
        if let Some(better_hash) = guard.verify(password, Some(user.password_hash.clone())).await? {
            fits.push((user, better_hash));
        }
    }
    Ok(fits)
}

async fn begin(cx: &Ctx, user: &users::Model, better_hash: Option<String>) -> Result<String, EngineError> {
    let (now, ws) = (cx.now(), WorkspaceId::from_uuid(user.workspace_id));
    let token = random_secret().map_err(no_randomness)?;
    let session = sessions::Model {
        workspace_id: user.workspace_id,
        token_hash: fingerprint(&token),
        user_id: user.id,
        created_at: millis(now),
        seen_at: millis(now),
    };
    let tx = cx.db.write().await?;
    if let Some(hash) = better_hash {
        users::set_password_hash(&tx, ws, UserId::from_uuid(user.id), &hash).await?;
    }
    // By a clock that was set, others would seem to have ended.
    if cx.clock.look().is_steady() {
        sessions::delete_expired(&tx, ws, millis(now - SESSION_LENGTH), millis(now - SESSION_IDLE)).await?;
    }
    bulk::insert::<sessions::Entity>(&tx, &[session]).await?;
    tx.commit().await?;
    Ok(token)
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
