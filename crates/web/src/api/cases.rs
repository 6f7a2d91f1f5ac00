//! `/api/v1/cases`: what has to be followed up, what happened, and what people do about it.

use hearback_core::{
    LoopStatus, Segment,
    id::{CaseId, PersonId, ResponseId},
};
use hearback_engine::{
    cases::work::{self, CaseChange, NewContact, NewReply},
    role::Scope::{Read, Write},
};
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cases,
    cursor::Page,
    events,
    lists::{self, DeliveryFilter, TaskFilter},
    messages, persons,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    deliveries::DeliveryView,
    inbound::MessageView,
    json,
    responses::{PersonView, ResponseView, person_meant, survey_ids, survey_key},
    tasks::TaskView,
};
use crate::{
    call::{Call, Json, MaybeJson, Query, get, post},
    error::Problem,
    parameters::{After, Limit, Moment},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/cases", Read, "Cases, the newest answers first", list),
        get("/cases/{id}", Read, "One case with timeline, tasks and deliveries", one),
        post("/cases/{id}/contacts", Write, "Log a try to reach the customer", contact).may_conflict(),
        post(
            "/cases/{id}/replies",
            Write,
            "Write a mail to the customer, in one thread with what they wrote; it counts as a try to reach them",
            reply,
        )
        .may_conflict(),
        post("/cases/{id}/resolve", Write, "Enter root cause and resolution", resolve).may_conflict(),
        post("/cases/{id}/close", Write, "Close the loop; 409 with `lacks` while something is missing", close).may_conflict(),
        post("/cases/{id}/reopen", Write, "Take up a finished case again", reopen).may_conflict(),
        post("/cases/{id}/wait", Write, "Wait for the customer: the clock for closing stands still", wait).may_conflict(),
        post("/cases/{id}/resume", Write, "The wait is over", resume).may_conflict(),
        post("/cases/{id}/lapse", Write, "Give the case up; opening it again takes that back", lapse).may_conflict(),
        post("/cases/{id}/assign", Write, "Hand the case over", assign).may_conflict(),
    ]
}

/// Most tasks, and most deliveries, shown with one case.
const MOST_PARTS: u64 = 200;

/// One case as the API lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CaseView {
    id: Uuid,
    response_id: Uuid,
    person: PersonView,
    survey: String,
    score: i64,
    #[schemars(with = "Segment")]
    segment: String,
    loop_status: LoopStatus,
    owner: Option<String>,
    #[schemars(with = "Vec<String>")]
    tags: serde_json::Value,
    root_cause: Option<String>,
    resolution: Option<String>,
    attempts: i64,
    open_tasks: i64,
    overdue: bool,
    answered_at: Time,
    first_contact_due_at: Option<Time>,
    first_contact_at: Option<Time>,
    close_due_at: Option<Time>,
    waiting_since: Option<Time>,
    lapse_at: Option<Time>,
    escalated_at: Option<Time>,
    resolved_at: Option<Time>,
    closed_at: Option<Time>,
    updated_at: Time,
}

impl CaseView {
    fn of(row: cases::Model, survey: &str, person: PersonView, now: i64) -> Self {
        Self {
            overdue: case_list::is_overdue(&row, now),
            id: row.id,
            response_id: row.response_id,
            person,
            survey: survey.to_owned(),
            score: row.score,
            segment: row.segment,
            loop_status: *row.loop_status,
            owner: row.owner,
            tags: json(&row.tags),
            root_cause: row.root_cause,
            resolution: row.resolution,
            attempts: row.attempts,
            open_tasks: row.open_tasks,
            answered_at: Time(row.answered_at),
            first_contact_due_at: row.first_contact_due_at.map(Time),
            first_contact_at: row.first_contact_at.map(Time),
            close_due_at: row.close_due_at.map(Time),
            waiting_since: row.waiting_since.map(Time),
            lapse_at: row.lapse_at.map(Time),
            escalated_at: row.escalated_at.map(Time),
            resolved_at: row.resolved_at.map(Time),
            closed_at: row.closed_at.map(Time),
            updated_at: Time(row.updated_at),
        }
    }
}

/// One case with all that belongs to it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CaseDetail {
    #[serde(flatten)]
    case: CaseView,
    /// What closing still lacks; empty when nothing does, and in a finished case.
    lacks: Vec<String>,
    response: Option<ResponseView>,
    timeline: Vec<EventView>,
    tasks: Vec<TaskView>,
    deliveries: Vec<DeliveryView>,
    /// What came in by mail, the oldest first.
    messages: Vec<MessageView>,
}

/// One entry of the timeline.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventView {
    id: Uuid,
    kind: String,
    actor: String,
    data: serde_json::Value,
    at: Time,
}

impl EventView {
    fn of(row: events::Model) -> Self {
        Self { id: row.id, kind: row.kind, actor: row.actor, data: json(&row.data), at: Time(row.at) }
    }
}

/// Which cases.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CasesAsked {
    loop_status: Option<LoopStatus>,
    segment: Option<Segment>,
    /// An address of one of yours, or `team:KEY`.
    owner: Option<String>,
    overdue: Option<bool>,
    /// Key of a survey.
    survey: Option<String>,
    person: Option<PersonId>,
    /// Answers from this moment on.
    since: Option<Moment>,
    /// Answers before this moment.
    until: Option<Moment>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /cases`: the newest answers first.
pub(crate) async fn list(call: Call, Query(asked): Query<CasesAsked>) -> Result<Json<List<CaseView>>, Problem> {
    let (db, ws, now) = (call.db(), call.ws(), call.cx().now());
    let surveys = lists::surveys(db, ws).await?;
    let filter = CaseFilter {
        loop_status: asked.loop_status,
        active: false,
        segment: asked.segment,
        owners: asked.owner.map(|owner| owner.to_lowercase()).into_iter().collect(),
        overdue: asked.overdue.map(|overdue| (overdue, now)),
        surveys: survey_ids(&surveys, asked.survey.as_deref())?,
        person: person_meant(&call, asked.person).await?,
        since: asked.since.map(|Moment(at)| at),
        until: asked.until.map(|Moment(at)| at),
    };
    let page = case_list::list(db, ws, &filter, CaseOrder::Newest, asked.limit.after(asked.cursor)).await?;
    let people = lists::persons(db, ws, page.items.iter().map(|case| case.person_id)).await?;
    Ok(Json(List::of(page, |row| {
        let person = PersonView::of(row.person_id, people.get(&row.person_id));
        let survey = survey_key(&surveys, row.survey_id);
        CaseView::of(row, survey, person, now.timestamp_millis())
    })))
}

/// `GET /cases/{id}`.
pub(crate) async fn one(call: Call) -> Result<Json<CaseDetail>, Problem> {
    Ok(Json(detail(&call, call.id("case")?).await?))
}

async fn detail(call: &Call, id: CaseId) -> Result<CaseDetail, Problem> {
    let (db, ws) = (call.db(), call.ws());
    let row = lists::case(db, ws, id).await?.ok_or_else(|| Problem::not_found("case", id))?;
    let surveys = lists::surveys(db, ws).await?;
    let survey = survey_key(&surveys, row.survey_id);
    let person = persons::by_id(db, ws, PersonId::from_uuid(row.person_id)).await?;
    let response = lists::response(db, ws, ResponseId::from_uuid(row.response_id)).await?;
    let tasks = lists::tasks(db, ws, &TaskFilter { case: Some(id), ..TaskFilter::default() }, Page::first(MOST_PARTS)).await?;
    let sent = DeliveryFilter { case: Some(id), ..DeliveryFilter::default() };
    let deliveries = lists::deliveries(db, ws, &sent, Page::first(MOST_PARTS)).await?.items;
    let rules = lists::rule_labels(db, ws, deliveries.iter().filter_map(|delivery| delivery.rule_version_id)).await?;
    let now = call.cx().now().timestamp_millis();
    let who = PersonView::of(row.person_id, person.as_ref());
    let workspace = call.cx().workspaces.get(db, ws).await?;
    let active = row.loop_status.is_active();
    Ok(CaseDetail {
        lacks: if active { work::lacks(&row, workspace.terms(&row)) } else { Vec::new() },
        response: response.map(|response| ResponseView::of(response, survey, person.as_ref())),
        timeline: lists::timeline(db, &row).await?.into_iter().map(EventView::of).collect(),
        tasks: tasks.items.into_iter().map(|task| TaskView::of(task, now)).collect(),
        deliveries: deliveries.into_iter().map(|delivery| DeliveryView::of(delivery, &rules)).collect(),
        messages: messages::of_case(db, ws, row.id, MOST_PARTS).await?.into_iter().map(MessageView::of).collect(),
        case: CaseView::of(row, survey, who, now),
    })
}

/// `POST /cases/{id}/contacts`: logs a try to reach the customer; the case after it.
pub(crate) async fn contact(call: Call, Json(contact): Json<NewContact>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::log_contact(call.cx(), call.ws(), id, &call.actor(), contact).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/replies`: a mail to the customer, in one thread with what they wrote; the case after it.
pub(crate) async fn reply(call: Call, Json(reply): Json<NewReply>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::reply(call.cx(), call.ws(), id, &call.actor(), reply).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/resolve`.
pub(crate) async fn resolve(call: Call, MaybeJson(change): MaybeJson<CaseChange>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::resolve(call.cx(), call.ws(), id, &call.actor(), change).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/close`; 409 with `lacks` while something is missing.
pub(crate) async fn close(call: Call, MaybeJson(change): MaybeJson<CaseChange>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::close(call.cx(), call.ws(), id, &call.actor(), change).await?;
    Ok(Json(detail(&call, id).await?))
}

/// Body of `reopen`, `wait`, `resume` and `lapse`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noted {
    #[serde(default)]
    note: Option<String>,
}

/// `POST /cases/{id}/reopen`.
pub(crate) async fn reopen(call: Call, MaybeJson(noted): MaybeJson<Noted>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::reopen(call.cx(), call.ws(), id, &call.actor(), noted.note).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/wait`: for the customer; the clock for closing stands still.
pub(crate) async fn wait(call: Call, MaybeJson(noted): MaybeJson<Noted>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::wait(call.cx(), call.ws(), id, &call.actor(), noted.note).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/resume`: the wait is over.
pub(crate) async fn resume(call: Call, MaybeJson(noted): MaybeJson<Noted>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::resume(call.cx(), call.ws(), id, &call.actor(), noted.note).await?;
    Ok(Json(detail(&call, id).await?))
}

/// `POST /cases/{id}/lapse`: given up.
pub(crate) async fn lapse(call: Call, MaybeJson(noted): MaybeJson<Noted>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    work::lapse(call.cx(), call.ws(), id, &call.actor(), noted.note).await?;
    Ok(Json(detail(&call, id).await?))
}

/// Body of `assign`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    owner: String,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /cases/{id}/assign`: to an address of ours or to `team:KEY`.
pub(crate) async fn assign(call: Call, Json(assignment): Json<Assignment>) -> Result<Json<CaseDetail>, Problem> {
    let id = call.id("case")?;
    let (ws, actor) = (call.ws(), call.actor());
    work::assign(call.cx(), ws, id, &actor, &assignment.owner).await?;
    if let Some(note) = assignment.note.filter(|note| !note.trim().is_empty()) {
        work::add_note(call.cx(), ws, id, &actor, &note).await?;
    }
    Ok(Json(detail(&call, id).await?))
}
