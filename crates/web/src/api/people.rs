//! `/api/v1/people`: customers.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::id::{PersonId, WorkspaceId};
use hearback_engine::{
    merge,
    people::{self, PersonChange},
};
use hearback_store::{
    cursor::Listed,
    lists::{self, PersonFilter},
    persons,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time, json, path_id};
use crate::route::{Access::Key, Route, delete, get, post, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/people", Key(Read), "People, the newest first", list),
        put("/people", Key(Write), "Make or update a person by address or external id; null takes a field away", upsert),
        get("/people/{id}", Key(Read), "One person", one),
        delete("/people/{id}", Key(Admin), "Erase a person; answers stay as anonymous counts", erase),
        post(
            "/people/{id}/merge",
            Key(Admin),
            "This person turned out to be another one: answers, cases, mail and links move to the survivor, whom address and id of this one mean from now on",
            merge,
        ),
    ]
}

/// One person as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct PersonDetail {
    id: Uuid,
    email: Option<String>,
    external_id: Option<String>,
    name: Option<String>,
    locale: Option<String>,
    timezone: Option<String>,
    account: Option<String>,
    owner: Option<String>,
    properties: serde_json::Value,
    created_at: Time,
    updated_at: Time,
}

impl PersonDetail {
    fn of(row: persons::Model) -> Self {
        Self {
            id: row.id,
            email: row.email,
            external_id: row.external_id,
            name: row.name,
            locale: row.locale,
            timezone: row.timezone,
            account: row.account_key,
            owner: row.owner,
            properties: json(&row.properties),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// `GET /people`: the newest first, those that fit; or the one with an address or an id of the sender's.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<PersonDetail>>, Problem> {
    let params = Params::read(&uri, &["email", "external_id", "q", "account", "limit", "cursor"])?;
    let (page, ws) = (params.page()?, caller.0.ws);
    let listed = match (params.text("email"), params.text("external_id")) {
        (None, None) => {
            let filter = PersonFilter { text: params.text("q").map(str::to_owned), account: params.text("account").map(str::to_owned) };
            lists::all_persons(app.cx.db.read(), ws, &filter, page).await?
        }
        (email, external_id) => named(&app, ws, email, external_id).await?,
    };
    Ok(Json(List::of(listed, PersonDetail::of)))
}

async fn named(app: &App, ws: WorkspaceId, email: Option<&str>, external_id: Option<&str>) -> Result<Listed<persons::Model>, Problem> {
    let email = email.map(|email| hearback_core::Email::parse(email).map_err(|error| Problem::field("email", error))).transpose()?;
    let row = match (&email, external_id) {
        (Some(email), None) => lists::person_known_by(app.cx.db.read(), ws, email).await?,
        _ => lists::person_named(app.cx.db.read(), ws, email.as_ref(), external_id).await?,
    };
    Ok(Listed { items: row.into_iter().collect(), next: None })
}

/// `GET /people/{id}`; the id of somebody who was merged shows the survivor.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<PersonDetail>, Problem> {
    Params::read(&uri, &[])?;
    let id: PersonId = path_id("person", &id)?;
    let row = persons::resolved(app.cx.db.read(), caller.0.ws, id).await?.ok_or_else(|| Problem::not_found("person", id))?;
    Ok(Json(PersonDetail::of(row)))
}

/// `PUT /people`: makes a person, or lays what is sent over who is stored under the address or the sender's id; `null` takes
/// a field away.
pub(crate) async fn upsert(
    State(app): State<App>,
    caller: Caller,
    body::Json(change): body::Json<PersonChange>,
) -> Result<Json<PersonDetail>, Problem> {
    Ok(Json(PersonDetail::of(people::change_person(&app.cx, caller.0.ws, change).await?)))
}

/// Body of `merge`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    into: PersonId,
}

/// `POST /people/{id}/merge`: this person turned out to be the one of `into`, who is shown.
pub(crate) async fn merge(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(body): body::Json<Merge>,
) -> Result<Json<PersonDetail>, Problem> {
    let from = path_id("person", &id)?;
    Ok(Json(PersonDetail::of(merge::merge_people(&app.cx, caller.0.ws, &caller.actor(), from, body.into).await?)))
}

/// `DELETE /people/{id}`: erases; answers stay as anonymous counts.
pub(crate) async fn erase(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    people::erase_person(&app.cx, caller.0.ws, &caller.actor(), path_id("person", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
