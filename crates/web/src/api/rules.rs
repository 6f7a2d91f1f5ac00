//! `/api/v1/rules`: what is decided, in which versions, and what came of it.

use axum::{extract::Request, http::StatusCode};
use hearback_engine::{
    automation::{
        backtest::{self, Report, Span},
        history::{self, Asked},
        publish::{self, Published},
    },
    role::Scope::{Admin, Read, Write},
};
use hearback_rules::{Rule, parse::MAX_FILE};
use hearback_store::rule_versions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    List, Time, json,
    openapi::{Operation, Schemas},
};
use crate::{
    body,
    call::{Call, Input, Json, Query, get, post},
    error::Problem,
    parameters::{Limit, Moment},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/rules", Read, "Rule versions, by key, the newest first", list),
        post("/rules", Admin, "Publish rules, all or none, each changed one as a new version", create),
        post("/rules/backtest", Write, "What the rules of a file would have done with past answers; changes nothing", backtest)
            .like_a_list(),
        get("/rules/{key}", Read, "The versions of one rule, the newest first", one),
        post("/rules/{key}/enable", Admin, "The newest version decides", enable),
        post("/rules/{key}/disable", Admin, "The rule decides nothing more; what it started goes on", disable),
        post("/rules/{key}/resume", Admin, "A paused rule goes on, and its mails are sent", resume),
        post("/rules/{key}/rollback", Admin, "An older version decides in place of the present one", rollback),
        get("/rules/{key}/runs", Read, "When a rule matched and what it did, those of the newest case first", runs),
    ]
}

/// One rule version.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RuleView {
    id: Uuid,
    key: String,
    version: i64,
    enabled: bool,
    paused: bool,
    #[schemars(with = "Map<String, Value>")]
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

fn whole(rows: Vec<rule_versions::Model>) -> Json<List<RuleView>> {
    Json(List { items: rows.into_iter().map(RuleView::of).collect(), next: None })
}

/// `GET /rules`: all versions, by key, the newest first.
pub(crate) async fn list(call: Call) -> Result<Json<List<RuleView>>, Problem> {
    Ok(whole(publish::list(call.cx(), call.ws()).await?))
}

/// `GET /rules/{key}`: the versions of one rule, the newest first.
pub(crate) async fn one(call: Call) -> Result<Json<List<RuleView>>, Problem> {
    Ok(whole(publish::versions(call.cx(), call.ws(), call.key()).await?))
}

/// The text of rules in a body: YAML, or the same shape as JSON, which is YAML too.
pub(crate) struct Text(String);

/// One rule, a list of rules, or `{rules: [...]}`, as in a rule file.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "RuleFile")]
#[expect(dead_code, reason = "describes the JSON form; what reads it are the rules themselves")]
enum RuleFile {
    One(Map<String, Value>),
    Several(Vec<Value>),
}

impl Input for Text {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.takes("application/yaml", &schemas.taken::<String>());
        operation.takes("application/json", &schemas.taken::<RuleFile>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        match body::content_type(request.headers()).as_deref() {
            None | Some("application/json" | "application/yaml" | "application/x-yaml" | "text/yaml" | "text/plain") => {}
            Some(other) => return Err(body::unsupported(other, "application/yaml or application/json")),
        }
        let bytes = body::read(request.into_body(), MAX_FILE).await?;
        String::from_utf8(bytes.into()).map(Self).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body is not UTF-8 text"))
    }
}

/// `POST /rules`: publishes the rules of a file, all or none, each changed one as a new version.
pub(crate) async fn create(call: Call, Text(text): Text) -> Result<Json<List<Published>>, Problem> {
    let rules = publish::read_text(call.cx(), call.ws(), &text).await?;
    let items = publish::publish(call.cx(), call.ws(), &call.actor(), rules).await?;
    Ok(Json(List { items, next: None }))
}

/// Over which answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacktestAsked {
    /// Answers from this moment on.
    since: Option<Moment>,
    /// Answers before this moment.
    until: Option<Moment>,
    /// How many matching cases to list.
    #[serde(default)]
    limit: Limit,
}

/// `POST /rules/backtest`: what the rules of a file would have done with past answers. Changes nothing.
pub(crate) async fn backtest(call: Call, (Query(asked), Text(text)): (Query<BacktestAsked>, Text)) -> Result<Json<Report>, Problem> {
    let list = usize::try_from(asked.limit.0).unwrap_or(usize::MAX);
    let span = Span { since: asked.since.map(|Moment(at)| at), until: asked.until.map(|Moment(at)| at), list };
    let rules = publish::read_text(call.cx(), call.ws(), &text).await?;
    Ok(Json(backtest::run(call.cx(), call.ws(), rules, span).await?))
}

/// `POST /rules/{key}/enable`: the newest version decides.
pub(crate) async fn enable(call: Call) -> Result<Json<RuleView>, Problem> {
    let row = publish::enable(call.cx(), call.ws(), &call.actor(), call.key(), None).await?;
    Ok(Json(RuleView::of(row)))
}

/// `POST /rules/{key}/disable`: it decides nothing more.
pub(crate) async fn disable(call: Call) -> Result<Json<List<RuleView>>, Problem> {
    publish::disable(call.cx(), call.ws(), &call.actor(), call.key()).await?;
    Ok(whole(publish::versions(call.cx(), call.ws(), call.key()).await?))
}

/// `POST /rules/{key}/resume`: a paused rule goes on, and its mails are sent.
pub(crate) async fn resume(call: Call) -> Result<Json<List<RuleView>>, Problem> {
    publish::resume(call.cx(), call.ws(), &call.actor(), call.key()).await?;
    Ok(whole(publish::versions(call.cx(), call.ws(), call.key()).await?))
}

/// Body of `POST /rules/{key}/rollback`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    #[schemars(range(min = 1))]
    version: u32,
}

/// `POST /rules/{key}/rollback`: an older version decides in place of the present one.
pub(crate) async fn rollback(call: Call, Json(to): Json<Rollback>) -> Result<Json<RuleView>, Problem> {
    let row = publish::enable(call.cx(), call.ws(), &call.actor(), call.key(), Some(to.version)).await?;
    Ok(Json(RuleView::of(row)))
}

/// One time that a rule was asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AskedView {
    #[serde(flatten)]
    asked: Asked,
    at: Time,
}

/// Which runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsAsked {
    /// true: also when it did not match, and why.
    all: Option<bool>,
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// `GET /rules/{key}/runs`: when it matched and what it did, those of the newest case first; with `all=true` also why not.
pub(crate) async fn runs(call: Call, Query(asked): Query<RunsAsked>) -> Result<Json<List<AskedView>>, Problem> {
    let (all, limit) = (asked.all.unwrap_or(false), usize::try_from(asked.limit.0).unwrap_or(usize::MAX));
    let found = history::of_rule(call.cx(), call.ws(), call.key(), all, asked.cursor.as_deref(), limit).await?;
    let items = found.items.into_iter().map(|asked| AskedView { at: Time(asked.at), asked }).collect();
    Ok(Json(List { items, next: found.next }))
}
