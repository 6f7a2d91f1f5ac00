//! Every stored decision, computed again; and the rows that it must have left behind.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hearback_core::{Word as _, id::JobId, timeline::Step};
use hearback_rules::{Facts, Plan, RuleVersion, plan};
use hearback_store::{
    ConnectionTrait, StoreError, erasure,
    integrity::{self, Rows},
    runs,
    time::from_millis,
};
use uuid::Uuid;

use super::{Found, PAGE};
use crate::{
    automation::{
        apply::{LeftRow, left_at_once, waiting_cause},
        replay::{RuleSet, RuleSets},
    },
    ticks::KEEP_JOBS,
};

/// A row that a decision must have left.
struct Expected {
    id: Uuid,
    run: Uuid,
    what: String,
}

pub(super) async fn check(conn: &impl ConnectionTrait, now: DateTime<Utc>, found: &mut Found) -> Result<(), StoreError> {
    let mut sets = RuleSets::default();
    let mut missing = Found::default();
    let mut after = None;
    loop {
        let page = integrity::runs_after(conn, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.workspace_id, last.id));
        let page: Vec<_> = page.into_iter().filter(|run| run.facts != erasure::NO_FACTS).collect();
        let answers = answers(conn, &page).await?;
        let mut expected: BTreeMap<(Uuid, Kind), Vec<Expected>> = BTreeMap::new();
        for run in &page {
            match recompute(conn, run, answers.get(&run.response_id), &mut sets).await? {
                Ok(Some((facts, plan))) => expect(run, &facts, &plan, now, &mut expected),
                // A newer version decided it; what can't be read is told by itself.
                Ok(None) => {}
                Err(why) => found.one("decisions", format!("run {} of response {}: {why}", run.id, run.response_id)),
            }
        }
        for ((ws, kind), rows) in expected {
            let there = integrity::words_of(conn, kind.rows(), ws, rows.iter().map(|row| row.id)).await?;
            for row in rows.iter().filter(|row| !there.contains_key(&row.id)) {
                missing.one("effects", format!("run {}: {} has no row", row.run, row.what));
            }
        }
    }
    found.0.append(&mut missing.0);
    Ok(())
}

/// Revision and score of the answers that these runs are about.
async fn answers(conn: &impl ConnectionTrait, page: &[runs::Model]) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
    let mut found = HashMap::new();
    for runs in page.chunk_by(|one, next| one.workspace_id == next.workspace_id) {
        if let Some(first) = runs.first() {
            found.extend(integrity::answers(conn, first.workspace_id, runs.iter().map(|run| run.response_id)).await?);
        }
    }
    Ok(found)
}

/// What the run decided, if this version can read its rules; or in words why that is not what is stored.
async fn recompute(
    conn: &impl ConnectionTrait,
    run: &runs::Model,
    answer: Option<&(i64, i64)>,
    sets: &mut RuleSets,
) -> Result<Result<Option<(Facts, Plan)>, String>, StoreError> {
    Ok(match sets.of_run(conn, run).await? {
        RuleSet::Whole(rules) => compare(run, answer, rules).map(Some),
        RuleSet::Partly(_) => Ok(None),
        RuleSet::Gone(what) => Err(what.clone()),
    })
}

fn compare(run: &runs::Model, answer: Option<&(i64, i64)>, rules: &[RuleVersion]) -> Result<(Facts, Plan), String> {
    let facts: Facts = serde_json::from_str(&run.facts).map_err(|error| format!("its facts can't be read: {error}"))?;
    let done: Vec<Step> = serde_json::from_str(&run.done).map_err(|error| format!("what it did can't be read: {error}"))?;
    let about = (facts.response.id.uuid(), i64::from(facts.response.revision), facts.trigger.as_str());
    if about != (run.response_id, run.revision, run.trigger.as_str()) {
        return Err("its facts are about another response, revision or trigger".to_owned());
    }
    // An earlier revision's score is not stored any more, except here.
    if answer.is_some_and(|(revision, score)| *revision == run.revision && *score != i64::from(facts.response.score)) {
        return Err("it decided on another score than the response has".to_owned());
    }
    let plan = plan(rules, &facts, from_millis(run.at));
    let decided = plan.effects.iter().map(|planned| (planned.rule_key.as_str(), planned.effect.as_str()));
    let was_done = done.iter().map(|step| (step.rule.as_deref().unwrap_or_default(), step.action.as_str()));
    match decided.clone().zip(was_done).find(|(now, then)| now != then) {
        Some(((rule, action), _)) => Err(format!("rule {rule} decides otherwise ({action}) than what was done")),
        None if decided.count() != done.len() => Err(format!("{} steps follow, {} were done", plan.effects.len(), done.len())),
        None => Ok((facts, plan)),
    }
}

/// Which table an effect leaves its row in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Task,
    Delivery,
    Step,
}

impl Kind {
    const fn rows(self) -> Rows {
        match self {
            Self::Task => Rows::Tasks,
            Self::Delivery => Rows::Deliveries,
            Self::Step => Rows::Outbox,
        }
    }
}

/// Rows have ids that follow from their cause, so that it is known which ones there must be. Jobs old enough to have been pruned are left out.
fn expect(run: &runs::Model, facts: &Facts, plan: &Plan, now: DateTime<Utc>, expected: &mut BTreeMap<(Uuid, Kind), Vec<Expected>>) {
    let at = from_millis(run.at);
    let may_be_pruned = at + KEEP_JOBS <= now;
    for planned in &plan.effects {
        let row = if planned.due > at {
            (!may_be_pruned).then(|| (Kind::Step, JobId::beside(&waiting_cause(planned)).uuid()))
        } else {
            left_at_once(planned, facts).map(|left| match left {
                LeftRow::Task(id) => (Kind::Task, id.uuid()),
                LeftRow::Delivery(id) => (Kind::Delivery, id.uuid()),
            })
        };
        if let Some((kind, id)) = row {
            let what = format!("step {} of rule {} ({})", planned.step.index + 1, planned.rule_key, planned.effect.as_str());
            expected.entry((run.workspace_id, kind)).or_default().push(Expected { id, run: run.id, what });
        }
    }
}
