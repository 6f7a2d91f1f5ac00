//! Other programs that rules call: signed, tried again, switched off; and never a way into the own network.

use chrono::Duration;
use hearback_core::seal::Sealed;
use hearback_store::{bulk, webhooks};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    listener::Listener,
};
use serde_json::{Value, json};

use super::{
    rules::{publish, without_shipped},
    texts, timeline,
};

fn on_this_machine() -> Options {
    Options { private_webhooks: true, ..Options::default() }
}

const CALLS: &str = "{ key: calls, on: response_settled, then: [{ call_webhook: crm }] }";
/// 32 bytes.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn webhook(app: &TestApp, kind: &str, url: &str) -> Value {
    let made = app.post("/webhooks", json!({ "key": "crm", "kind": kind, "url": url, "secret": SECRET })).await.expect(201);
    without_shipped(app).await;
    publish(app, &CALLS.replace("call_webhook", if kind == "chat" { "notify_chat" } else { "call_webhook" })).await;
    made
}

async fn messages(app: &TestApp) -> Value {
    app.get("/deliveries").await.expect(200)["items"].clone()
}

#[tokio::test]
async fn a_message_is_signed_tried_again_with_growing_pauses_and_the_same_id() {
    on_every_database_with(&on_this_machine(), async |app| {
        let crm = Listener::start(&[500, 302, 503, 200]).await;
        let made = webhook(app, "webhook", &crm.url("/hook?x=1")).await;
        assert_eq!((&made["secret"], &made["enabled"]), (&json!(SECRET), &json!(true)));
        assert_eq!(app.get("/webhooks").await.expect(200)["items"][0]["secret"], json!(null), "shown once");
        let body = json!({ "survey": "nps", "score": 2, "comment": "late", "person": { "email": "anna@example.com", "name": "Anna" } });
        let receipt = app.post("/responses", body).await.expect(201);
        app.run_until_idle().await;
        let [waits] = messages(app).await.as_array().unwrap().clone().try_into().unwrap();
        assert_eq!((&waits["medium"], &waits["status"], &waits["to"]), (&json!("webhook"), &json!("deferred"), &json!("webhook:crm")));
        assert!(waits["reply"].as_str().unwrap().contains("answered 500"));
        app.advance(Duration::seconds(4)).await;
        assert_eq!(crm.taken().len(), 1, "not before the first pause is over");
        app.advance(Duration::seconds(3)).await;
        assert_eq!(crm.taken().len(), 2);
        assert!(messages(app).await[0]["reply"].as_str().unwrap().contains("redirects are not followed"));
        app.advance(Duration::minutes(5)).await;
        app.advance(Duration::minutes(2)).await;
        app.advance(Duration::minutes(38)).await;
        let taken = crm.taken();
        assert_eq!(taken.len(), 4);
        let first = &taken[0];
        assert_eq!(first.line, "POST /hook?x=1");
        assert_eq!((&first.body["type"], &first.body["data"]["rule"]), (&json!("rule.matched"), &json!("calls@1")));
        assert_eq!(first.body["data"]["case"]["id"], receipt["case"]["id"]);
        assert_eq!(
            (&first.body["data"]["response"]["score"], &first.body["data"]["person"]["email"]),
            (&json!(2), &json!("anna@example.com"))
        );
        assert!(first.headers["webhook-signature"].starts_with("v1,") && first.headers["webhook-id"].starts_with("msg_"));
        assert_eq!(first.headers["webhook-timestamp"], app.cx.now().timestamp().checked_sub(4 + 3 + 7 * 60 + 38 * 60).unwrap().to_string());
        assert!(taken.iter().all(|other| other.headers["webhook-id"] == first.headers["webhook-id"]), "a repeat can be told");
        assert_ne!(taken[3].headers["webhook-signature"], first.headers["webhook-signature"], "signed anew, with its own time");
        let sent = messages(app).await;
        assert_eq!((&sent[0]["status"], &sent[0]["attempts"]), (&json!("sent"), &json!(4)));
        assert_eq!(timeline(&app.case_of(&receipt).await), ["answered", "planned", "webhook_called"]);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_switched_off_until_somebody_enables_it() {
    on_every_database_with(&on_this_machine(), async |app| {
        let crm = Listener::start(&[410, 200]).await;
        webhook(app, "webhook", &crm.url("/")).await;
        let receipt = app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        app.answer("mia@example.com", 2).await;
        app.run_until_idle().await;
        assert_eq!(crm.taken().len(), 1, "nothing is sent to it any more");
        assert_eq!(texts(&messages(app).await, "/status"), ["dead", "dead"]);
        let row = app.get("/webhooks").await.expect(200)["items"][0].clone();
        assert_eq!(row["enabled"], json!(false));
        assert!(row["reason"].as_str().unwrap().contains("410"));
        let alerts = app.get("/alerts").await.expect(200)["items"].clone();
        let told: Vec<_> = texts(&alerts, "/kind").into_iter().zip(texts(&alerts, "/subject")).collect();
        assert!(told.contains(&("webhook_disabled".to_owned(), "crm".to_owned())), "{alerts}");
        assert_eq!(timeline(&app.case_of(&receipt).await), ["answered", "planned", "webhook_failed"]);
        app.post("/webhooks/crm/enable", json!({})).await.expect(200);
        app.answer("jonas@example.com", 2).await;
        app.run_until_idle().await;
        assert_eq!(crm.taken().len(), 2);
    })
    .await;
}

/// What is refused when it is entered, and what a name leads to when it is looked up.
#[tokio::test]
async fn a_webhook_never_leads_into_the_own_network() {
    on_every_database(async |app| {
        let inside = Listener::start(&[200]).await;
        for url in [inside.url("/"), format!("http://localhost:{}/", inside.port()), "http://[::ffff:169.254.169.254]/".to_owned()] {
            assert_eq!(app.post("/webhooks", json!({ "key": "crm", "url": url })).await.refused(), ["url"], "{url}");
        }
        let seal = |what, text: &str| app.cx.settings.secret_key.seal(what, app.ws.uuid(), b"crm", text).unwrap();
        let row = webhooks::Model {
            workspace_id: app.ws.uuid(),
            key: "crm".to_owned(),
            kind: "webhook".to_owned(),
            sealed_url: seal(Sealed::WebhookUrl, &format!("http://localhost:{}/", inside.port())),
            sealed_secret: seal(Sealed::WebhookSecret, SECRET),
            created_at: 0,
            disabled_at: None,
            reason: None,
        };
        let tx = app.cx.db.write().await.unwrap();
        bulk::insert::<webhooks::Entity>(&tx, &[row]).await.unwrap();
        tx.commit().await.unwrap();
        without_shipped(app).await;
        publish(app, CALLS).await;
        app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        let waits = messages(app).await;
        assert!(waits[0]["reply"].as_str().unwrap().contains("not on the open internet"), "{waits}");
        for _ in 0..20 {
            app.advance(Duration::hours(5)).await;
        }
        assert_eq!(texts(&messages(app).await, "/status"), ["dead"], "given up after three days");
        let alerts = app.get("/alerts").await.expect(200);
        assert!(texts(&alerts["items"], "/kind").contains(&"webhook_failed".to_owned()), "{alerts}");
        assert!(inside.taken().is_empty(), "nobody ever connected");
    })
    .await;
}

#[tokio::test]
async fn a_chat_room_gets_a_line_without_who_it_was() {
    on_every_database_with(&on_this_machine(), async |app| {
        let room = Listener::start(&[200]).await;
        let made = webhook(app, "chat", &room.url("/services/T0/SECRET")).await;
        assert!(!made["url"].as_str().unwrap().contains("SECRET"), "the address of a room is its key");
        let body = json!({ "survey": "nps", "score": 2, "comment": "late", "person": { "email": "anna@example.com", "name": "Anna" } });
        let receipt = app.post("/responses", body).await.expect(201);
        app.run_until_idle().await;
        let [taken] = room.taken().try_into().unwrap();
        let link = format!("{}/cases/{}", app.cx.settings.public_url, receipt["case"]["id"].as_str().unwrap());
        assert_eq!(taken.body, json!({ "text": format!("calls: score 2 (detractor, nps)\n> late\n{link}") }));
        assert!(!taken.headers.contains_key("webhook-signature"));
        app.api.delete("/api/v1/webhooks/crm").await.expect(204);
        app.api.delete("/api/v1/webhooks/crm").await.expect(404);
        app.answer("mia@example.com", 2).await;
        app.run_until_idle().await;
        assert!(texts(&messages(app).await, "/status").contains(&"dead".to_owned()));
    })
    .await;
}
