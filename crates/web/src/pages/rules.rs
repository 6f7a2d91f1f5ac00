//! The rules: what decides, in which version, what it did lately; and switching it off, on and back.

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_engine::{
    automation::{
        history::{self, Asked},
        publish,
    },
    role::Role,
};
use hearback_rules::{Rule, StepVerdict};
use hearback_store::rule_versions;
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Visitor, see_other},
    timeline,
    words::When,
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::{Manager, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/rules", User(Viewer), "Rules", list),
        get("/rules/{key}", User(Viewer), "One rule with its versions and runs", one),
        get("/rules/{key}/{step}", User(Viewer), "Leads back to the rule", back),
        post("/rules/{key}/{step}", User(Manager), "Enable, disable, resume or roll back a rule", act),
    ]
}

/// Times that a rule's page shows.
const TIMES: usize = 25;

/// One version as pages show it.
#[derive(Debug, Serialize)]
struct VersionRow {
    key: String,
    name: String,
    version: i64,
    enabled: bool,
    paused: bool,
    yaml: String,
    since: When,
    /// Whether it can be put in the place of the one that decides now.
    can_enable: bool,
}

impl VersionRow {
    fn of(row: &rule_versions::Model, now: i64) -> Self {
        let rule = serde_json::from_str::<Rule>(&row.body).ok();
        Self {
            key: row.key.clone(),
            name: rule.as_ref().map_or_else(|| row.key.clone(), |rule| rule.name.clone()),
            version: row.version,
            enabled: row.is_enabled(),
            paused: row.paused_at.is_some(),
            yaml: rule.map_or_else(|| row.body.clone(), |rule| rule.to_yaml()),
            since: When::past(row.enabled_at.unwrap_or(row.created_at), now),
            can_enable: !row.is_enabled(),
        }
    }
}

/// One time that a rule matched.
#[derive(Debug, Serialize)]
struct TimeRow {
    case: String,
    rule: String,
    trigger: &'static str,
    at: When,
    stopped: bool,
    what: String,
}

impl TimeRow {
    fn of(asked: Asked, now: i64) -> Self {
        let steps =
            |steps: &[StepVerdict]| steps.iter().zip(1..).map(|(step, n)| timeline::step_words(step, n)).collect::<Vec<_>>().join("; ");
        Self {
            case: asked.case.to_string(),
            trigger: timeline::trigger_words(&asked.trigger),
            at: When::past(asked.at, now),
            stopped: asked.trace.stopped,
            what: asked.trace.failed.clone().unwrap_or_else(|| steps(&asked.trace.steps)),
            rule: asked.trace.rule,
        }
    }
}

#[derive(Serialize)]
struct ListView {
    rules: Vec<VersionRow>,
    may_change: bool,
}

#[derive(Serialize)]
struct RuleView {
    key: String,
    name: String,
    enabled: bool,
    paused: bool,
    versions: Vec<VersionRow>,
    times: Vec<TimeRow>,
    may_change: bool,
}

/// `GET /rules`: each rule in the version that decides, or else the newest.
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let now = app.cx.now().timestamp_millis();
    let versions = publish::list(&app.cx, visitor.ws).await?;
    let rules = versions.chunk_by(|one, next| one.key == next.key).filter_map(|versions| {
        let shown = versions.iter().find(|row| row.is_enabled()).or(versions.first())?;
        let paused = versions.iter().any(|row| row.paused_at.is_some());
        Some(VersionRow { paused, ..VersionRow::of(shown, now) })
    });
    let view = ListView { rules: rules.collect(), may_change: visitor.role >= Role::Manager };
    let frame = Frame { title: "Rules", here: "rules", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "rules", &frame, &view))
}

/// `GET /rules/{key}`: its versions, and when it matched lately.
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(key): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let now = app.cx.now().timestamp_millis();
    let versions = publish::versions(&app.cx, visitor.ws, &key).await?;
    let times = history::of_rule(&app.cx, visitor.ws, &key, false, None, TIMES).await?;
    let rows: Vec<VersionRow> = versions.iter().map(|row| VersionRow::of(row, now)).collect();
    let view = RuleView {
        name: rows.iter().find(|row| row.enabled).or(rows.first()).map(|row| row.name.clone()).unwrap_or_default(),
        enabled: rows.iter().any(|row| row.enabled),
        paused: rows.iter().any(|row| row.paused),
        versions: rows,
        times: times.items.into_iter().map(|asked| TimeRow::of(asked, now)).collect(),
        may_change: visitor.role >= Role::Manager,
        key,
    };
    let frame = Frame { title: &view.name, here: "rules", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "rule", &frame, &view))
}

/// `POST /rules/{key}/{step}`: `enable` (with a `version`: roll back to it), `disable`, `resume`.
pub(crate) async fn act(State(app): State<App>, Path((key, step)): Path<(String, String)>, form: Form) -> Result<Response, Problem> {
    let (ws, actor) = (form.visitor.ws, form.visitor.actor());
    match step.as_str() {
        "enable" => {
            let version = form.input.text("version").map(|text| text.parse::<u32>());
            let version = version.transpose().map_err(|_| Problem::field("version", "must be the number of a version"))?;
            publish::enable(&app.cx, ws, &actor, &key, version).await?;
        }
        "disable" => publish::disable(&app.cx, ws, &actor, &key).await?,
        "resume" => publish::resume(&app.cx, ws, &actor, &key).await?,
        _ => return Err(Problem::not_found("step", step)),
    }
    Ok(see_other(&format!("/rules/{key}")))
}

/// `GET /rules/{key}/{step}`: somebody reloaded after a form; back to the rule.
pub(crate) async fn back(_: Visitor, Path((key, _)): Path<(String, String)>) -> Response {
    see_other(&format!("/rules/{key}"))
}
