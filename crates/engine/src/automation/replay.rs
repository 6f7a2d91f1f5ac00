//! What a run decided, computed again from the facts that it saw and the rules that were asked: a run stores neither.

use std::collections::{HashMap, hash_map};

use hearback_rules::{Facts, Plan, RuleVersion, plan};
use hearback_store::{ConnectionTrait, StoreError, rule_sets, runs, time::from_millis};
use uuid::Uuid;

use crate::reading;

/// Sets of rule versions read so far, by their ids: neither ever changes.
#[derive(Debug, Default)]
pub struct RuleSets(HashMap<Uuid, RuleSet>);

/// The versions that runs were put to.
#[derive(Debug)]
pub enum RuleSet {
    /// All of them, in the order in which they were asked.
    Whole(Vec<RuleVersion>),
    /// Those that this version can read; a newer one wrote others.
    Partly(Vec<RuleVersion>),
    /// In words, what is not there any more.
    Gone(String),
}

impl RuleSet {
    async fn load(conn: &impl ConnectionTrait, ws: Uuid, id: Uuid) -> Result<Self, StoreError> {
        let Some(ids) = rule_sets::versions(conn, ws, id).await? else {
            return Ok(Self::Gone(format!("its set of rules {id} is gone")));
        };
        let (rules, unreadable) = reading::rules_of_set(conn, ws, &ids).await?;
        let is_there =
            |id: &Uuid| rules.iter().any(|rule| rule.id.uuid() == *id) || unreadable.iter().any(|rule| rule.id == id.to_string());
        Ok(match ids.iter().find(|id| !is_there(id)) {
            Some(id) => Self::Gone(format!("rule version {id} is gone")),
            None if unreadable.is_empty() => Self::Whole(rules),
            None => Self::Partly(rules),
        })
    }
}

impl RuleSets {
    /// The versions that this run was put to.
    pub async fn of_run(&mut self, conn: &impl ConnectionTrait, run: &runs::Model) -> Result<&RuleSet, StoreError> {
        Ok(match self.0.entry(run.rule_set_id) {
            hash_map::Entry::Occupied(known) => known.into_mut(),
            hash_map::Entry::Vacant(unknown) => unknown.insert(RuleSet::load(conn, run.workspace_id, run.rule_set_id).await?),
        })
    }

    /// What a run decided, as far as this version can read its rules; nothing where its facts were erased or a newer version wrote them.
    pub async fn replay(&mut self, conn: &impl ConnectionTrait, run: &runs::Model) -> Result<Plan, StoreError> {
        let Ok(facts) = serde_json::from_str::<Facts>(&run.facts) else { return Ok(Plan::default()) };
        Ok(match self.of_run(conn, run).await? {
            RuleSet::Whole(rules) | RuleSet::Partly(rules) => plan(rules, &facts, from_millis(run.at)),
            RuleSet::Gone(_) => Plan::default(),
        })
    }
}
