//! `/api/v1/people`: customers.

use hearback_core::id::{PersonId, WorkspaceId};
use hearback_engine::{
    customers::{
        merge,
        people::{self, PersonChange},
    },
    role::Scope::{Admin, Read, Write},
};
use hearback_store::{
    cursor::Listed,
    lists::{self, PersonFilter},
    persons,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{List, Time, json};
use crate::{
    App,
    call::{Call, Json, Query, delete, get, post, put},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![ get("/people", Read, "People, the newest first", list), put("/people", Write, "Make or update a person by address or external id; null takes a field away", upsert).may_conflict(), get("/people/{id}", Read, "One person", one), delete("/people/{id}", Admin, "Erase a person; answers stay as anonymous counts", erase), post("/people/{id}/merge", Admin, "This person turned out to be another one: answers, cases, mail and links move to the survivor, whom address and id of this one mean from now on", merge).may_conflict(), ]
}

/// One person as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PersonDetail {
    id: Uuid,
    email: Option<String>,
    external_id: Option<String>,
    name: Option<String>,
    locale: Option<String>,
    timezone: Option<String>,
    account: Option<String>,
    owner: Option<String>,
    #[schemars(with = "Map<String, Value>")]
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

/// Who.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleAsked {
    /// Who has this address, or had it.
    email: Option<String>,
    /// Who has this id of yours.
    external_id: Option<String>,
    /// A part of the address, the name or the external id.
    q: Option<String>,
    /// Key of an account.
    account: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /people`: the newest first, those that fit; or the one with an address or an id of the sender's.
pub(crate) async fn list(call: Call, Query(asked): Query<PeopleAsked>) -> Result<Json<List<PersonDetail>>, Problem> {
    let (page, ws) = (asked.limit.after(asked.cursor), call.ws());
    let listed = match (asked.email.as_deref(), asked.external_id.as_deref()) {
        (None, None) => {
            let filter = PersonFilter { text: asked.q, account: asked.account };
            lists::all_persons(call.db(), ws, &filter, page).await?
        }
        (email, external_id) => named(&call.app, ws, email, external_id).await?,
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
pub(crate) async fn one(call: Call) -> Result<Json<PersonDetail>, Problem> {
    let id: PersonId = call.id("person")?;
    let row = persons::resolved(call.db(), call.ws(), id).await?.ok_or_else(|| Problem::not_found("person", id))?;
    Ok(Json(PersonDetail::of(row)))
}

/// `PUT /people`: makes a person, or lays what is sent over who is stored under the address or the sender's id; `null` takes
/// a field away.
pub(crate) async fn upsert(call: Call, Json(change): Json<PersonChange>) -> Result<Json<PersonDetail>, Problem> {
    Ok(Json(PersonDetail::of(people::change_person(call.cx(), call.ws(), change).await?)))
}

/// Body of `merge`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    into: PersonId,
}

/// `POST /people/{id}/merge`: this person turned out to be the one of `into`, who is shown.
pub(crate) async fn merge(call: Call, Json(body): Json<Merge>) -> Result<Json<PersonDetail>, Problem> {
    let from = call.id("person")?;
    Ok(Json(PersonDetail::of(merge::merge_people(call.cx(), call.ws(), &call.actor(), from, body.into).await?)))
}

/// `DELETE /people/{id}`: erases; answers stay as anonymous counts.
pub(crate) async fn erase(call: Call) -> Result<(), Problem> {
    people::erase_person(call.cx(), call.ws(), &call.actor(), call.id("person")?).await?;
    Ok(())
}
