//! Rules as a company writes them: published as versions, asked in order, bounded.

use chrono::Duration;
use hearback_engine::{
    Actor,
    automation::{
        publish::{self, Published},
        replay::RuleSets,
    },
};
use hearback_rules::{Rule, parse_yaml, plan::MAX_EFFECTS};
use hearback_store::{rule_versions, runs};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::json;

use super::{all, count, texts, timeline};

pub(super) fn rules(yaml: &str) -> Vec<Rule> {
    parse_yaml("test.yaml", yaml).unwrap()
}

pub(super) async fn publish(app: &TestApp, yaml: &str) -> Vec<(String, u32, bool)> {
    let done = publish::publish(&app.cx, app.ws, &Actor::System, rules(yaml)).await.unwrap();
    done.into_iter().map(|Published { key, version, changed }| (key, version, changed)).collect()
}

/// What became of each rule in a run.
pub(super) async fn trace(app: &TestApp, run: &runs::Model) -> serde_json::Value {
    let plan = RuleSets::default().replay(app.cx.db.read(), run).await.unwrap();
    serde_json::to_value(plan.trace).unwrap()
}

/// Takes the shipped rules away, so that a test's own are the only ones.
pub(super) async fn without_shipped(app: &TestApp) {
    for rule in publish::list(&app.cx, app.ws).await.unwrap() {
        publish::disable(&app.cx, app.ws, &Actor::System, &rule.key).await.unwrap();
    }
}

const LATER: &str = "
rules:
  - key: later
    name: Later
    on: [response_settled]
    when: { segment: promoter }
    then:
      - tag: [first]
      - send_mail: referral_invitation
        to: customer
        after: 2h
";

#[tokio::test]
async fn an_unchanged_rule_is_no_new_version_and_a_changed_one_applies_at_once() {
    on_every_database(async |app| {
        without_shipped(app).await;
        let tags = |tag: &str| format!("rules:\n  - key: tags\n    name: Tags\n    on: [response_settled]\n    when: {{ score: {{ gte: 9 }} }}\n    then:\n      - tag: [{tag}]\n");
        assert_eq!(publish(app, &tags("old")).await, [("tags".to_owned(), 1, true)]);
        assert_eq!(publish(app, &tags("old")).await, [("tags".to_owned(), 1, false)]);
        let before = app.answer("a@example.com", 9).await;
        assert_eq!(publish(app, &tags("new")).await, [("tags".to_owned(), 2, true)]);
        let after = app.answer("b@example.com", 9).await;
        assert_eq!(app.case_of(&before).await["tags"], json!(["old"]));
        assert_eq!(app.case_of(&after).await["tags"], json!(["new"]));
        let listed: Vec<(i64, bool)> = publish::list(&app.cx, app.ws).await.unwrap().into_iter().filter(|row| row.key == "tags").map(|row| (row.version, row.disabled_at.is_none())).collect();
        assert_eq!(listed, [(2, true), (1, false)]);
        publish::disable(&app.cx, app.ws, &Actor::System, "tags").await.unwrap();
        let silent = app.answer("c@example.com", 9).await;
        assert_eq!((&silent["effects"], &app.case_of(&silent).await["tags"]), (&json!([]), &json!([])));
        assert_eq!(publish(app, &tags("new")).await, [("tags".to_owned(), 3, true)], "enabled again as a new version");
    })
    .await;
}

/// A rule that is rewritten while one of its steps waits: the step is the one that was decided on.
#[tokio::test]
async fn a_waiting_step_keeps_the_version_it_came_from() {
    on_every_database(async |app| {
        without_shipped(app).await;
        publish(app, LATER).await;
        let link = "rules:\n  - key: link\n    name: Link\n    on: [response_settled]\n    when: { segment: promoter }\n    then:\n      - create_referral: true\n";
        publish(app, link).await;
        app.answer("mia@example.com", 9).await;
        publish(app, &LATER.replace("referral_invitation", "passive_thanks").replace("[first]", "[second]")).await;
        app.advance(Duration::hours(2)).await;
        let sent = app.get("/deliveries").await.expect(200);
        assert_eq!((texts(&sent["items"], "/kind"), texts(&sent["items"], "/rule")), (vec!["referral_invitation".to_owned()], vec!["later@1".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn a_step_is_asked_its_condition_when_it_is_due() {
    on_every_database(async |app| {
        without_shipped(app).await;
        publish(app, &LATER.replace("after: 2h", "after: 2h\n        if: { loop_status: open }")).await;
        let receipt = app.answer("mia@example.com", 9).await;
        let path = format!("/cases/{}/contacts", receipt["case"]["id"].as_str().unwrap());
        app.post(&path, json!({ "channel": "phone", "outcome": "reached" })).await.expect(200);
        app.advance(Duration::hours(2)).await;
        assert!(app.mails().is_empty());
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "step_skipped"), 1, "and the timeline says so");
    })
    .await;
}

/// Rules that want too much, together: what is over the limit is dropped, and the trace says so.
#[tokio::test]
async fn one_answer_never_has_more_effects_than_the_limit() {
    on_every_database(async |app| {
        without_shipped(app).await;
        let rule = |key: &str| {
            let steps = format!("      - tag: [{key}]\n").repeat(40);
            format!("  - key: {key}\n    name: Many\n    on: [response_settled]\n    then:\n{steps}")
        };
        publish(app, &format!("rules:\n{}{}", rule("a"), rule("b"))).await;
        let receipt = app.answer("mia@example.com", 9).await;
        assert_eq!(receipt["effects"].as_array().unwrap().len(), MAX_EFFECTS);
        let [run] = all::<runs::Entity>(app).await.try_into().unwrap();
        let trace = trace(app, &run).await.to_string();
        assert!(trace.contains("over the limit of 50"), "{trace}");
    })
    .await;
}

#[tokio::test]
async fn each_answer_says_which_rules_were_asked_and_why_not() {
    on_every_database(async |app| {
        app.answer("mia@example.com", 9).await;
        let [run] = all::<runs::Entity>(app).await.try_into().unwrap();
        let trace = trace(app, &run).await;
        assert_eq!(texts(&trace, "/rule"), ["detractor-outreach@1", "passive-barrier@1", "promoter-referral@1"]);
        let reasons = texts(&trace, "/failed");
        assert!(reasons[0].contains("detractor") && reasons[2].is_empty(), "{reasons:?}");
        assert_eq!((run.trigger.as_str(), run.revision), ("response_settled", 1));
    })
    .await;
}

#[tokio::test]
async fn a_set_of_rules_is_published_whole_or_not_at_all() {
    on_every_database(async |app| {
        let twice = [rules(LATER), rules(LATER)].concat();
        let refused = publish::publish(&app.cx, app.ws, &Actor::System, twice).await.unwrap_err().to_string();
        assert!(refused.contains("used twice"), "{refused}");
        assert!(all::<rule_versions::Entity>(app).await.iter().all(|row| row.key != "later"));
    })
    .await;
}
