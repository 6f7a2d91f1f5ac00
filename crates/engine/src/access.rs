//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: users. Log-ins, passwords, keys and roles have files of their own. Refuses to know: cookies and headers, and what a role may do.

mod keys;
mod login;
mod password;
mod role;

use chrono::Duration;
use hearback_core::{
    Email,
    id::{UserId, WorkspaceId},
    text::{self, MAX_LINE},
};
use hearback_store::{StoreError, bulk, team_members, time::millis, users, workspaces};

use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit, error::Fields};

pub use keys::{ApiKey, KEY_PREFIX, authenticate, create_api_key, revoke_api_key};
pub use login::{LogIn, log_in, log_out, session};
pub use role::{Role, Scope};

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

/// Whether anybody can log in yet, to whichever workspace; the first-run page is shown until then.
pub async fn has_users(cx: &Ctx) -> Result<bool, EngineError> {
    Ok(users::any(cx.db.read()).await?)
}

/// The operating system gave no random bytes: nothing that has to be secret can be made now.
#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
pub(crate) fn no_randomness(error: impl ToString) -> EngineError {
    tracing::error!(error = error.to_string(), "the operating system gave no random bytes");
    EngineError::Busy
}
