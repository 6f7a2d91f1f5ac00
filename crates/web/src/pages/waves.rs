//! One wave: how far it is, who is not asked and why, and pausing, resuming, cancelling it.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use hearback_core::{
    Word as _,
    campaign::Reason,
    id::WaveId,
    state::{InvitationState, WaveStatus},
};
use hearback_engine::campaigns::waves::{self, Wave};
use hearback_store::{
    invitations::{self, InvitationFilter},
    persons, snapshot,
    time::from_millis,
};
use serde::Serialize;

use super::{
    Frame,
    campaigns::Step,
    session::{Form, Visitor, see_other},
    words::{self, When},
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, error::Problem, headers, query::Params};
use hearback_engine::role::Role::{Manager, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/waves/{id}", User(Viewer), "One wave: how far it is, who is not asked and why", one),
        get("/waves/{id}/{step}", User(Viewer), "Leads back to the wave", back),
        post("/waves/{id}/{step}", User(Manager), "Pause, resume or cancel a wave", act),
    ]
}

/// A wave in a list.
#[derive(Serialize)]
pub(super) struct WaveRow {
    id: String,
    name: String,
    began: When,
    asked: i64,
    answered: i64,
    rate: Option<String>,
    status: &'static str,
    status_words: String,
}

impl WaveRow {
    pub(super) fn of(wave: Wave, now: i64) -> Self {
        Self {
            id: wave.row.id.to_string(),
            began: When::past(wave.row.fire_at, now),
            asked: wave.asked(),
            answered: wave.answered(),
            rate: rate(&wave),
            status_words: status_words(&wave),
            status: wave.row.status.as_str(),
            name: wave.row.name,
        }
    }
}

/// A wave runs until its last link can't be answered any more; what people want to know is whether all were asked.
fn status_words(wave: &Wave) -> String {
    match *wave.row.status {
        WaveStatus::Running if wave.waiting() == 0 => "all asked".to_owned(),
        status => words::plain(status.as_str()),
    }
}

fn rate(wave: &Wave) -> Option<String> {
    (wave.asked() > 0).then(|| words::percent(wave.answered() as f64 / wave.asked() as f64))
}

#[derive(Serialize)]
struct Tile {
    n: i64,
    words: &'static str,
}

#[derive(Serialize)]
struct Part {
    class: &'static str,
    x: String,
    width: String,
}

#[derive(Serialize)]
struct Count {
    words: &'static str,
    n: i64,
}

#[derive(Serialize)]
struct PersonRow {
    who: String,
    state: String,
    case: Option<String>,
    when: At,
    why: &'static str,
}

#[derive(Serialize)]
struct At {
    iso: String,
    exact: String,
}

#[derive(Serialize)]
struct View {
    id: String,
    name: String,
    campaign: String,
    status: &'static str,
    status_words: String,
    is_live: bool,
    progress: String,
    parts: Vec<Part>,
    tiles: Vec<Tile>,
    reason: Option<String>,
    next: Option<String>,
    reasons: Vec<Count>,
    steps: Vec<Step>,
    people: Vec<PersonRow>,
    more: Option<String>,
}

/// `GET /waves/{id}`
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(id): Path<WaveId>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let wave = waves::one(&app.cx, visitor.ws, id).await?;
    let of_wave = InvitationFilter { wave: Some(id), ..InvitationFilter::default() };
    let listed = invitations::list(app.cx.db.read(), visitor.ws, &of_wave, params.page()?).await?;
    let names = persons::names(app.cx.db.read(), visitor.ws, listed.items.iter().map(|row| row.person_id)).await?;
    let answers: Vec<uuid::Uuid> = listed.items.iter().filter_map(|row| row.response_id).collect();
    let cases = snapshot::cases_of_responses(app.cx.db.read(), visitor.ws.uuid(), &answers).await?;
    let case = |row: &invitations::Model| cases.iter().find(|case| Some(case.response_id) == row.response_id).map(|case| case.id);
    let people = listed.items.iter().map(|row| person(row, names.get(&row.person_id).cloned(), case(row))).collect();
    let view = View {
        id: wave.row.id.to_string(),
        name: wave.row.name.clone(),
        campaign: wave.row.campaign.clone(),
        status_words: status_words(&wave),
        is_live: WaveStatus::LIVE.contains(&wave.row.status),
        progress: progress(&wave),
        parts: parts(&wave),
        tiles: tiles(&wave),
        reason: wave.row.reason.clone(),
        next: next(&app, &visitor, id).await?,
        reasons: wave.reasons.iter().map(|(reason, n)| Count { words: reason.sentence(), n: *n }).collect(),
        steps: steps(*wave.row.status),
        status: wave.row.status.as_str(),
        people,
        more: listed.next.map(hearback_store::cursor::Cursor::encode),
    };
    let frame = Frame { title: &view.name, here: "campaigns", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    let mut page = app.pages.page(StatusCode::OK, "wave", &frame, &view);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(headers::LIVE));
    Ok(page)
}

/// When the next one is due, while somebody still is.
async fn next(app: &App, visitor: &Visitor, id: WaveId) -> Result<Option<String>, Problem> {
    let due = invitations::next(app.cx.db.read(), visitor.ws, id).await?.due_at;
    Ok(due.map(|at| When::due(at, app.cx.now().timestamp_millis()).words()))
}

fn progress(wave: &Wave) -> String {
    let (asked, waiting) = (wave.asked(), wave.waiting());
    let answered = rate(wave).map_or_else(String::new, |rate| format!(", {} answered ({rate})", wave.answered()));
    format!("{asked} of {} asked ({} %){answered}", asked + waiting, wave.percent())
}

/// The bar: answered, asked, waiting, not asked.
fn parts(wave: &Wave) -> Vec<Part> {
    let all = wave.people().max(1) as f64;
    let rest = wave.people() - wave.asked() - wave.waiting();
    let mut x = 0.0;
    [("has-answered", wave.answered()), ("was-asked", wave.asked() - wave.answered()), ("waits", wave.waiting()), ("left-out", rest)]
        .into_iter()
        .map(|(part, n)| {
            let width = n as f64 * 100.0 / all;
            let at = x;
            x += width;
            Part { class: part, x: format!("{at:.3}"), width: format!("{width:.3}") }
        })
        .collect()
}

fn tiles(wave: &Wave) -> Vec<Tile> {
    let of = |state: InvitationState| wave.states.get(&state).copied().unwrap_or_default();
    [
        (wave.people(), "in the audience"),
        (of(InvitationState::Planned) + of(InvitationState::Queued), "waiting for their time"),
        (of(InvitationState::Blocked), "put off, see below"),
        (wave.asked(), "asked"),
        (wave.answered(), "answered"),
        (of(InvitationState::Bounced), "not delivered"),
        (of(InvitationState::NotAsked), "not asked, see below"),
        (of(InvitationState::Cancelled), "cancelled"),
    ]
    .into_iter()
    .map(|(n, words)| Tile { n, words })
    .collect()
}

fn steps(status: WaveStatus) -> Vec<Step> {
    let cancel = Step { step: "cancel", words: "Cancel it" };
    match status {
        WaveStatus::Planning | WaveStatus::Running => vec![Step { step: "pause", words: "Pause" }, cancel],
        WaveStatus::Paused => vec![Step { step: "resume", words: "Resume" }, cancel],
        WaveStatus::Cancelled | WaveStatus::Finished | WaveStatus::Missed => Vec::new(),
    }
}

fn person(row: &invitations::Model, who: Option<String>, case: Option<uuid::Uuid>) -> PersonRow {
    let at = from_millis(row.answered_at.or(row.sent_at).unwrap_or(row.due_at));
    PersonRow {
        who: who.unwrap_or_else(|| "erased".to_owned()),
        state: words::plain(row.state.as_str()),
        case: case.map(|id| id.to_string()),
        when: At { iso: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), exact: words::exact(at) },
        why: row.reason.as_deref().and_then(Reason::parse).map(Reason::sentence).unwrap_or_default(),
    }
}

/// `POST /waves/{id}/{step}`: `pause`, `resume`, `cancel`.
pub(crate) async fn act(State(app): State<App>, Path((id, step)): Path<(WaveId, String)>, form: Form) -> Result<Response, Problem> {
    let (ws, actor) = (form.visitor.ws, form.visitor.actor());
    match step.as_str() {
        "pause" => waves::pause(&app.cx, ws, &actor, id).await?,
        "resume" => waves::resume(&app.cx, ws, &actor, id).await?,
        "cancel" => waves::cancel(&app.cx, ws, &actor, id, false).await?,
        _ => return Err(Problem::not_found("step", step)),
    };
    Ok(see_other(&format!("/waves/{id}")))
}

/// `GET /waves/{id}/{step}`: somebody reloaded after a form; back to the wave.
pub(crate) async fn back(_: Visitor, Path((id, _)): Path<(WaveId, String)>) -> Response {
    see_other(&format!("/waves/{id}"))
}
