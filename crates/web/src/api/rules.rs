//! `/api/v1/rules`: what is decided, in which versions, and what came of it.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, Uri},
};
use hearback_engine::{
    backtest::{self, Report, Span},
    history::{self, Asked},
    publish::{self, Published},
};
use hearback_rules::{Rule, parse::MAX_FILE};
use hearback_store::rule_versions;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Time, Whole, json};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/rules", Key(Read), "Rule versions, by key, the newest first", list),
        post("/rules", Key(Admin), "Publish rules, all or none, each changed one as a new version", create),
        post("/rules/backtest", Key(Write), "What the rules of a file would have done with past answers; changes nothing", backtest),
        get("/rules/{key}", Key(Read), "The versions of one rule, the newest first", one),
        post("/rules/{key}/enable", Key(Admin), "The newest version decides", enable),
        post("/rules/{key}/disable", Key(Admin), "The rule decides nothing more; what it started goes on", disable),
        post("/rules/{key}/resume", Key(Admin), "A paused rule goes on, and its mails are sent", resume),
        post("/rules/{key}/rollback", Key(Admin), "An older version decides in place of the present one", rollback),
        get("/rules/{key}/runs", Key(Read), "When a rule matched and what it did, those of the newest case first", runs),
    ]
}

/// One rule version.
#[derive(Debug, Serialize)]
pub(crate) struct RuleView {
    id: Uuid,
    key: String,
    version: i64,
    enabled: bool,
    paused: bool,
    rule: serde_json::Value,
    /// The same as a file has it.
    yaml: Option<String>,
    created_at: Time,
    enabled_at: Option<Time>,
    disabled_at: Option<Time>,
}

impl RuleView {
    fn of(row: rule_versions::Model) -> Self {
        Self {
            enabled: row.is_enabled(),
            paused: row.paused_at.is_some(),
            id: row.id,
            key: row.key,
            version: row.version,
            rule: json(&row.body),
            yaml: serde_json::from_str::<Rule>(&row.body).ok().map(|rule| rule.to_yaml()),
            created_at: Time(row.created_at),
            enabled_at: row.enabled_at.map(Time),
            disabled_at: row.disabled_at.map(Time),
        }
    }
}

fn whole(rows: Vec<rule_versions::Model>) -> Json<Whole<RuleView>> {
    Json(Whole { items: rows.into_iter().map(RuleView::of).collect(), next: None })
}

/// `GET /rules`: all versions, by key, the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<RuleView>>, Problem> {
    Params::read(&uri, &[])?;
    Ok(whole(publish::list(&app.cx, caller.0.ws).await?))
}

/// `GET /rules/{key}`: the versions of one rule, the newest first.
pub(crate) async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<Whole<RuleView>>, Problem> {
    Params::read(&uri, &[])?;
    Ok(whole(publish::versions(&app.cx, caller.0.ws, &key).await?))
}

/// The text of rules in a body: YAML, or the same shape as JSON, which is YAML too.
pub(crate) async fn text(request: Request) -> Result<String, Problem> {
    match body::content_type(request.headers()).as_deref() {
        None | Some("application/json" | "application/yaml" | "application/x-yaml" | "text/yaml" | "text/plain") => {}
        Some(other) => return Err(body::unsupported(other, "application/yaml or application/json")),
    }
    let bytes = body::read(request.into_body(), MAX_FILE).await?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body is not UTF-8 text"))
}

/// `POST /rules`: publishes the rules of a file, all or none, each changed one as a new version.
pub(crate) async fn create(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Whole<Published>>, Problem> {
    let rules = publish::read_text(&app.cx, caller.0.ws, &text(request).await?).await?;
    let items = publish::publish(&app.cx, caller.0.ws, &caller.actor(), rules).await?;
    Ok(Json(Whole { items, next: None }))
}

/// `POST /rules/backtest`: what the rules of a file would have done with past answers. Changes nothing.
pub(crate) async fn backtest(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Report>, Problem> {
    let params = Params::read(request.uri(), &["since", "until", "limit"])?;
    let list = usize::try_from(params.limit()?).unwrap_or(usize::MAX);
    let span = Span { since: params.time("since")?, until: params.time("until")?, list };
    let rules = publish::read_text(&app.cx, caller.0.ws, &text(request).await?).await?;
    Ok(Json(backtest::run(&app.cx, caller.0.ws, rules, span).await?))
}

/// `POST /rules/{key}/enable`: the newest version decides.
pub(crate) async fn enable(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<RuleView>, Problem> {
    let row = publish::enable(&app.cx, caller.0.ws, &caller.actor(), &key, None).await?;
    Ok(Json(RuleView::of(row)))
}

/// `POST /rules/{key}/disable`: it decides nothing more.
pub(crate) async fn disable(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<Whole<RuleView>>, Problem> {
    publish::disable(&app.cx, caller.0.ws, &caller.actor(), &key).await?;
    Ok(whole(publish::versions(&app.cx, caller.0.ws, &key).await?))
}

/// `POST /rules/{key}/resume`: a paused rule goes on, and its mails are sent.
pub(crate) async fn resume(State(app): State<App>, caller: Caller, Path(key): Path<String>) -> Result<Json<Whole<RuleView>>, Problem> {
    publish::resume(&app.cx, caller.0.ws, &caller.actor(), &key).await?;
    Ok(whole(publish::versions(&app.cx, caller.0.ws, &key).await?))
}

/// Body of `POST /rules/{key}/rollback`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    version: u32,
}

/// `POST /rules/{key}/rollback`: an older version decides in place of the present one.
pub(crate) async fn rollback(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body::Json(to): body::Json<Rollback>,
) -> Result<Json<RuleView>, Problem> {
    let row = publish::enable(&app.cx, caller.0.ws, &caller.actor(), &key, Some(to.version)).await?;
    Ok(Json(RuleView::of(row)))
}

/// One time that a rule was asked.
#[derive(Debug, Serialize)]
pub(crate) struct AskedView {
    #[serde(flatten)]
    asked: Asked,
    at: Time,
}

/// `GET /rules/{key}/runs`: when it matched and what it did, those of the newest case first; with `all=true` also why not.
pub(crate) async fn runs(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<Whole<AskedView>>, Problem> {
    let params = Params::read(&uri, &["all", "limit", "cursor"])?;
    let (all, limit) = (params.flag("all")?.unwrap_or(false), usize::try_from(params.limit()?).unwrap_or(usize::MAX));
    let found = history::of_rule(&app.cx, caller.0.ws, &key, all, params.text("cursor"), limit).await?;
    let items = found.items.into_iter().map(|asked| AskedView { at: Time(asked.at), asked }).collect();
    Ok(Json(Whole { items, next: found.next }))
}
