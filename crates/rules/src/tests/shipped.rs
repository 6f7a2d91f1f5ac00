//! The shipped rules do what their comments say.

use chrono::Duration;
use hearback_core::{LoopStatus, Segment};

use super::{answer, noon, version};
use crate::{Facts, KnownNames, RuleVersion, SHIPPED, Trigger, done_key, due_step, parse_yaml_with, plan};

const TEMPLATES: &[&str] =
    &["due_soon", "detractor_outreach", "passive_thanks", "promoter_thanks", "referral_invitation", "task_assigned", "escalation"];

fn shipped() -> Vec<RuleVersion> {
    let known = KnownNames { webhooks: None, templates: Some(TEMPLATES), surveys: Some(&[]), teams: Some(&["support"]) };
    let parse = |(file, text): &(&str, &str)| parse_yaml_with(file, text, &known).unwrap_or_else(|e| panic!("{}", super::told(&e)));
    SHIPPED.iter().flat_map(parse).map(version).collect()
}

/// Each effect as `RULE: STEP` lines of the file, with the minutes until it is due.
fn effects(facts: &Facts) -> Vec<(String, i64)> {
    let plan = plan(&shipped(), facts, noon());
    let line = |planned: &crate::Planned| {
        let action = serde_json::to_value(&planned.effect).unwrap();
        let details: Vec<String> = action.as_object().unwrap().iter().filter(|(key, _)| *key != "do").map(|(_, v)| v.to_string()).collect();
        (
            format!("{}: {} {}", planned.rule_key, planned.effect.as_str(), details.join(" ")).replace('"', ""),
            (planned.due - noon()).num_minutes(),
        )
    };
    plan.effects.iter().map(line).collect()
}

fn owned(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(text, minutes)| ((*text).to_owned(), *minutes)).collect()
}

#[test]
fn a_detractor_is_written_to_and_called() {
    let expected = owned(&[
        ("detractor-outreach: tag [at-risk]", 0),
        ("detractor-outreach: assign person", 0),
        ("detractor-outreach: send_mail detractor_outreach customer", 0),
        ("detractor-outreach: open_task 2bd person Call the customer and find out what went wrong", 0),
        ("detractor-outreach: send_mail task_assigned owner", 0),
    ]);
    assert_eq!(effects(&answer(3)), expected);
}

#[test]
fn an_answer_corrected_down_gets_the_same_care_once() {
    let mut facts = answer(2);
    facts.trigger = Trigger::ResponseCorrected;
    facts.response.revision = 2;
    facts.response.previous_score = Some(9);
    let first = plan(&shipped(), &facts, noon());
    assert_eq!(first.effects.len(), 5);
    facts.response.revision = 3;
    facts.response.score = 4;
    facts.case.done = first.effects.iter().map(|planned| done_key(&planned.rule_key, planned.step.index)).collect();
    assert_eq!(effects(&facts), []);
}

#[test]
fn a_detractor_whom_nobody_contacted_is_escalated_and_only_then() {
    let mut facts = answer(3);
    facts.trigger = Trigger::NoFirstContact;
    let expected = owned(&[
        ("detractor-escalation: escalate Nobody was in touch with this customer in time team:support", 0),
        ("detractor-escalation: send_mail escalation {team:support}", 0),
    ]);
    assert_eq!(effects(&facts), expected);
    facts.case.loop_status = LoopStatus::Contacted;
    assert_eq!(effects(&facts), []);
    facts.case.loop_status = LoopStatus::Open;
    facts.response.segment = Segment::Passive;
    assert_eq!(effects(&facts), []);
}

#[test]
fn a_passive_gets_a_code_and_the_question() {
    let expected = owned(&[("passive-barrier: give_incentive thank-you", 0), ("passive-barrier: send_mail passive_thanks customer", 0)]);
    assert_eq!(effects(&answer(7)), expected);
    let mut nameless = answer(7);
    nameless.person.email = None;
    assert_eq!(effects(&nameless), []);
}

#[test]
fn a_promoter_is_thanked_now_and_invited_later_unless_the_answer_changed() {
    let mut facts = answer(9);
    let expected = owned(&[
        ("promoter-referral: send_mail promoter_thanks customer", 0),
        ("promoter-referral: create_referral ", 55),
        ("promoter-referral: send_mail referral_invitation customer", 60),
    ]);
    assert_eq!(effects(&facts), expected);
    let rules = shipped();
    let rule = rules.iter().find(|version| version.rule.key == "promoter-referral").unwrap();
    let planned = plan(&rules, &facts, noon());
    let last = planned.effects.last().unwrap();
    assert_eq!(last.due, noon() + Duration::hours(1));
    assert_eq!(due_step(rule, last.step.index, &facts), Ok(last.effect.clone()));
    facts.response.segment = Segment::Detractor;
    assert_eq!(due_step(rule, last.step.index, &facts), Err("segment is detractor, wanted promoter".to_owned()));
}

#[test]
fn every_score_is_followed_by_exactly_one_rule() {
    for score in 0..=10 {
        let matched = plan(&shipped(), &answer(score), noon()).trace.iter().filter(|entry| entry.failed.is_none()).count();
        assert_eq!(matched, 1, "{score}");
    }
}
