//! `/api/v1/responses`: answers in, answers out.

use hearback_core::{
    Segment,
    id::{PersonId, ResponseId},
    survey::Answers,
};
use hearback_engine::{
    EngineError,
    responses::submit::{self, Correction, FollowUp, NewResponse, Receipt, Settles},
    role::Scope::{Read, Write},
};
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cursor::Listed,
    lists, persons, responses, surveys,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{List, Time, json};
use crate::{
    call::{Call, Json, Query, Stored, get, patch, post},
    error::Problem,
    parameters::{After, Limit, Moment},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/responses", Read, "Answers, the newest first", list),
        post("/responses", Write, "Store one answer", create).may_conflict(),
        get("/responses/{id}", Read, "One answer", one),
        patch("/responses/{id}", Write, "Correct an answer: a new revision", correct).may_conflict(),
    ]
}

/// `POST /responses`: stores one answer, starts what the rules decide. 201, or 200 when it had been stored before.
pub(crate) async fn create(call: Call, Json(response): Json<NewResponse>) -> Result<Stored<Receipt>, Problem> {
    let receipt =
        submit::submit_responses(call.cx(), call.ws(), vec![response], FollowUp::On).await.pop().unwrap_or(Err(EngineError::Busy))?;
    Ok(Stored { is_new: receipt.created, shown: receipt })
}

/// `PATCH /responses/{id}`: a new revision.
pub(crate) async fn correct(call: Call, Json(change): Json<Correction>) -> Result<Json<Receipt>, Problem> {
    let id = call.id("response")?;
    Ok(Json(hearback_engine::responses::correct::correct_response(call.cx(), call.ws(), id, change, Settles::ByChannel).await?))
}

/// One answer as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResponseView {
    id: Uuid,
    survey: String,
    score: i64,
    #[schemars(with = "Segment")]
    segment: String,
    comment: Option<String>,
    person: PersonView,
    external_id: Option<String>,
    channel: String,
    locale: Option<String>,
    #[schemars(with = "Option<Map<String, Value>>")]
    properties: serde_json::Value,
    #[schemars(with = "Answers")]
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
#[derive(Debug, Serialize, JsonSchema)]
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

/// Which answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponsesAsked {
    /// Key of a survey.
    survey: Option<String>,
    segment: Option<Segment>,
    /// Answers from this moment on.
    since: Option<Moment>,
    /// Answers before this moment.
    until: Option<Moment>,
    person: Option<PersonId>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /responses`: the newest answers first.
pub(crate) async fn list(call: Call, Query(asked): Query<ResponsesAsked>) -> Result<Json<List<ResponseView>>, Problem> {
    let (db, ws) = (call.db(), call.ws());
    let all_surveys = lists::surveys(db, ws).await?;
    let filter = CaseFilter {
        surveys: survey_ids(&all_surveys, asked.survey.as_deref())?,
        segment: asked.segment,
        since: asked.since.map(|Moment(at)| at),
        until: asked.until.map(|Moment(at)| at),
        person: person_meant(&call, asked.person).await?,
        ..CaseFilter::default()
    };
    let page = case_list::list(db, ws, &filter, CaseOrder::Newest, asked.limit.after(asked.cursor)).await?;
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
pub(crate) async fn one(call: Call) -> Result<Json<ResponseView>, Problem> {
    let id: ResponseId = call.id("response")?;
    let (db, ws) = (call.db(), call.ws());
    let row = lists::response(db, ws, id).await?.ok_or_else(|| Problem::not_found("response", id))?;
    let surveys = lists::surveys(db, ws).await?;
    let person = persons::by_id(db, ws, PersonId::from_uuid(row.person_id)).await?;
    let survey = survey_key(&surveys, row.survey_id);
    Ok(Json(ResponseView::of(row, survey, person.as_ref())))
}

/// Whom the parameter `person` means: somebody who was merged means the survivor.
pub(crate) async fn person_meant(call: &Call, person: Option<PersonId>) -> Result<Option<PersonId>, Problem> {
    let Some(id) = person else { return Ok(None) };
    Ok(Some(persons::resolved(call.db(), call.ws(), id).await?.map_or(id, |row| PersonId::from_uuid(row.id))))
}

/// All versions of the survey with this key; `None` when none is named.
pub(crate) fn survey_ids(all: &[surveys::Model], key: Option<&str>) -> Result<Option<Vec<Uuid>>, Problem> {
    let Some(key) = key else { return Ok(None) };
    let ids: Vec<Uuid> = all.iter().filter(|survey| survey.key == key).map(|survey| survey.id).collect();
    if ids.is_empty() { Err(Problem::field("survey", "there is no survey with this key")) } else { Ok(Some(ids)) }
}

/// The key of a survey version; empty when the version is gone.
pub(crate) fn survey_key(all: &[surveys::Model], id: Uuid) -> &str {
    all.iter().find(|survey| survey.id == id).map_or("", |survey| survey.key.as_str())
}
