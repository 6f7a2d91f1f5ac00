//! Evaluation: pure, total, deterministic. Owns what is decided now and what waits; refuses to know
//! how an effect becomes rows.

use chrono::{DateTime, Utc};
use hearback_core::{Calendar, Word as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Effect, Planned, StepRef},
    facts::Facts,
    rule::{RuleVersion, Step},
};

/// Most effects that one plan may have. What is over is dropped, and the trace says so.
pub const MAX_EFFECTS: usize = 50;
/// Most rules that may set each other off, one after the other. It is no setting: a stored decision must be the same when it
/// is computed again.
pub const MAX_CHAIN: usize = 5;

/// What follows, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Effects in the order of rules and steps; at most [`MAX_EFFECTS`].
    pub effects: Vec<Planned>,
    /// One entry per rule that listens to the trigger.
    pub trace: Vec<RuleTrace>,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleTrace {
    /// Key and version, `detractor-outreach@3`.
    pub rule: String,
    /// In words, the first condition that did not hold, or why it was stopped; `None` when the rule matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub failed: Option<String>,
    /// Whether it matched but was stopped, because rules would go on setting each other off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// What became of each step, when it matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepVerdict>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepVerdict {
    /// Done at once.
    Now,
    /// Waits until then.
    At(DateTime<Utc>),
    /// Not done: its own condition did not hold (which, in words), it acted before, or the plan was full.
    Skipped(String),
}

/// What [`plan`] decides, without the words for what did not happen: for deciding. What it says can be told later, since
/// the same facts and rules give the same plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outline {
    /// As in [`Plan`].
    pub effects: Vec<Planned>,
    /// How many rules listen to the trigger.
    pub asked: usize,
    /// Places, in the list of rules, of those that matched.
    pub matched: Vec<usize>,
    /// Rules that matched but were stopped: their keys, and why, in words.
    pub stopped: Vec<(String, String)>,
    /// Keys of the rules with steps that were dropped because the plan was full, one for each step.
    pub dropped: Vec<String>,
}

/// Which effects follow from `facts` under `rules` at `now`.
///
/// Rules are asked in the order given; those that do not listen to the trigger cost nothing and leave no
/// trace. A step without delay is asked its condition now and is due at `now`; a delayed step is due
/// later and is asked then, by [`due_step`]. A step that acted for an earlier revision does not act again.
/// A rule that would set itself off, or be one too many in a chain, is stopped.
pub fn plan(rules: &[RuleVersion], facts: &Facts, now: DateTime<Utc>) -> Plan {
    let mut plan = Plan::default();
    for version in rules.iter().filter(|version| version.rule.on.contains(&facts.trigger)) {
        let mut entry = RuleTrace { rule: version.label(), failed: None, stopped: false, steps: Vec::new() };
        if let Err(failed) = version.rule.when.explain(facts) {
            entry.failed = Some(failed);
        } else {
            entry.failed = stopped(version, facts);
            entry.stopped = entry.failed.is_some();
        }
        if entry.failed.is_none() {
            for (index, step) in (0_u32..).zip(&version.rule.then) {
                let judged = judge(version, index, step, facts, now, &mut plan.effects);
                entry.steps.push(judged.told(step, facts, now));
            }
        }
        plan.trace.push(entry);
    }
    plan
}

/// The same decision without its trace.
pub fn outline(rules: &[RuleVersion], facts: &Facts, now: DateTime<Utc>) -> Outline {
    let mut outline = Outline::default();
    for (place, version) in rules.iter().enumerate().filter(|(_, version)| version.rule.on.contains(&facts.trigger)) {
        outline.asked += 1;
        if !version.rule.when.holds(facts) {
            continue;
        }
        if let Some(why) = stopped(version, facts) {
            outline.stopped.push((version.rule.key.clone(), why));
            continue;
        }
        outline.matched.push(place);
        for (index, step) in (0_u32..).zip(&version.rule.then) {
            if judge(version, index, step, facts, now, &mut outline.effects) == Judged::Full {
                outline.dropped.push(version.rule.key.clone());
            }
        }
    }
    outline
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

/// How [`crate::CaseFacts::done`] names a step: the same for every revision of the answer and every version
/// of the rule, so that a rule published between two revisions does not act a second time.
pub fn done_key(rule_key: &str, index: u32) -> String {
    format!("{rule_key}/{index}")
}

/// Why a rule that matches must not act, in words for a manager: the chain that led here would go round or on and on.
fn stopped(version: &RuleVersion, facts: &Facts) -> Option<String> {
    let (chain, key) = (&facts.chain, &version.rule.key);
    let way = || chain.iter().chain([key]).map(String::as_str).collect::<Vec<_>>().join(" \u{2192} ");
    let trigger = facts.trigger.as_str();
    if chain.last() == Some(key) {
        Some(format!("stopped: rule {key} would set itself off again and again ({}). Take `{trigger}` out of its `on`", way()))
    } else if chain.contains(key) {
        Some(format!("stopped: rules would set each other off in a circle ({}). Take `{trigger}` out of the `on` of one of them", way()))
    } else if chain.len() >= MAX_CHAIN {
        Some(format!(
            "stopped: {MAX_CHAIN} rules have set each other off already ({}). Do what they do in fewer rules, or take `{trigger}` out of the `on` of one",
            way()
        ))
    } else {
        None
    }
}

/// What is decided about one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Due(DateTime<Utc>),
    Refused,
    Acted,
    Full,
}

impl Judged {
    fn told(self, step: &Step, facts: &Facts, now: DateTime<Utc>) -> StepVerdict {
        match self {
            Self::Due(due) if due == now => StepVerdict::Now,
            Self::Due(due) => StepVerdict::At(due),
            Self::Refused => StepVerdict::Skipped(step.condition.explain(facts).err().unwrap_or_default()),
            Self::Acted => StepVerdict::Skipped("done already, for an earlier revision of the answer".to_owned()),
            Self::Full => StepVerdict::Skipped(format!("dropped: over the limit of {MAX_EFFECTS} effects for one response")),
        }
    }
}

/// Judges a step, and adds its effect where it has one.
fn judge(version: &RuleVersion, index: u32, step: &Step, facts: &Facts, now: DateTime<Utc>, effects: &mut Vec<Planned>) -> Judged {
    let judged = if has_acted(version, index, facts) {
        Judged::Acted
    } else if effects.len() >= MAX_EFFECTS {
        Judged::Full
    } else if !step.after.is_zero() {
        Judged::Due(match &facts.calendar {
            Some(calendar) => step.after.after(calendar, now),
            None => step.after.after(&Calendar::default(), now),
        })
    } else if step.condition.holds(facts) {
        Judged::Due(now)
    } else {
        Judged::Refused
    };
    if let Judged::Due(due) = judged {
        let cause = StepRef { response: facts.response.id, revision: facts.response.revision, rule: version.id, index };
        let (rule_key, chain) = (version.rule.key.clone(), facts.chain.clone());
        effects.push(Planned { step: cause, rule_key, effect: step.action.clone(), chain, due });
    }
    judged
}

/// Only a corrected answer has anything done; the others build no key.
fn has_acted(version: &RuleVersion, index: u32, facts: &Facts) -> bool {
    !facts.case.done.is_empty() && facts.case.done.contains(&done_key(&version.rule.key, index))
}
