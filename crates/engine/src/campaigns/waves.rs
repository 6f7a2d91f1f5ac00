//! Waves as people look at them, and what they can do with one: pause, resume, cancel.

use std::collections::BTreeMap;

use hearback_core::{
    campaign::Reason,
    id::{JobId, WaveId, WorkspaceId},
    state::{InvitationState, State as _, WaveStatus},
};
use hearback_store::{
    Tx, Unreadable,
    cursor::{Listed, Page},
    invitations, outbox,
    time::millis,
    waves,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Actor, Ctx, EngineError, audit};

/// The reason of a wave that stands still because its campaign does.
pub(super) const CAMPAIGN_PAUSED: &str = "its campaign is paused";

/// What caused the job of a wave.
pub(super) fn wave_job(wave: Uuid) -> String {
    format!("wave/{wave}/job")
}

/// The job of a wave.
pub(crate) fn job_of(wave: Uuid) -> JobId {
    JobId::beside(&wave_job(wave))
}

/// A wave with how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// As stored.
    pub row: waves::Model,
    /// How many people there are of each state.
    pub states: BTreeMap<InvitationState, i64>,
    /// How many were not asked, or wait, for each reason; the largest number first.
    pub reasons: Vec<(Reason, i64)>,
}

impl Wave {
    /// People of the audience.
    pub fn people(&self) -> i64 {
        self.states.values().sum()
    }

    /// People for whom the mail server has taken the invitation, or the link was made.
    pub fn asked(&self) -> i64 {
        self.of(&[InvitationState::Sent, InvitationState::Answered, InvitationState::Bounced, InvitationState::Expired])
    }

    /// People who are still to be asked.
    pub fn waiting(&self) -> i64 {
        self.of(&InvitationState::UNSENT)
    }

    /// People who answered.
    pub fn answered(&self) -> i64 {
        self.of(&[InvitationState::Answered])
    }

    fn of(&self, states: &[InvitationState]) -> i64 {
        states.iter().filter_map(|state| self.states.get(state)).sum()
    }

    /// Of those who are asked at all, how many have been, in whole per cent.
    pub fn percent(&self) -> i64 {
        let all = self.asked() + self.waiting();
        if all == 0 { 100 } else { 100 * self.asked() / all }
    }

    /// The plan as it was when the wave began, as it was written: another version may have begun it.
    pub fn plan(&self) -> Result<Value, EngineError> {
        serde_json::from_str(&self.row.body).map_err(|error| EngineError::Store(Unreadable::new("waves", self.row.id, error).into()))
    }
}

/// One page of the waves, of one campaign or of all, the latest first.
pub async fn list(cx: &Ctx, ws: WorkspaceId, campaign: Option<&str>, page: Page) -> Result<Listed<waves::Model>, EngineError> {
    Ok(waves::list(cx.db.read(), ws, campaign, page).await?)
}

/// One wave with its counts.
pub async fn one(cx: &Ctx, ws: WorkspaceId, id: WaveId) -> Result<Wave, EngineError> {
    let row = waves::by_id(cx.db.read(), ws, id).await?.ok_or_else(|| EngineError::not_found("wave", id))?;
    progress(cx, row).await
}

/// How far a wave is.
pub async fn progress(cx: &Ctx, row: waves::Model) -> Result<Wave, EngineError> {
    let (ws, id) = (WorkspaceId::from_uuid(row.workspace_id), WaveId::from_uuid(row.id));
    let mut states: BTreeMap<InvitationState, i64> = BTreeMap::new();
    let mut reasons: BTreeMap<Reason, i64> = BTreeMap::new();
    for ((state, reason), people) in invitations::counts(cx.db.read(), ws, id).await? {
        *states.entry(state).or_default() += people;
        if let Some(reason) = reason.as_deref().and_then(Reason::parse) {
            *reasons.entry(reason).or_default() += people;
        }
    }
    let mut reasons: Vec<(Reason, i64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, people)| (-people, *reason));
    Ok(Wave { row, states, reasons })
}

/// Nobody is asked any more until it is resumed. What is between two commands of the mail server this very moment still goes.
pub async fn pause(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: WaveId) -> Result<Wave, EngineError> {
    let (tx, row) = changeable(cx, ws, id).await?;
    if row.status == WaveStatus::Paused {
        return one(cx, ws, id).await;
    }
    let paused_at = Some(millis(cx.now()));
    let row = waves::Model { status: WaveStatus::Paused.into(), paused_at, reason: Some(format!("paused by {actor}")), ..row };
    save(cx, actor, tx, row, "wave.paused").await
}

/// Goes on where it stood.
pub async fn resume(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: WaveId) -> Result<Wave, EngineError> {
    let (tx, row) = changeable(cx, ws, id).await?;
    if row.status != WaveStatus::Paused {
        drop(tx);
        return one(cx, ws, id).await;
    }
    let status = resumed(&row).into();
    outbox::wake(&tx, ws, job_of(row.id), cx.now()).await?;
    outbox::wake_waves(&tx, ws, cx.now()).await?;
    let row = waves::Model { status, paused_at: None, reason: None, ..row };
    let wave = save(cx, actor, tx, row, "wave.resumed").await?;
    cx.wake.notify_one();
    Ok(wave)
}

/// Where a paused wave goes on.
pub(super) const fn resumed(row: &waves::Model) -> WaveStatus {
    if row.planned_at.is_some() { WaveStatus::Running } else { WaveStatus::Planning }
}

/// Ends a wave: whoever was not asked is not asked. Links that were sent can still be answered, unless they end too.
pub async fn cancel(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: WaveId, also_sent: bool) -> Result<Wave, EngineError> {
    let now = cx.now();
    let (tx, row) = changeable(cx, ws, id).await?;
    let cancelled = invitations::cancel(&tx, ws, id, also_sent, millis(now)).await?;
    outbox::wake(&tx, ws, job_of(row.id), now).await?;
    outbox::wake_waves(&tx, ws, now).await?;
    let reason = Some(format!("cancelled by {actor}"));
    let row = waves::Model { status: WaveStatus::Cancelled.into(), finished_at: Some(millis(now)), paused_at: None, reason, ..row };
    waves::save(&tx, row.clone()).await?;
    let data = json!({ "people": cancelled, "links_too": also_sent });
    audit::note(&tx, ws, actor, "wave.cancelled", &row.id.to_string(), data, now);
    tx.commit().await?;
    cx.wake.notify_one();
    progress(cx, row).await
}

async fn changeable(cx: &Ctx, ws: WorkspaceId, id: WaveId) -> Result<(Tx, waves::Model), EngineError> {
    let tx = cx.db.write().await?;
    let row = waves::lock(&tx, ws, id).await?.ok_or_else(|| EngineError::not_found("wave", id))?;
    if row.status.can_become(WaveStatus::Cancelled) {
        Ok((tx, row))
    } else {
        Err(EngineError::conflict(format!("this wave is over: it is {}", row.status)))
    }
}

async fn save(cx: &Ctx, actor: &Actor, tx: Tx, row: waves::Model, what: &str) -> Result<Wave, EngineError> {
    waves::save(&tx, row.clone()).await?;
    let ws = WorkspaceId::from_uuid(row.workspace_id);
    audit::note(&tx, ws, actor, what, &row.id.to_string(), json!({ "campaign": row.campaign }), cx.now());
    tx.commit().await?;
    progress(cx, row).await
}
