//! One case: what the customer said, who they are, what closing still lacks, what can be done, and what happened.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{
    LoopStatus,
    id::{CaseId, PersonId, ResponseId, WorkspaceId},
    state::{DeliveryStatus, TaskStatus},
};
use hearback_engine::{automation::replay::RuleSets, cases::work, customers::suppressions::Reason, workspace::Workspace};
use hearback_rules::Plan;
use hearback_store::{
    case_list, cases,
    cursor::Page,
    deliveries,
    lists::{self, DeliveryFilter, TaskFilter},
    messages, persons, responses, runs, suppressions, tasks,
};
use serde::Serialize;

use super::{
    Frame,
    cases::{Choice, Owners, segment_words, who},
    render,
    session::{Input, Visitor},
    timeline::{self, Asked, Entry},
    words::{self, When},
};
use crate::route::{Access::User, Route, get};
use crate::{App, api::path_id, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/cases/{id}", User(Viewer), "One case: what was said, what is next, the timeline", show)]
}

/// Most tasks, and most deliveries, shown.
const MOST_PARTS: u64 = 100;
/// Deliveries shown at first.
const NEWEST_DELIVERIES: usize = 4;
/// How one can reach a customer.
const CHANNELS: [&str; 6] = ["phone", "email", "chat", "visit", "letter", "other"];
/// Causes to pick from; anything else can be written.
const CAUSES: [&str; 8] =
    ["delivery", "product quality", "price", "billing", "support too slow", "support not helpful", "hard to use", "misunderstanding"];

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a template asks plain questions")]
struct View {
    id: String,
    who: String,
    score: i64,
    scale_max: i64,
    segment: String,
    segment_words: &'static str,
    survey: String,
    comment: Option<String>,
    /// Further questions and what was answered.
    further: Vec<Fact>,
    may_contact: Option<bool>,
    channel: String,
    answered: When,
    revision: i64,
    status: &'static str,
    status_words: &'static str,
    active: bool,
    detractor: bool,
    late: bool,
    escalated: bool,
    contact_due: Option<When>,
    contacted: Option<When>,
    close_due: Option<When>,
    closed: Option<When>,
    owner: Option<String>,
    tags: Vec<String>,
    root_cause: Option<String>,
    resolution: Option<String>,
    lacks: Vec<String>,
    waiting: Option<When>,
    lapses: Option<When>,
    forced_order: bool,
    /// Whether the customer can be written to.
    can_write: bool,
    /// Why they are not mailed otherwise, or not at all.
    no_mail: Option<&'static str>,
    /// The causes that may be chosen; empty: any text.
    codes: Vec<Choice>,
    facts: Vec<Fact>,
    other_cases: usize,
    person_id: String,
    channels: Vec<Choice>,
    outcomes: Vec<Choice>,
    causes: [&'static str; 8],
    owners: Vec<Choice>,
    tasks: Vec<TaskRow>,
    deliveries: Vec<DeliveryRow>,
    older_deliveries: Vec<DeliveryRow>,
    timeline: Vec<Entry>,
    asked: Vec<Asked>,
    typed: Typed,
}

/// Something known about the customer.
#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct TaskRow {
    id: String,
    title: String,
    owner: String,
    open: bool,
    status: String,
    outcome: Option<String>,
    due: When,
    late: bool,
}

#[derive(Serialize)]
struct DeliveryRow {
    kind: String,
    to: String,
    subject: Option<String>,
    status: &'static str,
    reply: Option<String>,
    at: When,
    /// Name of the captured message.
    mail: Option<String>,
}

/// What was typed into a form that was not taken, so that nothing has to be typed twice.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Typed {
    contact_note: String,
    root_cause: String,
    resolution: String,
    note: String,
    subject: String,
    text: String,
}

impl Typed {
    /// What one form had.
    pub(crate) fn of(step: &str, input: &Input) -> Self {
        let text = |name| input.required(name);
        match step {
            "contact" => Self { contact_note: text("note"), ..Self::default() },
            "note" => Self { note: text("note"), ..Self::default() },
            "reply" => Self { subject: text("subject"), text: text("text"), ..Self::default() },
            _ => Self { root_cause: text("root_cause"), resolution: text("resolution"), ..Self::default() },
        }
    }
}

/// `GET /cases/{id}`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let done = Params::read(&uri, &["done"])?.text("done").and_then(notice);
    page(&app, &visitor, path_id("case", &id)?, done, None, Typed::default()).await
}

/// What a finished step says on the page that it leads to.
fn notice(done: &str) -> Option<&'static str> {
    match done {
        "contact" => Some("The contact is logged."),
        "resolve" => Some("Saved."),
        "close" => Some("The case is closed."),
        "reopen" => Some("The case is open again."),
        "wait" => Some("The case waits for the customer. The clock for closing stands still."),
        "resume" => Some("The case goes on."),
        "lapse" => Some("The case is given up."),
        "assign" => Some("The case has a new owner."),
        "note" => Some("The note is in the timeline."),
        "reply" => Some("The mail is on its way. The answer comes back into this case."),
        "task" => Some("The task is done."),
        _ => None,
    }
}

/// The page, with what was just done or what was refused.
pub(crate) async fn page(
    app: &App,
    visitor: &Visitor,
    id: CaseId,
    notice: Option<&'static str>,
    problem: Option<&Problem>,
    typed: Typed,
) -> Result<Response, Problem> {
    let (db, ws) = (app.cx.db.read(), visitor.ws);
    let case = lists::case(db, ws, id).await?.ok_or_else(|| Problem::not_found("case", id))?;
    let person = persons::by_id(db, ws, PersonId::from_uuid(case.person_id)).await?;
    let parts = Parts {
        stopped: match &person {
            Some(person) => suppressions::of_person(db, person).await?,
            None => None,
        },
        response: lists::response(db, ws, ResponseId::from_uuid(case.response_id)).await?,
        person,
        surveys: lists::surveys(db, ws).await?,
        owners: Owners::load(app, visitor).await?,
        tasks: lists::tasks(db, ws, &TaskFilter { case: Some(id), ..TaskFilter::default() }, Page::first(MOST_PARTS)).await?.items,
        deliveries: lists::deliveries(db, ws, &DeliveryFilter { case: Some(id), ..DeliveryFilter::default() }, Page::first(MOST_PARTS))
            .await?
            .items,
        events: lists::timeline(db, &case).await?,
        messages: messages::of_case(db, ws, id.uuid(), MOST_PARTS).await?,
        runs: runs_with_plans(app, ws, id).await?,
        other_cases: other_cases(app, visitor, &case).await?,
        captured: app.captures_mail(),
        workspace: app.cx.workspaces.get(db, ws).await?,
        now: app.cx.now().timestamp_millis(),
        case,
    };
    let view = parts.view(typed);
    let title = format!("Case of {}", view.who);
    let frame = Frame { title: &title, here: "cases", visitor: Some(visitor), notice, problem, mail: app.captures_mail(), lang: None };
    Ok(app.pages.page(problem.map_or(StatusCode::OK, |problem| problem.status), "case", &frame, &view))
}

/// Each time that the rules were asked about the case, and what they decided.
async fn runs_with_plans(app: &App, ws: WorkspaceId, id: CaseId) -> Result<Vec<(runs::Model, Plan)>, Problem> {
    let (db, mut sets, mut all) = (app.cx.db.read(), RuleSets::default(), Vec::new());
    for run in runs::of_case(db, ws.uuid(), id.uuid()).await? {
        let plan = sets.replay(db, &run).await?;
        all.push((run, plan));
    }
    Ok(all)
}

async fn other_cases(app: &App, visitor: &Visitor, case: &cases::Model) -> Result<usize, Problem> {
    let same = case_list::CaseFilter { person: Some(PersonId::from_uuid(case.person_id)), ..case_list::CaseFilter::default() };
    Ok(case_list::count(app.cx.db.read(), visitor.ws, &same, 100).await?.saturating_sub(1))
}

/// What was read for one page.
struct Parts {
    case: cases::Model,
    response: Option<responses::Model>,
    person: Option<persons::Model>,
    /// Why they must not be mailed, if so.
    stopped: Option<String>,
    surveys: Vec<hearback_store::surveys::Model>,
    owners: Owners,
    tasks: Vec<tasks::Model>,
    deliveries: Vec<deliveries::Model>,
    events: Vec<hearback_store::events::Model>,
    messages: Vec<messages::Model>,
    runs: Vec<(runs::Model, Plan)>,
    other_cases: usize,
    captured: bool,
    workspace: Arc<Workspace>,
    now: i64,
}

impl Parts {
    fn further(&self) -> Vec<Fact> {
        let (Some(response), Some(survey)) = (&self.response, self.workspace.survey(self.case.survey_id)) else { return Vec::new() };
        let answers = hearback_engine::responses::correct::read_answers(response);
        survey.body.in_words(&answers, "en").map(|(name, value)| Fact { name, value }).collect()
    }

    fn view(self, typed: Typed) -> View {
        let mut deliveries: Vec<DeliveryRow> = self.deliveries.iter().map(|delivery| self.delivery(delivery)).collect();
        let older_deliveries = deliveries.split_off(deliveries.len().min(NEWEST_DELIVERIES));
        let (case, now) = (&self.case, self.now);
        let survey = self.surveys.iter().find(|survey| survey.id == case.survey_id);
        let active = case.loop_status.is_active();
        let terms = self.workspace.terms(case);
        let lacks = if active { work::lacks(case, terms) } else { Vec::new() };
        let cause = Some(typed.root_cause).filter(|typed| !typed.is_empty()).or(case.root_cause.clone()).unwrap_or_default();
        let due = |at: Option<i64>| at.filter(|_| active).map(|at| When::due(at, now));
        let owner = case.owner.clone().unwrap_or_default();
        View {
            id: case.id.to_string(),
            who: who(self.person.as_ref()),
            score: case.score,
            scale_max: survey.map_or(10, |survey| survey.scale_max),
            segment: case.segment.clone(),
            segment_words: segment_words(&self.surveys, case),
            survey: survey.map(|survey| survey.name.clone()).unwrap_or_default(),
            comment: self.response.as_ref().and_then(|response| response.comment.clone()),
            further: self.further(),
            may_contact: self.response.as_ref().and_then(|response| response.may_contact),
            channel: self.response.as_ref().map(|response| response.channel.clone()).unwrap_or_default(),
            answered: When::past(case.answered_at, now),
            revision: case.revision,
            status: case.loop_status.as_str(),
            status_words: words::status(*case.loop_status),
            active,
            detractor: case.segment == "detractor",
            late: case_list::is_overdue(case, now),
            escalated: case.escalated_at.is_some(),
            contact_due: due(case.first_contact_due_at.filter(|_| case.first_contact_at.is_none() && case.loop_status == LoopStatus::Open)),
            contacted: case.first_contact_at.map(|at| When::past(at, now)),
            close_due: due(case.close_due_at),
            closed: case.closed_at.map(|at| When::past(at, now)),
            tags: serde_json::from_str(&case.tags).unwrap_or_default(),
            root_cause: case.root_cause.clone(),
            resolution: case.resolution.clone(),
            lacks: lacks.iter().map(|lack| render::label(lack)).collect(),
            waiting: case.waiting_since.map(|at| When::past(at, now)),
            lapses: due(case.lapse_at),
            forced_order: terms.policy.forced_order,
            can_write: self.person.as_ref().is_some_and(|person| person.email.is_some())
                && self.stopped.as_deref().is_none_or(work::is_open_to_answers),
            no_mail: self.stopped.as_deref().map(no_mail),
            codes: terms.policy.root_causes.iter().map(|code| Choice::new(code, code, &cause)).collect(),
            facts: self.person.as_ref().map(|person| self.facts(person)).unwrap_or_default(),
            other_cases: self.other_cases,
            person_id: case.person_id.to_string(),
            channels: CHANNELS.map(|channel| Choice::new(channel, channel, "phone")).into(),
            outcomes: outcomes(),
            causes: CAUSES,
            owners: self.owners.choices(&owner),
            owner: case.owner.as_deref().map(|owner| self.owners.name(owner)),
            tasks: self.tasks.iter().map(|task| self.task(task)).collect(),
            deliveries,
            older_deliveries,
            timeline: timeline::entries(&self.events, &self.deliveries, &self.messages, &self.owners, now),
            asked: self.runs.into_iter().map(|(run, plan)| Asked::of(&run, plan, now)).collect(),
            typed: Typed {
                root_cause: cause,
                resolution: Some(typed.resolution).filter(|typed| !typed.is_empty()).or(case.resolution.clone()).unwrap_or_default(),
                ..typed
            },
        }
    }

    fn facts(&self, person: &persons::Model) -> Vec<Fact> {
        let fixed = [
            ("Mail", person.email.clone()),
            ("Customer number", person.external_id.clone()),
            ("Account", person.account_key.clone()),
            ("Language", person.locale.clone()),
            ("Time zone", person.timezone.clone()),
            ("Looked after by", person.owner.as_deref().map(|owner| self.owners.name(owner))),
        ];
        let known = fixed.into_iter().filter_map(|(name, value)| Some(Fact { name: name.to_owned(), value: value? }));
        let properties: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&person.properties).unwrap_or_default();
        let free = properties.into_iter().map(|(name, value)| Fact { name: words::plain(&name), value: property(value) });
        known.chain(free).collect()
    }

    fn task(&self, row: &tasks::Model) -> TaskRow {
        TaskRow {
            id: row.id.to_string(),
            title: row.title.clone(),
            owner: self.owners.name(&row.owner),
            open: row.status == TaskStatus::Open,
            status: words::plain(row.status.as_str()),
            outcome: row.outcome.clone(),
            due: row.finished_at.map_or_else(|| When::due(row.due_at, self.now), |at| When::past(at, self.now)),
            late: row.status == TaskStatus::Open && row.due_at < self.now,
        }
    }

    fn delivery(&self, row: &deliveries::Model) -> DeliveryRow {
        DeliveryRow {
            kind: words::plain(&row.kind),
            to: row.to_address.clone(),
            subject: row.subject.clone(),
            status: row.status.as_str(),
            reply: row.reply.clone().filter(|_| row.status != DeliveryStatus::Sent),
            at: When::past(row.sent_at.unwrap_or(row.created_at), self.now),
            mail: (self.captured && row.status == DeliveryStatus::Sent).then(|| row.message_id.clone()),
        }
    }
}

/// Why a customer is not mailed, for whoever wants to write to them.
fn no_mail(reason: &str) -> &'static str {
    match Reason::parse(reason) {
        Some(Reason::Unsubscribed) => {
            "This customer wants no mail from us. A reply that you write yourself is an answer to one person, not a message to all: it is sent."
        }
        Some(Reason::Manual) => {
            "One of us stopped mail to this address. A reply that you write yourself is an answer to one person, not a message to all: it is sent."
        }
        Some(Reason::HardBounce) => "The mailbox of this customer does not exist or takes no mail: reach them another way.",
        Some(Reason::Complaint) => {
            "This customer called our mail unwanted, so nothing is sent to them, a reply neither: reach them another way."
        }
        None => "This customer was erased.",
    }
}

fn outcomes() -> Vec<Choice> {
    [
        ("reached", "Reached: we spoke"),
        ("replied", "Replied: they wrote back"),
        ("no_answer", "No answer"),
        ("wrong_number", "Wrong number or address"),
    ]
    .map(|(value, label)| Choice::new(value, label, "reached"))
    .into()
}

fn property(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        // Numbers are kept as floats; a whole one is shown as one.
        serde_json::Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |float| float.to_string()),
        other => other.to_string(),
    }
}
