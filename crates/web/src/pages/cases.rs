//! The list of cases: by default what needs somebody, what is due first comes first.

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, Metric, Segment, Word as _};
use hearback_store::{
    StoreError,
    case_list::{self, CaseFilter, CaseOrder},
    cases, lists, persons, responses, surveys, teams, users,
};
use serde::Serialize;

use super::{
    Frame,
    session::Visitor,
    words::{self, When},
};
use crate::route::{Access::User, Route, get};
use crate::{App, api::survey_ids, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/cases", User(Viewer), "Cases, filtered", show)]
}

/// What a list can be narrowed by.
const FILTERS: [&str; 7] = ["status", "segment", "owner", "overdue", "survey", "since", "person"];
/// Rows of one page.
const ROWS: u64 = 50;
/// Cases are counted up to here; more are "more than".
const MOST_COUNTED: u64 = 1_000;
/// Characters of a comment that a row shows.
const EXCERPT: usize = 180;

/// One row of a list of cases.
#[derive(Debug, Serialize)]
pub(crate) struct CaseRow {
    id: String,
    who: String,
    score: i64,
    segment: String,
    segment_words: &'static str,
    comment: Option<String>,
    owner: Option<String>,
    status: &'static str,
    status_words: &'static str,
    due: Option<When>,
    late: bool,
    escalated: bool,
    answered: When,
}

/// What a customer is called: name, address, or neither.
pub(crate) fn who(person: Option<&persons::Model>) -> String {
    let name = person.and_then(|person| person.name.clone().or_else(|| person.email.clone()).or_else(|| person.external_id.clone()));
    name.unwrap_or_else(|| "Anonymous".to_owned())
}

/// An owner as people call it: the user's name, the team's name.
pub(crate) struct Owners {
    users: Vec<users::Model>,
    teams: Vec<teams::Model>,
}

impl Owners {
    /// Everybody who may own a case.
    pub(crate) async fn load(app: &App, visitor: &Visitor) -> Result<Self, StoreError> {
        let db = app.cx.db.read();
        Ok(Self { users: users::all(db, visitor.ws).await?, teams: lists::teams(db, visitor.ws).await? })
    }

    /// The name of an owner as stored; what is not known is shown as it is.
    pub(crate) fn name(&self, owner: &str) -> String {
        let known = match owner.strip_prefix("team:") {
            Some(key) => self.teams.iter().find(|team| team.key == key).map(|team| &team.name),
            None => self.users.iter().find(|user| user.email == owner).map(|user| &user.name),
        };
        known.cloned().unwrap_or_else(|| owner.to_owned())
    }

    /// All of them to choose from, `chosen` marked.
    pub(crate) fn choices(&self, chosen: &str) -> Vec<Choice> {
        let teams = self.teams.iter().map(|team| Choice::new(format!("team:{}", team.key), format!("{} (team)", team.name), chosen));
        let users = self.users.iter().map(|user| Choice::new(user.email.clone(), user.name.clone(), chosen));
        teams.chain(users).collect()
    }
}

/// One entry of a select.
#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>, chosen: &str) -> Self {
        let value = value.into();
        Self { chosen: value == chosen, value, label: label.into() }
    }
}

impl CaseRow {
    /// A case with its answer and customer.
    pub(crate) fn of(
        case: &cases::Model,
        response: Option<&responses::Model>,
        person: Option<&persons::Model>,
        surveys: &[surveys::Model],
        owners: &Owners,
        now: i64,
    ) -> Self {
        let active = case.loop_status.is_active();
        Self {
            id: case.id.to_string(),
            who: who(person),
            score: case.score,
            segment: case.segment.clone(),
            segment_words: segment_words(surveys, case),
            comment: response.and_then(|response| response.comment.as_deref()).map(|comment| words::excerpt(comment, EXCERPT)),
            owner: case.owner.as_deref().map(|owner| owners.name(owner)),
            status: case.loop_status.as_str(),
            status_words: words::status(*case.loop_status),
            due: case_list::due_at(case).filter(|_| active).map(|due| When::due(due, now)),
            late: case_list::is_overdue(case, now),
            escalated: case.escalated_at.is_some(),
            answered: When::past(case.answered_at, now),
        }
    }
}

/// The segment of a case as the users of its metric call it.
pub(crate) fn segment_words(surveys: &[surveys::Model], case: &cases::Model) -> &'static str {
    let survey = surveys.iter().find(|survey| survey.id == case.survey_id);
    let metric = survey.and_then(|survey| Metric::parse(&survey.metric)).unwrap_or(Metric::Nps);
    Segment::parse(&case.segment).map_or("", |segment| words::segment(metric, segment))
}

/// Rows for cases that were read already.
pub(crate) async fn rows(
    app: &App,
    visitor: &Visitor,
    cases: &[cases::Model],
    surveys: &[surveys::Model],
    owners: &Owners,
) -> Result<Vec<CaseRow>, StoreError> {
    let db = app.cx.db.read();
    let now = app.cx.now().timestamp_millis();
    let answers = lists::responses(db, visitor.ws, cases.iter().map(|case| case.response_id)).await?;
    let people = lists::persons(db, visitor.ws, cases.iter().map(|case| case.person_id)).await?;
    let row = |case: &cases::Model| CaseRow::of(case, answers.get(&case.response_id), people.get(&case.person_id), surveys, owners, now);
    Ok(cases.iter().map(row).collect())
}

#[derive(Serialize)]
struct View {
    rows: Vec<CaseRow>,
    count: String,
    statuses: Vec<Choice>,
    segments: Vec<Choice>,
    owners: Vec<Choice>,
    surveys: Vec<Choice>,
    overdue: bool,
    since: Option<String>,
    person: Option<String>,
    filtered: bool,
    next: Option<String>,
    first: Option<String>,
}

/// `GET /cases`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["status", "segment", "owner", "overdue", "survey", "since", "person", "cursor"])?;
    let (db, ws, now) = (app.cx.db.read(), visitor.ws, app.cx.now());
    let surveys = lists::surveys(db, ws).await?;
    let owners = Owners::load(&app, &visitor).await?;
    let filter = filter(&app, &visitor, &params, &surveys, now).await?;
    let order = if filter.active { CaseOrder::Due } else { CaseOrder::Newest };
    let page = hearback_store::cursor::Page { limit: ROWS, after: params.page()?.after };
    let listed = case_list::list(db, ws, &filter, order, page).await?;
    let count = case_list::count(db, ws, &filter, MOST_COUNTED + 1).await?;
    let chosen = |name| params.text(name).unwrap_or_default();
    let view = View {
        rows: rows(&app, &visitor, &listed.items, &surveys, &owners).await?,
        count: count_words(count),
        statuses: status_choices(chosen("status")),
        segments: Segment::ALL
            .map(|segment| Choice::new(segment.as_str(), words::segments(Metric::Nps, segment), chosen("segment")))
            .into(),
        owners: std::iter::once(Choice::new("mine", "Mine and my teams'", chosen("owner")))
            .chain(owners.choices(chosen("owner")))
            .collect(),
        surveys: survey_choices(&surveys, chosen("survey")),
        overdue: params.flag("overdue")? == Some(true),
        since: filter.since.map(|since| since.format("%Y-%m-%d").to_string()),
        person: params.text("person").map(str::to_owned),
        filtered: FILTERS.iter().any(|name| params.text(name).is_some()),
        next: listed.next.map(|cursor| link(&params, &cursor.encode())),
        first: page.after.map(|_| link(&params, "")),
    };
    let frame = Frame { title: "Cases", here: "cases", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "cases", &frame, &view))
}

async fn filter(
    app: &App,
    visitor: &Visitor,
    params: &Params,
    surveys: &[surveys::Model],
    now: DateTime<Utc>,
) -> Result<CaseFilter, Problem> {
    let overdue = params.flag("overdue")?.filter(|overdue| *overdue);
    let status = params.text("status");
    let known = |word: &str| word == "any" || LoopStatus::parse(word).is_some();
    if status.is_some_and(|word| !known(word)) {
        return Err(Problem::field("status", "must be `any` or the word of a loop status"));
    }
    let owners = match params.text("owner") {
        Some("mine") => mine(app, visitor).await?,
        owner => owner.map(str::to_owned).into_iter().collect(),
    };
    Ok(CaseFilter {
        loop_status: status.and_then(LoopStatus::parse),
        active: status.is_none() || overdue.is_some(),
        segment: params.segment()?,
        owners,
        overdue: overdue.map(|overdue| (overdue, now)),
        surveys: survey_ids(surveys, params.text("survey"))?,
        since: params.time("since")?,
        person: params.id("person")?,
        ..CaseFilter::default()
    })
}

/// The visitor and the teams they are in.
async fn mine(app: &App, visitor: &Visitor) -> Result<Vec<String>, StoreError> {
    let teams = lists::teams_of(app.cx.db.read(), visitor.ws, visitor.id()).await?;
    let teams = teams.into_iter().map(|key| format!("team:{key}"));
    Ok(std::iter::once(visitor.user.email.clone()).chain(teams).collect())
}

fn count_words(count: usize) -> String {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let most = i64::try_from(MOST_COUNTED).unwrap_or(i64::MAX);
    if count > most { format!("More than {most} cases") } else { words::plural(count, "case") }
}

fn status_choices(chosen: &str) -> Vec<Choice> {
    let fixed = [Choice::new("", "Needs attention", chosen), Choice::new("any", "Any status", chosen)];
    fixed.into_iter().chain(LoopStatus::ALL.iter().map(|&status| Choice::new(status.as_str(), words::status(status), chosen))).collect()
}

/// The surveys by key, each once, under the name of its newest version.
pub(crate) fn survey_choices(surveys: &[surveys::Model], chosen: &str) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for survey in surveys {
        let choice = Choice::new(&survey.key, &survey.name, chosen);
        match choices.iter_mut().find(|known| known.value == survey.key) {
            Some(older) => *older = choice,
            None => choices.push(choice),
        }
    }
    choices
}

/// The same list from another row on.
fn link(params: &Params, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in FILTERS {
        if let Some(value) = params.text(name) {
            query.append_pair(name, value);
        }
    }
    if !cursor.is_empty() {
        query.append_pair("cursor", cursor);
    }
    format!("/cases?{}", query.finish())
}
