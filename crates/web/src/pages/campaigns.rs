//! Campaigns: which there are, what each does, when it asks next, and what can be done with it.

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hearback_core::{
    Word as _,
    campaign::{Channel, Late, Mode, Plan},
    state::CampaignStatus,
    wall,
};
use hearback_engine::campaigns::{
    campaign::{self, Campaign},
    fire, waves,
};
use hearback_store::cursor::Page;
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Visitor, see_other},
    waves::WaveRow,
    words,
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::{Manager, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/campaigns", User(Viewer), "Campaigns", list),
        get("/campaigns/{key}", User(Viewer), "One campaign with its waves", one),
        post("/campaigns/{key}/{step}", User(Manager), "Change, pause, resume or end a campaign, or begin a wave", act),
    ]
}

/// Waves shown beside campaigns.
const WAVES: u64 = 10;

/// A moment on the clock of a zone, and in UTC.
#[derive(Debug, Serialize)]
pub(super) struct Fire {
    iso: String,
    local: String,
    utc: String,
}

impl Fire {
    pub(super) fn of(at: DateTime<Utc>, zone: Tz) -> Self {
        Self {
            iso: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local: wall::local(zone, at).format("%a %-d %b %Y, %H:%M").to_string(),
            utc: words::exact(at),
        }
    }
}

#[derive(Serialize)]
struct Row {
    key: String,
    name: String,
    survey: String,
    when: String,
    next: Option<Fire>,
    trouble: Option<String>,
    status: &'static str,
    status_words: String,
}

impl Row {
    fn of(campaign: Campaign) -> Self {
        let zone = campaign.plan.zone(Tz::UTC);
        Self {
            when: when(&campaign.plan),
            next: campaign.next.first().map(|at| Fire::of(*at, zone)),
            trouble: campaign.trouble,
            status_words: words::plain(campaign.row.status.as_str()),
            status: campaign.row.status.as_str(),
            survey: campaign.row.survey,
            name: campaign.row.name,
            key: campaign.row.key,
        }
    }
}

#[derive(Serialize)]
struct ListView {
    campaigns: Vec<Row>,
    waves: Vec<WaveRow>,
}

/// `GET /campaigns`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let rows = campaign::list(&app.cx, visitor.ws).await?.into_iter().map(Row::of).collect();
    let view = ListView { campaigns: rows, waves: latest(&app, &visitor, None).await? };
    let frame = Frame { title: "Campaigns", here: "campaigns", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "campaigns", &frame, &view))
}

async fn latest(app: &App, visitor: &Visitor, campaign: Option<&str>) -> Result<Vec<WaveRow>, Problem> {
    let now = app.cx.now().timestamp_millis();
    let mut rows = Vec::new();
    for wave in waves::list(&app.cx, visitor.ws, campaign, Page::first(WAVES)).await?.items {
        rows.push(WaveRow::of(waves::progress(&app.cx, wave).await?, now));
    }
    Ok(rows)
}

/// Something that can be done, and what its button says.
#[derive(Serialize)]
pub(super) struct Step {
    pub(super) step: &'static str,
    pub(super) words: &'static str,
}

#[derive(Serialize)]
struct OneView {
    key: String,
    name: String,
    status: &'static str,
    status_words: String,
    trouble: Option<String>,
    sentences: Vec<String>,
    zone: String,
    fires: Vec<Fire>,
    waves: Vec<WaveRow>,
    steps: Vec<Step>,
    can_edit: bool,
}

/// `GET /campaigns/{key}`
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(key): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let campaign = campaign::one(&app.cx, visitor.ws, &key).await?;
    let zone = campaign.plan.zone(Tz::UTC);
    let status = *campaign.row.status;
    let view = OneView {
        sentences: sentences(&campaign.plan),
        trouble: campaign.trouble.clone(),
        zone: zone.name().to_owned(),
        fires: campaign.next.iter().map(|at| Fire::of(*at, zone)).collect(),
        waves: latest(&app, &visitor, Some(&key)).await?,
        steps: steps(status),
        can_edit: status != CampaignStatus::Ended,
        status_words: words::plain(status.as_str()),
        status: status.as_str(),
        name: campaign.row.name.clone(),
        key,
    };
    let frame = Frame { title: &view.name, here: "campaigns", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "campaign", &frame, &view))
}

fn steps(status: CampaignStatus) -> Vec<Step> {
    let end = Step { step: "end", words: "End it for good" };
    match status {
        CampaignStatus::Active => {
            vec![Step { step: "run", words: "Ask now" }, Step { step: "pause", words: "Pause" }, end]
        }
        CampaignStatus::Paused => vec![Step { step: "resume", words: "Resume" }, end],
        CampaignStatus::Ended => Vec::new(),
    }
}

/// `POST /campaigns/{key}/{step}`: `run`, `pause`, `resume`, `end`; `edit` saves the form.
pub(crate) async fn act(State(app): State<App>, Path((key, step)): Path<(String, String)>, form: Form) -> Result<Response, Problem> {
    let (ws, actor) = (form.visitor.ws, form.visitor.actor());
    match step.as_str() {
        "run" => {
            let wave = fire::run_now(&app.cx, ws, &actor, &key).await?;
            return Ok(see_other(&format!("/waves/{}", wave.id)));
        }
        "pause" => drop(campaign::pause(&app.cx, ws, &actor, &key).await?),
        "resume" => drop(campaign::resume(&app.cx, ws, &actor, &key).await?),
        "end" => drop(campaign::end(&app.cx, ws, &actor, &key).await?),
        "edit" => return super::campaign_form::save(&app, Some(&key), form).await,
        _ => return Err(Problem::not_found("step", step)),
    }
    Ok(see_other(&format!("/campaigns/{key}")))
}

/// When a campaign asks, in a few words.
fn when(plan: &Plan) -> String {
    match (&plan.schedule, &plan.trigger) {
        (Some(times), _) => match (times.cron.as_str(), plan.mode) {
            (cron, Mode::Calendar) => format!("{cron} ({})", times.timezone),
            (cron, Mode::Spread) => format!("spread from {cron} ({})", times.timezone),
        },
        (None, Some(after)) => format!("{} after {}", after.delay, words::plain(&after.event)),
        (None, None) => "when told to".to_owned(),
    }
}

/// What a plan does, a sentence each.
fn sentences(plan: &Plan) -> Vec<String> {
    let whom = if plan.audience.is_null() { "everybody".to_owned() } else { format!("people with {}", plan.audience) };
    let share = if plan.sample < 1.0 { format!("{:.0} % of ", plan.sample * 100.0) } else { String::new() };
    let by = match plan.channel {
        Channel::Email => "by mail",
        Channel::Link => "by links that somebody hands over",
    };
    let days = plan.window.days.iter().map(wall::weekday_word).collect::<Vec<_>>().join(", ");
    let mut all = vec![
        format!("Asks the survey {} {by}: {share}{whom}.", plan.survey),
        format!("When: {}.", when(plan)),
        format!("From {} to {} on the customer's own clock, {days}.", plan.window.from.format("%H:%M"), plan.window.to.format("%H:%M")),
        format!("Nobody who was asked anything in the {} before.", words::plural(i64::from(plan.recontact_days), "day")),
    ];
    if let Some(most) = plan.daily_cap {
        all.push(format!("At most {most} people a day."));
    }
    if let Some(most) = plan.account_cap {
        all.push(format!("At most {most} people of one account in a wave."));
    }
    if !plan.reminders.is_empty() {
        let days: Vec<String> = plan.reminders.iter().map(|reminder| reminder.after_days.to_string()).collect();
        all.push(format!("Reminds those who have not answered after {} days.", days.join(", ")));
    }
    all.push(match plan.late {
        Late::Move => "Invitations that could not go out in time are sent at the next allowed moment.".to_owned(),
        Late::Skip => format!("Invitations that are {} late are not sent.", words::plural(i64::from(plan.late_hours), "hour")),
    });
    all
}
