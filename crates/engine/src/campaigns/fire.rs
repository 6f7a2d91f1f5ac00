//! A campaign's time has come, by its schedule or by somebody's word: a wave begins.
//!
//! What must stay true: one wave for each moment, whatever the number of nodes and whatever their clocks say. The row of the
//! campaign is locked, its next moment moves on in the same transaction, and the table itself takes no second wave of a moment.

use chrono::{DateTime, Utc};
use hearback_core::{
    Schedule,
    campaign::{catch_up, is_too_late, wave_name},
    id::{WaveId, WorkspaceId},
    state::{CampaignStatus, WaveStatus},
    wall::{self, Tz},
};
use hearback_store::{
    Tx, bulk, campaigns,
    outbox::{self, Job},
    surveys,
    time::{from_millis, millis},
    waves,
};
use serde_json::Value;

use super::{campaign::read_plan, waves::wave_job};
use crate::{
    Actor, Ctx, EngineError,
    alerts::{self, Alert, AlertKind},
    audit, clock_guard,
    reading::plan_codec::{self, Stored},
    workspace::Workspace,
};

/// Campaigns that one look fires; the next look goes on.
const PER_LOOK: u64 = 100;
/// Missed moments that are kept as waves; older ones are only counted.
const MOST_MISSED: usize = 100;

/// Begins the waves of all campaigns whose time has come; how many campaigns that were.
pub async fn fire_due(cx: &Ctx) -> Result<u64, EngineError> {
    if !clock_guard::is_steady(cx).await? {
        return Ok(0);
    }
    let mut fired = 0;
    for row in campaigns::due(cx.db.read(), millis(cx.now()), PER_LOOK).await? {
        match fire(cx, WorkspaceId::from_uuid(row.workspace_id), &row.key).await {
            Ok(done) => fired += u64::from(done),
            // One campaign that can't be read must not hold up the others.
            Err(error) => tracing::error!(campaign = %row.key, %error, "a campaign could not begin its wave; trying again"),
        }
    }
    Ok(fired)
}

async fn fire(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<bool, EngineError> {
    let now = cx.now();
    if !cx.clock.look().is_steady() {
        return Ok(false);
    }
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let Some(mut campaign) = campaigns::lock(&tx, ws, key).await? else { return Ok(false) };
    let due = campaign.next_fire_at.filter(|at| campaign.status == CampaignStatus::Active && *at <= millis(now)).map(from_millis);
    let Some(due) = due else { return Ok(false) };
    let stored = match plan_codec::read(&campaign.body) {
        Ok(stored) => stored,
        // A node that can read the plan begins the wave, this one after an update too. What can't be read is told as long as it lasts.
        Err(_) if !is_too_late(due, now) => return Ok(false),
        Err(why) => {
            let begin = Begin::of(&workspace, &campaign, None, now);
            begin.write(&tx, due, Some(&why)).await?;
            alerts::raise(&tx, ws, &[begin.not_understood(&why)], now).await?;
            // It no longer stands before those that can be fired; whoever changes it says when it asks next.
            campaigns::save(&tx, campaigns::Model { next_fire_at: None, ..campaign }).await?;
            return Ok(tx.commit().await.map(|()| true)?);
        }
    };
    let Some(times) = &stored.times else {
        campaigns::save(&tx, campaigns::Model { next_fire_at: None, ..campaign }).await?;
        return Ok(tx.commit().await.map(|()| false)?);
    };
    let fires = std::iter::once(due).chain(times.after(due).take_while(|fire| *fire <= now)).collect();
    let (begins, missed) = catch_up(fires, now);
    let begin = Begin::of(&workspace, &campaign, Some(&stored), now);
    let mut alerts = Vec::new();
    if !missed.is_empty() {
        for fire in missed.iter().rev().take(MOST_MISSED) {
            begin.write(&tx, *fire, Some("nothing was running when it should have begun")).await?;
        }
        alerts.push(begin.missed(missed.len(), begins.is_some()));
    }
    // A node that can read its survey begins the wave; one that finds it later finds what was missed.
    if workspace.can_read(begin.survey).is_err() {
        return Ok(false);
    }
    if let Some(fire) = begins {
        let survey = workspace.surveys.contains_key(begin.survey);
        let why = (!survey).then_some("its survey is not published");
        begin.write(&tx, fire, why).await?;
        alerts.extend((!survey).then(|| begin.no_survey()));
    }
    alerts::raise(&tx, ws, &alerts, now).await?;
    campaign.next_fire_at = times.after(now.max(due)).next().map(millis);
    campaigns::save(&tx, campaign).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(true)
}

/// Begins a wave now, whatever the schedule says.
pub async fn run_now(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<waves::Model, EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let campaign = campaigns::lock(&tx, ws, key).await?.ok_or_else(|| EngineError::not_found("campaign", key))?;
    match *campaign.status {
        CampaignStatus::Active => {}
        CampaignStatus::Paused => return Err(EngineError::conflict("this campaign is paused; resume it first")),
        CampaignStatus::Ended => return Err(EngineError::conflict("this campaign has ended; make a new one with another key")),
    }
    let stored = read_plan(&campaign)?;
    let plan = &stored.plan;
    if plan.trigger.is_some() {
        return Err(EngineError::conflict("this campaign asks after an event, one by one; it has no waves"));
    }
    if !workspace.surveys.contains_key(&plan.survey) {
        return Err(EngineError::conflict(format!("the survey `{}` is not published; publish it first", plan.survey)));
    }
    let begin = Begin::of(&workspace, &campaign, Some(&stored), now);
    let wave = begin.write(&tx, now, None).await?;
    audit::note(&tx, ws, actor, "wave.begun", &campaign.key, Value::Null, now);
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(wave)
}

/// What a wave is made of.
struct Begin<'a> {
    workspace: &'a Workspace,
    campaign: &'a campaigns::Model,
    survey: &'a str,
    /// None of a campaign without a schedule, or with one that can't be read.
    times: Option<&'a Schedule>,
    zone: Tz,
    now: DateTime<Utc>,
}

impl<'a> Begin<'a> {
    fn of(workspace: &'a Workspace, campaign: &'a campaigns::Model, stored: Option<&'a Stored>, now: DateTime<Utc>) -> Self {
        let usual = workspace.staff.hours_of(None).zone();
        Self {
            workspace,
            campaign,
            survey: stored.map_or(&campaign.survey, |stored| &stored.plan.survey),
            times: stored.and_then(|stored| stored.times.as_ref()),
            zone: stored.map_or(usual, |stored| stored.plan.zone(usual)),
            now,
        }
    }

    /// Writes the wave of a moment, with its job; one that is `missed` for a reason has none. The wave that has the moment
    /// already stays as it is.
    async fn write(&self, tx: &Tx, fire: DateTime<Utc>, missed: Option<&str>) -> Result<waves::Model, EngineError> {
        let (ws, key) = (self.workspace.id, &self.campaign.key);
        let id = WaveId::derived(&format!("wave/{ws}/{key}/{}", millis(fire)));
        let published = self.workspace.surveys.get(self.survey).map(|survey| survey.id.uuid());
        let survey_id = match published {
            Some(id) => Some(id),
            None => surveys::versions(&**tx, ws, self.survey).await?.first().map(|row| row.id),
        };
        let Some(survey_id) = survey_id else {
            return Err(EngineError::conflict(format!("there is no survey `{}` any more", self.survey)));
        };
        let until = self.times.and_then(|times| times.after(fire).next());
        let row = waves::Model {
            workspace_id: ws.uuid(),
            id: id.uuid(),
            campaign: key.clone(),
            name: wave_name(fire, until, self.zone),
            status: if missed.is_some() { WaveStatus::Missed } else { WaveStatus::Planning }.into(),
            survey_id,
            fire_at: millis(fire),
            body: self.campaign.body.clone(),
            created_at: millis(self.now),
            planned_at: None,
            paused_at: None,
            finished_at: missed.map(|_| millis(self.now)),
            reason: missed.map(str::to_owned),
        };
        let new = bulk::insert_missing::<waves::Entity>(tx, std::slice::from_ref(&row)).await?;
        if new > 0 && missed.is_none() {
            outbox::enqueue(tx, &[outbox::row(ws, &Job::Wave { wave: id }, &wave_job(row.id), self.now, self.now, None)]).await?;
        }
        Ok(row)
    }

    fn missed(&self, count: usize, one_begins: bool) -> Alert {
        let key = &self.campaign.key;
        let rest = if one_begins {
            "The latest one begins now; the others are left out.".to_owned()
        } else {
            format!(
                "That is more than a day ago: none begins by itself. Run one now with `hearback waves run {key}`, or wait for the next."
            )
        };
        let message = format!("The campaign {key} should have begun {count} waves while nothing was running. {rest}");
        Alert::new(AlertKind::WaveMissed, key.clone(), message)
    }

    fn not_understood(&self, why: &str) -> Alert {
        let key = &self.campaign.key;
        let message = format!(
            "The campaign {key} could not begin its wave: {why}. It begins none until it is changed, or the version that wrote it runs again; \
             then run the wave with `hearback waves run {key}`."
        );
        Alert::new(AlertKind::WaveMissed, key.clone(), message)
    }

    fn no_survey(&self) -> Alert {
        let (key, survey) = (&self.campaign.key, self.survey);
        let local = wall::local(self.zone, self.now).format("%Y-%m-%d %H:%M");
        let message = format!(
            "The campaign {key} could not begin its wave of {local}: the survey {survey} is not published. Publish it, then run the wave."
        );
        Alert::new(AlertKind::WaveMissed, key.clone(), message)
    }
}
