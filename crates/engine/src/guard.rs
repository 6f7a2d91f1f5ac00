//! What the guard rails say when they stop something: an alert, and an entry in the story of the case.
//!
//! Refuses to know: where the rails stand. How long a chain of rules and how long a list of effects may be is decided where
//! they are computed (`hearback_rules::plan`); how many mails may go out, where they are sent.

use chrono::{DateTime, Utc};
use hearback_rules::{MAX_EFFECTS, Plan, RuleTrace, StepVerdict};
use hearback_store::cases;
use serde_json::json;

use crate::{
    Actor,
    alerts::{Alert, AlertKind},
    apply::{Changes, event},
};

/// How many mails may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To one customer within 24 hours.
    pub mails_per_person_day: u32,
    /// Of one rule within a clock hour.
    pub mails_per_rule_hour: u32,
}

/// Notes which rules of this decision were stopped, and which had steps dropped.
pub fn note(plan: &Plan, case: &cases::Model, now: DateTime<Utc>, changes: &mut Changes) {
    for entry in &plan.trace {
        let key = entry.rule.split('@').next().unwrap_or_default();
        let (kind, why) = match entry {
            RuleTrace { stopped: true, failed: Some(why), .. } => (AlertKind::RuleLoop, why.clone()),
            RuleTrace { steps, .. } if steps.iter().any(StepVerdict::is_dropped) => {
                let why = format!(
                    "steps of rule {key} were dropped: one answer may have at most {MAX_EFFECTS} effects. Take steps out of the rules \
                     that match together, or make their `when` narrower"
                );
                (AlertKind::RuleEffects, why)
            }
            RuleTrace { .. } => continue,
        };
        changes.events.push(event(case, "rule_stopped", &Actor::System, &json!({ "rule": key, "why": why }), now));
        changes.alerts.push(Alert::new(kind, key, why));
    }
}
