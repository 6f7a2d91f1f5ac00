//! Rules that listen to what happens to a case, and rules that set each other off: they stop, and a manager is told.

use hearback_store::{outbox, runs};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    smtp_server::{At, Fault, Script},
};
use serde_json::{Value, json};

use super::{
    all, count,
    rules::{publish, trace, without_shipped},
    texts, timeline,
};

/// A mail server that knows none of the addresses.
fn refusing() -> Options {
    Options { smtp: Script::default().always(At::Rcpt, Fault::reply("550 5.7.1 refused")), ..Options::default() }
}

async fn alerts(app: &TestApp) -> Vec<(String, String, String)> {
    let open = app.get("/alerts").await.expect(200);
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let mut told: Vec<_> =
        open["items"].as_array().unwrap().iter().map(|item| (text(item, "kind"), text(item, "subject"), text(item, "message"))).collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_rule_that_triggers_itself_stops_and_says_so() {
    on_every_database_with(&refusing(), async |app| {
        without_shipped(app).await;
        publish(app, "{ key: thanks, on: [response_settled, mail_bounced], then: [{ send_mail: promoter_thanks, to: customer }] }").await;
        let receipt = app.answer("gone@example.com", 9).await;
        app.run_until_idle().await;
        let [(kind, subject, message)] = alerts(app).await.try_into().unwrap();
        assert_eq!((kind.as_str(), subject.as_str()), ("rule_loop", "thanks"));
        assert!(
            message.contains("rule thanks would set itself off again and again (thanks → thanks). Take `mail_bounced` out"),
            "{message}"
        );
        let case = app.case_of(&receipt).await;
        assert_eq!(timeline(&case), ["answered", "planned", "mail_failed", "rule_stopped"]);
        assert_eq!(texts(&app.get("/deliveries").await.expect(200)["items"], "/status"), ["bounced"], "no second mail");
        let last = all::<runs::Entity>(app).await.into_iter().max_by_key(|run| run.id).unwrap();
        let trace = trace(app, &last).await.to_string();
        assert!(trace.contains("\"stopped\":true") && trace.contains("again and again"), "{trace}");
    })
    .await;
}

#[tokio::test]
async fn two_rules_that_trigger_each_other_stop_and_name_the_circle() {
    on_every_database_with(&refusing(), async |app| {
        without_shipped(app).await;
        let rules = "
- { key: first, on: [response_settled, mail_bounced], when: { tag: [never] }, then: [{ tag: [never] }] }
- { key: thanks, on: [response_settled, mail_bounced], then: [{ send_mail: promoter_thanks, to: customer }] }
- { key: again, on: mail_bounced, then: [{ send_mail: passive_thanks, to: customer }] }
";
        publish(app, rules).await;
        app.answer("gone@example.com", 9).await;
        app.run_until_idle().await;
        let told = alerts(app).await;
        assert_eq!(told.iter().map(|alert| alert.1.as_str()).collect::<Vec<_>>(), ["again", "thanks"]);
        assert!(told[0].2.contains("(thanks → again → again)"), "{}", told[0].2);
        assert!(told[1].2.contains("rules would set each other off in a circle (thanks → again → thanks)"), "{}", told[1].2);
        let mut kinds = texts(&app.get("/deliveries").await.expect(200)["items"], "/kind");
        kinds.sort();
        assert_eq!(kinds, ["passive_thanks", "promoter_thanks"]);
    })
    .await;
}

const AFTER_CLOSING: &str = "
- { key: finish, on: case_resolved, then: [{ close: true }] }
- { key: after, on: case_closed, then: [{ tag: [done] }] }
";

async fn act(app: &TestApp, receipt: &Value, what: &str, body: Value) {
    app.post(&format!("/cases/{}/{what}", receipt["case"]["id"].as_str().unwrap()), body).await.expect(200);
}

#[tokio::test]
async fn resolving_and_closing_set_rules_off_whoever_closed_the_loop() {
    on_every_database(async |app| {
        without_shipped(app).await;
        let thanks =
            "{ key: thanks, on: response_settled, when: { segment: promoter }, then: [{ send_mail: promoter_thanks, to: customer }] }";
        publish(app, thanks).await;
        let before = app.answer("before@example.com", 9).await;
        app.run_until_idle().await;
        let kinds: Vec<String> = all::<outbox::Entity>(app).await.into_iter().map(|job| job.kind).collect();
        assert_eq!(kinds, ["mail"], "closed by the thanks; nobody listens, so nothing is noted");
        publish(app, AFTER_CLOSING).await;

        let low = app.answer("low@example.com", 2).await;
        act(app, &low, "contacts", json!({ "channel": "phone", "outcome": "reached" })).await;
        act(app, &low, "resolve", json!({ "root_cause": "late", "resolution": "sent again" })).await;
        app.run_until_idle().await;
        let case = app.case_of(&low).await;
        assert_eq!(
            (&case["loop_status"], &case["tags"]),
            (&json!("closed"), &json!(["done"])),
            "closed by a rule, which another one heard"
        );
        let chains: Vec<String> =
            all::<runs::Entity>(app).await.into_iter().filter(|run| run.trigger == "case_closed").map(|run| run.facts).collect();
        assert!(chains[0].contains("\"chain\":[\"finish\"]"), "{chains:?}");

        let high = app.answer("high@example.com", 10).await;
        app.run_until_idle().await;
        assert_eq!(app.case_of(&high).await["tags"], json!(["done"]), "closed by the accepted thanks");
        act(app, &before, "reopen", json!({})).await;
        act(app, &before, "close", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.case_of(&before).await["tags"], json!(["done"]), "closed by hand");
        assert_eq!(count(&timeline(&app.case_of(&before).await), "rule_stopped"), 0);
        assert_eq!(alerts(app).await, []);
    })
    .await;
}

/// A case that is closed twice is heard twice; the same close is heard once.
#[tokio::test]
async fn each_closing_is_heard_once() {
    on_every_database(async |app| {
        without_shipped(app).await;
        publish(app, "{ key: after, on: case_closed, then: [{ tag: [done] }] }").await;
        let receipt = app.answer("anna@example.com", 9).await;
        act(app, &receipt, "contacts", json!({ "channel": "phone", "outcome": "reached" })).await;
        for _ in 0..2 {
            act(app, &receipt, "close", json!({})).await;
            app.advance(chrono::Duration::minutes(1)).await;
            act(app, &receipt, "reopen", json!({})).await;
            act(app, &receipt, "contacts", json!({ "channel": "phone", "outcome": "reached" })).await;
        }
        let heard = all::<runs::Entity>(app).await.into_iter().filter(|run| run.trigger == "case_closed").count();
        assert_eq!(heard, 2);
    })
    .await;
}
