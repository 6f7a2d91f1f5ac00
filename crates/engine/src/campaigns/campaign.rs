//! Campaigns: how one is written down, changed, paused and ended.
//!
//! What must stay true: a change never makes a campaign fire; when it fires next is computed in the transaction that changes it.

use chrono::{DateTime, Utc};
use hearback_core::{
    campaign::Plan,
    id::WorkspaceId,
    state::{CampaignStatus, WaveStatus},
    text,
};
use hearback_rules::Audience;
use hearback_store::{
    Tx, bulk, campaigns, outbox,
    time::{from_millis, millis},
    waves,
};
use serde_json::{Value, json};

use super::waves::{CAMPAIGN_PAUSED, job_of};
use crate::{
    Actor, Ctx, EngineError, audit,
    error::Fields,
    reading::plan_codec::{self, Stored},
    workspace::Workspace,
};

/// How many of the next fires are shown.
const SHOWN: usize = 5;

/// A campaign with its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// As stored.
    pub row: campaigns::Model,
    /// What it does; where that can't be read, no more than which survey it asks.
    pub plan: Plan,
    /// Why it begins no wave here, if so: another version wrote its plan.
    pub trouble: Option<String>,
    /// When it asks next by itself, if it does.
    pub next: Vec<DateTime<Utc>>,
}

impl Campaign {
    fn of(row: campaigns::Model, now: DateTime<Utc>) -> Self {
        let stored = match plan_codec::read(&row.body) {
            Ok(stored) => stored,
            Err(why) => {
                let plan = serde_json::from_str(&row.body).unwrap_or_else(|_| Plan::of(&row.survey));
                return Self { row, plan, trouble: Some(why), next: Vec::new() };
            }
        };
        let next = match (row.next_fire_at, &stored.times) {
            (Some(first), Some(times)) => {
                let first = from_millis(first);
                std::iter::once(first).chain(times.after(first.max(now))).take(SHOWN).collect()
            }
            _ => Vec::new(),
        };
        Self { row, plan: stored.plan, trouble: None, next }
    }
}

/// All campaigns, by key.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Campaign>, EngineError> {
    Ok(campaigns::list(cx.db.read(), ws).await?.into_iter().map(|row| Campaign::of(row, cx.now())).collect())
}

/// One campaign.
pub async fn one(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<Campaign, EngineError> {
    let row = campaigns::by_key(cx.db.read(), ws, key).await?;
    Ok(Campaign::of(row.ok_or_else(|| EngineError::not_found("campaign", key))?, cx.now()))
}

/// Makes a campaign or changes it; whether it is new. A wave that has begun goes on as it was planned.
pub async fn put(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, plan: Plan) -> Result<(Campaign, bool), EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let (key, plan) = check(&workspace, key, plan, now)?;
    let body = serde_json::to_string(&plan).map_err(|error| EngineError::field("plan", error))?;
    let tx = cx.db.write().await?;
    let before = campaigns::lock(&tx, ws, &key).await?;
    let is_new = before.is_none();
    let row = campaigns::Model {
        workspace_id: ws.uuid(),
        name: plan.name.clone().unwrap_or_else(|| key.clone()),
        survey: plan.survey.clone(),
        status: before.as_ref().map_or(CampaignStatus::Active.into(), |row| row.status),
        next_fire_at: next_fire(before.as_ref(), &plan, now),
        created_at: before.as_ref().map_or_else(|| millis(now), |row| row.created_at),
        updated_at: millis(now),
        key,
        body,
    };
    if is_new {
        bulk::insert::<campaigns::Entity>(&tx, std::slice::from_ref(&row)).await?;
    } else {
        campaigns::save(&tx, row.clone()).await?;
    }
    let what = if is_new { "campaign.created" } else { "campaign.changed" };
    audit::note(&tx, ws, actor, what, &row.key, json!({ "survey": row.survey }), now);
    tx.commit().await?;
    Ok((Campaign::of(row, now), is_new))
}

/// What was sent, if everything in it can be done here.
pub(crate) fn check(workspace: &Workspace, key: &str, plan: Plan, now: DateTime<Utc>) -> Result<(String, Plan), EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(key));
    for why in Audience::read(&plan.audience).err().into_iter().flatten() {
        fields.refuse("audience", why);
    }
    let checked = match plan.checked(now) {
        Ok(plan) => {
            if !workspace.surveys.contains_key(&plan.survey) {
                fields.refuse("survey", format!("there is no published survey `{}`", plan.survey));
            }
            Some(plan)
        }
        Err(wrong) => {
            for (field, why) in wrong {
                fields.refuse(field, why);
            }
            None
        }
    };
    fields.done()?;
    key.zip(checked).ok_or_else(|| EngineError::field("key", "is missing"))
}

/// When a campaign with this plan fires next. A schedule that did not change goes on where it was: a fire that is due this very
/// second is not lost by an edit, and no edit makes one.
fn next_fire(before: Option<&campaigns::Model>, plan: &Plan, now: DateTime<Utc>) -> Option<i64> {
    let active = before.is_none_or(|row| row.status == CampaignStatus::Active);
    let same = before.filter(|row| plan_codec::read(&row.body).is_ok_and(|before| before.plan.schedule == plan.schedule));
    match same {
        _ if !active => None,
        Some(row) => row.next_fire_at,
        None => plan.times().ok()??.after(now).next().map(millis),
    }
}

/// The plan of a campaign, with its schedule; a conflict where it can't be followed here.
pub(super) fn read_plan(row: &campaigns::Model) -> Result<Stored, EngineError> {
    let refused =
        |why| EngineError::conflict(format!("the campaign `{}` can't ask: {why}; change it, or use the version that wrote it", row.key));
    plan_codec::read(&row.body).map_err(refused)
}

/// Asks nobody more until it is resumed; its waves stand still with it.
pub async fn pause(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Campaign, EngineError> {
    let (tx, mut row) = changeable(cx, ws, key).await?;
    if row.status == CampaignStatus::Active {
        (row.status, row.next_fire_at) = (CampaignStatus::Paused.into(), None);
        for wave in waves::lock_open(&tx, ws, key).await?.into_iter().filter(|wave| wave.status != WaveStatus::Paused) {
            let paused_at = Some(millis(cx.now()));
            let reason = Some(CAMPAIGN_PAUSED.to_owned());
            waves::save(&tx, waves::Model { status: WaveStatus::Paused.into(), paused_at, reason, ..wave }).await?;
        }
    }
    finish(cx, ws, actor, tx, row, "campaign.paused").await
}

/// Goes on. What its schedule passed over while it was paused is not made up for.
pub async fn resume(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Campaign, EngineError> {
    let now = cx.now();
    let (tx, mut row) = changeable(cx, ws, key).await?;
    if row.status == CampaignStatus::Paused {
        row.status = CampaignStatus::Active.into();
        row.next_fire_at = read_plan(&row)?.next(now).map(millis);
        for wave in waves::lock_open(&tx, ws, key).await?.into_iter().filter(|wave| wave.reason.as_deref() == Some(CAMPAIGN_PAUSED)) {
            let status = super::waves::resumed(&wave).into();
            outbox::wake(&tx, ws, job_of(wave.id), now).await?;
            waves::save(&tx, waves::Model { status, paused_at: None, reason: None, ..wave }).await?;
        }
        outbox::wake_waves(&tx, ws, now).await?;
    }
    let campaign = finish(cx, ws, actor, tx, row, "campaign.resumed").await?;
    cx.wake.notify_one();
    Ok(campaign)
}

/// Begins no more waves, for good. Those that have begun go on.
pub async fn end(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Campaign, EngineError> {
    let (tx, mut row) = changeable(cx, ws, key).await?;
    (row.status, row.next_fire_at) = (CampaignStatus::Ended.into(), None);
    finish(cx, ws, actor, tx, row, "campaign.ended").await
}

async fn changeable(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<(Tx, campaigns::Model), EngineError> {
    let tx = cx.db.write().await?;
    let row = campaigns::lock(&tx, ws, key).await?.ok_or_else(|| EngineError::not_found("campaign", key))?;
    if row.status == CampaignStatus::Ended {
        return Err(EngineError::conflict("this campaign has ended; make a new one with another key"));
    }
    Ok((tx, row))
}

async fn finish(cx: &Ctx, ws: WorkspaceId, actor: &Actor, tx: Tx, row: campaigns::Model, what: &str) -> Result<Campaign, EngineError> {
    let now = cx.now();
    let row = campaigns::Model { updated_at: millis(now), ..row };
    campaigns::save(&tx, row.clone()).await?;
    audit::note(&tx, ws, actor, what, &row.key, Value::Null, now);
    tx.commit().await?;
    Ok(Campaign::of(row, now))
}
