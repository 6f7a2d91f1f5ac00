//! Evaluation: pure, total, deterministic.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Effect, Planned},
    facts::Facts,
    rule::RuleVersion,
};

/// What follows, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Effects in the order of rules and steps.
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
    /// Its own condition did not hold: which, in words.
    Skipped(String),
}

/// Which effects follow from `facts` under `rules` at `now`.
pub fn plan(_rules: &[RuleVersion], _facts: &Facts, _now: DateTime<Utc>) -> Plan {
    Plan::default()
}

/// A delayed step that is due: its effect, or in words the condition that no longer holds.
pub fn due_step(_rule: &RuleVersion, _index: u32, _facts: &Facts) -> Result<Effect, String> {
    Err(String::new())
}
