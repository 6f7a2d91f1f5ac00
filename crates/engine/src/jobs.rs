//! What each kind of deferred action does. `match` is exhaustive: a new kind is handled here or does not compile.

use chrono::{DateTime, Utc};
use hearback_core::{
    Calendar, Span,
    id::{CaseId, JobId, ResponseId},
    timeline::Entry,
};
use hearback_rules::{Planned, RuleVersion, StepRef, Trigger, due_step};
use hearback_store::{
    StoreError, Tx, cases,
    outbox::{self, Job, Lease, Outcome},
    responses,
    snapshot::{self, CaseRows},
    time::{from_millis, millis},
};

use crate::{
    Actor, Ctx, EngineError,
    automation::{
        apply::{Changes, Scene, apply},
        decide::{decide, decide_late},
        facts,
    },
    campaigns::{invite, planning},
    clock_guard, faults,
    mail::{Delivery, sending},
    reading,
    rows::event,
    stuck::wait_for_reader,
    team::roster::Roster,
    trigger_events::TriggerEvent,
    webhooks,
    workspace::{Workspace, asked},
};

/// How long a step waits for an earlier one of its rule.
const IN_TURN: chrono::Duration = chrono::Duration::seconds(1);

/// Runs a claimed job. Safe to run twice: what it did the first time is recognised by its id. Each kind but the commonest has a box of its
/// own: a mail does not carry the room of all others about.
pub async fn run(cx: &Delivery, lease: &Lease) -> Outcome {
    if let Some(outcome) = clock_guard::wait(cx, lease) {
        return outcome;
    }
    let result = match &lease.job {
        Ok(Job::Mail { delivery }) => return sending::send(cx, lease, *delivery).await,
        Ok(Job::Post { delivery }) => return Box::pin(webhooks::send(cx, lease, *delivery)).await,
        Ok(Job::Noop) => return Outcome::Done,
        Ok(Job::Step { case, step, chain, closed }) => Box::pin(run_step(cx, lease, *case, *step, chain, *closed)).await,
        Ok(Job::Trigger { case, revision, trigger, chain }) => {
            let occasion = TriggerEvent { chain: chain.clone(), ..(*trigger).into() };
            Box::pin(ask(cx, lease, *case, *revision, occasion)).await
        }
        Ok(Job::TriggerLater { case, trigger, previous_score, chain, rule }) => {
            let occasion = TriggerEvent { trigger: *trigger, previous_score: *previous_score, chain: chain.clone() };
            Box::pin(trigger_later(cx, lease, *case, rule, occasion)).await
        }
        Ok(Job::Wave { wave }) => Box::pin(planning::run(cx, lease, *wave)).await,
        Ok(Job::Invite { invitation }) => Box::pin(invite::run(cx, lease, *invitation)).await,
        Ok(Job::Settle { case, revision }) => Box::pin(settle(cx, lease, *case, *revision)).await,
        Err(_) => return wait_for_reader(cx, lease),
    };
    match result {
        Ok(outcome) => outcome,
        Err(EngineError::Store(StoreError::Unreadable(_))) => wait_for_reader(cx, lease),
        Err(EngineError::Store(error)) if error.is_passing() => {
            Outcome::Snooze(cx.guarded_now() + chrono::Duration::seconds(5), error.to_string())
        }
        Err(error) => Outcome::Retry(error.to_string()),
    }
}

/// Everything about the case, if this claim still holds and the answer was not changed or erased meanwhile.
async fn current(tx: &Tx, lease: &Lease, case: CaseId, revision: u32) -> Result<Result<CaseRows, Outcome>, EngineError> {
    let is_current = |rows: &CaseRows| rows.response.revision == i64::from(revision);
    let changed = || Outcome::Cancel("the answer was changed meanwhile".to_owned());
    Ok(held(tx, lease, case).await?.and_then(|rows| if is_current(&rows) { Ok(rows) } else { Err(changed()) }))
}

/// The same whatever became of the answer.
async fn held(tx: &Tx, lease: &Lease, case: CaseId) -> Result<Result<CaseRows, Outcome>, EngineError> {
    faults::pass("jobs.begin")?;
    if !outbox::is_held(tx, lease).await? {
        return Ok(Err(Outcome::Settled));
    }
    let rows = snapshot::case(&**tx, lease.workspace.uuid(), case.uuid()).await?;
    Ok(rows.ok_or_else(|| Outcome::Cancel("the case is gone: its person was erased".to_owned())))
}

/// The jobs of the delayed steps that stand before this one in its rule and are due no later.
fn earlier_steps(version: &RuleVersion, step: StepRef, calendar: &Calendar, asked: DateTime<Utc>) -> Vec<JobId> {
    let steps = (0..).zip(&version.rule.then);
    let due = |after: Span| after.after(calendar, asked);
    let own = steps.clone().find(|(index, _)| *index == step.index).map_or(asked, |(_, own)| due(own.after));
    steps
        .take_while(|(index, _)| *index < step.index)
        .filter(|(_, earlier)| !earlier.after.is_zero() && due(earlier.after) <= own)
        .map(|(index, _)| JobId::beside(&format!("step/{}", StepRef { index, ..step }.key())))
        .collect()
}

/// A delayed step of a rule is due: ask its condition, then do it.
async fn run_step(
    cx: &Ctx,
    lease: &Lease,
    case: CaseId,
    step: StepRef,
    chain: &[String],
    closed: Option<i64>,
) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    let tx = cx.db.write().await?;
    let mut rows = match current(&tx, lease, case, step.revision).await? {
        Ok(rows) => rows,
        Err(outcome) => return Ok(outcome),
    };
    let version = snapshot::rule_versions(&*tx, lease.workspace.uuid(), &[step.rule.uuid()]).await?;
    let Some(version) = version.first().map(reading::rule).transpose().map_err(StoreError::from)? else {
        return Ok(Outcome::Dead("the rule version is gone".to_owned()));
    };
    let survey = workspace.needed_survey(rows.case.survey_id)?;
    let calendar = workspace.terms(&rows.case).calendar;
    let earlier = earlier_steps(&version, step, calendar, from_millis(rows.response.updated_at));
    if outbox::is_any_open(&tx, lease.workspace, &earlier).await? {
        // Both became due while nobody worked: a mail must not go out before the link that it carries is made.
        return Ok(Outcome::Snooze(now + IN_TURN, "an earlier step of the rule is not done yet".to_owned()));
    }
    let asked = facts::facts(&workspace, &rows, Trigger::ResponseSettled, survey, None);
    let roster = Roster::load(&tx, &workspace, &asked::asked([&version.rule]), now).await?;
    let mut changes = Changes { roster, ..Changes::default() };
    let is_open_again = closed.is_some() && rows.case.closed_at != closed;
    let due = if is_open_again { Err("the case was opened again".to_owned()) } else { due_step(&version, step.index, &asked) };
    match due {
        Ok(effect) => {
            let planned = Planned { step, rule_key: version.rule.key.clone(), effect, chain: chain.to_vec(), due: now };
            let owner = facts::account_owner(rows.account.as_ref());
            let scene = Scene { settings: &cx.settings, workspace: &workspace, person: &rows.person, account_owner: owner.as_ref(), now };
            let done = apply(&scene, &mut rows.case, std::slice::from_ref(&planned), &mut changes);
            changes.events.push(event(&rows.case, &Actor::System, &Entry::Planned { steps: done }, now));
        }
        Err(why) => {
            let entry = Entry::StepSkipped { rule: version.rule.key, why };
            changes.events.push(event(&rows.case, &Actor::System, &entry, now));
        }
    }
    finish(cx, lease, &workspace, tx, rows.case, changes).await
}

/// A one-click answer has rested long enough: ask the rules.
async fn settle(cx: &Ctx, lease: &Lease, case: CaseId, revision: u32) -> Result<Outcome, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    let tx = cx.db.write().await?;
    let mut rows = match current(&tx, lease, case, revision).await? {
        Ok(rows) => rows,
        Err(outcome) => return Ok(outcome),
    };
    // However often it was changed before: the rules see it for the first time.
    let is_first = revision == 1 || rows.response.settled_at.is_none();
    let trigger = if is_first { Trigger::ResponseSettled } else { Trigger::ResponseCorrected };
    let mut changes = Changes::default();
    decide(cx, &tx, &workspace, &mut rows, trigger.into(), &mut changes).await?;
    responses::settle(&tx, lease.workspace, ResponseId::from_uuid(rows.response.id), millis(cx.guarded_now())).await?;
    finish(cx, lease, &workspace, tx, rows.case, changes).await
}

/// Something happened to a case: ask the rules.
async fn ask(cx: &Ctx, lease: &Lease, case: CaseId, revision: u32, occasion: TriggerEvent) -> Result<Outcome, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    let tx = cx.db.write().await?;
    let mut rows = match current(&tx, lease, case, revision).await? {
        Ok(rows) => rows,
        Err(outcome) => return Ok(outcome),
    };
    let mut changes = Changes::default();
    decide(cx, &tx, &workspace, &mut rows, occasion, &mut changes).await?;
    finish(cx, lease, &workspace, tx, rows.case, changes).await
}

/// Asks a rule about something that happened while it could not be read. Whichever version of it decides now is asked; one that was
/// switched off meanwhile is not.
async fn trigger_later(cx: &Ctx, lease: &Lease, case: CaseId, rule: &str, occasion: TriggerEvent) -> Result<Outcome, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    if workspace.unread_rules.iter().any(|unread| unread == rule) {
        return Ok(wait_for_reader(cx, lease));
    }
    let Some(version) = workspace.rules.iter().find(|version| version.rule.key == rule) else {
        return Ok(Outcome::Cancel(format!("the rule {rule} was switched off before it could be read")));
    };
    let tx = cx.db.write().await?;
    let mut rows = match held(&tx, lease, case).await? {
        Ok(rows) => rows,
        Err(outcome) => return Ok(outcome),
    };
    let mut changes = Changes::default();
    decide_late(cx, &tx, &workspace, version, &mut rows, occasion, &mut changes).await?;
    finish(cx, lease, &workspace, tx, rows.case, changes).await
}

/// Writes everything and settles the job, in one transaction.
async fn finish(
    cx: &Ctx,
    lease: &Lease,
    workspace: &Workspace,
    tx: Tx,
    case: cases::Model,
    changes: Changes,
) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let queued = changes.save(&tx, workspace, case, now).await?;
    outbox::settle(&tx, &[(lease, Outcome::Done)], now).await?;
    faults::pass("jobs.commit")?;
    tx.commit().await?;
    faults::pass("jobs.committed")?;
    if queued {
        cx.wake.notify_one();
    }
    Ok(Outcome::Settled)
}
