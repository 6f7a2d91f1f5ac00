//! What a fresh database has before anybody does anything.

use chrono::{DateTime, Utc};
use hearback_core::{
    Metric,
    calendar::Calendar,
    id::{SurveyId, WorkspaceId},
};
use hearback_rules::{Rule, SHIPPED, parse_yaml};
use hearback_store::{bulk, calendars, surveys, teams, time::millis, workspaces};

use crate::{Ctx, EngineError, publish};

/// Key of the workspace of a fresh database.
const WORKSPACE: &str = "default";
/// Key of its one team.
const TEAM: &str = "support";

/// The workspace `default` with its surveys, rules, calendar and team. Made when it is missing; safe when two nodes do
/// it at once. What somebody changed or disabled since stays as it is.
pub async fn ensure_workspace(cx: &Ctx) -> Result<WorkspaceId, EngineError> {
    let here = || workspaces::by_key(cx.db.read(), WORKSPACE);
    if let Some(row) = here().await? {
        return Ok(WorkspaceId::from_uuid(row.id));
    }
    let now = cx.now();
    let ws = WorkspaceId::new(now);
    let tx = cx.db.write().await?;
    if bulk::insert_missing::<workspaces::Entity>(&tx, &[workspace(ws, now)]).await? == 0 {
        // Another node was first, and its transaction, which made all the rest too, is committed by now.
        tx.rollback().await?;
        let row = here().await?.ok_or_else(|| EngineError::not_found("workspace", WORKSPACE))?;
        return Ok(WorkspaceId::from_uuid(row.id));
    }
    let (nps, csat, ces) = (("Recommendation", Metric::Nps, 10), ("Satisfaction", Metric::Csat, 5), ("Effort", Metric::Ces, 7));
    bulk::insert::<surveys::Entity>(&tx, &[nps, csat, ces].map(|(name, metric, max)| survey(ws, name, metric, max, now))).await?;
    bulk::insert::<calendars::Entity>(&tx, &[calendar(ws)?]).await?;
    bulk::insert::<teams::Entity>(&tx, &[team(ws)]).await?;
    publish::publish_in(&tx, ws, shipped()?, now).await?;
    tx.commit().await?;
    Ok(ws)
}

fn workspace(ws: WorkspaceId, now: DateTime<Utc>) -> workspaces::Model {
    workspaces::Model {
        id: ws.uuid(),
        key: WORKSPACE.to_owned(),
        name: "Hearback".to_owned(),
        locale: "en".to_owned(),
        default_team: TEAM.to_owned(),
        config_revision: 1,
        created_at: millis(now),
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
        status: "published".to_owned(),
        created_at: millis(now),
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
