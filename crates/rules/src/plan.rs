//! Evaluation: pure, total, deterministic. Owns what is decided now and what waits; refuses to know
//! how an effect becomes rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Effect, Planned, StepRef},
    facts::Facts,
    rule::{RuleVersion, Step},
};

/// Most effects that one plan may have. What is over is dropped, and the trace says so.
pub const MAX_EFFECTS: usize = 50;

/// What follows, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Effects in the order of rules and steps; at most [`MAX_EFFECTS`].
    pub effects: Vec<Planned>,
    /// One entry per rule that listens to the trigger.
    pub trace: Vec<RuleTrace>,
}

/// What became of one rule. Short field names: one is stored with each response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// Key and version, `detractor-outreach@3`.
    pub rule: String,
    /// In words, the first condition that did not hold; `None` when the rule matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What became of each step, when it matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepVerdict>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepVerdict {
    /// Done at once.
    Now,
    /// Waits until then.
    At(DateTime<Utc>),
    /// Not done: its own condition did not hold (which, in words), it acted before, or the plan was full.
    Skipped(String),
}

/// Which effects follow from `facts` under `rules` at `now`.
///
/// Rules are asked in the order given; those that do not listen to the trigger cost nothing and leave no
/// trace. A step without delay is asked its condition now and is due at `now`; a delayed step is due
/// later and is asked then, by [`due_step`]. A step that acted for an earlier revision does not act again.
pub fn plan(rules: &[RuleVersion], facts: &Facts, now: DateTime<Utc>) -> Plan {
    let mut plan = Plan::default();
    for version in rules.iter().filter(|version| version.rule.on.contains(&facts.trigger)) {
        let entry = match version.rule.when.explain(facts) {
            Err(failed) => RuleTrace { rule: version.label(), failed: Some(failed), steps: Vec::new() },
            Ok(()) => RuleTrace { rule: version.label(), failed: None, steps: add_steps(version, facts, now, &mut plan.effects) },
        };
        plan.trace.push(entry);
    }
    plan
}

/// A delayed step that is due, with fresh facts: its effect, or in words the condition that no longer holds.
///
/// Only the step's own `if` is asked, not the rule's `when`; an index that the rule does not have is refused
/// in words as well.
pub fn due_step(rule: &RuleVersion, index: u32, facts: &Facts) -> Result<Effect, String> {
    let step = usize::try_from(index).ok().and_then(|index| rule.rule.then.get(index));
    let step = step.ok_or_else(|| format!("{} has no step {index}", rule.label()))?;
    step.condition.explain(facts)?;
    Ok(step.action.clone())
}

fn add_steps(version: &RuleVersion, facts: &Facts, now: DateTime<Utc>, effects: &mut Vec<Planned>) -> Vec<StepVerdict> {
    (0_u32..)
        .zip(&version.rule.then)
        .map(|(index, step)| {
            let verdict = if has_acted(version, index, facts) {
                StepVerdict::Skipped("done already, for an earlier revision of the answer".to_owned())
            } else if effects.len() >= MAX_EFFECTS {
                StepVerdict::Skipped(format!("dropped: over the limit of {MAX_EFFECTS} effects for one response"))
            } else {
                judge(step, facts, now)
            };
            let due = match &verdict {
                StepVerdict::Now => now,
                StepVerdict::At(due) => *due,
                StepVerdict::Skipped(_) => return verdict,
            };
            let cause = StepRef { response: facts.response.id, revision: facts.response.revision, rule: version.id, index };
            effects.push(Planned { step: cause, rule_key: version.rule.key.clone(), effect: step.action.clone(), due });
            verdict
        })
        .collect()
}

/// How [`crate::CaseFacts::done`] names a step: the same for every revision of the answer and every version
/// of the rule, so that a rule published between two revisions does not act a second time.
pub fn done_key(rule_key: &str, index: u32) -> String {
    format!("{rule_key}/{index}")
}

fn judge(step: &Step, facts: &Facts, now: DateTime<Utc>) -> StepVerdict {
    if step.after.minutes > 0 {
        return match now.checked_add_signed(step.after.duration()) {
            Some(due) => StepVerdict::At(due),
            None => StepVerdict::Skipped("its time is beyond the calendar".to_owned()),
        };
    }
    match step.condition.explain(facts) {
        Ok(()) => StepVerdict::Now,
        Err(why) => StepVerdict::Skipped(why),
    }
}

/// Only a corrected answer has anything done; the others build no key.
fn has_acted(version: &RuleVersion, index: u32, facts: &Facts) -> bool {
    !facts.case.done.is_empty() && facts.case.done.contains(&done_key(&version.rule.key, index))
}
