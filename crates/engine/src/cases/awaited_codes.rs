//! Cases that wait for a code, and what time and imports change: codes expire, owners of waiting cases are told, cases that wait get
//! their code. Refuses to know: how a pool gives its codes (that is [`crate::incentives::pools`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, Owner, case,
    id::{CaseId, DeliveryId, TaskId, WorkspaceId},
    state::TaskStatus,
    timeline::{ClosedBy, Entry},
};
use hearback_store::{
    Tx, bulk, cases, deliveries, events, incentive_codes,
    incentive_waits::{self, Model as Wait},
    outbox, pools, tasks,
    time::{from_millis, millis},
};
use uuid::Uuid;

use crate::{
    Actor, Ctx, EngineError,
    automation::apply::Changes,
    incentives::pools::look,
    rows::{clocks, core_case, event, event_of, read_owner, write_case},
    trigger_events,
    workspace::Workspace,
};

/// Most cases that one look serves or settles.
const PER_LOOK: u64 = 500;
/// Business days until the owner of a case that got no code should have seen to it.
const DUE_DAYS: u32 = 2;
/// Mail to whoever owns a case whose code is missing.
const TO_OWNER: &str = "task_assigned";

/// Free codes whose time is over are not free any more.
pub(crate) async fn expire(cx: &Ctx) -> Result<u64, EngineError> {
    let now = cx.now();
    let mut done = 0;
    for pool in pools::every(cx.db.read()).await? {
        if incentive_codes::is_any_over(cx.db.read(), pool.workspace_id, &pool.key, millis(now)).await? {
            let tx = cx.db.write().await?;
            if let Some(pool) = pools::lock(&tx, pool.workspace_id, &pool.key).await? {
                done += incentive_codes::expire(&tx, pool.workspace_id, &pool.key, millis(now)).await?;
                look(&tx, pool, now).await?;
                tx.commit().await?;
            }
        }
    }
    Ok(done)
}

/// Gives codes to cases that wait, who waits longest first, and lets their mails go.
pub(crate) async fn serve(cx: &Ctx) -> Result<u64, EngineError> {
    let now = cx.now();
    let mut done = 0;
    for (ws, key) in incentive_waits::pools(cx.db.read()).await? {
        if incentive_codes::free_up_to(cx.db.read(), ws, &key, millis(now), 1).await? > 0 {
            done += serve_pool(cx, ws, &key, now).await?;
        }
    }
    if done > 0 {
        cx.wake.notify_one();
    }
    Ok(done)
}

async fn serve_pool(cx: &Ctx, ws: Uuid, key: &str, now: DateTime<Utc>) -> Result<u64, EngineError> {
    let tx = cx.db.write().await?;
    let Some(pool) = pools::lock(&tx, ws, key).await? else { return Ok(0) };
    let waiting = incentive_waits::of_pool(&*tx, ws, key, PER_LOOK).await?;
    let wanted: Vec<CaseId> = waiting.iter().map(|wait| CaseId::from_uuid(wait.case_id)).collect();
    let given = incentive_codes::give(&tx, ws, key, &wanted, now).await?;
    let served: Vec<Uuid> = wanted.iter().filter(|case| given.contains(case)).map(|case| case.uuid()).collect();
    // Outbox before waits, as everybody takes the two.
    incentive_waits::hurry_mails(&tx, ws, &served, millis(now)).await?;
    incentive_waits::end(&tx, ws, &served, Some(key), "a code was given", millis(now)).await?;
    let entry = |case: &Uuid| event_of(ws, *case, &Actor::System, &Entry::IncentiveGiven { pool: key.to_owned() }, now);
    bulk::insert::<events::Entity>(&tx, &served.iter().map(entry).collect::<Vec<_>>()).await?;
    look(&tx, pool, now).await?;
    tx.commit().await?;
    Ok(u64::try_from(served.len()).unwrap_or(u64::MAX))
}

/// Owners of cases that wait are told, once a case: a task, and one mail for each time that a pool ran empty. Where the waiting
/// is over, the task is settled.
pub(crate) async fn settle(cx: &Ctx) -> Result<u64, EngineError> {
    let rows = incentive_waits::unsettled(cx.db.read(), PER_LOOK).await?;
    let mut by_workspace: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        by_workspace.entry(row.workspace_id).or_default().push(row.case_id);
    }
    let mut done = 0;
    for (ws, cases) in by_workspace {
        done += settle_cases(cx, WorkspaceId::from_uuid(ws), cases).await?;
    }
    Ok(done)
}

async fn settle_cases(cx: &Ctx, ws: WorkspaceId, cases: Vec<Uuid>) -> Result<u64, EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let mut locked: BTreeMap<Uuid, cases::Model> = cases::lock_all(&tx, ws, &cases).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut reconciler = Reconciler { cx, workspace: &workspace, tx: &tx, now, changes: Changes::default() };
    let mut done = 0;
    for wait in incentive_waits::of_cases(&tx, ws.uuid(), &cases).await? {
        let Some(row) = locked.get_mut(&wait.case_id) else { continue };
        done += u64::from(reconciler.settle(wait, row).await?);
    }
    let changes = reconciler.changes;
    let queued = !changes.jobs.is_empty();
    for row in locked.into_values() {
        cases::save(&tx, row).await?;
    }
    changes.write(&tx, ws.uuid(), now).await?;
    tx.commit().await?;
    if queued {
        cx.wake.notify_one();
    }
    Ok(done)
}

struct Reconciler<'a> {
    cx: &'a Ctx,
    workspace: &'a Workspace,
    tx: &'a Tx,
    now: DateTime<Utc>,
    changes: Changes,
}

impl Reconciler<'_> {
    async fn settle(&mut self, mut wait: Wait, case: &mut cases::Model) -> Result<bool, EngineError> {
        if let Some(outcome) = wait.outcome.clone().filter(|_| wait.ended_at.is_some()) {
            self.finish_task(&wait, case, outcome).await?;
            incentive_waits::remove(self.tx, &wait).await?;
            return Ok(true);
        }
        if wait.told_at.is_some() {
            return Ok(false);
        }
        self.tell(&wait, case);
        wait.told_at = Some(millis(self.now));
        incentive_waits::save(self.tx, wait).await?;
        Ok(true)
    }

    fn tell(&mut self, wait: &Wait, case: &mut cases::Model) {
        // A case on which nobody works any more gets no task; the timeline says what is missing.
        let Ok(next) = case::step(&core_case(case), &CaseEvent::TaskOpened, self.workspace.terms(case), self.now) else { return };
        write_case(next, case);
        case.updated_at = millis(self.now);
        let owner = read_owner(case.owner.as_deref()).unwrap_or_else(|| self.workspace.default_owner.clone());
        clocks::wind(case, self.workspace.terms(case));
        let task = self.task(wait, case, &owner);
        let (id, title) = (TaskId::from_uuid(task.id), task.title.clone());
        let entry = Entry::TaskOpened { task: id, title, owner: owner.clone(), pool: wait.pool.clone() };
        self.changes.events.push(event(case, &Actor::System, &entry, self.now));
        self.mail(wait, case, &owner, task.id);
        self.changes.tasks.push(task);
    }

    fn task(&self, wait: &Wait, case: &cases::Model, owner: &Owner) -> tasks::Model {
        tasks::Model {
            workspace_id: case.workspace_id,
            id: task_id(wait).uuid(),
            case_id: case.id,
            title: format!("The pool {} is empty: import codes, or thank this customer in another way", wait.pool),
            owner: owner.to_string(),
            status: TaskStatus::Open.into(),
            outcome: None,
            due_at: millis(self.workspace.terms(case).calendar.add_business_days(self.now, DUE_DAYS)),
            created_at: millis(self.now),
            finished_at: None,
            overdue_at: None,
            rule_version_id: None,
            step_index: None,
            revision: None,
        }
    }

    /// One mail to each address a day and pool, however many cases wait: the day is part of its id.
    fn mail(&mut self, wait: &Wait, case: &cases::Model, owner: &Owner, task: Uuid) {
        let day = from_millis(wait.asked_at).with_timezone(&self.workspace.terms(case).calendar.zone()).date_naive();
        for to in self.workspace.addresses(owner) {
            let id = DeliveryId::beside(&format!("pool/{}/{}/{day}/{}", case.workspace_id, wait.pool, to.email));
            let domain = self.cx.settings.mail_from.domain();
            let delivery = deliveries::Model {
                case_id: Some(case.id),
                task_id: Some(task),
                to_name: Some(to.name).filter(|name| !name.is_empty()),
                ..deliveries::Model::queued(self.workspace.id, id, TO_OWNER, to.email, domain, self.now)
            };
            let job = outbox::Job::Mail { delivery: id };
            // About the pool, not about this answer: no correction calls it off.
            self.changes.jobs.push(outbox::row(self.workspace.id, &job, &format!("mail/{id}"), self.now, self.now, None));
            self.changes.deliveries.push(delivery);
        }
    }

    async fn finish_task(&mut self, wait: &Wait, case: &mut cases::Model, outcome: String) -> Result<(), EngineError> {
        let Some(task) = tasks::lock(self.tx, self.workspace.id, task_id(wait)).await? else { return Ok(()) };
        if task.status != TaskStatus::Open {
            return Ok(());
        }
        let entry = Entry::TaskDone { task: TaskId::from_uuid(task.id), title: task.title.clone(), outcome: Some(outcome.clone()) };
        tasks::save(
            self.tx,
            tasks::Model { status: TaskStatus::Done.into(), outcome: Some(outcome), finished_at: Some(millis(self.now)), ..task },
        )
        .await?;
        self.changes.events.push(event(case, &Actor::System, &entry, self.now));
        let before = case.loop_status;
        if let Ok(next) = case::step(&core_case(case), &CaseEvent::TaskFinished, self.workspace.terms(case), self.now) {
            write_case(next, case);
            case.updated_at = millis(self.now);
            clocks::wind(case, self.workspace.terms(case));
            self.changes.jobs.extend(trigger_events::moved(self.workspace, *before, case, Vec::new, self.now));
        }
        if case.loop_status != before {
            self.changes.events.push(event(case, &Actor::System, &Entry::closed_by(ClosedBy::TaskFinished), self.now));
        }
        Ok(())
    }
}

/// The task of one time of waiting.
fn task_id(wait: &Wait) -> TaskId {
    TaskId::beside(&format!("pool/{}/{}/{}", wait.case_id, wait.pool, wait.asked_at))
}
