//! Decisions not yet done.

use chrono::{DateTime, Utc};
use hearback_core::id::{ResponseId, RuleVersionId};
use serde::{Deserialize, Serialize};

use crate::rule::Action;

/// Which step of which rule version, for which revision of which response. What a row says of its
/// cause, and what makes it unique: the same step never acts twice for the same revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepRef {
    /// The response that was answered.
    pub response: ResponseId,
    /// The revision that the rule saw.
    pub revision: u32,
    /// The rule version.
    pub rule: RuleVersionId,
    /// Position in `then`, from 0.
    pub index: u32,
}

impl StepRef {
    /// One line of text that is the same on every node and at every retry.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.response, self.revision, self.rule, self.index)
    }
}

/// An effect is an action that is to happen. Owners and recipients are still references: who they
/// are today is decided where rows are made.
pub type Effect = Action;

/// An effect with its cause and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Where it comes from.
    pub step: StepRef,
    /// Key of the rule, for people.
    pub rule_key: String,
    /// What is to happen.
    pub effect: Effect,
    /// Keys of the rules whose effects led to this one, its own not included; empty unless rules set each other off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// When. Later than the plan's `now` means: ask the step's condition again when due.
    pub due: DateTime<Utc>,
}

impl Planned {
    /// The rules that led to whatever this effect makes happen: the chain with its own rule at the end.
    pub fn led_by(&self) -> Vec<String> {
        self.chain.iter().cloned().chain([self.rule_key.clone()]).collect()
    }
}
