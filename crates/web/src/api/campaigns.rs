//! `/api/v1/campaigns`: whom to ask what, when; and what that would do.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use hearback_core::campaign::{Plan, Reason};
use hearback_engine::asking::{
    campaigns::{self, Campaign},
    fire, preview, waves,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Time, Whole, waves::WaveView};
use crate::route::{Access::Key, Route, get, post, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/campaigns", Key(Read), "All campaigns", list),
        post("/campaigns", Key(Admin), "Make a campaign, or change the one with this key", create),
        get("/campaigns/{key}", Key(Read), "One campaign", one),
        put("/campaigns/{key}", Key(Admin), "Make a campaign or change it; that never makes it fire", save),
        get(
            "/campaigns/{key}/plan",
            Key(Read),
            "What a wave would do: who is asked when, who not and why, the load of each day, the answers to expect. Sends nothing",
            plan,
        ),
        post("/campaigns/{key}/pause", Key(Admin), "Ask nobody more until it is resumed; its waves stand still", pause),
        post("/campaigns/{key}/resume", Key(Admin), "Go on; what the schedule passed over is not made up for", resume),
        post("/campaigns/{key}/end", Key(Admin), "Begin no more waves, for good", end),
        post("/campaigns/{key}/waves", Key(Admin), "Begin a wave now", run),
        post("/waves", Key(Admin), "Begin a wave of a campaign now", run_named),
    ]
}

/// People of one page of a preview when nothing is asked.
const SHOWN: u64 = 50;

/// A campaign as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct CampaignView {
    key: String,
    status: &'static str,
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
#[derive(Debug, Serialize)]
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
            status: campaign.row.status.as_str(),
            trouble: campaign.trouble,
            next_fire_at: campaign.row.next_fire_at.map(Time),
            created_at: Time(campaign.row.created_at),
            updated_at: Time(campaign.row.updated_at),
            plan: Plan { name: Some(campaign.row.name), ..campaign.plan },
        }
    }
}

/// `GET /campaigns`: all of them, by key.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<CampaignView>>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(Whole::of(campaigns::list(&app.cx, caller.0.ws).await?.into_iter().map(CampaignView::of))))
}

/// `GET /campaigns/{key}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(key): Path<String>, uri: Uri) -> Result<Json<CampaignView>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(CampaignView::of(campaigns::one(&app.cx, caller.0.ws, &key).await?)))
}

/// `PUT /campaigns/{key}`: makes a campaign or changes it. That never makes it fire.
pub(crate) async fn save(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body::Json(plan): body::Json<Plan>,
) -> Result<(StatusCode, Json<CampaignView>), Problem> {
    write(&app, &caller, &key, plan).await
}

/// `POST /campaigns`: the same with the key in the body.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(mut body): body::Json<serde_json::Map<String, Value>>,
) -> Result<(StatusCode, Json<CampaignView>), Problem> {
    let Some(Value::String(key)) = body.remove("key") else {
        return Err(Problem::field("key", "must be a text: how this campaign is called in addresses"));
    };
    let plan: Plan = serde_json::from_value(Value::Object(body)).map_err(|error| Problem::field("plan", error))?;
    write(&app, &caller, &key, plan).await
}

async fn write(app: &App, caller: &Caller, key: &str, plan: Plan) -> Result<(StatusCode, Json<CampaignView>), Problem> {
    let (campaign, is_new) = campaigns::put(&app.cx, caller.0.ws, &caller.actor(), key, plan).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(CampaignView::of(campaign))))
}

/// `POST /campaigns/{key}/pause`: asks nobody more; its waves stand still.
pub(crate) async fn pause(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaigns::pause(&app.cx, caller.0.ws, &caller.actor(), &key).await?)))
}

/// `POST /campaigns/{key}/resume`.
pub(crate) async fn resume(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaigns::resume(&app.cx, caller.0.ws, &caller.actor(), &key).await?)))
}

/// `POST /campaigns/{key}/end`: begins no more waves, for good.
pub(crate) async fn end(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(CampaignView::of(campaigns::end(&app.cx, caller.0.ws, &caller.actor(), &key).await?)))
}

/// `POST /campaigns/{key}/waves`: begins a wave now.
pub(crate) async fn run(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<(StatusCode, Json<WaveView>), Problem> {
    let row = fire::run_now(&app.cx, caller.0.ws, &caller.actor(), &key).await?;
    let wave = waves::progress(&app.cx, row).await?;
    Ok((StatusCode::CREATED, Json(WaveView::of(wave)?)))
}

/// Body of `POST /waves`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWave {
    campaign: String,
}

/// `POST /waves`: the same with the campaign in the body.
pub(crate) async fn run_named(
    state: State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewWave>,
) -> Result<(StatusCode, Json<WaveView>), Problem> {
    run(state, caller, Path(new.campaign)).await
}

/// A wave as it would be.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
struct DayView {
    day: NaiveDate,
    people: u64,
}

#[derive(Debug, Serialize)]
struct ExpectedView {
    response_rate: f64,
    response_rate_from: &'static str,
    answers: u64,
    margin_of_error: f64,
    tasks: Vec<TasksView>,
}

#[derive(Debug, Serialize)]
struct TasksView {
    owner: String,
    tasks: f64,
}

#[derive(Debug, Serialize)]
struct PlannedView {
    person: Uuid,
    email: Option<String>,
    name: Option<String>,
    at: Option<Time>,
    reason: Option<Reason>,
    sentence: Option<&'static str>,
}

/// `GET /campaigns/{key}/plan`: what a wave would do at this moment, or when the campaign begins one next. Sends nothing.
pub(crate) async fn plan(State(app): State<App>, caller: Caller, Path(key): Path<String>, uri: Uri) -> Result<Json<PreviewView>, Problem> {
    let params = Params::read(&uri, &["at", "limit", "cursor"])?;
    let limit = if params.text("limit").is_some() { params.limit()? } else { SHOWN };
    let shown = preview::Shown { after: params.id("cursor")?, limit: usize::try_from(limit).unwrap_or(usize::MAX) };
    let found = preview::preview(&app.cx, caller.0.ws, &key, params.time("at")?, shown).await?;
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
