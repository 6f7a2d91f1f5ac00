//! Publishing rules: a changed rule becomes a new version, an unchanged one stays what it is.
//!
//! Owns: versions and which of them are enabled. Refuses to know: what a rule says (that is `rules`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::id::{RuleVersionId, WorkspaceId};
use hearback_rules::{KnownNames, Rule, RuleError, parse_yaml_with};
use hearback_store::{StoreError, Tx, bulk, deliveries, outbox, rule_versions, time::millis, webhooks, workspaces};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Actor, Ctx, EngineError, FieldError, audit, error::Fields, reading};

/// What became of one published rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Published {
    /// Its key.
    pub key: String,
    /// The version now enabled.
    pub version: u32,
    /// False when the very same rule was enabled before.
    pub changed: bool,
}

/// The rules of a text, YAML or JSON, as far as they fit this workspace: templates, surveys, teams and webhooks must exist.
/// Each mistake is a refused field that names its line and column.
pub async fn read_text(cx: &Ctx, ws: WorkspaceId, text: &str) -> Result<Vec<Rule>, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let called = webhooks::all(cx.db.read(), ws).await?;
    let templates: Vec<&str> = cx.templates.for_rules().collect();
    let surveys: Vec<&str> = workspace.surveys.keys().map(String::as_str).collect();
    let teams: Vec<&str> = workspace.teams.keys().map(String::as_str).collect();
    let webhooks: Vec<&str> = called.iter().map(|row| row.key.as_str()).collect();
    let known = KnownNames { templates: Some(&templates), surveys: Some(&surveys), teams: Some(&teams), webhooks: Some(&webhooks) };
    parse_yaml_with("rules", text, &known).map_err(|errors| {
        let field =
            |error: RuleError| FieldError { field: format!("line {}, column {}", error.line, error.column), message: error.message };
        EngineError::Invalid(errors.into_iter().map(field).collect())
    })
}

/// Enables these rules, all or none: each changed one as a new version in place of the one before. Others stay as they are.
pub async fn publish(cx: &Ctx, ws: WorkspaceId, actor: &Actor, rules: Vec<Rule>) -> Result<Vec<Published>, EngineError> {
    let mut fields = Fields::default();
    for (index, rule) in rules.iter().enumerate() {
        if rules.iter().take(index).any(|other| other.key == rule.key) {
            fields.refuse(format!("rules.{index}.key"), format!("`{}` is used twice; give each rule its own key", rule.key));
        }
    }
    fields.done()?;
    let now = cx.now();
    let tx = cx.db.write().await?;
    let published = publish_in(&tx, ws, rules, now).await?;
    for rule in published.iter().filter(|rule| rule.changed) {
        audit::note(&tx, ws, actor, "rule.published", &rule.key, json!({ "version": rule.version }), now);
    }
    tx.commit().await?;
    Ok(published)
}

/// The same within a transaction, for rules with different keys.
pub(crate) async fn publish_in(tx: &Tx, ws: WorkspaceId, rules: Vec<Rule>, now: DateTime<Utc>) -> Result<Vec<Published>, EngineError> {
    workspaces::lock(tx, ws).await?;
    let mut newest: HashMap<String, rule_versions::Model> = HashMap::new();
    for row in rule_versions::all(&**tx, ws).await? {
        newest.entry(row.key.clone()).or_insert(row);
    }
    let mut published = Vec::with_capacity(rules.len());
    let mut rows = Vec::new();
    for rule in rules {
        let before = newest.get(&rule.key);
        let changed = !before.is_some_and(|row| row.is_enabled() && says(row, &rule));
        let version = before.map_or(0, |row| row.version) + i64::from(changed);
        if changed {
            rows.push(row(ws, &rule, version, now)?);
        }
        published.push(Published { key: rule.key, version: u32::try_from(version).unwrap_or(u32::MAX), changed });
    }
    if !rows.is_empty() {
        let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
        rule_versions::disable(tx, ws, &keys, millis(now)).await?;
        bulk::insert::<rule_versions::Entity>(tx, &rows).await?;
        workspaces::bump_config(tx, ws).await?;
    }
    Ok(published)
}

/// Stops a rule: it decides nothing more. What it started goes on, but for the mails that a paused rule still holds: they
/// are cancelled.
pub async fn disable(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<(), EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    if rule_versions::disable(&tx, ws, &[key.to_owned()], millis(now)).await? == 0 {
        return Err(EngineError::not_found("enabled rule", key));
    }
    workspaces::bump_config(&tx, ws).await?;
    let paused = rule_versions::resume(&tx, ws, key).await?;
    let why = "its rule was disabled while it was paused";
    let cancelled = deliveries::cancel_of_rules(&tx, ws.uuid(), &paused, why, millis(now)).await?;
    audit::note(&tx, ws, actor, "rule.disabled", key, json!({ "cancelled_mails": cancelled }), now);
    Ok(tx.commit().await?)
}

/// Lets one version of a rule decide, in place of the one that does now: the newest, or an older one to roll back to. A
/// version keeps its number and its words whenever it is enabled.
pub async fn enable(
    cx: &Ctx,
    ws: WorkspaceId,
    actor: &Actor,
    key: &str,
    version: Option<u32>,
) -> Result<rule_versions::Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    workspaces::lock(&tx, ws).await?;
    let versions = rule_versions::of_key(&*tx, ws, key).await?;
    let newest = versions.first().ok_or_else(|| EngineError::not_found("rule", key))?;
    let wanted = version.map_or(newest.version, i64::from);
    let row = versions.iter().find(|row| row.version == wanted);
    let row = row.ok_or_else(|| EngineError::not_found("rule version", format!("{key}@{wanted}")))?.clone();
    if row.is_enabled() {
        return Ok(row);
    }
    reading::rule(&row).map_err(StoreError::from)?;
    rule_versions::disable(&tx, ws, &[key.to_owned()], millis(now)).await?;
    let row = rule_versions::Model { enabled_at: Some(millis(now)), disabled_at: None, ..row };
    rule_versions::save(&tx, row.clone()).await?;
    workspaces::bump_config(&tx, ws).await?;
    audit::note(&tx, ws, actor, "rule.enabled", key, json!({ "version": wanted }), now);
    tx.commit().await?;
    Ok(row)
}

/// Lets a paused rule go on: its mails are sent.
pub async fn resume(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<(), EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    if rule_versions::resume(&tx, ws, key).await?.is_empty() {
        return Err(EngineError::not_found("paused rule", key));
    }
    outbox::wake_paused(&tx, ws, now).await?;
    audit::note(&tx, ws, actor, "rule.resumed", key, Value::Null, now);
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(())
}

/// The versions of one rule, the newest first.
pub async fn versions(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<Vec<rule_versions::Model>, EngineError> {
    let rows = rule_versions::of_key(cx.db.read(), ws, key).await?;
    if rows.is_empty() { Err(EngineError::not_found("rule", key)) } else { Ok(rows) }
}

/// All versions, by key, the newest first.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<rule_versions::Model>, EngineError> {
    Ok(rule_versions::all(cx.db.read(), ws).await?)
}

fn says(row: &rule_versions::Model, rule: &Rule) -> bool {
    serde_json::from_str::<Rule>(&row.body).is_ok_and(|stored| stored == *rule)
}

fn row(ws: WorkspaceId, rule: &Rule, version: i64, now: DateTime<Utc>) -> Result<rule_versions::Model, EngineError> {
    let body = serde_json::to_string(rule).map_err(|error| EngineError::field(format!("rules.{}", rule.key), error))?;
    Ok(rule_versions::Model {
        workspace_id: ws.uuid(),
        id: RuleVersionId::new(now).uuid(),
        key: rule.key.clone(),
        version,
        body,
        created_at: millis(now),
        enabled_at: Some(millis(now)),
        disabled_at: None,
        paused_at: None,
    })
}
