//! Publishing rules: a changed rule becomes a new version, an unchanged one stays what it is.
//!
//! Owns: versions and which of them are enabled. Refuses to know: what a rule says (that is `rules`).

use hearback_core::id::WorkspaceId;
use hearback_rules::{Rule, RuleVersion};
use hearback_store::{ConnectionTrait, rule_versions};
use serde::Serialize;

use crate::{Ctx, EngineError};

/// What became of one published rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Its key.
    pub key: String,
    /// The version now enabled.
    pub version: u32,
    /// False when the very same rule was enabled before.
    pub changed: bool,
}

/// Enables these rules, all or none: each changed one as a new version in place of the one before. Others stay as they are.
pub async fn publish(_cx: &Ctx, _ws: WorkspaceId, _rules: Vec<Rule>) -> Result<Vec<Published>, EngineError> {
    todo!()
}

/// All versions, by key, the newest first.
pub async fn list(_cx: &Ctx, _ws: WorkspaceId) -> Result<Vec<rule_versions::Model>, EngineError> {
    todo!()
}

/// What the engine evaluates: the enabled version of each rule, by key.
pub async fn enabled_rules(_conn: &impl ConnectionTrait, _ws: WorkspaceId) -> Result<Vec<RuleVersion>, EngineError> {
    todo!()
}
