//! What is stored beside the effects of a decision: the case that an answer opens, and the record of the evaluation. Pure.

use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, Word as _, id::CaseId, timeline::Step};
use hearback_rules::Facts;
use hearback_store::{cases, responses, rule_sets, runs, time::millis};

use crate::{automation::apply::Scene, team::owners};

/// The case that an answer opens, its clocks not running yet.
pub(crate) fn case_row(scene: &Scene, response: &responses::Model, follows: bool) -> cases::Model {
    let history = || scene.person.owner.clone().or_else(|| scene.account_owner.map(ToString::to_string));
    cases::Model {
        loop_status: if follows { LoopStatus::Open } else { LoopStatus::NotNeeded }.into(),
        owner: if follows { Some(owners::usual(&scene.around()).owner.to_string()) } else { history() },
        ..cases::Model::opened_by(response, CaseId::new(scene.now), scene.now)
    }
}

/// The record of one evaluation: what the rules saw, which versions were asked, what was done.
pub(crate) fn run_row(set: &rule_sets::Model, case: &cases::Model, facts: &Facts, done: &[Step], now: DateTime<Utc>) -> runs::Model {
    runs::Model {
        workspace_id: case.workspace_id,
        id: hearback_core::id::RunId::new(now).uuid(),
        case_id: case.id,
        response_id: case.response_id,
        revision: case.revision,
        trigger: facts.trigger.as_str().to_owned(),
        rule_set_id: set.id,
        facts: serde_json::to_string(facts).unwrap_or_default(),
        done: serde_json::to_string(done).unwrap_or_default(),
        at: millis(now),
    }
}
