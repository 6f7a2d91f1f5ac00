//! `/api/v1/campaigns`: whom to ask what, when; and what that would do.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use hearback_core::{
    campaign::{Plan, Reason},
    state::CampaignStatus,
};
use hearback_engine::{
    campaigns::{
        campaign::{self, Campaign},
        fire, preview, waves,
    },
    role::Scope::{Admin, Read},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    List, Time,
    waves::WaveView,
    words::{OneOf, RateFrom},
};
use crate::{
    call::{Call, Created, Json, Query, Stored, get, post, put},
    error::Problem,
    parameters::{Limit, Moment},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/campaigns", Read, "All campaigns", list),
        post("/campaigns", Admin, "Make a campaign, or change the one with this key", create),
        get("/campaigns/{key}", Read, "One campaign", one),
        put("/campaigns/{key}", Admin, "Make a campaign or change it; that never makes it fire", save),
        get(
            "/campaigns/{key}/plan",
            Read,
            "What a wave would do: who is asked when, who not and why, the load of each day, the answers to expect. Sends nothing",
            plan,
        )
        .may_conflict(),
        post("/campaigns/{key}/pause", Admin, "Ask nobody more until it is resumed; its waves stand still", pause).may_conflict(),
        post("/campaigns/{key}/resume", Admin, "Go on; what the schedule passed over is not made up for", resume).may_conflict(),
        post("/campaigns/{key}/end", Admin, "Begin no more waves, for good", end).may_conflict(),
        post("/campaigns/{key}/waves", Admin, "Begin a wave now", run).may_conflict(),
        post("/waves", Admin, "Begin a wave of a campaign now", run_named).may_conflict().may_end_in(StatusCode::NOT_FOUND),
    ]
}

/// A campaign as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CampaignView {
    key: String,
    status: CampaignStatus,
    /// Why it begins no wave here, if so.
    trouble: Option<String>,
    next_fire_at: Option<Time>,
    /// The next fires, in UTC and on the wall clock of the schedule.
    next: Vec<Fire>,
    created_at: Time,
    updated_at: Time,
    #[serde(flatten)]
    plan: Plan,
}

/// A moment, twice.
#[derive(Debug, Serialize, JsonSchema)]
struct Fire {
    utc: String,
    local: String,
}

impl CampaignView {
    fn of(campaign: Campaign) -> Self {
        let zone = campaign.plan.zone(hearback_core::wall::Tz::UTC);
        let fire = |at: &DateTime<Utc>| Fire {
            utc: at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            local: at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        };
        Self {
            next: campaign.next.iter().map(fire).collect(),
            key: campaign.row.key,
            status: *campaign.row.status,
            trouble: campaign.trouble,
            next_fire_at: campaign.row.next_fire_at.map(Time),
            created_at: Time(campaign.row.created_at),
            updated_at: Time(campaign.row.updated_at),
            plan: Plan { name: Some(campaign.row.name), ..campaign.plan },
        }
    }
}

/// `GET /campaigns`: all of them, by key.
pub(crate) async fn list(call: Call) -> Result<Json<List<CampaignView>>, Problem> {
    Ok(Json(List::whole(campaign::list(call.cx(), call.ws()).await?.into_iter().map(CampaignView::of))))
}

/// `GET /campaigns/{key}`.
pub(crate) async fn one(call: Call) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaign::one(call.cx(), call.ws(), call.key()).await?)))
}

/// `PUT /campaigns/{key}`: makes a campaign or changes it. That never makes it fire.
pub(crate) async fn save(call: Call, Json(plan): Json<Plan>) -> Result<Stored<CampaignView>, Problem> {
    write(&call, call.key(), plan).await
}

/// A campaign with the key that it is called by in addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct NewCampaign {
    key: String,
    #[serde(flatten)]
    #[schemars(with = "Plan")]
    plan: Map<String, Value>,
}

/// `POST /campaigns`: the same with the key in the body.
pub(crate) async fn create(call: Call, Json(new): Json<NewCampaign>) -> Result<Stored<CampaignView>, Problem> {
    let plan: Plan = serde_json::from_value(Value::Object(new.plan)).map_err(|error| Problem::field("plan", error))?;
    write(&call, &new.key, plan).await
}

async fn write(call: &Call, key: &str, plan: Plan) -> Result<Stored<CampaignView>, Problem> {
    let (campaign, is_new) = campaign::put(call.cx(), call.ws(), &call.actor(), key, plan).await?;
    Ok(Stored { is_new, shown: CampaignView::of(campaign) })
}

/// `POST /campaigns/{key}/pause`: asks nobody more; its waves stand still.
pub(crate) async fn pause(call: Call) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaign::pause(call.cx(), call.ws(), &call.actor(), call.key()).await?)))
}

/// `POST /campaigns/{key}/resume`.
pub(crate) async fn resume(call: Call) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaign::resume(call.cx(), call.ws(), &call.actor(), call.key()).await?)))
}

/// `POST /campaigns/{key}/end`: begins no more waves, for good.
pub(crate) async fn end(call: Call) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaign::end(call.cx(), call.ws(), &call.actor(), call.key()).await?)))
}

/// `POST /campaigns/{key}/waves`: begins a wave now.
pub(crate) async fn run(call: Call) -> Result<Created<WaveView>, Problem> {
    begin(&call, call.key()).await
}

async fn begin(call: &Call, campaign: &str) -> Result<Created<WaveView>, Problem> {
    let row = fire::run_now(call.cx(), call.ws(), &call.actor(), campaign).await?;
    let wave = waves::progress(call.cx(), row).await?;
    Ok(Created(WaveView::of(wave)?))
}

/// Body of `POST /waves`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWave {
    campaign: String,
}

/// `POST /waves`: the same with the campaign in the body.
pub(crate) async fn run_named(call: Call, Json(new): Json<NewWave>) -> Result<Created<WaveView>, Problem> {
    begin(&call, &new.campaign).await
}

/// A wave as it would be.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PreviewView {
    campaign: String,
    at: Time,
    timezone: String,
    people: u64,
    asked: u64,
    later: u64,
    not_asked: u64,
    reasons: Vec<ReasonView>,
    days: Vec<DayView>,
    expected: ExpectedView,
    items: Vec<PlannedView>,
    next: Option<Uuid>,
}

/// A reason, and how many people have it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReasonView {
    reason: Reason,
    sentence: &'static str,
    /// Whether they are not asked at all.
    r#final: bool,
    people: u64,
}

impl ReasonView {
    pub(crate) fn of(reason: Reason, people: u64) -> Self {
        Self { reason, sentence: reason.sentence(), r#final: reason.is_final(), people }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct DayView {
    day: NaiveDate,
    people: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExpectedView {
    response_rate: f64,
    #[schemars(with = "OneOf<RateFrom>")]
    response_rate_from: &'static str,
    answers: u64,
    margin_of_error: f64,
    tasks: Vec<TasksView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TasksView {
    owner: String,
    tasks: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlannedView {
    person: Uuid,
    email: Option<String>,
    name: Option<String>,
    at: Option<Time>,
    reason: Option<Reason>,
    sentence: Option<&'static str>,
}

/// Which wave, and whom of it to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanAsked {
    /// When it would begin; when it begins next if absent.
    at: Option<Moment>,
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<Uuid>,
}

/// `GET /campaigns/{key}/plan`: what a wave would do at this moment, or when the campaign begins one next. Sends nothing.
pub(crate) async fn plan(call: Call, Query(asked): Query<PlanAsked>) -> Result<Json<PreviewView>, Problem> {
    let shown = preview::Shown { after: asked.cursor, limit: usize::try_from(asked.limit.0).unwrap_or(usize::MAX) };
    let found = preview::preview(call.cx(), call.ws(), call.key(), asked.at.map(|Moment(at)| at), shown).await?;
    let planned = |planned: preview::Planned| PlannedView {
        person: planned.person,
        email: planned.email,
        name: planned.name,
        at: planned.at.map(|at| Time(at.timestamp_millis())),
        reason: planned.reason,
        sentence: planned.reason.map(Reason::sentence),
    };
    Ok(Json(PreviewView {
        campaign: found.campaign,
        at: Time(found.at.timestamp_millis()),
        timezone: found.zone,
        people: found.people,
        asked: found.asked,
        later: found.later,
        not_asked: found.people - found.asked,
        reasons: found.reasons.into_iter().map(|(reason, people)| ReasonView::of(reason, people)).collect(),
        days: found.days.into_iter().map(|(day, people)| DayView { day, people }).collect(),
        expected: ExpectedView {
            response_rate: found.expected.rate,
            response_rate_from: found.expected.rate_from.as_str(),
            answers: found.expected.answers,
            margin_of_error: found.expected.margin,
            tasks: found.expected.tasks.into_iter().map(|(owner, tasks)| TasksView { owner, tasks }).collect(),
        },
        items: found.page.into_iter().map(planned).collect(),
        next: found.next,
    }))
}
