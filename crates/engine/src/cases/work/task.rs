//! Tasks: done, dropped, taken up again, handed over.

use hearback_core::{
    CaseEvent, Owner, Word as _,
    id::{CaseId, TaskId, WorkspaceId},
    state::TaskStatus,
    timeline::{ClosedBy, Entry},
};
use hearback_store::{tasks, time::millis};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{check_block, check_owner, edit::CaseEdit};
use crate::{Actor, Ctx, EngineError, error::Fields};

/// A change of a task; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// `open`, `done` or `cancelled`.
    #[serde(default)]
    #[schemars(with = "Option<TaskStatus>")]
    pub status: Option<String>,
    /// What came of it; at most 10,000 characters.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Who does it now: an address or `team:KEY`.
    #[serde(default)]
    pub assignee: Option<String>,
}

/// Finishes, reopens or hands over a task. The last one that is finished may close the loop of a thanked customer.
pub async fn update_task(cx: &Ctx, ws: WorkspaceId, task: TaskId, actor: &Actor, change: TaskChange) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let status = change
        .status
        .and_then(|word| fields.check("status", TaskStatus::parse(&word).ok_or_else(|| format!("must be {}", TaskStatus::list()))));
    let outcome = check_block(&mut fields, "outcome", change.outcome);
    let assignee = fields.check_some("assignee", change.assignee, |text| Owner::parse(text.trim()));
    fields.done()?;

    let missing = || EngineError::not_found("task", task);
    let known = tasks::by_id(cx.db.read(), ws, task).await?.ok_or_else(missing)?;
    let mut edit = CaseEdit::open(cx, ws, CaseId::from_uuid(known.case_id), actor).await?;
    let mut row = tasks::lock(&edit.tx, ws, task).await?.ok_or_else(missing)?;
    if let Some(owner) = assignee {
        check_owner(&edit.tx, ws, "assignee", &owner).await?;
        let from = std::mem::replace(&mut row.owner, owner.to_string());
        edit.note(&Entry::TaskAssigned { task, from, owner });
    }
    if outcome.is_some() {
        row.outcome = outcome;
    }
    if let Some(status) = status.filter(|status| row.status != *status) {
        move_task(&mut edit, &mut row, status)?;
    }
    tasks::save(&edit.tx, row).await?;
    edit.done().await
}

/// The case counts its open tasks; the last one may have been all that was missing.
fn move_task(edit: &mut CaseEdit, task: &mut tasks::Model, status: TaskStatus) -> Result<(), EngineError> {
    let was_open = task.status == TaskStatus::Open;
    let (id, title, outcome) = (TaskId::from_uuid(task.id), task.title.clone(), task.outcome.clone());
    let (event, entry) = match status {
        TaskStatus::Open => (Some(CaseEvent::TaskOpened), Entry::TaskReopened { task: id, title, outcome }),
        TaskStatus::Done => (was_open.then_some(CaseEvent::TaskFinished), Entry::TaskDone { task: id, title, outcome }),
        TaskStatus::Cancelled => {
            (was_open.then_some(CaseEvent::TaskFinished), Entry::TaskCancelled { task: id, title, outcome, why: None })
        }
    };
    task.status = status.into();
    task.finished_at = (status != TaskStatus::Open).then(|| millis(edit.now));
    edit.note(&entry);
    let before = edit.row.loop_status;
    if let Some(event) = event {
        edit.step(&event)?;
    }
    if edit.row.loop_status != before {
        edit.note_system(&Entry::closed_by(ClosedBy::TaskFinished));
    }
    Ok(())
}
