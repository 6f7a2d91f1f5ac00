//! Users: who may come in, as what, and how that ends.
//!
//! What must stay true: whoever is disabled, gets another role or another password has no session any more when the transaction that
//! says so ends; and somebody who may do everything can always come in.

use hearback_core::{
    Email,
    id::{UserId, WorkspaceId},
    text::{self, MAX_LINE},
};
use hearback_store::{StoreError, Tx, bulk, known_addresses, sessions, team_members, time::millis, users, workspaces};
use serde_json::json;

use super::{LogIn, Visit, confirm_password, no_randomness, password, strength};
use crate::{Actor, Ctx, EngineError, access::Access, audit, error::Fields, role::Role};

/// Adds a user, also to the workspace's default team. Without a password one is made up and returned, once. In the audit log
/// it is `actor` who did it.
pub async fn add_user(
    cx: &Access,
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
    if let (Some(password), Some(email)) = (password, &email) {
        fields.check("password", strength::check(password, email.as_str(), name.as_deref().unwrap_or_default()));
    }
    fields.done()?;
    let Some(email) = email else { return Err(EngineError::field("email", "must be a mail address")) };

    let generated = if password.is_none() { Some(made_up_password()?) } else { None };
    let chosen = password.map(str::to_owned).or_else(|| generated.clone()).unwrap_or_default();
    let hash = hash_for(cx, ws, email.as_str(), chosen).await?;
    let now = cx.now();
    let user = users::Model {
        workspace_id: ws.uuid(),
        id: UserId::new(now).uuid(),
        name: name.unwrap_or_else(|| email.as_str().split('@').next().unwrap_or_default().to_owned()),
        email: email.to_string(),
        role: role.as_str().to_owned(),
        password_hash: hash,
        created_at: millis(now),
        password_at: millis(now),
        disabled_at: None,
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
    audit::note(&tx, ws, actor, "user.added", &user.email, json!({ "role": user.role }), now);
    workspaces::bump_config(&tx, ws).await?;
    tx.commit().await?;
    Ok((user, generated))
}

/// Whether anybody can log in yet, to whichever workspace; the first-run page is shown until then.
pub async fn has_users(cx: &Ctx) -> Result<bool, EngineError> {
    Ok(users::any(cx.db.read()).await?)
}

/// A password that nobody guesses, to be shown once.
pub fn made_up_password() -> Result<String, EngineError> {
    password::made_up().map_err(no_randomness)
}

/// What changes of a user; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// How they are shown.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they are kept out.
    pub disabled: Option<bool>,
    /// What they log in with.
    pub password: Option<String>,
}

/// Changes a user. Another role, another password and being disabled end their sessions in the same transaction. The last admin who can
/// come in stays one.
pub async fn change_user(cx: &Access, ws: WorkspaceId, actor: &Actor, id: UserId, change: UserChange) -> Result<users::Model, EngineError> {
    let known = users::by_id(cx.db.read(), ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let mut fields = Fields::default();
    let name = fields.check_some("name", change.name, |name| text::line(&name, MAX_LINE));
    if let Some(password) = &change.password {
        fields.check("password", strength::check(password, &known.email, name.as_deref().unwrap_or(&known.name)));
    }
    fields.done()?;
    let hash = match change.password {
        Some(password) => Some(hash_for(cx, ws, &known.email, password).await?),
        None => None,
    };

    let now = cx.now();
    let tx = cx.db.write().await?;
    workspaces::lock(&tx, ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    let before = users::lock(&tx, ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let mut after = before.clone();
    after.name = name.unwrap_or(after.name);
    after.role = change.role.map_or(after.role, |role| role.as_str().to_owned());
    after.disabled_at = match change.disabled {
        Some(true) => before.disabled_at.or(Some(millis(now))),
        Some(false) => None,
        None => before.disabled_at,
    };
    if let Some(hash) = hash {
        (after.password_hash, after.password_at) = (hash, millis(now));
    }
    if is_admin(&before) && !is_admin(&after) && users::count_active(&*tx, ws, Role::Admin.as_str()).await? <= 1 {
        let email = &before.email;
        return Err(EngineError::conflict(format!("{email} is the last admin who can log in here: make somebody else an admin first")));
    }
    save(cx, &tx, ws, actor, (&before, &after)).await?;
    tx.commit().await?;
    Ok(after)
}

fn is_admin(user: &users::Model) -> bool {
    user.disabled_at.is_none() && user.role == Role::Admin.as_str()
}

/// Writes a user back with one entry for each thing that changed, and ends their sessions when it was more than the name.
async fn save(
    cx: &Ctx,
    tx: &Tx,
    ws: WorkspaceId,
    actor: &Actor,
    (before, after): (&users::Model, &users::Model),
) -> Result<(), EngineError> {
    if before == after {
        return Ok(());
    }
    users::save(tx, after).await?;
    let now = cx.now();
    let note = |action, data| audit::note(tx, ws, actor, action, &after.email, data, now);
    if before.name != after.name {
        note("user.renamed", json!({ "from": before.name, "to": after.name }));
    }
    let decisive = (&before.role, before.disabled_at, before.password_at, &before.password_hash)
        != (&after.role, after.disabled_at, after.password_at, &after.password_hash);
    let ended = if decisive { sessions::end(tx, ws, UserId::from_uuid(after.id), sessions::Which::All).await? } else { 0 };
    if before.role != after.role {
        note("user.role_changed", json!({ "from": before.role, "to": after.role, "sessions_ended": ended }));
    }
    match (before.disabled_at, after.disabled_at) {
        (None, Some(_)) => note("user.disabled", json!({ "sessions_ended": ended })),
        (Some(_), None) => note("user.enabled", json!({})),
        _ => {}
    }
    if before.password_hash != after.password_hash {
        known_addresses::forget(tx, ws, UserId::from_uuid(after.id)).await?;
        note("user.password_changed", json!({ "sessions_ended": ended }));
    }
    Ok(workspaces::bump_config(tx, ws).await?)
}

/// A user gives themselves another password, and says the present one. All their sessions end; the token of a new one is returned.
pub async fn change_own_password(cx: &Access, user: &users::Model, visit: &Visit, present: &str, new: &str) -> Result<String, EngineError> {
    strength::check(new, &user.email, &user.name).map_err(|why| EngineError::field("password", why))?;
    confirm_password(cx, user, visit, present).await?;
    let (ws, id) = (WorkspaceId::from_uuid(user.workspace_id), UserId::from_uuid(user.id));
    let change = UserChange { password: Some(new.to_owned()), ..UserChange::default() };
    change_user(cx, ws, &Actor::User(user.email.clone()), id, change).await?;
    match super::login::begin_again(cx, ws, id, visit).await? {
        LogIn::In(_, token) => Ok(token),
        LogIn::Wrong | LogIn::Code(_) | LogIn::Several(_) => Err(EngineError::conflict("the password is changed; log in again")),
    }
}

/// Ends every session of a user; how many those were.
pub async fn end_sessions(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: UserId) -> Result<u64, EngineError> {
    let tx = cx.db.write().await?;
    let user = users::by_id(&*tx, ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let ended = sessions::end(&tx, ws, id, sessions::Which::All).await?;
    audit::note(&tx, ws, actor, "user.sessions_ended", &user.email, json!({ "sessions_ended": ended }), cx.now());
    tx.commit().await?;
    Ok(ended)
}

/// The hash of a new password: with the salt that the address has in another workspace, so that one computation serves all of them.
async fn hash_for(cx: &Access, ws: WorkspaceId, email: &str, password: String) -> Result<String, EngineError> {
    let others = users::by_address(cx.db.read(), email).await?;
    let beside = others.into_iter().find(|user| user.workspace_id != ws.uuid()).map(|user| user.password_hash);
    cx.auth.passwords.hash(password, beside).await
}
