//! The form in which a campaign is written down: a plan as its fields, and fields as a plan.

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{
    campaign::{Late, Mode, Plan},
    wall::{self, Weekdays},
};
use hearback_engine::campaigns::campaign;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Frame,
    session::{Form, Input, Visitor, see_other},
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, body, error::Problem, query::Params};
use hearback_engine::role::Role::{Manager, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/campaigns/new", User(Manager), "The form of a new campaign", new),
        post("/campaigns/new", User(Manager), "Make a campaign", create),
        get("/campaigns/{key}/{step}", User(Viewer), "The form of a campaign, or what its next wave would do", step),
    ]
}

/// One of several values to choose from.
#[derive(Serialize)]
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

#[derive(Serialize)]
struct View {
    title: String,
    action: String,
    back: String,
    is_new: bool,
    key: String,
    name: String,
    surveys: Vec<Choice>,
    cron: String,
    timezone: String,
    modes: Vec<Choice>,
    event: String,
    delay: String,
    audience: String,
    sample: String,
    recontact_days: String,
    account_cap: String,
    daily_cap: String,
    from: String,
    to: String,
    days: Vec<Choice>,
    holidays: String,
    lates: Vec<Choice>,
    late_hours: String,
    reminders: String,
}

/// `GET /campaigns/new`
pub(crate) async fn new(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let input = Input::default();
    show(&app, &visitor, None, &Plan::of("nps"), &input, None).await
}

/// `POST /campaigns/new`
pub(crate) async fn create(State(app): State<App>, form: Form) -> Result<Response, Problem> {
    save(&app, None, form).await
}

/// `GET /campaigns/{key}/{step}`: `edit` shows the form, `plan` who would be asked; anything else was a form that was reloaded.
pub(crate) async fn step(
    State(app): State<App>,
    visitor: Visitor,
    Path((key, step)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    match step.as_str() {
        "edit" => {
            Params::read(&uri, &[])?;
            let campaign = campaign::one(&app.cx, visitor.ws, &key).await?;
            show(&app, &visitor, Some(&key), &campaign.plan, &Input::default(), None).await
        }
        "plan" => super::campaign_plan::show(&app, &visitor, &key, &uri).await,
        _ => Ok(see_other(&format!("/campaigns/{key}"))),
    }
}

/// Saves what was entered; a refused form comes back as it was, with the reasons.
pub(crate) async fn save(app: &App, key: Option<&str>, form: Form) -> Result<Response, Problem> {
    let (visitor, input) = (form.visitor, form.input);
    let name = key.map_or_else(|| input.required("key"), str::to_owned);
    let read = plan(&input);
    let saved = match &read {
        Ok(plan) => campaign::put(&app.cx, visitor.ws, &visitor.actor(), name.trim(), plan.clone()).await.map_err(Problem::from),
        Err(problem) => Err(problem.clone()),
    };
    match saved {
        Ok(_) => Ok(see_other(&format!("/campaigns/{}", name.trim()))),
        Err(problem) => {
            let kept = read.unwrap_or_else(|_| Plan::of("nps"));
            show(app, &visitor, key, &kept, &input, Some(&problem)).await
        }
    }
}

/// The plan that the fields say.
fn plan(input: &Input) -> Result<Plan, Problem> {
    let mut plan = Map::new();
    plan.insert("survey".to_owned(), json!(input.required("survey")));
    plan.insert("mode".to_owned(), json!(input.text("mode").unwrap_or_else(|| "calendar".to_owned())));
    plan.insert("late".to_owned(), json!(input.text("late").unwrap_or_else(|| "move".to_owned())));
    if let Some(name) = input.text("name") {
        plan.insert("name".to_owned(), json!(name));
    }
    if let Some(cron) = input.text("cron") {
        let zone = input.text("timezone").unwrap_or_else(|| "UTC".to_owned());
        plan.insert("schedule".to_owned(), json!({ "cron": cron.trim(), "timezone": zone.trim() }));
    }
    if let Some(event) = input.text("event") {
        let mut after = Map::from_iter([("event".to_owned(), json!(event.trim()))]);
        after.extend(input.text("delay").map(|delay| ("delay".to_owned(), json!(delay.trim()))));
        plan.insert("trigger".to_owned(), Value::Object(after));
    }
    if let Some(audience) = input.text("audience") {
        let read = serde_json::from_str::<Value>(&audience).map_err(|error| Problem::field("audience", format!("is not JSON: {error}")))?;
        plan.insert("audience".to_owned(), read);
    }
    if let Some(share) = input.text("sample") {
        let share: f64 = number(&share, "sample")?;
        plan.insert("sample".to_owned(), json!(share / 100.0));
    }
    for field in ["recontact_days", "account_cap", "daily_cap", "late_hours"] {
        if let Some(text) = input.text(field) {
            plan.insert(field.to_owned(), json!(number::<u32>(&text, field)?));
        }
    }
    plan.insert("window".to_owned(), window(input));
    let days = list(input, "reminders");
    let reminders = days.iter().map(|days| Ok(json!({ "after_days": number::<u16>(days, "reminders")? })));
    plan.insert("reminders".to_owned(), Value::Array(reminders.collect::<Result<_, Problem>>()?));
    body::parse(Value::Object(plan).to_string().as_bytes())
}

fn window(input: &Input) -> Value {
    let mut window =
        Map::from_iter([("days".to_owned(), json!(input.all("day"))), ("holidays".to_owned(), json!(list(input, "holidays")))]);
    for field in ["from", "to"] {
        window.extend(input.text(field).map(|time| (field.to_owned(), json!(time.trim()))));
    }
    Value::Object(window)
}

/// What stands between commas.
fn list(input: &Input, field: &str) -> Vec<String> {
    let text = input.required(field);
    text.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn number<N: std::str::FromStr>(text: &str, field: &str) -> Result<N, Problem> {
    text.trim().parse().map_err(|_| Problem::field(field, "must be a number"))
}

async fn show(
    app: &App,
    visitor: &Visitor,
    key: Option<&str>,
    plan: &Plan,
    input: &Input,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let workspace = app.cx.workspaces.get(app.cx.db.read(), visitor.ws).await?;
    let mut surveys: Vec<Choice> = workspace
        .surveys
        .values()
        .map(|survey| choice(&survey.key, &format!("{} ({})", survey.name, survey.key), survey.key == plan.survey))
        .collect();
    surveys.sort_by(|one, other| one.value.cmp(&other.value));
    // After a refusal each field says what was entered, whatever it is.
    let said = |field: &str, of_plan: String| if problem.is_some() { input.required(field) } else { of_plan };
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let title = key.map_or_else(|| "New campaign".to_owned(), |key| plan.name.clone().unwrap_or_else(|| key.to_owned()));
    let (schedule, trigger) = (plan.schedule.as_ref(), plan.trigger.as_ref());
    let view = View {
        action: key.map_or_else(|| "/campaigns/new".to_owned(), |key| format!("/campaigns/{key}/edit")),
        back: key.map_or_else(|| "/campaigns".to_owned(), |key| format!("/campaigns/{key}")),
        is_new: key.is_none(),
        key: input.required("key"),
        name: said("name", plan.name.clone().unwrap_or_default()),
        surveys,
        cron: said("cron", schedule.map(|times| times.cron.clone()).unwrap_or_default()),
        timezone: said("timezone", schedule.map_or_else(|| "UTC".to_owned(), |times| times.timezone.clone())),
        modes: [(Mode::Calendar, "calendar", "All when it begins"), (Mode::Spread, "spread", "Spread until the next one")]
            .map(|(mode, value, words)| choice(value, words, mode == plan.mode))
            .into(),
        event: said("event", trigger.map(|after| after.event.clone()).unwrap_or_default()),
        delay: said("delay", trigger.map(|after| after.delay.to_string()).unwrap_or_default()),
        audience: said("audience", if plan.audience.is_null() { String::new() } else { plan.audience.to_string() }),
        sample: said("sample", format!("{}", plan.sample * 100.0)),
        recontact_days: said("recontact_days", plan.recontact_days.to_string()),
        account_cap: said("account_cap", number(plan.account_cap)),
        daily_cap: said("daily_cap", number(plan.daily_cap)),
        from: said("from", plan.window.from.format("%H:%M").to_string()),
        to: said("to", plan.window.to.format("%H:%M").to_string()),
        days: Weekdays::ALL.iter().map(|day| choice(wall::weekday_word(day), &day.to_string(), plan.window.days.contains(day))).collect(),
        holidays: said("holidays", plan.window.holidays.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        lates: [(Late::Move, "move", "Send it at the next allowed moment"), (Late::Skip, "skip", "Do not send it any more")]
            .map(|(late, value, words)| choice(value, words, late == plan.late))
            .into(),
        late_hours: said("late_hours", plan.late_hours.to_string()),
        reminders: said("reminders", plan.reminders.iter().map(|reminder| reminder.after_days.to_string()).collect::<Vec<_>>().join(", ")),
        title,
    };
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let frame =
        Frame { title: &view.title, here: "campaigns", visitor: Some(visitor), problem, mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(status, "campaign_form", &frame, &view))
}

fn choice(value: &str, words: &str, chosen: bool) -> Choice {
    Choice { value: value.to_owned(), words: words.to_owned(), chosen }
}
