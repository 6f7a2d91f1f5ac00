//! Guard rails of mail: a customer is not flooded, a rule that suddenly matches everybody is paused, and people are told why.

use chrono::Duration;
use hearback_engine::{
    customers::people::NewPerson,
    responses::submit::{FollowUp, NewResponse, submit_responses},
    role::Role,
    settings::Limits,
};
use hearback_tests::app::{Options, TestApp, on_every_database_with};
use serde_json::{Value, json};

use super::{
    count,
    rules::{publish, without_shipped},
    texts, timeline,
};

fn limited(mails_per_person_day: u32, mails_per_rule_hour: u32) -> Options {
    Options { limits: Some(Limits { mails_per_person_day, mails_per_rule_hour }), ..Options::default() }
}

const EVERYBODY: &str = "{ key: thanks, on: response_settled, then: [{ send_mail: promoter_thanks, to: customer }] }";

async fn statuses(app: &TestApp, wanted: &str) -> usize {
    count(&texts(&app.get("/deliveries?limit=500").await.expect(200)["items"], "/status"), wanted)
}

async fn rule(app: &TestApp) -> Value {
    app.get("/rules/thanks").await.expect(200)["items"][0].clone()
}

#[tokio::test]
async fn a_customer_gets_three_mails_a_day_and_the_case_says_why_not_more() {
    on_every_database_with(&limited(3, 1_000), async |app| {
        without_shipped(app).await;
        publish(app, EVERYBODY).await;
        for _ in 0..3 {
            app.answer("anna@example.com", 9).await;
            app.advance(Duration::hours(1)).await;
        }
        let fourth = app.answer("anna@example.com", 9).await;
        app.answer("mia@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!((app.mails_to("anna@example.com").len(), app.mails_to("mia@example.com").len()), (3, 1));
        assert_eq!(timeline(&app.case_of(&fourth).await), ["answered", "planned", "mail_suppressed"]);
        let held = app.get("/deliveries?status=suppressed").await.expect(200)["items"][0].clone();
        assert_eq!(held["reply"], json!("this customer got 3 mails within 24 hours already, and 3 are the limit"));
        app.advance(Duration::hours(22)).await;
        app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 4, "the first is a day old by now");
    })
    .await;
}

/// Five mails are usual; then somebody edits the rule, and it matches everybody.
async fn runaway(app: &TestApp) {
    without_shipped(app).await;
    publish(app, EVERYBODY).await;
    for n in 0..5 {
        app.answer(&format!("early-{n}@example.com"), 9).await;
    }
    app.run_until_idle().await;
    for n in 0..20 {
        app.answer(&format!("late-{n}@example.com"), 9).await;
    }
    app.advance(Duration::minutes(30)).await;
    assert_eq!((statuses(app, "sent").await, statuses(app, "queued").await), (5, 20), "not one over the limit");
    let alerts = app.get("/alerts").await.expect(200);
    let [alert] = alerts["items"].as_array().unwrap().as_slice() else { panic!("{alerts}") };
    assert_eq!((&alert["kind"], &alert["subject"], &alert["count"]), (&json!("rule_paused"), &json!("thanks"), &json!(1)));
    let message = alert["message"].as_str().unwrap();
    assert!(message.starts_with("rule thanks wanted to send 6 mails within an hour, and 5 are the limit. Its mails wait."), "{message}");
    assert_eq!(rule(app).await["paused"], json!(true));
}

#[tokio::test]
async fn a_rule_edited_to_match_everybody_is_paused_and_resumed() {
    on_every_database_with(&limited(3, 5), async |app| {
        runaway(app).await;
        app.post("/rules/thanks/resume", json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(statuses(app, "sent").await, 25);
        assert_eq!(rule(app).await["paused"], json!(false));
        app.post("/rules/thanks/resume", json!({})).await.expect(404);
        app.answer("one-more@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(statuses(app, "sent").await, 26, "not stopped again within the hour");
    })
    .await;
}

#[tokio::test]
async fn a_paused_rule_that_is_disabled_sends_nothing_of_what_it_held() {
    on_every_database_with(&limited(3, 5), async |app| {
        runaway(app).await;
        app.post("/rules/thanks/disable", json!({})).await.expect(200);
        app.advance(Duration::hours(2)).await;
        assert_eq!((statuses(app, "sent").await, statuses(app, "cancelled").await), (5, 20));
        app.post("/rules/thanks/enable", json!({})).await.expect(200);
        app.answer("new@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(statuses(app, "sent").await, 6);
    })
    .await;
}

/// What a manager does about it on the page; an agent only looks.
#[tokio::test]
async fn a_manager_resumes_or_rolls_back_a_rule_on_its_page() {
    on_every_database_with(&limited(3, 5), async |app| {
        runaway(app).await;
        let agent = app.log_in("agent@shop.example", Role::Agent).await;
        assert!(agent.get("/rules").await.text().contains("Paused: its mails wait"));
        let page = agent.get("/rules/thanks").await.text();
        assert!(page.contains("The answer came in") && !page.contains("/rules/thanks/resume"), "{page}");
        let boss = app.log_in("boss@shop.example", Role::Manager).await;
        let page = boss.get("/rules/thanks").await.text();
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(page.contains("/rules/thanks/resume"));
        assert_eq!(agent.form("/rules/thanks/resume", &format!("csrf={token}")).await.status, 403);
        assert_eq!(boss.form("/rules/thanks/resume", &format!("csrf={token}")).await.status, 303);
        app.run_until_idle().await;
        assert_eq!(statuses(app, "sent").await, 25);
        publish(app, &EVERYBODY.replace("promoter_thanks", "passive_thanks")).await;
        assert_eq!(boss.form("/rules/thanks/enable", &format!("csrf={token}&version=1")).await.status, 303);
        assert_eq!(app.get("/rules/thanks").await.expect(200)["items"][1]["enabled"], json!(true));
        assert!(boss.get("/rules").await.text().contains("Decides"));
    })
    .await;
}

/// The operator brings a file and wants it followed up: that is no accident.
#[tokio::test]
async fn answers_brought_in_bulk_are_exempt_from_the_limit_of_a_rule() {
    on_every_database_with(&limited(3, 5), async |app| {
        without_shipped(app).await;
        publish(app, EVERYBODY).await;
        let answer = |n: i32| {
            let person = NewPerson { email: Some(format!("{n}@example.com")), ..NewPerson::default() };
            NewResponse { survey: "nps".to_owned(), score: 9, person, ..NewResponse::default() }
        };
        for stored in submit_responses(&app.cx, app.ws, (0..30).map(answer).collect(), FollowUp::Bulk).await {
            stored.unwrap();
        }
        app.run_until_idle().await;
        assert_eq!((statuses(app, "sent").await, &rule(app).await["paused"]), (30, &json!(false)));
    })
    .await;
}
