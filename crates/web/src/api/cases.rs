//! `/api/v1/cases`: what has to be followed up, what happened, and what people do about it.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_core::id::{CaseId, PersonId, ResponseId};
use hearback_engine::{
    access::ApiKey,
    work::{self, CaseChange, NewContact, NewReply},
};
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cases,
    cursor::Page,
    events,
    lists::{self, DeliveryFilter, TaskFilter},
    messages, persons,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    deliveries::DeliveryView,
    inbound::MessageView,
    json, path_id,
    responses::{PersonView, ResponseView, person_meant, survey_ids, survey_key},
    tasks::TaskView,
};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/cases", Key(Read), "Cases, the newest answers first", list),
        get("/cases/{id}", Key(Read), "One case with timeline, tasks and deliveries", one),
        post("/cases/{id}/contacts", Key(Write), "Log a try to reach the customer", contact),
        post(
            "/cases/{id}/replies",
            Key(Write),
            "Write a mail to the customer, in one thread with what they wrote; it counts as a try to reach them",
            reply,
        ),
        post("/cases/{id}/resolve", Key(Write), "Enter root cause and resolution", resolve),
        post("/cases/{id}/close", Key(Write), "Close the loop; 409 with `lacks` while something is missing", close),
        post("/cases/{id}/reopen", Key(Write), "Take up a finished case again", reopen),
        post("/cases/{id}/wait", Key(Write), "Wait for the customer: the clock for closing stands still", wait),
        post("/cases/{id}/resume", Key(Write), "The wait is over", resume),
        post("/cases/{id}/lapse", Key(Write), "Give the case up; opening it again takes that back", lapse),
        post("/cases/{id}/assign", Key(Write), "Hand the case over", assign),
    ]
}

/// Most tasks, and most deliveries, shown with one case.
const MOST_PARTS: u64 = 200;

/// One case as the API lists it.
#[derive(Debug, Serialize)]
pub(crate) struct CaseView {
    id: Uuid,
    response_id: Uuid,
    person: PersonView,
    survey: String,
    score: i64,
    segment: String,
    loop_status: &'static str,
    owner: Option<String>,
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
            loop_status: row.loop_status.as_str(),
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
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
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

/// `GET /cases`: the newest answers first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<CaseView>>, Problem> {
    let known = ["loop_status", "segment", "owner", "overdue", "survey", "person", "since", "until", "limit", "cursor"];
    let params = Params::read(&uri, &known)?;
    let (db, ws, now) = (app.cx.db.read(), caller.0.ws, app.cx.now());
    let surveys = lists::surveys(db, ws).await?;
    let filter = CaseFilter {
        loop_status: params.loop_status()?,
        active: false,
        segment: params.segment()?,
        owners: params.text("owner").map(str::to_lowercase).into_iter().collect(),
        overdue: params.flag("overdue")?.map(|overdue| (overdue, now)),
        surveys: survey_ids(&surveys, &params)?,
        person: person_meant(&app, ws, &params).await?,
        since: params.time("since")?,
        until: params.time("until")?,
    };
    let page = case_list::list(db, ws, &filter, CaseOrder::Newest, params.page()?).await?;
    let people = lists::persons(db, ws, page.items.iter().map(|case| case.person_id)).await?;
    Ok(Json(List::of(page, |row| {
        let person = PersonView::of(row.person_id, people.get(&row.person_id));
        let survey = survey_key(&surveys, row.survey_id);
        CaseView::of(row, survey, person, now.timestamp_millis())
    })))
}

/// `GET /cases/{id}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<CaseDetail>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(detail(&app, &caller.0, path_id("case", &id)?).await?))
}

async fn detail(app: &App, key: &ApiKey, id: CaseId) -> Result<CaseDetail, Problem> {
    let (db, ws) = (app.cx.db.read(), key.ws);
    let row = lists::case(db, ws, id).await?.ok_or_else(|| Problem::not_found("case", id))?;
    let surveys = lists::surveys(db, ws).await?;
    let survey = survey_key(&surveys, row.survey_id);
    let person = persons::by_id(db, ws, PersonId::from_uuid(row.person_id)).await?;
    let response = lists::response(db, ws, ResponseId::from_uuid(row.response_id)).await?;
    let tasks = lists::tasks(db, ws, &TaskFilter { case: Some(id), ..TaskFilter::default() }, Page::first(MOST_PARTS)).await?;
    let sent = DeliveryFilter { case: Some(id), ..DeliveryFilter::default() };
    let deliveries = lists::deliveries(db, ws, &sent, Page::first(MOST_PARTS)).await?.items;
    let rules = lists::rule_labels(db, ws, deliveries.iter().filter_map(|delivery| delivery.rule_version_id)).await?;
    let now = app.cx.now().timestamp_millis();
    let who = PersonView::of(row.person_id, person.as_ref());
    let workspace = app.cx.workspaces.get(db, ws).await?;
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
pub(crate) async fn contact(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(contact): body::Json<NewContact>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::log_contact(&app.cx, caller.0.ws, id, &caller.actor(), contact).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/replies`: a mail to the customer, in one thread with what they wrote; the case after it.
pub(crate) async fn reply(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(reply): body::Json<NewReply>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::reply(&app.cx, caller.0.ws, id, &caller.actor(), reply).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/resolve`.
pub(crate) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(change): body::MaybeJson<CaseChange>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::resolve(&app.cx, caller.0.ws, id, &caller.actor(), change).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/close`; 409 with `lacks` while something is missing.
pub(crate) async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(change): body::MaybeJson<CaseChange>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::close(&app.cx, caller.0.ws, id, &caller.actor(), change).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// Body of `reopen`, `wait`, `resume` and `lapse`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noted {
    #[serde(default)]
    note: Option<String>,
}

/// `POST /cases/{id}/reopen`.
pub(crate) async fn reopen(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(noted): body::MaybeJson<Noted>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::reopen(&app.cx, caller.0.ws, id, &caller.actor(), noted.note).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/wait`: for the customer; the clock for closing stands still.
pub(crate) async fn wait(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(noted): body::MaybeJson<Noted>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::wait(&app.cx, caller.0.ws, id, &caller.actor(), noted.note).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/resume`: the wait is over.
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(noted): body::MaybeJson<Noted>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::resume(&app.cx, caller.0.ws, id, &caller.actor(), noted.note).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// `POST /cases/{id}/lapse`: given up.
pub(crate) async fn lapse(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(noted): body::MaybeJson<Noted>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    work::lapse(&app.cx, caller.0.ws, id, &caller.actor(), noted.note).await?;
    Ok(Json(detail(&app, &caller.0, id).await?))
}

/// Body of `assign`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    owner: String,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /cases/{id}/assign`: to an address of ours or to `team:KEY`.
pub(crate) async fn assign(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::Json(assignment): body::Json<Assignment>,
) -> Result<Json<CaseDetail>, Problem> {
    let id = path_id("case", &id)?;
    let (ws, actor) = (caller.0.ws, caller.actor());
    work::assign(&app.cx, ws, id, &actor, &assignment.owner).await?;
    if let Some(note) = assignment.note.filter(|note| !note.trim().is_empty()) {
        work::add_note(&app.cx, ws, id, &actor, &note).await?;
    }
    Ok(Json(detail(&app, &caller.0, id).await?))
}
