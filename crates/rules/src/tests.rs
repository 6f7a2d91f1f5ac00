//! What the crate promises as a whole. Facts of one answer, and the rules of a text.

mod conditions;
mod examples;
mod laws;
mod mistakes;
mod planning;
mod shipped;

use chrono::{DateTime, Utc};
use hearback_core::{
    Email, Id, LoopStatus, Metric, Scale, Score,
    id::{ResponseId, RuleVersionId},
};

use crate::{CaseFacts, Facts, PersonFacts, ResponseFacts, Rule, RuleVersion, Trigger, parse_yaml};

/// The time of every test.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// The first answer of somebody with a mail address, on the NPS scale.
fn answer(score: u8) -> Facts {
    Facts {
        trigger: Trigger::ResponseSettled,
        chain: Vec::new(),
        response: ResponseFacts {
            id: ResponseId::derived("answer"),
            revision: 1,
            survey: "nps".to_owned(),
            metric: Metric::Nps,
            score,
            segment: Score::new(Scale::NPS, i64::from(score)).unwrap().segment(),
            previous_score: None,
            channel: "email".to_owned(),
            comment: None,
            answered_at: noon(),
        },
        person: PersonFacts { email: Email::parse("anna@example.com").ok(), ..PersonFacts::default() },
        account: None,
        case: CaseFacts { loop_status: LoopStatus::Open, tags: [].into(), owner: None, contacts: 0, open_tasks: 0, done: [].into() },
        calendar: None,
    }
}

/// The rules of a text that has no mistakes.
fn rules(text: &str) -> Vec<Rule> {
    parse_yaml("rules.yaml", text).unwrap_or_else(|errors| panic!("{}", told(&errors)))
}

/// The same as stored versions, all of version 1.
fn versions(text: &str) -> Vec<RuleVersion> {
    rules(text).into_iter().map(version).collect()
}

fn version(rule: Rule) -> RuleVersion {
    let id: RuleVersionId = Id::derived(&rule.key);
    RuleVersion { id, version: 1, rule }
}

/// Mistakes as a user sees them, a line each.
fn told(errors: &[crate::RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
