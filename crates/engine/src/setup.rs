//! What a fresh database has before anybody does anything.

use chrono::{DateTime, Utc};
use hearback_core::{
    Color, Locale, Metric,
    calendar::Calendar,
    id::{SurveyId, WorkspaceId},
    logo,
    state::SurveyStatus,
    text::{self, MAX_LINE},
};
use hearback_rules::{Rule, SHIPPED, parse_yaml};
use hearback_store::{
    Tx, bulk, calendars, surveys, teams,
    time::{from_millis, millis},
    workspaces,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Actor, Ctx, EngineError, audit, automation::publish, error::Fields, incentives::referrals, workspace::FIRST};

/// Key of its one team.
const TEAM: &str = "support";

/// The workspace `default`. Made when it is missing; safe when two nodes do it at once. What somebody changed or disabled
/// since stays as it is.
pub async fn ensure_workspace(cx: &Ctx) -> Result<WorkspaceId, EngineError> {
    let here = || workspaces::by_key(cx.db.read(), FIRST);
    if let Some(row) = here().await? {
        return Ok(WorkspaceId::from_uuid(row.id));
    }
    let row = workspace(FIRST, "Hearback", &Locale::default(), cx.now());
    let tx = cx.db.write().await?;
    if bulk::insert_missing::<workspaces::Entity>(&tx, std::slice::from_ref(&row)).await? == 0 {
        // Another node was first, and its transaction, which made all the rest too, is committed by now.
        tx.rollback().await?;
        let row = here().await?.ok_or_else(|| EngineError::not_found("workspace", FIRST))?;
        return Ok(WorkspaceId::from_uuid(row.id));
    }
    furnish(&tx, &row).await?;
    tx.commit().await?;
    Ok(WorkspaceId::from_uuid(row.id))
}

/// Makes another workspace beside those that there are: its own surveys, rules, calendar, team, customers, users and keys.
pub async fn create_workspace(cx: &Ctx, actor: &Actor, key: &str, name: &str, locale: Option<&str>) -> Result<WorkspaceId, EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(key));
    let name = fields.check("name", text::line(name, MAX_LINE));
    let locale = fields.check("locale", locale.map_or(Ok(Locale::default()), Locale::parse));
    fields.done()?;
    let (key, name) = (key.unwrap_or_default(), name.unwrap_or_default());
    let row = workspace(&key, &name, &locale.unwrap_or_default(), cx.now());
    let ws = WorkspaceId::from_uuid(row.id);
    let tx = cx.db.write().await?;
    if bulk::insert_missing::<workspaces::Entity>(&tx, std::slice::from_ref(&row)).await? == 0 {
        return Err(EngineError::field("key", format!("there is a workspace `{key}` already")));
    }
    furnish(&tx, &row).await?;
    audit::note(&tx, ws, actor, "workspace.created", &key, Value::Null, cx.now());
    tx.commit().await?;
    Ok(ws)
}

/// What can be changed of a workspace; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceChange {
    /// What customers know it as: it stands in every mail.
    #[serde(default)]
    pub name: Option<String>,
    /// Language of people whose own is not known.
    #[serde(default)]
    pub locale: Option<String>,
    /// Where a referral link leads, `https://shop.example/?ref={code}`; empty for nowhere.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub referral_url: Option<String>,
    /// Colour of buttons on pages and in mails for customers, `#0f766e`; empty for ours.
    #[serde(default)]
    pub accent: Option<String>,
    /// A small picture as a data URI, shown to customers in place of the name; empty for none.
    #[serde(default)]
    #[schemars(length(max = 12_288))]
    pub logo: Option<String>,
}

/// Changes the name or the language of a workspace.
pub async fn change_workspace(cx: &Ctx, ws: WorkspaceId, actor: &Actor, change: WorkspaceChange) -> Result<workspaces::Model, EngineError> {
    let mut fields = Fields::default();
    let name = fields.check_some("name", change.name, |name| text::line(&name, MAX_LINE));
    let locale = change.locale.and_then(|tag| fields.check("locale", Locale::parse(&tag)));
    let referral_url = change.referral_url.and_then(|url| fields.check("referral_url", referrals::check_target(&url)));
    let accent = change.accent.and_then(|text| fields.check("accent", or_none(&text, color)));
    let logo =
        change.logo.and_then(|text| fields.check("logo", or_none(&text, |text| logo::check(text).map_err(|error| error.to_string()))));
    fields.done()?;
    let tx = cx.db.write().await?;
    let mut row = workspaces::lock(&tx, ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    row.name = name.unwrap_or(row.name);
    row.locale = locale.map_or(row.locale, |locale| locale.to_string());
    row.referral_url = referral_url.unwrap_or(row.referral_url);
    row.accent = accent.unwrap_or(row.accent);
    row.logo = logo.unwrap_or(row.logo);
    workspaces::save(&tx, &row).await?;
    let data = json!({ "name": row.name, "locale": row.locale, "referral_url": row.referral_url, "accent": row.accent, "logo": row.logo.is_some() });
    audit::note(&tx, ws, actor, "workspace.changed", &row.key, data, cx.now());
    tx.commit().await?;
    Ok(row)
}

/// Nothing for an empty text, else what it is.
fn or_none(text: &str, read: impl FnOnce(&str) -> Result<String, String>) -> Result<Option<String>, String> {
    if text.trim().is_empty() { Ok(None) } else { read(text).map(Some) }
}

fn color(text: &str) -> Result<String, String> {
    let color = Color::parse(text.trim()).ok_or("must be a colour as # and six hexadecimal digits, such as #0f766e")?;
    Ok(color.to_string())
}

/// What every workspace starts with.
async fn furnish(tx: &Tx, row: &workspaces::Model) -> Result<(), EngineError> {
    let (ws, now) = (WorkspaceId::from_uuid(row.id), from_millis(row.created_at));
    let (nps, csat, ces) = (("Recommendation", Metric::Nps, 10), ("Satisfaction", Metric::Csat, 5), ("Effort", Metric::Ces, 7));
    bulk::insert::<surveys::Entity>(tx, &[nps, csat, ces].map(|(name, metric, max)| survey(ws, name, metric, max, now))).await?;
    bulk::insert::<calendars::Entity>(tx, &[calendar(ws)?]).await?;
    bulk::insert::<teams::Entity>(tx, &[team(ws)]).await?;
    publish::publish_in(tx, ws, shipped()?, now).await?;
    Ok(())
}

fn workspace(key: &str, name: &str, locale: &Locale, now: DateTime<Utc>) -> workspaces::Model {
    workspaces::Model {
        id: WorkspaceId::new(now).uuid(),
        key: key.to_owned(),
        name: name.to_owned(),
        locale: locale.to_string(),
        default_team: TEAM.to_owned(),
        config_revision: 1,
        created_at: millis(now),
        referral_url: None,
        sending_held_at: None,
        sending_held_why: None,
        skipped_until: None,
        accent: None,
        logo: None,
    }
}

fn survey(ws: WorkspaceId, name: &str, metric: Metric, scale_max: i64, now: DateTime<Utc>) -> surveys::Model {
    surveys::Model {
        workspace_id: ws.uuid(),
        id: SurveyId::new(now).uuid(),
        key: metric.as_str().to_owned(),
        version: 1,
        name: name.to_owned(),
        metric: metric.as_str().to_owned(),
        scale_max,
        status: SurveyStatus::Published.into(),
        created_at: millis(now),
        body: None,
        published_at: Some(millis(now)),
        closed_at: None,
    }
}

fn calendar(ws: WorkspaceId) -> Result<calendars::Model, EngineError> {
    let body = serde_json::to_string(&Calendar::default()).map_err(|error| EngineError::field("calendar", error))?;
    Ok(calendars::Model { workspace_id: ws.uuid(), key: "default".to_owned(), body })
}

fn team(ws: WorkspaceId) -> teams::Model {
    teams::Model {
        workspace_id: ws.uuid(),
        key: TEAM.to_owned(),
        name: "Support".to_owned(),
        email: None,
        calendar: None,
        manager: None,
        turn: 0,
    }
}

/// The rules that come with the program, all files together.
fn shipped() -> Result<Vec<Rule>, EngineError> {
    let mut rules = Vec::new();
    for (file, text) in SHIPPED {
        rules.extend(parse_yaml(file, text).map_err(|errors| {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            EngineError::field(*file, text.join("; "))
        })?);
    }
    Ok(rules)
}
