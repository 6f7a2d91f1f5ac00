//! Asking one person, and asking after something happened.

use chrono::Duration;
use hearback_store::{interactions, invitations};
use hearback_tests::app::on_every_database;
use serde_json::{Value, json};

use super::{
    all, suppress, texts,
    waves::{person, until},
};

#[expect(clippy::needless_pass_by_value, reason = "callers write it where it is used")]
fn anna(more: Value) -> Value {
    let mut body = json!({ "survey": "nps", "person": { "email": "anna@example.com", "locale": "lt" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_of_one_person_at_the_same_moment_ask_once() {
    on_every_database(async |app| {
        for _ in 0..8 {
            app.post("/invitations", anna(json!({}))).await.expect(201);
        }
        // The jobs of all of them run side by side.
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        let blocked = app.get("/invitations?status=blocked").await.expect(200);
        assert_eq!(texts(&blocked["items"], "/reason"), ["asked_lately"; 7]);
    })
    .await;
}

#[tokio::test]
async fn one_person_is_asked_now_later_or_not_and_the_answer_says_which() {
    on_every_database(async |app| {
        let first = app.post("/invitations", anna(json!({}))).await.expect(201);
        assert_eq!((&first["status"], &first["reason"]), (&json!("queued"), &json!(null)));
        assert!(first["url"].as_str().unwrap().contains("/s/"));
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        let stored = app.get(&format!("/invitations/{}", first["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&stored["status"], &stored["sent_at"]), (&json!("sent"), &json!("2026-03-16T09:00:00Z")));
        let again = app.post("/invitations", anna(json!({ "survey": "csat" }))).await.expect(201);
        assert_eq!((&again["status"], &again["reason"]), (&json!("blocked"), &json!("asked_lately")));
        assert_eq!(again["not_before"], "2026-04-15T09:00:00Z");
        let link = app.post("/invitations", anna(json!({ "channel": "link" }))).await.expect(201);
        assert_eq!((&link["status"], &link["url"]), (&json!("blocked"), &json!(null)));
        let link = app.post("/invitations", anna(json!({ "channel": "link", "ignore_limits": true }))).await.expect(201);
        assert_eq!((&link["status"], &link["reason"]), (&json!("sent"), &json!(null)));
        assert!(link["url"].as_str().unwrap().contains("/s/"));
        let over = app.post("/invitations", anna(json!({ "ignore_limits": true }))).await.expect(201);
        assert_eq!(over["status"], "queued");
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 2);
        until(app, "2026-04-16T09:00:00Z").await;
        assert_eq!(app.mails_to("anna@example.com").len(), 3, "the one that waited");
        suppress(app, "bob@example.com", "unsubscribed").await;
        let bob = json!({ "survey": "nps", "person": { "email": "bob@example.com" }, "ignore_limits": true });
        let bob = app.post("/invitations", bob).await.expect(201);
        assert_eq!((&bob["status"], &bob["reason"], &bob["not_before"]), (&json!("blocked"), &json!("unsubscribed"), &json!(null)));
        let nobody = app.post("/invitations", json!({ "survey": "nps", "person": { "external_id": "7" } })).await.expect(201);
        assert_eq!(nobody["reason"], "no_address");
        assert_eq!(app.post("/invitations", anna(json!({ "survey": "none" }))).await.refused(), ["survey"]);
        assert_eq!(app.post("/invitations", json!({ "survey": "nps", "person": {} })).await.refused(), ["person.email"]);
        let blocked = app.get("/invitations?status=not_asked").await.expect(200);
        assert_eq!(texts(&blocked["items"], "/reason"), ["no_address", "unsubscribed", "asked_lately"]);
        until(app, "2026-07-01T09:00:00Z").await;
        assert_eq!(app.get("/invitations?status=expired").await.expect(200)["items"].as_array().unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_asked_about_once_after_its_delay_and_within_the_limits() {
    on_every_database(async |app| {
        let plan = json!({
            "survey": "csat", "trigger": { "event": "ticket_closed", "delay": "2h" }, "audience": { "person": { "plan": "gold" } },
            "reminders": [{ "after_days": 1 }], "window": { "from": "08:00", "to": "18:00" }
        });
        app.put("/campaigns/after-ticket", plan).await.expect(201);
        app.post("/campaigns/after-ticket/waves", json!({})).await.expect(409);
        app.get("/campaigns/after-ticket/plan").await.expect(409);
        let closed = |id: &str, email: &str| json!({ "event": "ticket_closed", "external_id": id, "person": { "email": email } });
        person(app, "anna@example.com", json!({ "properties": { "plan": "gold" } })).await;
        person(app, "fred@example.com", json!({})).await;
        let first = app.post("/interactions", closed("t-1", "anna@example.com")).await.expect(201);
        assert_eq!((&first["repeated"], &first["invitations"][0]["campaign"]), (&json!(false), &json!("after-ticket")));
        assert_eq!(first["invitations"][0]["status"], "queued");
        let again = app.post("/interactions", closed("t-1", "anna@example.com")).await.expect(200);
        assert_eq!((&again["repeated"], &again["invitations"][0]["id"]), (&json!(true), &first["invitations"][0]["id"]));
        let second = app.post("/interactions", closed("t-2", "anna@example.com")).await.expect(201);
        assert_eq!(second["invitations"][0]["reason"], "already_invited");
        let other = app.post("/interactions", closed("t-3", "fred@example.com")).await.expect(201);
        assert_eq!(other["invitations"], json!([]), "not in the audience");
        until(app, "2026-03-16T10:59:59Z").await;
        assert_eq!(app.mails().len(), 0);
        until(app, "2026-03-16T11:00:00Z").await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        let third = app.post("/interactions", closed("t-4", "anna@example.com")).await.expect(201);
        assert_eq!((&third["invitations"][0]["status"], &third["invitations"][0]["reason"]), (&json!("blocked"), &json!("asked_lately")));
        until(app, "2026-03-17T12:00:00Z").await;
        assert_eq!(app.mails_to("anna@example.com").len(), 2, "a day later the reminder");
        let at_night = json!({ "event": "ticket_closed", "external_id": "t-5", "at": "2026-03-17T17:30:00Z",
            "person": { "email": "nora@example.com", "properties": { "plan": "gold" } } });
        let at_night = app.post("/interactions", at_night).await.expect(201);
        assert_eq!(at_night["invitations"][0]["not_before"], "2026-03-18T08:00:00Z");
        until(app, "2026-03-18T08:00:00Z").await;
        assert_eq!(app.mails_to("nora@example.com").len(), 1);
        for (field, value) in [("at", json!("9999-12-31T00:00:00Z")), ("event", json!("No Such")), ("external_id", json!(""))] {
            let mut body = closed("t-9", "anna@example.com");
            body[field] = value;
            assert_eq!(app.post("/interactions", body).await.refused(), [field]);
        }
        assert_eq!(all::<interactions::Entity>(app).await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn one_order_is_delivered_and_returned_and_goes_to_two() {
    on_every_database(async |app| {
        for (event, survey) in [("delivered", "csat"), ("returned", "nps")] {
            app.put(&format!("/campaigns/{event}"), json!({ "survey": survey, "trigger": { "event": event, "delay": "0" } }))
                .await
                .expect(201);
        }
        let tell = async |event: &str, email: &str| {
            let told = json!({ "event": event, "external_id": "order-1", "person": { "email": email } });
            let answer = app.post("/interactions", told).await;
            (answer.status, answer.json()["invitations"][0]["id"].as_str().unwrap().to_owned())
        };
        let first = tell("delivered", "anna@example.com").await;
        let all_four = [
            first.clone(),
            tell("returned", "anna@example.com").await,
            tell("delivered", "bert@example.com").await,
            tell("returned", "bert@example.com").await,
        ];
        assert!(all_four.iter().all(|(status, _)| *status == 201), "{all_four:?}");
        assert_eq!(
            all_four.iter().map(|(_, id)| id).collect::<std::collections::BTreeSet<_>>().len(),
            4,
            "each has an invitation of its own"
        );
        assert_eq!(tell("delivered", "anna@example.com").await, (200, first.1), "the same again is a repeat");
        assert_eq!(all::<interactions::Entity>(app).await.len(), 4);
        // Two who are one had the same order: what happened to them is kept once.
        let id = async |email: &str| app.put("/people", json!({ "email": email })).await.expect(200)["id"].as_str().unwrap().to_owned();
        let (from, into) = (id("anna@example.com").await, id("bert@example.com").await);
        app.post(&format!("/people/{from}/merge"), json!({ "into": into })).await.expect(200);
        assert_eq!(tell("delivered", "anna@example.com").await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn a_paused_campaign_asks_nobody_after_events() {
    on_every_database(async |app| {
        let plan = json!({ "survey": "csat", "trigger": { "event": "done", "delay": "1h" } });
        app.put("/campaigns/after", plan).await.expect(201);
        let done = |id: &str, email: &str| json!({ "event": "done", "external_id": id, "person": { "email": email } });
        app.post("/interactions", done("1", "anna@example.com")).await.expect(201);
        app.post("/campaigns/after/pause", json!({})).await.expect(200);
        let meanwhile = app.post("/interactions", done("2", "bob@example.com")).await.expect(201);
        assert_eq!(meanwhile["invitations"], json!([]));
        app.advance(Duration::hours(3)).await;
        assert_eq!(app.mails().len(), 0);
        app.post("/campaigns/after/resume", json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        assert_eq!(all::<invitations::Entity>(app).await.len(), 1);
    })
    .await;
}
