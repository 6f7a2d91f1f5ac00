//! `/api/v1/users`: who may come in, and how that ends.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::id::{UserId, WorkspaceId};
use hearback_engine::access::{self, OwnSession, Role, UserChange};
use hearback_store::{second_factors, users};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Time, Whole, path_id};
use crate::route::{Access::Key, Route, delete, get, patch, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/users", Key(Admin), "Everybody who may log in, those who were disabled too, by address", list),
        post("/users", Key(Admin), "Add somebody who can log in; without a password one is made up and told once", create),
        get("/users/{id}", Key(Admin), "One user", one),
        patch(
            "/users/{id}",
            Key(Admin),
            "Change a user; another role, another password and being disabled end the user's sessions at once. The last admin stays one",
            change,
        ),
        get("/users/{id}/sessions", Key(Admin), "Where a user is logged in, the newest first", sessions),
        delete("/users/{id}/sessions", Key(Admin), "Log a user out everywhere", end_sessions),
        delete("/users/{id}/totp", Key(Admin), "Take the second factor of a user away who has lost it; their sessions end", reset_totp),
    ]
}

/// A user as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct UserView {
    id: Uuid,
    email: String,
    name: String,
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
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<UserView>>, Problem> {
    Params::read(&uri, &[])?;
    let with = second_factors::in_force(app.cx.db.read(), caller.0.ws).await?;
    let rows = users::all(app.cx.db.read(), caller.0.ws).await?;
    Ok(Json(Whole::of(rows.into_iter().map(|row| {
        let second_factor = with.contains(&row.id);
        UserView::of(row, second_factor)
    }))))
}

/// `GET /users/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<UserView>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(UserView::read(&app, caller.0.ws, path_id("user", &id)?).await?))
}

/// Body of `POST /users`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    email: String,
    role: Role,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// A user who was just added.
#[derive(Debug, Serialize)]
pub(crate) struct UserMade {
    user: UserView,
    /// When it was made up: it is shown only here.
    password: Option<String>,
}

/// `POST /users`.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewUser>,
) -> Result<(StatusCode, Json<UserMade>), Problem> {
    let (name, actor) = (new.name.unwrap_or_default(), caller.actor());
    let added = access::add_user(&app.cx, caller.0.ws, &actor, &new.email, &name, new.role, new.password.as_deref());
    let (row, password) = added.await?;
    Ok((StatusCode::CREATED, Json(UserMade { user: UserView::of(row, false), password })))
}

/// Body of `PATCH /users/{id}`; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default)]
    password: Option<String>,
}

/// `PATCH /users/{id}`: another role, another password and being disabled end the user's sessions at once.
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(change): body::Json<Change>,
) -> Result<Json<UserView>, Problem> {
    let id: UserId = path_id("user", &id)?;
    let Change { name, role, disabled, password } = change;
    access::change_user(&app.cx, caller.0.ws, &caller.actor(), id, UserChange { name, role, disabled, password }).await?;
    Ok(Json(UserView::read(&app, caller.0.ws, id).await?))
}

/// A session as the API shows it.
#[derive(Debug, Serialize)]
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
pub(crate) async fn sessions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Whole<SessionView>>, Problem> {
    Params::read(&uri, &[])?;
    let sessions = access::own_sessions(&app.cx, caller.0.ws, path_id("user", &id)?, None).await?;
    Ok(Json(Whole::of(sessions.into_iter().map(SessionView::of))))
}

/// `DELETE /users/{id}/sessions`: ends them all.
pub(crate) async fn end_sessions(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    access::end_sessions(&app.cx, caller.0.ws, &caller.actor(), path_id("user", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/{id}/totp`: takes the second factor of somebody away who has lost it, and ends their sessions.
pub(crate) async fn reset_totp(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    access::reset_second(&app.cx, caller.0.ws, &caller.actor(), path_id("user", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
