//! `/api/v1/waves`: how far they are, and standing still, going on, ending.

use std::collections::BTreeMap;

use hearback_core::{Word as _, campaign::Plan, id::WaveId, state::WaveStatus};
use hearback_engine::{
    campaigns::waves::{self, Wave},
    role::Scope::{Admin, Read},
};
use hearback_store::waves::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time, campaigns::ReasonView};
use crate::{
    call::{Call, Json, MaybeJson, Query, get, post},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/waves", Read, "Waves, the latest first", list),
        get("/waves/{id}", Read, "One wave with how many people there are of each state and reason", one),
        post("/waves/{id}/pause", Admin, "Ask nobody more until it is resumed", pause).may_conflict(),
        post("/waves/{id}/resume", Admin, "Go on", resume).may_conflict(),
        post("/waves/{id}/cancel", Admin, "End it: whoever was not asked is not asked", cancel).may_conflict(),
    ]
}

/// A wave in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WaveRow {
    id: Uuid,
    campaign: String,
    name: String,
    status: WaveStatus,
    survey_id: Uuid,
    fire_at: Time,
    planned_at: Option<Time>,
    paused_at: Option<Time>,
    finished_at: Option<Time>,
    why: Option<String>,
}

/// A wave with its counts.
#[derive(Debug, Serialize, JsonSchema)]
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
    #[schemars(with = "Plan")]
    plan: serde_json::Value,
}

impl WaveRow {
    fn of(row: Model) -> Self {
        Self {
            id: row.id,
            campaign: row.campaign,
            name: row.name,
            status: *row.status,
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

/// Which waves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WavesAsked {
    /// Key of a campaign.
    campaign: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /waves`: the latest first.
pub(crate) async fn list(call: Call, Query(asked): Query<WavesAsked>) -> Result<Json<List<WaveRow>>, Problem> {
    Ok(Json(List::of(waves::list(call.cx(), call.ws(), asked.campaign.as_deref(), asked.limit.after(asked.cursor)).await?, WaveRow::of)))
}

/// `GET /waves/{id}`: with how many people there are of each state and reason.
pub(crate) async fn one(call: Call) -> Result<Json<WaveView>, Problem> {
    let id: WaveId = call.id("wave")?;
    Ok(Json(WaveView::of(waves::one(call.cx(), call.ws(), id).await?)?))
}

/// `POST /waves/{id}/pause`: nobody is asked any more until it is resumed.
pub(crate) async fn pause(call: Call) -> Result<Json<WaveView>, Problem> {
    let wave = waves::pause(call.cx(), call.ws(), &call.actor(), call.id("wave")?).await?;
    Ok(Json(WaveView::of(wave)?))
}

/// `POST /waves/{id}/resume`.
pub(crate) async fn resume(call: Call) -> Result<Json<WaveView>, Problem> {
    let wave = waves::resume(call.cx(), call.ws(), &call.actor(), call.id("wave")?).await?;
    Ok(Json(WaveView::of(wave)?))
}

/// Body of `cancel`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    #[serde(default)]
    links_too: bool,
}

/// `POST /waves/{id}/cancel`: whoever was not asked is not asked; with `links_too` nobody can answer any more.
pub(crate) async fn cancel(call: Call, MaybeJson(body): MaybeJson<Cancel>) -> Result<Json<WaveView>, Problem> {
    let wave = waves::cancel(call.cx(), call.ws(), &call.actor(), call.id("wave")?, body.links_too).await?;
    Ok(Json(WaveView::of(wave)?))
}
