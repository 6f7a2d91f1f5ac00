//! `/api/v1/responses`: answers in, answers out.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_core::id::{PersonId, ResponseId, WorkspaceId};
use hearback_engine::{
    EngineError,
    submit::{self, Correction, FollowUp, NewResponse, Receipt, Settles},
};
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cursor::Listed,
    lists, persons, responses, surveys,
};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, json, path_id};
use crate::route::{Access::Key, Route, get, patch, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/responses", Key(Read), "Answers, the newest first", list),
        post("/responses", Key(Write), "Store one answer", create),
        get("/responses/{id}", Key(Read), "One answer", one),
        patch("/responses/{id}", Key(Write), "Correct an answer: a new revision", correct),
    ]
}

/// `POST /responses`: stores one answer, starts what the rules decide. 201, or 200 when it had been stored before.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(response): body::Json<NewResponse>,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let receipt =
        submit::submit_responses(&app.cx, caller.0.ws, vec![response], FollowUp::On).await.pop().unwrap_or(Err(EngineError::Busy))?;
    Ok((if receipt.created { StatusCode::CREATED } else { StatusCode::OK }, Json(receipt)))
}

/// `PATCH /responses/{id}`: a new revision.
pub(crate) async fn correct(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(change): body::Json<Correction>,
) -> Result<Json<Receipt>, Problem> {
    let id = path_id("response", &id)?;
    Ok(Json(hearback_engine::correct::correct_response(&app.cx, caller.0.ws, id, change, Settles::ByChannel).await?))
}

/// One answer as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ResponseView {
    id: Uuid,
    survey: String,
    score: i64,
    segment: String,
    comment: Option<String>,
    person: PersonView,
    external_id: Option<String>,
    channel: String,
    locale: Option<String>,
    properties: serde_json::Value,
    answers: serde_json::Value,
    may_contact: Option<bool>,
    invitation_id: Option<Uuid>,
    revision: i64,
    responded_at: Time,
    settled_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

/// Who answered.
#[derive(Debug, Serialize)]
pub(crate) struct PersonView {
    id: Uuid,
    email: Option<String>,
    name: Option<String>,
}

impl PersonView {
    /// A person; when the row is gone, its id alone.
    pub(crate) fn of(id: Uuid, row: Option<&persons::Model>) -> Self {
        Self { id, email: row.and_then(|row| row.email.clone()), name: row.and_then(|row| row.name.clone()) }
    }
}

impl ResponseView {
    /// A row with what belongs to it.
    pub(crate) fn of(row: responses::Model, survey: &str, person: Option<&persons::Model>) -> Self {
        Self {
            id: row.id,
            survey: survey.to_owned(),
            score: row.score,
            segment: row.segment,
            comment: row.comment,
            person: PersonView::of(row.person_id, person),
            external_id: row.external_id,
            channel: row.channel,
            locale: row.locale,
            properties: json(&row.properties),
            answers: row.answers.as_deref().map_or_else(|| serde_json::json!({}), json),
            may_contact: row.may_contact,
            invitation_id: row.invitation_id,
            revision: row.revision,
            responded_at: Time(row.answered_at),
            settled_at: row.settled_at.map(Time),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
        }
    }
}

/// `GET /responses`: the newest answers first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<ResponseView>>, Problem> {
    let params = Params::read(&uri, &["survey", "segment", "since", "until", "person", "limit", "cursor"])?;
    let (db, ws) = (app.cx.db.read(), caller.0.ws);
    let all_surveys = lists::surveys(db, ws).await?;
    let filter = CaseFilter {
        surveys: survey_ids(&all_surveys, &params)?,
        segment: params.segment()?,
        since: params.time("since")?,
        until: params.time("until")?,
        person: person_meant(&app, ws, &params).await?,
        ..CaseFilter::default()
    };
    let page = case_list::list(db, ws, &filter, CaseOrder::Newest, params.page()?).await?;
    let mut rows = lists::responses(db, ws, page.items.iter().map(|case| case.response_id)).await?;
    let people = lists::persons(db, ws, page.items.iter().map(|case| case.person_id)).await?;
    let items = page.items.iter().filter_map(|case| rows.remove(&case.response_id)).collect();
    Ok(Json(List::of(Listed { items, next: page.next }, |row| {
        let survey = survey_key(&all_surveys, row.survey_id);
        let person = people.get(&row.person_id);
        ResponseView::of(row, survey, person)
    })))
}

/// `GET /responses/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<ResponseView>, Problem> {
    Params::read(&uri, &[])?;
    let id: ResponseId = path_id("response", &id)?;
    let (db, ws) = (app.cx.db.read(), caller.0.ws);
    let row = lists::response(db, ws, id).await?.ok_or_else(|| Problem::not_found("response", id))?;
    let surveys = lists::surveys(db, ws).await?;
    let person = persons::by_id(db, ws, PersonId::from_uuid(row.person_id)).await?;
    let survey = survey_key(&surveys, row.survey_id);
    Ok(Json(ResponseView::of(row, survey, person.as_ref())))
}

/// Whom the parameter `person` means: somebody who was merged means the survivor.
pub(crate) async fn person_meant(app: &App, ws: WorkspaceId, params: &Params) -> Result<Option<PersonId>, Problem> {
    let Some(id) = params.id::<PersonId>("person")? else { return Ok(None) };
    Ok(Some(persons::resolved(app.cx.db.read(), ws, id).await?.map_or(id, |row| PersonId::from_uuid(row.id))))
}

/// All versions of the survey that `survey` names; `None` when none is named.
pub(crate) fn survey_ids(all: &[surveys::Model], params: &Params) -> Result<Option<Vec<Uuid>>, Problem> {
    let Some(key) = params.text("survey") else { return Ok(None) };
    let ids: Vec<Uuid> = all.iter().filter(|survey| survey.key == key).map(|survey| survey.id).collect();
    if ids.is_empty() { Err(Problem::field("survey", "there is no survey with this key")) } else { Ok(Some(ids)) }
}

/// The key of a survey version; empty when the version is gone.
pub(crate) fn survey_key(all: &[surveys::Model], id: Uuid) -> &str {
    all.iter().find(|survey| survey.id == id).map_or("", |survey| survey.key.as_str())
}
