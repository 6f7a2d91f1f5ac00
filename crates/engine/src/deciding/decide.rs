//! Asking the rules about a case that exists already: a correction, a late settle, an overdue clock.

use std::collections::{BTreeSet, HashMap};

use hearback_core::{CaseEvent, case};
use hearback_rules::{Plan, Trigger, plan::done_key};
use hearback_store::{
    Tx, bulk, runs,
    snapshot::{self, CaseRows},
    tasks,
    time::{from_millis, millis},
};
use serde_json::json;

use crate::{
    Actor, Ctx, EngineError,
    apply::{Changes, Scene, apply, event},
    clocks, facts, guard,
    intake::run_row,
    roster::Roster,
    work::{core_case, write_case},
    workspace::{Workspace, read_version},
};

/// Outcome of a task that no rule wants any more.
const ANSWER_CHANGED: &str = "the answer was changed";

/// What the rules are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// What happened.
    pub trigger: Trigger,
    /// The score before a correction.
    pub previous_score: Option<u8>,
    /// Keys of the rules whose effects made it happen, the first one first.
    pub chain: Vec<String>,
}

impl From<Trigger> for Occasion {
    /// Something that no rule made happen.
    fn from(trigger: Trigger) -> Self {
        Self { trigger, previous_score: None, chain: Vec::new() }
    }
}

/// Asks the rules, stores the run with its trace, applies what follows. The case row is the caller's to save.
pub async fn decide(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    occasion: Occasion,
    changes: &mut Changes,
) -> Result<Plan, EngineError> {
    let Occasion { trigger, previous_score, chain } = occasion;
    let now = cx.now();
    let survey = workspace.survey(rows.case.survey_id).ok_or_else(|| EngineError::not_found("survey", rows.case.survey_id))?;
    let mut asked = facts::facts(workspace, rows, trigger, survey, previous_score);
    asked.chain = chain;
    // A first answer has no past. Later, a step acts once for a case, whether an answer changed or a clock ran out again.
    if trigger != Trigger::ResponseSettled {
        let wanted = hearback_rules::plan(&workspace.rules, &asked, now);
        let wanted = wanted.effects.iter().map(|planned| done_key(&planned.rule_key, planned.step.index)).collect();
        asked.case.done = already_done(tx, workspace, rows, &wanted, trigger == Trigger::ResponseCorrected, changes, now).await?;
        asked.case.open_tasks = facts::small(rows.case.open_tasks);
    }
    let plan = hearback_rules::plan(&workspace.rules, &asked, now);
    guard::note(&plan, &rows.case, now, changes);
    let owner = facts::account_owner(rows.account.as_ref());
    let scene = Scene { settings: &cx.settings, workspace, person: &rows.person, account_owner: owner.as_ref(), now };
    if changes.roster.is_empty() {
        changes.roster = Roster::load(tx, workspace, &workspace.asked, now).await?;
    }
    let before = rows.case.owner.clone();
    let done = apply(&scene, &mut rows.case, &plan.effects, changes);
    if trigger == Trigger::ResponseSettled && rows.case.owner != before {
        // The first decision says who answers, and so whose working hours count.
        let (terms, answered) = (workspace.terms(&rows.case), from_millis(rows.case.answered_at));
        clocks::start(&mut rows.case, terms, answered);
    }
    if !plan.trace.is_empty() {
        bulk::insert::<runs::Entity>(tx, &[run_row(&workspace.rule_ids, &rows.case, &asked, &plan, done, now)]).await?;
    }
    Ok(plan)
}

/// What the steps of earlier revisions did that still holds: mails that went out, tasks that are still wanted.
/// With `is_corrected`, tasks that no rule wants any more are cancelled.
async fn already_done(
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    wanted: &BTreeSet<String>,
    is_corrected: bool,
    changes: &mut Changes,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<BTreeSet<String>, EngineError> {
    let (tasks, deliveries) = snapshot::work_of_case(&**tx, rows.case.workspace_id, rows.case.id).await?;
    let causes = tasks.iter().map(|task| task.rule_version_id).chain(deliveries.iter().map(|mail| mail.rule_version_id));
    let ids: BTreeSet<uuid::Uuid> = causes.flatten().collect();
    let versions = snapshot::rule_versions(&**tx, rows.case.workspace_id, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut keys = HashMap::new();
    for row in &versions {
        keys.insert(row.id, read_version(row)?.rule.key);
    }
    let name = |version: Option<uuid::Uuid>, index: Option<i64>| Some(done_key(keys.get(&version?)?, u32::try_from(index?).ok()?));
    let mut done: BTreeSet<String> = deliveries
        .iter()
        .filter(|mail| mail.status != "cancelled")
        .filter_map(|mail| name(mail.rule_version_id, mail.step_index))
        .collect();
    for task in tasks {
        let Some(step) = name(task.rule_version_id, task.step_index) else { continue };
        match task.status.as_str() {
            "open" if is_corrected && !wanted.contains(&step) => drop_task(tx, workspace, rows, task, changes, now).await?,
            // Dropped together with the answer that wanted it: wanted again, it is opened again. What one of us cancelled stays so.
            "cancelled" if task.outcome.as_deref() == Some(ANSWER_CHANGED) => {}
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
    let data = json!({ "task": task.id, "title": task.title, "why": ANSWER_CHANGED });
    tasks::save(
        tx,
        tasks::Model { status: "cancelled".to_owned(), outcome: Some(ANSWER_CHANGED.to_owned()), finished_at: Some(millis(now)), ..task },
    )
    .await?;
    if let Ok(next) = case::step(&core_case(&rows.case), &CaseEvent::TaskFinished, workspace.terms(&rows.case), now) {
        write_case(next, &mut rows.case);
    }
    changes.events.push(event(&rows.case, "task_cancelled", &Actor::System, &data, now));
    Ok(())
}
