//! What each action becomes, without a database.

use hearback_core::{
    LoopStatus, Segment,
    id::{ResponseId, RuleVersionId},
};
use hearback_rules::parse_yaml;
use serde_json::Value;

use super::*;
use crate::fixtures::{case, monday, person, settings};

/// A step as a rule file has it, due now.
fn step(text: &str) -> Planned {
    let rules = parse_yaml("rule.yaml", &format!("- {{ key: a-rule, on: case_closed, then: [{text}] }}")).unwrap();
    let step = StepRef { response: ResponseId::derived("answer"), revision: 1, rule: RuleVersionId::derived("a-rule"), index: 0 };
    let effect = rules[0].then[0].action.clone();
    Planned { step, rule_key: "a-rule".to_owned(), effect, chain: Vec::new(), due: monday() }
}

/// The case, what follows, and what is said of it, after these steps.
fn after(steps: &[Planned], change: impl FnOnce(&mut persons::Model, &mut cases::Model)) -> (cases::Model, Changes, Vec<Value>) {
    let (settings, workspace, mut person, mut case) = (settings(), Workspace::bare(&settings()), person(), case(Segment::Detractor));
    change(&mut person, &mut case);
    let scene = Scene { settings: &settings, workspace: &workspace, person: &person, account_owner: None, now: monday() };
    let mut changes = Changes::default();
    let done = apply(&scene, &mut case, steps, &mut changes);
    (case, changes, done.iter().map(|step| json!(step)).collect())
}

/// Rows: tasks, deliveries, jobs, links, codes.
fn rows(changes: &Changes) -> [usize; 5] {
    let codes = changes.incentives.values().map(Vec::len).sum();
    [changes.tasks.len(), changes.deliveries.len(), changes.jobs.len(), changes.referrals.len(), codes]
}

#[test]
fn each_action_becomes_its_rows_and_says_so() {
    let table = [
        ("{ send_mail: hello, to: customer }", [0, 1, 1, 0, 0], json!({ "template": "hello", "to": "customer", "count": 1 })),
        ("{ send_mail: hello, to: boss@shop.example }", [0, 1, 1, 0, 0], json!({ "template": "hello", "to": "team", "count": 1 })),
        (
            "{ send_mail: hello, to: team:support }",
            [0; 5],
            json!({ "template": "hello", "skipped": "nobody is in the team: add a user to it" }),
        ),
        (
            "{ open_task: Call, owner: team:support, due: 2bd }",
            [1, 0, 0, 0, 0],
            json!({ "title": "Call", "owner": "team:support", "due": "2026-03-11T10:00:00Z" }),
        ),
        ("{ assign: team:support }", [0; 5], json!({ "owner": "team:support" })),
        ("{ tag: [late, angry] }", [0; 5], json!({ "tags": ["late", "angry"] })),
        ("{ escalate: Too long, to: team:desk }", [0; 5], json!({ "to": "team:desk", "reason": "Too long" })),
        ("{ give_incentive: thanks }", [0, 0, 0, 0, 1], json!({ "pool": "thanks" })),
        ("{ create_referral: true }", [0, 0, 0, 1, 0], json!({})),
        ("{ call_webhook: crm }", [0, 1, 1, 0, 0], json!({ "webhook": "crm" })),
        ("{ notify_chat: room }", [0, 1, 1, 0, 0], json!({ "webhook": "room" })),
        ("{ ask_testimonial: true }", [0, 1, 1, 0, 0], json!({ "template": "testimonial_request", "to": "customer", "count": 1 })),
        ("{ mark_not_needed: A test }", [0; 5], json!({ "reason": "A test" })),
    ];
    for (text, expected, mut said) in table {
        let planned = step(text);
        let (_, changes, done) = after(std::slice::from_ref(&planned), |_, _| ());
        assert_eq!(rows(&changes), expected, "{text}");
        said["do"] = planned.effect.as_str().into();
        said["rule"] = "a-rule".into();
        assert_eq!(done, [said], "{text}");
    }
}

#[test]
fn the_case_is_changed_as_it_says() {
    let (row, ..) = after(
        &["{ assign: team:support }", "{ tag: [late, angry] }", "{ tag: [angry, new] }", "{ open_task: Call, owner: case, due: 2bd }"]
            .map(step),
        |_, _| (),
    );
    assert_eq!((row.owner.as_deref(), row.tags.as_str(), row.open_tasks), (Some("team:support"), r#"["angry","late","new"]"#, 1));
    let (row, ..) = after(&[step("{ mark_not_needed: A test }")], |_, _| ());
    assert_eq!(row.loop_status, LoopStatus::NotNeeded);
}

#[test]
fn what_can_not_be_done_is_skipped_with_the_reason() {
    let no_address = |person: &mut persons::Model, _: &mut cases::Model| person.email = None;
    let (_, changes, done) = after(&[step("{ send_mail: hello, to: customer }")], no_address);
    assert_eq!((rows(&changes), &done[0]["skipped"]), ([0; 5], &json!("the customer has no address")));

    let (row, _, done) = after(&[step("{ close: true }")], |_, _| ());
    assert!(row.loop_status == LoopStatus::Open && done[0]["skipped"].is_string(), "{done:?}");

    let escalate = step("{ escalate: Too long, to: team:desk }");
    let (row, _, done) = after(&[escalate.clone(), escalate], |_, _| ());
    assert_eq!((row.owner.as_deref(), row.escalated_at), (Some("team:desk"), Some(millis(monday()))));
    assert!(done[0].get("skipped").is_none());
    assert_eq!(done[1]["skipped"], "the case is with them already");
}

#[test]
fn a_later_step_only_waits() {
    for text in ["{ send_mail: hello, to: customer }", "{ open_task: Call, owner: case, due: 2bd }", "{ close: true }"] {
        let planned = Planned { due: monday() + chrono::Duration::hours(1), ..step(text) };
        let (row, changes, done) = after(std::slice::from_ref(&planned), |_, _| ());
        assert_eq!((rows(&changes), row), ([0, 0, 1, 0, 0], case(Segment::Detractor)), "{text}");
        assert_eq!((changes.jobs[0].run_at, &done[0]["due"]), (millis(planned.due), &json!(planned.due)), "{text}");
    }
}

/// The same cause gives the same ids, another step others.
#[test]
fn a_step_that_is_applied_twice_gives_the_same_rows() {
    let planned = [step("{ open_task: Call, owner: case, due: 2bd }"), step("{ send_mail: hello, to: customer }")];
    let ids = |planned: &[Planned]| {
        let (_, changes, _) = after(planned, |_, _| ());
        (changes.tasks[0].id, changes.deliveries[0].id, changes.jobs[0].id)
    };
    assert_eq!(ids(&planned), ids(&planned));
    let corrected = planned.clone().map(|planned| Planned { step: StepRef { revision: 2, ..planned.step }, ..planned });
    let (before, later) = (ids(&planned), ids(&corrected));
    assert!(before.0 != later.0 && before.1 != later.1 && before.2 != later.2);
}

#[test]
fn a_mail_knows_its_task_its_link_and_whom_it_acknowledges() {
    let steps = ["{ open_task: Call, owner: case, due: 2bd }", "{ send_mail: task_assigned, to: boss@shop.example }"].map(step);
    let (_, changes, _) = after(&steps, |_, _| ());
    assert_eq!((changes.deliveries[0].task_id, changes.deliveries[0].acknowledges), (Some(changes.tasks[0].id), false));
    let mut review = step("{ close: true }");
    review.effect = Action::InviteReview { url: "https://reviews.example/write".to_owned() };
    let (_, changes, _) = after(&[review], |_, _| ());
    let mail = &changes.deliveries[0];
    assert_eq!((mail.kind.as_str(), mail.link.as_deref()), ("review_invitation", Some("https://reviews.example/write")));
    assert!(mail.acknowledges && mail.person_id == Some(person().id));
}
