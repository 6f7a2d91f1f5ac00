//! The second factor: a code of an authenticator app after the password, and recovery codes for whoever has lost the app.
//!
//! What must stay true: secrets are stored sealed and recovery codes as hashes; a code opens once, on whichever node; nothing of it
//! changes without the password of its user, and each change ends their other sessions.

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    id::{UserId, WorkspaceId},
    seal::Sealed,
    token::{Purpose, fingerprint},
    totp,
};
use hearback_store::{
    Tx, recovery_codes, second_factors, sessions,
    time::{from_millis, millis},
    users, workspaces,
};
use serde_json::{Value, json};

use super::{
    LogIn, Visit, confirm_password,
    login::{Proof, enter, note_failure},
    no_randomness,
};
use crate::{Actor, Ctx, EngineError, access::Access, audit, role::Role};

/// Within this time after the password the code has to be given.
const ASKED_FOR: Duration = Duration::minutes(5);
/// Recovery codes of a user.
const CODES: usize = 10;
/// Letters of a recovery code, five bits each: more than could be tried on its hash.
const LETTERS: usize = 24;
/// Letters of it that are written together.
const GROUP: usize = 6;

/// How it stands with a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondFactor {
    /// There is none.
    Off,
    /// It is being set up: the secret for an app, as letters and as an address that apps read.
    Begun {
        /// 32 letters.
        secret: String,
        /// `otpauth://..`
        address: String,
    },
    /// Log-ins ask for a code.
    On {
        /// Since when, in milliseconds.
        since: i64,
        /// Recovery codes that are left.
        codes: u64,
    },
}

/// Recovery codes, told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCodes(pub Vec<String>);

const fn ids(user: &users::Model) -> (WorkspaceId, UserId) {
    (WorkspaceId::from_uuid(user.workspace_id), UserId::from_uuid(user.id))
}

/// How it stands with this user.
pub async fn second_factor(cx: &Ctx, user: &users::Model) -> Result<SecondFactor, EngineError> {
    let (ws, id) = ids(user);
    let Some(row) = second_factors::of_user(cx.db.read(), ws, id).await? else { return Ok(SecondFactor::Off) };
    if let Some(since) = row.confirmed_at {
        return Ok(SecondFactor::On { since, codes: recovery_codes::count(cx.db.read(), ws, id).await? });
    }
    let secret = opened(cx, &row)?;
    let workspace = workspaces::by_id(cx.db.read(), ws).await?.map(|row| row.name).unwrap_or_default();
    let address = totp::address(&secret, &format!("Hearback {workspace}"), &user.email);
    Ok(SecondFactor::Begun { secret, address })
}

/// Whether this user must have a second factor and has none.
pub async fn lacks_second(cx: &Ctx, user: &users::Model) -> Result<bool, EngineError> {
    let Some(least) = cx.settings.log_ins.second_factor else { return Ok(false) };
    // A role that this version does not know may be a large one.
    if Role::parse(&user.role).is_some_and(|role| role < least) {
        return Ok(false);
    }
    let (ws, id) = ids(user);
    let row = second_factors::of_user(cx.db.read(), ws, id).await?;
    Ok(row.is_none_or(|row| row.confirmed_at.is_none()))
}

/// Makes a secret, which counts once a code of it was given ([`confirm_second`]).
pub async fn begin_second(cx: &Access, user: &users::Model, visit: &Visit, password: &str) -> Result<(), EngineError> {
    confirm_password(cx, user, visit, password).await?;
    let (ws, id) = ids(user);
    let secret = sealed(cx, user.workspace_id, user.id, &totp::new_secret().map_err(no_randomness)?)?;
    let created_at = millis(cx.now());
    let tx = cx.db.write().await?;
    if second_factors::lock(&tx, ws, id).await?.is_some_and(|row| row.confirmed_at.is_some()) {
        return Err(EngineError::conflict("there is a second factor already; switch it off before you set up another"));
    }
    let row =
        second_factors::Model { workspace_id: user.workspace_id, user_id: user.id, secret, created_at, used_step: 0, confirmed_at: None };
    second_factors::put(&tx, &row).await?;
    Ok(tx.commit().await?)
}

/// Puts the second factor in force by a code of the app. The other sessions of the user end.
pub async fn confirm_second(cx: &Access, user: &users::Model, token: &str, code: &str) -> Result<RecoveryCodes, EngineError> {
    let (ws, id) = ids(user);
    let now = cx.now();
    counted(cx, id, now)?;
    let tx = cx.db.write().await?;
    let row = second_factors::lock(&tx, ws, id).await?.filter(|row| row.confirmed_at.is_none());
    let row = row.ok_or_else(|| EngineError::conflict("nothing is being set up; begin anew"))?;
    let step = totp::accepted(&opened(cx, &row)?, code, now, row.used_step);
    let step = step.ok_or_else(|| EngineError::field("code", "does not fit: enter the six digits that the app shows now"))?;
    second_factors::put(&tx, &second_factors::Model { used_step: step, confirmed_at: Some(millis(now)), ..row }).await?;
    let codes = new_codes(&tx, ws, id).await?;
    changed(cx, &tx, user, token, "user.second_factor_set").await?;
    tx.commit().await?;
    cx.auth.codes.right(&id);
    Ok(codes)
}

/// New recovery codes in place of those of before.
pub async fn new_recovery_codes(
    cx: &Access,
    user: &users::Model,
    token: &str,
    visit: &Visit,
    password: &str,
) -> Result<RecoveryCodes, EngineError> {
    confirm_password(cx, user, visit, password).await?;
    let (ws, id) = ids(user);
    let tx = cx.db.write().await?;
    if second_factors::lock(&tx, ws, id).await?.is_none_or(|row| row.confirmed_at.is_none()) {
        return Err(EngineError::conflict("there is no second factor; set one up first"));
    }
    let codes = new_codes(&tx, ws, id).await?;
    changed(cx, &tx, user, token, "user.recovery_codes_made").await?;
    tx.commit().await?;
    Ok(codes)
}

/// Takes the second factor away, or what was begun of one.
pub async fn remove_second(cx: &Access, user: &users::Model, token: &str, visit: &Visit, password: &str) -> Result<(), EngineError> {
    confirm_password(cx, user, visit, password).await?;
    let (ws, id) = ids(user);
    let tx = cx.db.write().await?;
    if second_factors::delete(&tx, ws, id).await? {
        recovery_codes::set(&tx, ws, id, &[]).await?;
        changed(cx, &tx, user, token, "user.second_factor_removed").await?;
    }
    Ok(tx.commit().await?)
}

/// Takes the second factor of somebody else away, who has lost it, and ends their sessions; false when there was none.
pub async fn reset_second(cx: &Access, ws: WorkspaceId, actor: &Actor, id: UserId) -> Result<bool, EngineError> {
    let tx = cx.db.write().await?;
    let user = users::by_id(&*tx, ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let there = second_factors::delete(&tx, ws, id).await?;
    recovery_codes::set(&tx, ws, id, &[]).await?;
    if there {
        let ended = sessions::end(&tx, ws, id, sessions::Which::All).await?;
        audit::note(&tx, ws, actor, "user.second_factor_reset", &user.email, json!({ "sessions_ended": ended }), cx.now());
    }
    tx.commit().await?;
    cx.auth.codes.right(&id);
    Ok(there)
}

/// The token with which a code has to be given, when this user has a second factor.
pub(super) async fn ask(cx: &Ctx, user: &users::Model) -> Result<Option<String>, EngineError> {
    let (ws, id) = ids(user);
    let row = second_factors::of_user(cx.db.read(), ws, id).await?;
    let until = cx.now() + ASKED_FOR;
    Ok(row
        .filter(|row| row.confirmed_at.is_some())
        .map(|_| cx.settings.secret_key.sign_at(Purpose::LogIn, user.workspace_id, user.id, until)))
}

/// Goes on with a log-in by a code of the app or a recovery code. [`LogIn::Wrong`] for a code that does not fit; a token that is too old
/// is a conflict. Whoever comes here knows the password, so that too many wrong codes make everybody wait who does.
pub async fn give_code(cx: &Access, visit: &Visit, token: &str, code: &str) -> Result<LogIn, EngineError> {
    let again = || EngineError::conflict("this log-in took too long; enter your address and password once more");
    let now = cx.now();
    let (ws, id, until) = cx.settings.secret_key.verify_at(Purpose::LogIn, token).ok_or_else(again)?;
    let (ws, id) = (WorkspaceId::from_uuid(ws), UserId::from_uuid(id));
    let user = users::by_id(cx.db.read(), ws, id).await?;
    let user = user.filter(|user| user.disabled_at.is_none() && from_millis(user.password_at) <= until - ASKED_FOR);
    let user = user.filter(|_| now < until).ok_or_else(again)?;
    if let Err(error) = counted(cx, id, now) {
        note_failure(cx, visit, std::slice::from_ref(&user), "too many wrong codes");
        return Err(error);
    }
    let Some(proof) = spend(cx, &user, code, now).await? else {
        note_failure(cx, visit, std::slice::from_ref(&user), "wrong code");
        return Ok(LogIn::Wrong);
    };
    cx.auth.codes.right(&id);
    enter(cx, &user, visit, None, proof).await
}

/// Spends a code of the app or a recovery code, in a transaction of its own: it is spent even if nothing else happens.
async fn spend(cx: &Ctx, user: &users::Model, code: &str, now: DateTime<Utc>) -> Result<Option<Proof>, EngineError> {
    let (ws, id) = ids(user);
    let tx = cx.db.write().await?;
    let Some(row) = second_factors::lock(&tx, ws, id).await?.filter(|row| row.confirmed_at.is_some()) else { return Ok(None) };
    let secret = opened(cx, &row)?;
    let proof = if let Some(step) = totp::accepted(&secret, code, now, row.used_step) {
        let outdated = cx.settings.secret_key.is_outdated(&row.secret);
        let secret = if outdated { sealed(cx, row.workspace_id, row.user_id, &secret)? } else { row.secret.clone() };
        second_factors::put(&tx, &second_factors::Model { used_step: step, secret, ..row }).await?;
        Some(Proof::Code)
    } else if recovery_codes::spend(&tx, ws, id, &hash_of(code)).await? {
        let left = recovery_codes::count(&*tx, ws, id).await?;
        audit::note(&tx, ws, &Actor::User(user.email.clone()), "user.recovery_code_used", &user.email, json!({ "left": left }), now);
        Some(Proof::RecoveryCode)
    } else {
        None
    };
    tx.commit().await?;
    Ok(proof)
}

/// Counts a code before it is checked.
fn counted(cx: &Access, id: UserId, now: DateTime<Utc>) -> Result<(), EngineError> {
    cx.auth
        .codes
        .begin(id, now)
        .map_err(|seconds| EngineError::Wait { message: format!("too many wrong codes; try again in {seconds} seconds"), seconds })
}

/// What every change of one's own second factor brings with it.
async fn changed(cx: &Ctx, tx: &Tx, user: &users::Model, token: &str, action: &str) -> Result<(), EngineError> {
    let (ws, id) = ids(user);
    let own = fingerprint(token);
    let ended = sessions::end(tx, ws, id, sessions::Which::Others(&own)).await?;
    let data: Value = json!({ "sessions_ended": ended });
    audit::note(tx, ws, &Actor::User(user.email.clone()), action, &user.email, data, cx.now());
    Ok(())
}

async fn new_codes(tx: &Tx, ws: WorkspaceId, id: UserId) -> Result<RecoveryCodes, EngineError> {
    let codes = (0..CODES).map(|_| made_up_code()).collect::<Result<Vec<_>, _>>()?;
    recovery_codes::set(tx, ws, id, &codes.iter().map(|code| hash_of(code)).collect::<Vec<_>>()).await?;
    Ok(RecoveryCodes(codes))
}

/// `abcdef-ghijkl-mnopqr-stuvwx`: 120 random bits.
fn made_up_code() -> Result<String, EngineError> {
    let random = totp::new_secret().map_err(no_randomness)?;
    let letters: Vec<char> = random.to_lowercase().chars().take(LETTERS).collect();
    Ok(letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// What a recovery code is found by, however its letters were grouped.
fn hash_of(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    fingerprint(&letters.to_lowercase())
}

fn sealed(cx: &Ctx, ws: uuid::Uuid, user: uuid::Uuid, secret: &str) -> Result<String, EngineError> {
    let sealed = cx.settings.secret_key.seal(Sealed::OneTimePassword, ws, user.as_bytes(), secret);
    sealed.map_err(|error| {
        tracing::error!(%error, "the secret of a second factor");
        EngineError::Busy
    })
}

fn opened(cx: &Ctx, row: &second_factors::Model) -> Result<String, EngineError> {
    let secret = cx.settings.secret_key.open(Sealed::OneTimePassword, row.workspace_id, row.user_id.as_bytes(), &row.secret);
    secret.map_err(|error| {
        tracing::error!(user = %row.user_id, %error, "the secret of a second factor");
        EngineError::conflict(
            "your second factor can't be read any more: ask whoever runs this server for \
             `hearback user totp-reset`",
        )
    })
}
