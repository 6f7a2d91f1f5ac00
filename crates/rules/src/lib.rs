//! Which actions follow from what happened: `plan(rules, facts, now) -> Plan`.
//!
//! Owns: the shape of a rule (the file format, the form model and the interpreter are one set of
//! enums), its validation with file, line and column, and the pure evaluation with a trace that
//! answers "why did I get no task?".
//! Refuses to know: how an effect becomes rows, who is in a team, what time it is.

pub mod audience;
pub mod condition;
pub mod effect;
pub mod facts;
pub mod owner;
pub mod parse;
pub mod plan;
pub mod rule;
pub mod shipped;
#[cfg(test)]
mod tests;
mod write;

pub use audience::Audience;
pub use condition::{Compare, Condition};
pub use effect::{Effect, Planned, StepRef};
pub use facts::{AccountFacts, CaseFacts, Facts, PersonFacts, Property, ResponseFacts};
pub use owner::{OwnerRef, Owners};
pub use parse::{KnownNames, RuleError, parse_json, parse_yaml, parse_yaml_with};
pub use plan::{MAX_CHAIN, MAX_EFFECTS, Outline, Plan, RuleTrace, StepVerdict, done_key, due_step, outline, plan};
pub use rule::{Action, ActionKind, Recipient, Rule, RuleVersion, Step, Trigger};
pub use shipped::SHIPPED;
