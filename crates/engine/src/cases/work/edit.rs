//! A case under work: locked, changed, written back with its timeline, or not at all.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, LoopStatus,
    case::{self, IllegalStep},
    id::{CaseId, WorkspaceId},
    policy::Terms,
    timeline::Entry,
};
use hearback_store::{
    Tx, bulk, cases, events, outbox,
    time::{from_millis, millis},
};

use crate::{
    Actor, Ctx, EngineError,
    rows::{clocks, core_case, write_case},
    trigger_events,
    workspace::Workspace,
};

/// A case under work: its row is locked, nothing is visible before [`CaseEdit::done`].
pub(super) struct CaseEdit<'a> {
    pub(super) tx: Tx,
    pub(super) row: cases::Model,
    pub(super) now: DateTime<Utc>,
    pub(super) workspace: Arc<Workspace>,
    cx: &'a Ctx,
    /// Where the loop stood before.
    before: LoopStatus,
    actor: &'a Actor,
    timeline: Vec<events::Model>,
}

impl<'a> CaseEdit<'a> {
    pub(super) async fn open(cx: &'a Ctx, ws: WorkspaceId, case: CaseId, actor: &'a Actor) -> Result<Self, EngineError> {
        let tx = cx.db.write().await?;
        Self::within(cx, tx, ws, case, actor).await
    }

    /// The same in a transaction that has begun already; it ends with this step.
    pub(super) async fn within(cx: &'a Ctx, tx: Tx, ws: WorkspaceId, case: CaseId, actor: &'a Actor) -> Result<Self, EngineError> {
        let workspace = cx.workspaces.get(&*tx, ws).await?;
        let mut row = cases::lock(&tx, ws, case).await?.ok_or_else(|| EngineError::not_found("case", case))?;
        let now = cx.now();
        row.updated_at = millis(now);
        let before = *row.loop_status;
        Ok(Self { tx, row, now, workspace, cx, before, actor, timeline: Vec::new() })
    }

    pub(super) fn step(&mut self, event: &CaseEvent) -> Result<(), EngineError> {
        let next = case::step(&core_case(&self.row), event, self.workspace.terms(&self.row), self.now).map_err(refused)?;
        write_case(next, &mut self.row);
        Ok(())
    }

    pub(super) fn status(&self) -> LoopStatus {
        *self.row.loop_status
    }

    /// The clock for closing runs anew, from now.
    pub(super) fn restart(&mut self) {
        let terms = self.workspace.terms(&self.row);
        clocks::restart(&mut self.row, terms, self.now);
    }

    pub(super) fn note(&mut self, entry: &Entry) {
        self.timeline.push(self.event(self.actor, entry));
    }

    /// What happened by itself.
    pub(super) fn note_system(&mut self, entry: &Entry) {
        self.timeline.push(self.event(&Actor::System, entry));
    }

    fn event(&self, actor: &Actor, entry: &Entry) -> events::Model {
        let (ws, case) = (WorkspaceId::from_uuid(self.row.workspace_id), CaseId::from_uuid(self.row.id));
        events::row(ws, case, &actor.to_string(), entry, self.now)
    }

    /// The wait is over.
    pub(super) fn resumed(&self, note: Option<String>, why: Option<&str>) -> Entry {
        Entry::Resumed { note, close_due: self.row.close_due_at.map(from_millis), why: why.map(str::to_owned) }
    }

    pub(super) async fn done(mut self) -> Result<(), EngineError> {
        let terms = self.workspace.terms(&self.row);
        clocks::wind(&mut self.row, terms);
        let ask: Vec<_> = trigger_events::moved(&self.workspace, self.before, &self.row, Vec::new, self.now).into_iter().collect();
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
        IllegalStep::Lacks(lacks) | IllegalStep::TooEarly(lacks) => EngineError::Conflict { message, lacks },
        IllegalStep::UnknownCause(_) => EngineError::field("root_cause", message),
        IllegalStep::NotNow { .. } | IllegalStep::Waiting(_) => EngineError::conflict(message),
    }
}

/// What closing this case still lacks, in words for its owner; empty when nothing is.
pub fn lacks(case: &cases::Model, terms: Terms<'_>) -> Vec<String> {
    core_case(case).lacks(terms)
}
