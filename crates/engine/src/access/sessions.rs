//! Sessions: how long one lasts, who it belongs to, which ones a user has.

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{RecordId, UserId, WorkspaceId},
    token::{fingerprint, random_secret},
};
use hearback_store::{
    Tx, bulk, sessions,
    time::{from_millis, millis},
    users,
};
use serde_json::json;

use super::{NOTE_USE_EVERY, Visit, confirm_password, no_randomness};
use crate::{Actor, Ctx, EngineError, access::Access, audit};

/// Longest name of a browser that is kept, in characters.
const AGENT: usize = 200;

/// Begins one, and ends the oldest of a user who has too many; its token.
pub(super) async fn begin(cx: &Ctx, tx: &Tx, user: &users::Model, visit: &Visit) -> Result<String, EngineError> {
    let (now, rules) = (cx.now(), cx.settings.log_ins);
    let (ws, id) = (WorkspaceId::from_uuid(user.workspace_id), UserId::from_uuid(user.id));
    let token = random_secret().map_err(no_randomness)?;
    // By a clock that was set, others would seem to have ended.
    if cx.clock.look().is_steady() {
        let idle = rules.idle.max(rules.idle_admin);
        sessions::delete_expired(tx, ws, millis(now - rules.length), millis(now - idle)).await?;
    }
    let session = sessions::Model {
        workspace_id: user.workspace_id,
        token_hash: fingerprint(&token),
        id: RecordId::new(now).uuid(),
        user_id: user.id,
        created_at: millis(now),
        seen_at: millis(now),
        address: visit.place(),
        agent: visit.agent.chars().filter(|letter| !letter.is_control()).take(AGENT).collect(),
    };
    bulk::insert::<sessions::Entity>(tx, &[session]).await?;
    sessions::end_oldest(tx, ws, id, rules.most).await?;
    Ok(token)
}

fn is_over(cx: &Ctx, session: &sessions::Model, role: &str, now: DateTime<Utc>) -> bool {
    let rules = cx.settings.log_ins;
    now - from_millis(session.created_at) >= rules.length || now - from_millis(session.seen_at) >= rules.idle_of(role)
}

/// Who a session token belongs to, while it lives and its user may come in.
pub async fn session(cx: &Ctx, token: &str) -> Result<Option<(WorkspaceId, users::Model)>, EngineError> {
    let Some(session) = sessions::by_hash(cx.db.read(), &fingerprint(token)).await? else { return Ok(None) };
    let (now, ws) = (cx.now(), WorkspaceId::from_uuid(session.workspace_id));
    let user = users::by_id(cx.db.read(), ws, UserId::from_uuid(session.user_id)).await?;
    let Some(user) = user.filter(|user| user.disabled_at.is_none() && !is_over(cx, &session, &user.role, now)) else { return Ok(None) };
    if now - from_millis(session.seen_at) >= NOTE_USE_EVERY {
        let tx = cx.db.write().await?;
        sessions::touch(&tx, ws, &session.token_hash, millis(now)).await?;
        tx.commit().await?;
    }
    Ok(Some((ws, user)))
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// Names it.
    pub id: RecordId,
    /// When it began, in milliseconds.
    pub created_at: i64,
    /// When it was last used, in milliseconds.
    pub seen_at: i64,
    /// Where it began.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
    /// Whether it is the one of the token that was given.
    pub this: bool,
}

/// The living sessions of a user, the newest first; `token` is of the one that looks, if one does.
pub async fn own_sessions(cx: &Ctx, ws: WorkspaceId, id: UserId, token: Option<&str>) -> Result<Vec<OwnSession>, EngineError> {
    let user = users::by_id(cx.db.read(), ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let (now, this) = (cx.now(), token.map(fingerprint));
    let rows = sessions::of_user(cx.db.read(), ws, id).await?;
    let living = rows.into_iter().filter(|row| user.disabled_at.is_none() && !is_over(cx, row, &user.role, now));
    Ok(living
        .map(|row| OwnSession {
            id: RecordId::from_uuid(row.id),
            created_at: row.created_at,
            seen_at: row.seen_at,
            address: row.address,
            agent: row.agent,
            this: this.as_ref() == Some(&row.token_hash),
        })
        .collect())
}

/// Which of their other sessions a user ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All but the present one.
    Others,
    /// These.
    These(Vec<RecordId>),
}

/// A user ends other sessions of theirs, and says the password; how many those were.
pub async fn end_own(
    cx: &Access,
    user: &users::Model,
    token: &str,
    visit: &Visit,
    password: &str,
    which: &Which,
) -> Result<u64, EngineError> {
    confirm_password(cx, user, visit, password).await?;
    let (ws, id, own) = (WorkspaceId::from_uuid(user.workspace_id), UserId::from_uuid(user.id), fingerprint(token));
    let tx = cx.db.write().await?;
    let ended = match which {
        Which::Others => sessions::end(&tx, ws, id, sessions::Which::Others(&own)).await?,
        Which::These(ids) => sessions::end(&tx, ws, id, sessions::Which::These(ids, &own)).await?,
    };
    let actor = Actor::User(user.email.clone());
    audit::note(&tx, ws, &actor, "user.sessions_ended", &user.email, json!({ "sessions_ended": ended }), cx.now());
    tx.commit().await?;
    Ok(ended)
}
