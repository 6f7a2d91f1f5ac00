//! From facts to effects, and from a due step to its effect.

use chrono::Duration;
use hearback_core::{Calendar, LoopStatus, Span};

use super::{answer, noon, version, versions};
use crate::{Action, Condition, MAX_CHAIN, MAX_EFFECTS, Rule, Step, StepVerdict, Trigger, done_key, due_step, outline, plan};

const RULES: &str = "
- key: first
  on: response_settled
  when: { segment: detractor }
  then:
    - tag: [at-risk]
    - give_incentive: sorry
      if: { loop_status: closed }
    - escalate: Nobody was in touch
      to: team:support
      after: 48h
      if: { loop_status: open }
- key: second
  on: [response_settled, response_corrected]
  then: [{ close: true }]
- key: third
  on: task_overdue
  then: [{ close: true }]
";

#[test]
fn steps_run_now_wait_or_are_skipped_and_the_trace_says_why() {
    let rules = versions(RULES);
    let plan = plan(&rules, &answer(2), noon());
    let due: Vec<_> = plan.effects.iter().map(|planned| (planned.rule_key.as_str(), planned.step.index, planned.due - noon())).collect();
    assert_eq!(due, [("first", 0, Duration::zero()), ("first", 2, Duration::hours(48)), ("second", 0, Duration::zero())]);
    let told: Vec<&str> = plan.trace.iter().map(|entry| entry.rule.as_str()).collect();
    assert_eq!(told, ["first@1", "second@1"], "a rule that does not listen leaves no trace");
    assert_eq!(
        plan.trace[0].steps,
        [
            StepVerdict::Now,
            StepVerdict::Skipped("loop status is open, wanted closed".to_owned()),
            StepVerdict::At(noon() + Duration::hours(48)),
        ]
    );
    let first = &plan.effects[0].step;
    assert_eq!((first.response, first.revision, first.rule), (answer(2).response.id, 1, rules[0].id));
}

#[test]
fn a_rule_that_does_not_match_says_which_condition_failed() {
    let plan = plan(&versions(RULES), &answer(9), noon());
    assert_eq!(plan.trace[0].failed.as_deref(), Some("segment is promoter, wanted detractor"));
    assert!(plan.trace[0].steps.is_empty());
    assert_eq!(plan.effects.len(), 1);
}

#[test]
fn a_due_step_is_asked_again_with_fresh_facts() {
    let rules = versions(RULES);
    let mut facts = answer(2);
    assert_eq!(due_step(&rules[0], 2, &facts).unwrap().as_str(), "escalate");
    facts.case.loop_status = LoopStatus::Contacted;
    assert_eq!(due_step(&rules[0], 2, &facts), Err("loop status is contacted, wanted open".to_owned()));
    assert_eq!(due_step(&rules[0], 3, &facts), Err("first@1 has no step 3".to_owned()));
}

#[test]
fn a_plan_has_a_limit_and_says_what_it_dropped() {
    let step = Step { action: Action::Close, after: Span::ZERO, condition: Condition::default() };
    let rule = |key: &str| Rule {
        key: key.to_owned(),
        name: key.to_owned(),
        on: vec![Trigger::ResponseSettled],
        when: Condition::default(),
        then: vec![step.clone(); 30],
    };
    let rules = [version(rule("a")), version(rule("b")), version(rule("c"))];
    let plan = plan(&rules, &answer(5), noon());
    assert_eq!(plan.effects.len(), MAX_EFFECTS);
    let dropped = StepVerdict::Skipped("dropped: over the limit of 50 effects for one response".to_owned());
    let count = |entry: &crate::RuleTrace| entry.steps.iter().filter(|verdict| **verdict == dropped).count();
    assert_eq!(plan.trace.iter().map(count).collect::<Vec<_>>(), [0, 10, 30]);
}

#[test]
fn a_step_that_acted_for_an_earlier_revision_does_not_act_again() {
    let rules = versions(RULES);
    let mut facts = answer(2);
    facts.response.revision = 2;
    facts.trigger = Trigger::ResponseCorrected;
    let first = plan(&rules, &facts, noon());
    assert_eq!(first.effects.len(), 1);
    facts.response.revision = 3;
    facts.case.done = first.effects.iter().map(|planned| done_key(&planned.rule_key, planned.step.index)).collect();
    let second = plan(&rules, &facts, noon());
    assert!(second.effects.is_empty());
    assert_eq!(second.trace[0].steps, [StepVerdict::Skipped("done already, for an earlier revision of the answer".to_owned())]);
}

/// The negative control is the first line: without a chain the same rule acts.
#[test]
fn a_chain_stops_where_it_would_go_round_or_on_and_on() {
    let rules = versions("{ key: after, on: case_closed, then: [{ tag: [closed] }] }");
    let closed = |chain: &[&str]| {
        let mut facts = answer(9);
        facts.trigger = Trigger::CaseClosed;
        facts.chain = chain.iter().map(|key| (*key).to_owned()).collect();
        let plan = plan(&rules, &facts, noon());
        assert_eq!(plan.effects, outline(&rules, &facts, noon()).effects);
        assert_eq!(plan.effects.is_empty(), plan.trace[0].stopped);
        plan.trace[0].failed.clone().unwrap_or_else(|| format!("acts, led by {}", plan.effects[0].led_by().join(", ")))
    };
    assert_eq!(closed(&[]), "acts, led by after");
    assert_eq!(closed(&["first"]), "acts, led by first, after");
    assert!(closed(&["after"]).contains("rule after would set itself off again and again (after → after)"));
    assert!(closed(&["after", "other"]).contains("in a circle (after → other → after). Take `case_closed` out"));
    assert_eq!(MAX_CHAIN, 5);
    assert!(closed(&["a", "b", "c", "d"]).starts_with("acts"));
    assert!(closed(&["a", "b", "c", "d", "e"]).contains("5 rules have set each other off already"));
}

#[test]
fn a_step_waits_in_business_time_of_the_calendar_in_the_facts() {
    let rules = versions("key: a\non: response_settled\nthen: [{ close: true, after: 2bd }]\n");
    // Monday 2026-09-21, 14:13 UTC: after closing time in Sydney, so two working days later is Wednesday's closing.
    let mut facts = answer(2);
    let due = |facts: &crate::Facts| plan(&rules, facts, noon()).effects[0].due;
    assert_eq!(due(&facts), noon() + Duration::days(2));
    facts.calendar = Some(Calendar::default().with_zone("Australia/Sydney".parse().unwrap()));
    assert_eq!(due(&facts), "2026-09-23T07:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());
}
