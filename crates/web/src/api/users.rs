//! `/api/v1/users`: who may come in, and how that ends.

use hearback_core::id::{UserId, WorkspaceId};
use hearback_engine::{
    access::{self, OwnSession, UserChange},
    role::{Role, Scope::Admin},
};
use hearback_store::{second_factors, users};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    App,
    call::{Call, Created, Json, delete, get, patch, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/users", Admin, "Everybody who may log in, those who were disabled too, by address", list),
        post("/users", Admin, "Add somebody who can log in; without a password one is made up and told once", create),
        get("/users/{id}", Admin, "One user", one),
        patch(
            "/users/{id}",
            Admin,
            "Change a user; another role, another password and being disabled end the user's sessions at once. The last admin stays one",
            change,
        )
        .may_conflict(),
        get("/users/{id}/sessions", Admin, "Where a user is logged in, the newest first", sessions),
        delete("/users/{id}/sessions", Admin, "Log a user out everywhere", end_sessions),
        delete("/users/{id}/totp", Admin, "Take the second factor of a user away who has lost it; their sessions end", reset_totp),
    ]
}

/// A user as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UserView {
    id: Uuid,
    email: String,
    name: String,
    #[schemars(with = "Role")]
    role: String,
    created_at: Time,
    password_at: Time,
    disabled_at: Option<Time>,
    /// Whether log-ins ask for a code.
    second_factor: bool,
}

impl UserView {
    fn of(row: users::Model, second_factor: bool) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: Time(row.created_at),
            password_at: Time(row.password_at),
            disabled_at: row.disabled_at.map(Time),
            second_factor,
        }
    }

    async fn read(app: &App, ws: WorkspaceId, id: UserId) -> Result<Self, Problem> {
        let row = users::by_id(app.cx.db.read(), ws, id).await?.ok_or_else(|| Problem::not_found("user", id))?;
        let factor = second_factors::of_user(app.cx.db.read(), ws, id).await?;
        Ok(Self::of(row, factor.is_some_and(|factor| factor.confirmed_at.is_some())))
    }
}

/// `GET /users`: all of them, disabled ones too, by address.
pub(crate) async fn list(call: Call) -> Result<Json<List<UserView>>, Problem> {
    let with = second_factors::in_force(call.db(), call.ws()).await?;
    let rows = users::all(call.db(), call.ws()).await?;
    Ok(Json(List::whole(rows.into_iter().map(|row| {
        let second_factor = with.contains(&row.id);
        UserView::of(row, second_factor)
    }))))
}

/// `GET /users/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<UserView>, Problem> {
    Ok(Json(UserView::read(&call.app, call.ws(), call.id("user")?).await?))
}

/// Body of `POST /users`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    #[schemars(email)]
    email: String,
    role: Role,
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    name: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// A user who was just added.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UserMade {
    user: UserView,
    /// When it was made up: it is shown only here.
    password: Option<String>,
}

/// `POST /users`.
pub(crate) async fn create(call: Call, Json(new): Json<NewUser>) -> Result<Created<UserMade>, Problem> {
    let (name, actor) = (new.name.unwrap_or_default(), call.actor());
    let added = access::add_user(call.cx(), call.ws(), &actor, &new.email, &name, new.role, new.password.as_deref());
    let (row, password) = added.await?;
    Ok(Created(UserMade { user: UserView::of(row, false), password }))
}

/// Body of `PATCH /users/{id}`; what is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default)]
    #[schemars(length(min = 1, max = hearback_core::text::MAX_LINE))]
    name: Option<String>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default)]
    password: Option<String>,
}

/// `PATCH /users/{id}`: another role, another password and being disabled end the user's sessions at once.
pub(crate) async fn change(call: Call, Json(change): Json<Change>) -> Result<Json<UserView>, Problem> {
    let id: UserId = call.id("user")?;
    let Change { name, role, disabled, password } = change;
    access::change_user(call.cx(), call.ws(), &call.actor(), id, UserChange { name, role, disabled, password }).await?;
    Ok(Json(UserView::read(&call.app, call.ws(), id).await?))
}

/// A session as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionView {
    id: Uuid,
    created_at: Time,
    seen_at: Time,
    /// Where it began.
    from: String,
    browser: String,
}

impl SessionView {
    fn of(session: OwnSession) -> Self {
        let OwnSession { id, created_at, seen_at, address, agent, .. } = session;
        Self { id: id.uuid(), created_at: Time(created_at), seen_at: Time(seen_at), from: address, browser: agent }
    }
}

/// `GET /users/{id}/sessions`: those that live, the newest first.
pub(crate) async fn sessions(call: Call) -> Result<Json<List<SessionView>>, Problem> {
    let sessions = access::own_sessions(call.cx(), call.ws(), call.id("user")?, None).await?;
    Ok(Json(List::whole(sessions.into_iter().map(SessionView::of))))
}

/// `DELETE /users/{id}/sessions`: ends them all.
pub(crate) async fn end_sessions(call: Call) -> Result<(), Problem> {
    access::end_sessions(call.cx(), call.ws(), &call.actor(), call.id("user")?).await?;
    Ok(())
}

/// `DELETE /users/{id}/totp`: takes the second factor of somebody away who has lost it, and ends their sessions.
pub(crate) async fn reset_totp(call: Call) -> Result<(), Problem> {
    access::reset_second(call.cx(), call.ws(), &call.actor(), call.id("user")?).await?;
    Ok(())
}
