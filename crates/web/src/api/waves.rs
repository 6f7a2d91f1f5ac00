//! `/api/v1/waves`: how far they are, and standing still, going on, ending.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_core::{Word as _, id::WaveId};
use hearback_engine::asking::waves::{self, Wave};
use hearback_store::waves::Model;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time, campaigns::ReasonView, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/waves", Key(Read), "Waves, the latest first", list),
        get("/waves/{id}", Key(Read), "One wave with how many people there are of each state and reason", one),
        post("/waves/{id}/pause", Key(Admin), "Ask nobody more until it is resumed", pause),
        post("/waves/{id}/resume", Key(Admin), "Go on", resume),
        post("/waves/{id}/cancel", Key(Admin), "End it: whoever was not asked is not asked", cancel),
    ]
}

/// A wave in a list.
#[derive(Debug, Serialize)]
pub(crate) struct WaveRow {
    id: Uuid,
    campaign: String,
    name: String,
    status: &'static str,
    survey_id: Uuid,
    fire_at: Time,
    planned_at: Option<Time>,
    paused_at: Option<Time>,
    finished_at: Option<Time>,
    why: Option<String>,
}

/// A wave with its counts.
#[derive(Debug, Serialize)]
pub(crate) struct WaveView {
    #[serde(flatten)]
    row: WaveRow,
    people: i64,
    asked: i64,
    waiting: i64,
    answered: i64,
    percent: i64,
    states: BTreeMap<&'static str, i64>,
    reasons: Vec<ReasonView>,
    plan: serde_json::Value,
}

impl WaveRow {
    fn of(row: Model) -> Self {
        Self {
            id: row.id,
            campaign: row.campaign,
            name: row.name,
            status: row.status.as_str(),
            survey_id: row.survey_id,
            fire_at: Time(row.fire_at),
            planned_at: row.planned_at.map(Time),
            paused_at: row.paused_at.map(Time),
            finished_at: row.finished_at.map(Time),
            why: row.reason,
        }
    }
}

impl WaveView {
    pub(crate) fn of(wave: Wave) -> Result<Self, Problem> {
        let count = |people: i64| u64::try_from(people).unwrap_or(0);
        Ok(Self {
            people: wave.people(),
            asked: wave.asked(),
            waiting: wave.waiting(),
            answered: wave.answered(),
            percent: wave.percent(),
            plan: wave.plan()?,
            reasons: wave.reasons.iter().map(|(reason, people)| ReasonView::of(*reason, count(*people))).collect(),
            states: wave.states.iter().map(|(state, people)| (state.as_str(), *people)).collect(),
            row: WaveRow::of(wave.row),
        })
    }
}

/// `GET /waves`: the latest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<WaveRow>>, Problem> {
    let params = Params::read(&uri, &["campaign", "limit", "cursor"])?;
    Ok(Json(List::of(waves::list(&app.cx, caller.0.ws, params.text("campaign"), params.page()?).await?, WaveRow::of)))
}

/// `GET /waves/{id}`: with how many people there are of each state and reason.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(id): Path<String>, uri: Uri) -> Result<Json<WaveView>, Problem> {
    Params::read(&uri, &[])?;
    let id: WaveId = path_id("wave", &id)?;
    Ok(Json(WaveView::of(waves::one(&app.cx, caller.0.ws, id).await?)?))
}

/// `POST /waves/{id}/pause`: nobody is asked any more until it is resumed.
pub(crate) async fn pause(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<WaveView>, Problem> {
    let wave = waves::pause(&app.cx, caller.0.ws, &caller.actor(), path_id("wave", &id)?).await?;
    Ok(Json(WaveView::of(wave)?))
}

/// `POST /waves/{id}/resume`.
pub(crate) async fn resume(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<WaveView>, Problem> {
    let wave = waves::resume(&app.cx, caller.0.ws, &caller.actor(), path_id("wave", &id)?).await?;
    Ok(Json(WaveView::of(wave)?))
}

/// Body of `cancel`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    #[serde(default)]
    links_too: bool,
}

/// `POST /waves/{id}/cancel`: whoever was not asked is not asked; with `links_too` nobody can answer any more.
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body::MaybeJson(body): body::MaybeJson<Cancel>,
) -> Result<Json<WaveView>, Problem> {
    let wave = waves::cancel(&app.cx, caller.0.ws, &caller.actor(), path_id("wave", &id)?, body.links_too).await?;
    Ok(Json(WaveView::of(wave)?))
}
