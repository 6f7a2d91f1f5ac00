//! What people do in a case: contacts, resolving, closing, handing over, tasks.
//!
//! Owns: one transaction per step of an agent: read the case under a lock, ask `core::case::step`, write the row and
//! the timeline. Refuses to know: which steps are legal (that is `core`), who may take them (that is `web`).

use hearback_core::id::{CaseId, TaskId, WorkspaceId};
use serde::Deserialize;

use crate::{Actor, Ctx, EngineError};

/// One try to reach a customer, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// How: `phone`, `email`, ...; 1-64 of `a-z 0-9 - _`.
    pub channel: String,
    /// `reached`, `no_answer`, `wrong_number` or `replied`.
    pub outcome: String,
    /// What was said; at most 10,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// What is entered when a case is resolved or closed; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseChange {
    /// Why the customer was unhappy; one line.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// What was done about it; at most 10,000 characters.
    #[serde(default)]
    pub resolution: Option<String>,
    /// For the timeline; at most 10,000 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// A change of a task; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// `open`, `done` or `cancelled`.
    #[serde(default)]
    pub status: Option<String>,
    /// What came of it; at most 10,000 characters.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Who does it now: an address or `team:KEY`.
    #[serde(default)]
    pub assignee: Option<String>,
}

/// Logs a try to reach the customer.
pub async fn log_contact(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _contact: NewContact) -> Result<(), EngineError> {
    todo!()
}

/// Marks the case as resolved.
pub async fn resolve(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _change: CaseChange) -> Result<(), EngineError> {
    todo!()
}

/// Closes the loop; a `Conflict` with what is lacking while something is missing.
pub async fn close(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _change: CaseChange) -> Result<(), EngineError> {
    todo!()
}

/// Takes up a finished case again.
pub async fn reopen(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _note: Option<String>) -> Result<(), EngineError> {
    todo!()
}

/// Hands the case to somebody else: an address of one of our users, or `team:KEY`.
pub async fn assign(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _owner: &str) -> Result<(), EngineError> {
    todo!()
}

/// Writes a note into the timeline.
pub async fn add_note(_cx: &Ctx, _ws: WorkspaceId, _case: CaseId, _actor: &Actor, _note: &str) -> Result<(), EngineError> {
    todo!()
}

/// Finishes, reopens or hands over a task.
pub async fn update_task(_cx: &Ctx, _ws: WorkspaceId, _task: TaskId, _actor: &Actor, _change: TaskChange) -> Result<(), EngineError> {
    todo!()
}
