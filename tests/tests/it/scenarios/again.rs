//! Asking again after a case was closed: when, within which limits, and how the new answer compares.

use chrono::Duration;
use hearback_store::invitations;
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    survey::Screen,
};
use serde_json::{Value, json};

use super::{
    all, count,
    rules::{publish, without_shipped},
    suppress, texts, timeline,
    waves::until,
};

const AGAIN: &str = "{ key: again, on: case_closed, when: { segment: detractor }, then: [{ resurvey: true, after: 14d }] }";

async fn act(app: &TestApp, receipt: &Value, what: &str, body: Value) {
    app.post(&format!("/cases/{}/{what}", receipt["case"]["id"].as_str().unwrap()), body).await.expect(200);
}

async fn close(app: &TestApp, receipt: &Value) {
    act(app, receipt, "contacts", json!({ "channel": "phone", "outcome": "reached" })).await;
    act(app, receipt, "close", json!({ "root_cause": "late", "resolution": "sent again" })).await;
    app.run_until_idle().await;
}

/// A detractor whose case was closed now, under a rule that asks again.
async fn closed(app: &TestApp, email: &str) -> Value {
    without_shipped(app).await;
    publish(app, AGAIN).await;
    let receipt = app.answer(email, 2).await;
    close(app, &receipt).await;
    receipt
}

/// The newest entry of this kind in the timeline of the case.
async fn entry(app: &TestApp, receipt: &Value, kind: &str) -> Value {
    let case = app.case_of(receipt).await;
    let entries = case["timeline"].as_array().unwrap().iter().rev();
    entries.into_iter().find(|entry| entry["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {:?}", timeline(&case))).clone()
}

fn questions(app: &TestApp, email: &str) -> usize {
    app.mails_to(email).len()
}

#[tokio::test]
async fn who_was_let_down_is_asked_again_and_the_case_tells_whether_they_recovered() {
    on_every_database(async |app| {
        let receipt = closed(app, "anna@example.com").await;
        until(app, "2026-03-30T08:59:00Z").await;
        assert_eq!(questions(app, "anna@example.com"), 0);
        until(app, "2026-03-30T09:00:00Z").await;
        assert_eq!(questions(app, "anna@example.com"), 1);
        let asked = entry(app, &receipt, "asked_again").await;
        assert_eq!((&asked["data"]["state"], &asked["at"]), (&json!("sent"), &json!("2026-03-30T09:00:00Z")));

        let mail = app.mails_to("anna@example.com").remove(0);
        let link = mail.text.split_whitespace().find_map(|word| word.find("/s/").map(|at| word[at..].to_owned())).unwrap();
        let anna = Client::stranger(app.address());
        let screen = Screen::get(&anna, link.split('?').next().unwrap()).await;
        app.advance(Duration::seconds(2)).await;
        screen.touch(&anna, "score=8&comment=Better").await;
        app.run_until_idle().await;
        let answered = entry(app, &receipt, "answered_again").await["data"].clone();
        assert_eq!((&answered["from"], &answered["to"], &answered["recovered"]), (&json!(2), &json!(8), &json!(true)));
        let boss = app.log_in("boss@shop.example", hearback_engine::role::Role::Manager).await;
        let page = boss.get(&format!("/cases/{}", receipt["case"]["id"].as_str().unwrap())).await.text();
        assert!(page.contains("Asked again, the customer answered 8 instead of 2: recovered"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_limits_of_a_wave_hold_and_the_case_says_which() {
    on_every_database(async |app| {
        let receipt = closed(app, "anna@example.com").await;
        let other = json!({ "survey": "csat", "person": { "email": "anna@example.com" } });
        until(app, "2026-03-26T16:30:00Z").await;
        app.post("/invitations", other).await.expect(201);
        until(app, "2026-03-30T09:00:00Z").await;
        let waits = entry(app, &receipt, "asking_again").await["data"].clone();
        assert_eq!((&waits["state"], &waits["reason"]), (&json!("blocked"), &json!("asked_lately")));
        assert_eq!(waits["not_before"], "2026-04-27T09:00:00Z", "30 days later is a Saturday: the next working hour");
        assert_eq!(questions(app, "anna@example.com"), 1);
        suppress(app, "anna@example.com", "unsubscribed").await;
        until(app, "2026-04-28T09:00:00Z").await;
        let told = entry(app, &receipt, "not_asked_again").await["data"].clone();
        assert_eq!((&told["state"], &told["reason"]), (&json!("not_asked"), &json!("unsubscribed")));
        assert_eq!(questions(app, "anna@example.com"), 1, "only the other question");
        let boss = app.log_in("boss@shop.example", hearback_engine::role::Role::Manager).await;
        let page = boss.get(&format!("/cases/{}", receipt["case"]["id"].as_str().unwrap())).await.text();
        assert!(page.contains("The customer was not asked again: They asked us to stop writing to them."), "{page}");
    })
    .await;
}

#[tokio::test]
async fn opening_the_case_again_calls_it_off_until_it_is_closed_once_more() {
    on_every_database(async |app| {
        let receipt = closed(app, "anna@example.com").await;
        until(app, "2026-03-26T09:00:00Z").await;
        act(app, &receipt, "reopen", json!({})).await;
        until(app, "2026-03-27T09:00:00Z").await;
        close(app, &receipt).await;
        until(app, "2026-03-31T09:00:00Z").await;
        assert_eq!(entry(app, &receipt, "step_skipped").await["data"]["why"], "the case was opened again");
        assert!(all::<invitations::Entity>(app).await.is_empty());
        until(app, "2026-04-10T08:59:00Z").await;
        assert_eq!(questions(app, "anna@example.com"), 0);
        until(app, "2026-04-10T09:00:00Z").await;
        assert_eq!(questions(app, "anna@example.com"), 1, "14 days after the second closing");
    })
    .await;
}

#[tokio::test]
async fn a_question_that_waits_is_not_asked_about_a_case_that_is_open_again() {
    on_every_database(async |app| {
        let receipt = closed(app, "anna@example.com").await;
        until(app, "2026-03-29T23:00:00Z").await;
        app.post("/invitations", json!({ "survey": "csat", "person": { "email": "anna@example.com" } })).await.expect(201);
        until(app, "2026-03-31T09:00:00Z").await;
        assert_eq!(entry(app, &receipt, "asking_again").await["data"]["reason"], "asked_lately");
        act(app, &receipt, "reopen", json!({})).await;
        until(app, "2026-05-05T09:00:00Z").await;
        assert_eq!(entry(app, &receipt, "not_asked_again").await["data"]["reason"], "case_reopened");
        assert_eq!(questions(app, "anna@example.com"), 1, "only the other question");
    })
    .await;
}

#[tokio::test]
async fn a_corrected_answer_calls_it_off() {
    on_every_database(async |app| {
        let receipt = closed(app, "anna@example.com").await;
        app.correct(&receipt, 9).await;
        until(app, "2026-04-30T09:00:00Z").await;
        let case = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&case), "cancelled"), 1);
        assert_eq!(entry(app, &receipt, "cancelled").await["data"]["steps"][0]["do"], "resurvey");
        assert!(all::<invitations::Entity>(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_case_that_is_not_closed_and_a_survey_that_is_gone_ask_nobody() {
    on_every_database(async |app| {
        without_shipped(app).await;
        publish(app, "{ key: again, on: response_settled, then: [{ resurvey: nps, after: 1d }, { resurvey: gone, after: 1d }] }").await;
        let open = app.answer("open@example.com", 2).await;
        let receipt = app.answer("done@example.com", 9).await;
        close(app, &receipt).await;
        until(app, "2026-03-18T09:00:00Z").await;
        let skipped = async |receipt: &Value| {
            let case = app.case_of(receipt).await;
            let mut why = texts(&case["timeline"], "/data/steps/0/skipped");
            why.retain(|why| !why.is_empty());
            why
        };
        assert_eq!(skipped(&open).await, ["the case is not closed", "the case is not closed"]);
        assert_eq!(questions(app, "open@example.com"), 0);
        assert_eq!(skipped(&receipt).await, ["the survey is not published any more"]);
        assert_eq!(questions(app, "done@example.com"), 1);
    })
    .await;
}

/// Promoters whose thanks closed their case are counted; who must be called first is not closed by itself.
#[tokio::test]
async fn a_backtest_counts_the_questions() {
    on_every_database(async |app| {
        without_shipped(app).await;
        app.answer("low@example.com", 2).await;
        app.answer("high@example.com", 9).await;
        let rule = "{ key: again, on: response_settled, then: [{ send_mail: promoter_thanks, to: customer, if: { segment: promoter } }, { resurvey: true, after: 30d }] }";
        let report = app.api.send("POST", "/api/v1/rules/backtest", &[], rule).await.expect(200);
        let mail = report["mails"].as_array().unwrap().iter().find(|line| line["template"] == "survey_invitation").unwrap();
        assert_eq!((&mail["to"], &mail["count"]), (&json!("customer"), &json!({ "new": 1, "live": 0 })));
        let refused = app.api.send("POST", "/api/v1/rules", &[], rule.replace("true", "npz")).await;
        assert!(refused.text().contains("npz") && refused.text().contains("did you mean `nps`?"), "{}", refused.text());
    })
    .await;
}
