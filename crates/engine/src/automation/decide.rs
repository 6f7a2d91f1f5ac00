//! Asking the rules about a case that exists already: a correction, a late settle, an overdue clock.

use std::collections::{BTreeSet, HashMap};

use hearback_core::{
    CaseEvent, case,
    id::TaskId,
    state::{DeliveryStatus, TaskStatus},
    timeline::Entry,
};
use hearback_rules::{RuleVersion, Trigger, done_key, outline};
use hearback_store::{
    Tx, rule_sets, runs,
    script::Script,
    snapshot::{self, CaseRows},
    tasks,
    time::{from_millis, millis},
};

use crate::{
    Actor, Ctx, EngineError,
    automation::{
        apply::{Changes, Scene, apply},
        facts, guard,
        records::run_row,
    },
    rows::{self, clocks, core_case, event, write_case},
    team::roster::Roster,
    trigger_events::{self, TriggerEvent},
    workspace::Workspace,
};

/// Outcome of a task that no rule wants any more.
const ANSWER_CHANGED: &str = "the answer was changed";

/// Which rules are asked.
#[derive(Debug, Clone, Copy)]
enum Asked<'a> {
    /// All that are enabled and can be read; the others are asked later.
    All,
    /// One that could not be read when it happened.
    Late(&'a RuleVersion),
}

impl<'a> Asked<'a> {
    const fn rules(self, workspace: &'a Workspace) -> &'a [RuleVersion] {
        match self {
            Self::All => workspace.rules.as_slice(),
            Self::Late(rule) => std::slice::from_ref(rule),
        }
    }

    /// Whether it is decided now what becomes of the tasks that a rule opened.
    fn judges(self, workspace: &Workspace, rule: &str) -> bool {
        match self {
            Self::All => workspace.unread_rules.iter().all(|unread| unread != rule),
            Self::Late(late) => late.rule.key == rule,
        }
    }
}

/// Asks the rules, stores the run, applies what follows. The case row is the caller's to save.
pub async fn decide(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    occasion: TriggerEvent,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    changes.jobs.extend(trigger_events::later(workspace, &rows.case, &occasion, cx.now()));
    ask(cx, tx, workspace, Asked::All, rows, occasion, changes).await
}

/// The same for one rule that could not be read when it happened: with what is known of the case now, and nothing a second time.
pub(crate) async fn decide_late(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rule: &RuleVersion,
    rows: &mut CaseRows,
    occasion: TriggerEvent,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    ask(cx, tx, workspace, Asked::Late(rule), rows, occasion, changes).await
}

async fn ask(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    which: Asked<'_>,
    rows: &mut CaseRows,
    occasion: TriggerEvent,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    let TriggerEvent { trigger, previous_score, chain } = occasion;
    let now = cx.now();
    let rules = which.rules(workspace);
    let survey = workspace.needed_survey(rows.case.survey_id)?;
    let mut asked = facts::facts(workspace, rows, trigger, survey, previous_score);
    asked.chain = chain;
    // A first answer has no past. Later, a step acts once for a case, whether an answer changed or a clock ran out again.
    let is_first = trigger == Trigger::ResponseSettled && matches!(which, Asked::All);
    if !is_first {
        let wanted = outline(rules, &asked, now);
        let wanted = wanted.effects.iter().map(|planned| done_key(&planned.rule_key, planned.step.index)).collect();
        let past = Past { which, wanted, is_corrected: trigger == Trigger::ResponseCorrected };
        asked.case.done = already_done(tx, workspace, rows, &past, changes, now).await?;
        asked.case.open_tasks = rows::small(rows.case.open_tasks);
    }
    let decided = outline(rules, &asked, now);
    guard::note(&decided, &rows.case, now, changes);
    let owner = facts::account_owner(rows.account.as_ref());
    let scene = Scene { settings: &cx.settings, workspace, person: &rows.person, account_owner: owner.as_ref(), now };
    if changes.roster.is_empty() {
        changes.roster = Roster::load(tx, workspace, &workspace.asked, now).await?;
    }
    let before = rows.case.owner.clone();
    let done = apply(&scene, &mut rows.case, &decided.effects, changes);
    if is_first && rows.case.owner != before {
        // The first decision says who answers, and so whose working hours count.
        let (terms, answered) = (workspace.terms(&rows.case), from_millis(rows.case.answered_at));
        clocks::start(&mut rows.case, terms, answered);
    }
    if decided.asked > 0 {
        let set = match which {
            Asked::All => workspace.rule_set.clone(),
            Asked::Late(rule) => rule_sets::Model::of(workspace.id, [rule.id.uuid()]),
        };
        let run = run_row(&set, &rows.case, &asked, &done, now);
        let mut script = Script::new(tx);
        script.insert_missing::<rule_sets::Entity>(&[set]);
        script.insert::<runs::Entity>(&[run]);
        script.run(tx).await?;
    }
    Ok(())
}

/// What is asked of the past of a case.
struct Past<'a> {
    which: Asked<'a>,
    /// Steps that rules want now, as [`done_key`] names them.
    wanted: BTreeSet<String>,
    /// Whether tasks that no rule wants any more are cancelled.
    is_corrected: bool,
}

/// What the steps of earlier revisions did that still holds: mails that went out, tasks that are still wanted.
async fn already_done(
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    past: &Past<'_>,
    changes: &mut Changes,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<BTreeSet<String>, EngineError> {
    let (tasks, deliveries) = snapshot::work_of_case(&**tx, rows.case.workspace_id, rows.case.id).await?;
    let causes = tasks.iter().map(|task| task.rule_version_id).chain(deliveries.iter().map(|mail| mail.rule_version_id));
    let ids: BTreeSet<uuid::Uuid> = causes.flatten().collect();
    let versions = snapshot::rule_versions(&**tx, rows.case.workspace_id, &ids.into_iter().collect::<Vec<_>>()).await?;
    let keys: HashMap<uuid::Uuid, String> = versions.into_iter().map(|row| (row.id, row.key)).collect();
    let rule_of = |version: Option<uuid::Uuid>| keys.get(&version?);
    let name = |version: Option<uuid::Uuid>, index: Option<i64>| Some(done_key(rule_of(version)?, u32::try_from(index?).ok()?));
    let mut done: BTreeSet<String> = deliveries
        .iter()
        .filter(|mail| mail.status != DeliveryStatus::Cancelled)
        .filter_map(|mail| name(mail.rule_version_id, mail.step_index))
        .collect();
    for task in tasks {
        let Some(step) = name(task.rule_version_id, task.step_index) else { continue };
        let is_judged = past.is_corrected && rule_of(task.rule_version_id).is_some_and(|rule| past.which.judges(workspace, rule));
        match *task.status {
            TaskStatus::Open if is_judged && !past.wanted.contains(&step) => drop_task(tx, workspace, rows, task, changes, now).await?,
            // Dropped together with the answer that wanted it: wanted again, it is opened again. What one of us cancelled stays so.
            TaskStatus::Cancelled if task.outcome.as_deref() == Some(ANSWER_CHANGED) => {}
            _ => {
                done.insert(step);
            }
        }
    }
    Ok(done)
}

async fn drop_task(
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    task: tasks::Model,
    changes: &mut Changes,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), EngineError> {
    let why = Some(ANSWER_CHANGED.to_owned());
    let entry = Entry::TaskCancelled { task: TaskId::from_uuid(task.id), title: task.title.clone(), outcome: why.clone(), why };
    tasks::save(
        tx,
        tasks::Model {
            status: TaskStatus::Cancelled.into(),
            outcome: Some(ANSWER_CHANGED.to_owned()),
            finished_at: Some(millis(now)),
            ..task
        },
    )
    .await?;
    if let Ok(next) = case::step(&core_case(&rows.case), &CaseEvent::TaskFinished, workspace.terms(&rows.case), now) {
        write_case(next, &mut rows.case);
    }
    changes.events.push(event(&rows.case, &Actor::System, &entry, now));
    Ok(())
}
