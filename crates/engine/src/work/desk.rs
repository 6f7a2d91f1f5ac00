//! A case on somebody's desk: locked, changed, written back with its timeline, or not at all.

use chrono::{DateTime, Utc};
use hearback_core::{
    Case, CaseEvent, LoopStatus,
    case::{self, IllegalStep},
    id::{CaseId, WorkspaceId},
};
use hearback_store::{
    Tx, bulk, cases, events, outbox,
    time::{from_millis, millis},
};
use serde_json::Value;

use crate::{
    Actor, Ctx, EngineError, chain,
    facts::{read_segment, small},
};

/// A case under work: its row is locked, nothing is visible before [`Desk::done`].
pub(super) struct Desk<'a> {
    pub(super) tx: Tx,
    pub(super) row: cases::Model,
    pub(super) now: DateTime<Utc>,
    cx: &'a Ctx,
    /// Where the loop stood before.
    before: String,
    actor: &'a Actor,
    timeline: Vec<events::Model>,
}

impl<'a> Desk<'a> {
    pub(super) async fn open(cx: &'a Ctx, ws: WorkspaceId, case: CaseId, actor: &'a Actor) -> Result<Self, EngineError> {
        let tx = cx.db.write().await?;
        let mut row = cases::lock(&tx, ws, case).await?.ok_or_else(|| EngineError::not_found("case", case))?;
        let now = cx.now();
        row.updated_at = millis(now);
        let before = row.loop_status.clone();
        Ok(Self { tx, row, now, cx, before, actor, timeline: Vec::new() })
    }

    pub(super) fn step(&mut self, event: &CaseEvent) -> Result<(), EngineError> {
        let next = case::step(&core_case(&self.row), event, self.now).map_err(refused)?;
        write_case(next, &mut self.row);
        Ok(())
    }

    pub(super) fn note(&mut self, kind: &str, data: &Value) {
        self.timeline.push(self.entry(kind, self.actor, data));
    }

    /// What happened by itself.
    pub(super) fn note_system(&mut self, kind: &str, data: &Value) {
        self.timeline.push(self.entry(kind, &Actor::System, data));
    }

    fn entry(&self, kind: &str, actor: &Actor, data: &Value) -> events::Model {
        let (ws, case) = (WorkspaceId::from_uuid(self.row.workspace_id), CaseId::from_uuid(self.row.id));
        events::row(ws, case, kind, &actor.to_string(), data, self.now)
    }

    pub(super) async fn done(self) -> Result<(), EngineError> {
        let mut ask = Vec::new();
        if self.row.loop_status != self.before {
            let workspace = self.cx.workspaces.get(&*self.tx, WorkspaceId::from_uuid(self.row.workspace_id)).await?;
            ask.extend(chain::moved(&workspace, &self.before, &self.row, Vec::new, self.now));
        }
        cases::save(&self.tx, self.row).await?;
        bulk::insert::<events::Entity>(&self.tx, &self.timeline).await?;
        outbox::enqueue(&self.tx, &ask).await?;
        self.tx.commit().await?;
        if !ask.is_empty() {
            self.cx.wake.notify_one();
        }
        Ok(())
    }
}

fn refused(step: IllegalStep) -> EngineError {
    let message = step.to_string();
    match step {
        IllegalStep::Lacks(lacks) => EngineError::Conflict { message, lacks },
        IllegalStep::NotNow { .. } => EngineError::conflict(message),
    }
}

/// The row as the state machine sees it. A status that is no word of ours reads as open, so that somebody looks.
pub(crate) fn core_case(row: &cases::Model) -> Case {
    Case {
        segment: read_segment(&row.segment),
        status: LoopStatus::parse(&row.loop_status).unwrap_or(LoopStatus::Open),
        attempts: small(row.attempts),
        open_tasks: small(row.open_tasks),
        first_contact_at: row.first_contact_at.map(from_millis),
        resolved_at: row.resolved_at.map(from_millis),
        closed_at: row.closed_at.map(from_millis),
        root_cause: row.root_cause.clone(),
        resolution: row.resolution.clone(),
        acknowledged: row.acknowledged_at.is_some(),
    }
}

/// Writes what the state machine decided into the row. When the acknowledgement was accepted is for the caller to say.
pub(crate) fn write_case(case: Case, row: &mut cases::Model) {
    case.segment.as_str().clone_into(&mut row.segment);
    case.status.as_str().clone_into(&mut row.loop_status);
    row.attempts = i64::from(case.attempts);
    row.open_tasks = i64::from(case.open_tasks);
    row.first_contact_at = case.first_contact_at.map(millis);
    row.resolved_at = case.resolved_at.map(millis);
    row.closed_at = case.closed_at.map(millis);
    row.root_cause = case.root_cause;
    row.resolution = case.resolution;
    row.acknowledged_at = row.acknowledged_at.filter(|_| case.acknowledged);
}

/// What closing this case still lacks, in words for its owner; empty when nothing is.
pub fn lacks(case: &cases::Model) -> Vec<String> {
    core_case(case).lacks()
}
