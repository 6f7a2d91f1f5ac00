//! A case on somebody's edit: locked, changed, written back with its timeline, or not at all.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hearback_core::{
    Case, CaseEvent, LoopStatus,
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
    automation::{
        chain,
        facts::{read_segment, small},
    },
    cases::clocks,
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
        let ask: Vec<_> = chain::moved(&self.workspace, self.before, &self.row, Vec::new, self.now).into_iter().collect();
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

/// The row as the state machine sees it.
pub(crate) fn core_case(row: &cases::Model) -> Case {
    Case {
        segment: read_segment(&row.segment),
        status: *row.loop_status,
        attempts: small(row.attempts),
        open_tasks: small(row.open_tasks),
        first_attempt_at: row.first_attempt_at.map(from_millis),
        last_attempt_at: row.last_attempt_at.map(from_millis),
        first_contact_at: row.first_contact_at.map(from_millis),
        contacted_at: row.contacted_at.map(from_millis),
        close_due_at: row.close_due_at.map(from_millis),
        waiting_since: row.waiting_since.map(from_millis),
        resolved_at: row.resolved_at.map(from_millis),
        closed_at: row.closed_at.map(from_millis),
        root_cause: row.root_cause.clone(),
        resolution: row.resolution.clone(),
        acknowledged: row.acknowledged_at.is_some(),
    }
}

/// Writes what the state machine decided into the row; the clock never has to look at a finished case. When the
/// acknowledgement was accepted is for the caller to say.
pub(crate) fn write_case(case: Case, row: &mut cases::Model) {
    case.segment.as_str().clone_into(&mut row.segment);
    row.loop_status = case.status.into();
    row.attempts = i64::from(case.attempts);
    row.open_tasks = i64::from(case.open_tasks);
    row.first_attempt_at = case.first_attempt_at.map(millis);
    row.last_attempt_at = case.last_attempt_at.map(millis);
    row.first_contact_at = case.first_contact_at.map(millis);
    row.contacted_at = case.contacted_at.map(millis);
    row.close_due_at = case.close_due_at.map(millis);
    row.waiting_since = case.waiting_since.map(millis);
    row.resolved_at = case.resolved_at.map(millis);
    row.closed_at = case.closed_at.map(millis);
    row.root_cause = case.root_cause;
    row.resolution = case.resolution;
    row.acknowledged_at = row.acknowledged_at.filter(|_| case.acknowledged);
    row.next_deadline_at = row.next_deadline_at.filter(|_| case.status.is_active());
}

/// What closing this case still lacks, in words for its owner; empty when nothing is.
pub fn lacks(case: &cases::Model, terms: Terms<'_>) -> Vec<String> {
    core_case(case).lacks(terms)
}
