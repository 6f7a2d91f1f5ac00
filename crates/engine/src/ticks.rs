//! Reconcilers: each looks at the tables and repairs what time has changed. They take no input, may run on any node at
//! any moment, and twice at once: the second finds nothing left to do.

use std::time::Duration;

use futures::future::BoxFuture;
use hearback_core::{
    LoopStatus,
    id::{CaseId, TaskId, WorkspaceId},
    state::TaskStatus,
    timeline::Entry,
};
use hearback_rules::Trigger;
use hearback_store::{messages, outbox, snapshot, tasks, time::millis, workspaces};

use crate::{
    Actor, Ctx, EngineError,
    automation::{apply::Changes, decide::decide},
    campaigns::{fire, reschedule},
    cases::{awaited_codes, next_deadline},
    customers::{erased, merge},
    health::{self, Monitoring},
    rows::event,
};

/// Something that is looked at again and again.
#[derive(Clone, Copy)]
pub struct Tick {
    /// For logs.
    pub name: &'static str,
    /// How often.
    pub period: Duration,
    /// Looks and repairs; how much was repaired.
    pub run: fn(&Monitoring) -> BoxFuture<'_, Result<u64, EngineError>>,
}

/// All of them.
pub const TICKS: &[Tick] = &[
    Tick { name: "overdue tasks", period: Duration::from_secs(5), run: |cx| Box::pin(overdue_tasks(cx)) },
    Tick { name: "clocks of cases", period: Duration::from_secs(5), run: |cx| Box::pin(next_deadline::ring_all(cx)) },
    Tick { name: "schedules", period: Duration::from_secs(5), run: |cx| Box::pin(fire::fire_due(cx)) },
    Tick { name: "schedules ahead", period: Duration::from_hours(1), run: |cx| Box::pin(reschedule::look(cx)) },
    Tick { name: "expired codes", period: Duration::from_mins(1), run: |cx| Box::pin(awaited_codes::expire(cx)) },
    Tick { name: "codes for cases that wait", period: Duration::from_secs(5), run: |cx| Box::pin(awaited_codes::serve(cx)) },
    Tick { name: "owners of cases that wait", period: Duration::from_secs(5), run: |cx| Box::pin(awaited_codes::settle(cx)) },
    Tick { name: "merged persons", period: Duration::from_mins(1), run: |cx| merge::reconcile(cx) },
    Tick { name: "health", period: Duration::from_secs(30), run: |cx| Box::pin(health::look(cx)) },
    Tick { name: "rescue", period: Duration::from_secs(5), run: |cx| Box::pin(rescue(cx)) },
    Tick { name: "list of who was erased", period: Duration::from_mins(1), run: |cx| Box::pin(erased::keep(cx)) },
    Tick { name: "prune", period: Duration::from_mins(10), run: |cx| Box::pin(prune(cx)) },
];

/// Most rows that one look repairs; the next look goes on.
const PER_LOOK: u64 = 200;
/// Most rows of a kind that are deleted together.
const PER_PRUNE: u64 = 5_000;
/// How long jobs that ended are kept for a look back.
pub(crate) const KEEP_JOBS: chrono::Duration = chrono::Duration::days(7);

async fn overdue_tasks(cx: &Ctx) -> Result<u64, EngineError> {
    let late = snapshot::newly_overdue_tasks(cx.db.read(), millis(cx.now()), PER_LOOK).await?;
    let mut done = 0;
    for task in late {
        let (ws, case) = (WorkspaceId::from_uuid(task.workspace_id), CaseId::from_uuid(task.case_id));
        done += u64::from(overdue(cx, ws, case, TaskId::from_uuid(task.id)).await?);
    }
    Ok(done)
}

/// Marks a task as overdue, once, and asks the rules about it. Looks again under the lock: whoever finished the work in the
/// meantime wins.
async fn overdue(cx: &Ctx, ws: WorkspaceId, case: CaseId, task: TaskId) -> Result<bool, EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let Some(mut rows) = snapshot::case(&*tx, ws.uuid(), case.uuid()).await? else { return Ok(false) };
    let Some(task) = tasks::lock(&tx, ws, task).await? else { return Ok(false) };
    if task.status != TaskStatus::Open || task.overdue_at.is_some() {
        return Ok(false);
    }
    let mut changes = Changes::default();
    let entry = Entry::TaskOverdue { task: TaskId::from_uuid(task.id), title: task.title.clone() };
    tasks::save(&tx, tasks::Model { overdue_at: Some(millis(now)), ..task }).await?;
    changes.events.push(event(&rows.case, &Actor::System, &entry, now));
    if rows.case.loop_status != LoopStatus::Closed {
        decide(cx, &tx, &workspace, &mut rows, Trigger::TaskOverdue.into(), &mut changes).await?;
    }
    let queued = changes.save(&tx, &workspace, rows.case, now).await?;
    tx.commit().await?;
    if queued {
        cx.wake.notify_one();
    }
    Ok(true)
}

async fn rescue(cx: &Ctx) -> Result<u64, EngineError> {
    let rescued = outbox::rescue(&cx.db, cx.now()).await?;
    if rescued > 0 {
        tracing::warn!(jobs = rescued, "jobs of a worker that died are back in the queue");
        cx.wake.notify_one();
    }
    Ok(rescued)
}

async fn prune(cx: &Ctx) -> Result<u64, EngineError> {
    let mut gone = outbox::prune(&cx.db, cx.now() - KEEP_JOBS, PER_PRUNE).await?;
    let before = millis(cx.now() - cx.settings.keep_quarantined);
    for ws in workspaces::ids(cx.db.read()).await? {
        gone += messages::prune(&cx.db, ws, before, PER_PRUNE).await?;
    }
    Ok(gone)
}
