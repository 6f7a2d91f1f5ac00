//! What surrounds the work on one wave.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hearback_core::{
    campaign::{Plan, Planner},
    id::{WaveId, WorkspaceId},
    state::WaveStatus,
    wall::Tz,
};
use hearback_store::{
    Tx,
    outbox::{self, Lease, Outcome},
    time::from_millis,
    waves,
};

use crate::{
    Ctx, EngineError,
    reading::{Survey, plan_codec::Stored},
    workspace::Workspace,
};

/// A wave, its plan, its survey, and the claim under which it is worked on.
pub(super) struct Scene<'a> {
    pub cx: &'a Ctx,
    pub lease: &'a Lease,
    pub workspace: Arc<Workspace>,
    pub survey: Survey,
    pub wave: waves::Model,
    pub plan: Plan,
    /// When the next wave of the campaign begins.
    pub until: Option<DateTime<Utc>>,
}

impl<'a> Scene<'a> {
    pub fn of(cx: &'a Ctx, lease: &'a Lease, workspace: Arc<Workspace>, wave: waves::Model, stored: Stored) -> Result<Self, EngineError> {
        let survey = workspace.needed_survey(wave.survey_id)?.clone();
        let until = stored.next(from_millis(wave.fire_at));
        Ok(Self { cx, lease, workspace, survey, wave, plan: stored.plan, until })
    }

    pub fn ws(&self) -> WorkspaceId {
        self.workspace.id
    }

    pub const fn id(&self) -> WaveId {
        WaveId::from_uuid(self.wave.id)
    }

    /// The zone of people whose own is not known.
    pub fn zone(&self) -> Tz {
        self.plan.zone(self.usual_zone())
    }

    fn usual_zone(&self) -> Tz {
        self.workspace.staff.hours_of(None).zone()
    }

    pub fn planner(&self) -> Planner<'_> {
        Planner::new(&self.plan, &self.wave.campaign, from_millis(self.wave.fire_at), self.until, self.usual_zone())
    }

    /// A transaction in which the claim holds and the wave has this status; else what becomes of the job.
    pub async fn begin(&self, status: WaveStatus) -> Result<Result<(Tx, waves::Model), Outcome>, EngineError> {
        let tx = self.cx.db.write().await?;
        if !outbox::is_held(&tx, self.lease).await? {
            return Ok(Err(Outcome::Settled));
        }
        match waves::lock(&tx, self.ws(), self.id()).await? {
            Some(wave) if wave.status == status => Ok(Ok((tx, wave))),
            // Paused or cancelled meanwhile: the next look finds what to do.
            _ => Ok(Err(Outcome::Snooze(self.cx.guarded_now(), "the wave was changed meanwhile".to_owned()))),
        }
    }
}
