//! What comes in: every bad field is named, every good name survives.

use hearback_store::{persons, responses};
use hearback_tests::app::on_every_database;
use serde_json::{Value, json};

use super::all;

/// A good answer with one more field, or with one in place of a good one.
fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut answer = json!({ "survey": "nps", "score": 3, "person": { "email": "anna@example.com" } });
    match field.strip_prefix("person.") {
        Some(field) => answer["person"][field] = value.into(),
        None => answer[field] = value.into(),
    }
    answer
}

fn without(field: &str) -> Value {
    let mut answer = with("channel", "api");
    answer.as_object_mut().unwrap().remove(field);
    answer
}

/// A name or number that is pasted from a telephone or a spreadsheet brings signs that nobody sees. The page and the import take
/// them out, and so does the API.
#[tokio::test]
async fn what_nobody_sees_is_taken_out_and_refuses_no_answer() {
    on_every_database(async |app| {
        let (comment, name) = ("call \u{202a}+370\u{202c}\u{2028}today\u{b}\u{0}please", "\u{2068}Anna\u{2069}\r\nBcc: v@x.com");
        let person = json!({ "email": "\u{202a}anna@example.com\u{202c}", "name": name, "account": "\u{feff}acme", "properties": { "pl\u{202e}an": "a\u{0}b" } });
        let body = json!({ "survey": "nps", "score": 2, "comment": comment, "external_id": "4\u{202c}2", "person": person });
        let receipt = app.post("/responses", body).await.expect(201);
        let case = app.case_of(&receipt).await;
        assert_eq!(case["response"]["comment"], "call +370\ntoday\n please");
        let stored = &all::<persons::Entity>(app).await[0];
        assert_eq!((stored.email.as_deref(), stored.name.as_deref()), (Some("anna@example.com"), Some("Anna Bcc: v@x.com")));
        assert_eq!((stored.account_key.as_deref(), stored.properties.as_str()), (Some("acme"), r#"{"plan":"a b"}"#));
        let again = json!({ "survey": "nps", "score": 2, "comment": "call +370\ntoday\n please", "external_id": "42" });
        assert_ne!(app.post("/responses", again).await.status, 201, "the id is the same without them");
        let note = json!({ "channel": "phone", "outcome": "reached", "note": "a\u{2028}b" });
        app.post(&format!("/cases/{}/contacts", receipt["case"]["id"].as_str().unwrap()), note).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn each_bad_field_is_named() {
    on_every_database(async |app| {
        let many: serde_json::Map<String, Value> = (0..51).map(|n| (n.to_string(), json!(n))).collect();
        let bad = [
            (without("survey"), "survey"),
            (without("score"), "score"),
            (with("survey", "nope"), "survey"),
            (with("score", 11), "score"),
            (with("score", -1), "score"),
            (with("score", i64::MAX), "score"),
            (with("score", 3.5), "score"),
            (with("score", "3"), "score"),
            (with("score", Value::Null), "score"),
            (with("stars", 5), "stars"),
            (with("comment", "x".repeat(10_001)), "comment"),
            (with("external_id", ""), "external_id"),
            (with("external_id", "x".repeat(256)), "external_id"),
            (with("channel", "Carrier Pigeon"), "channel"),
            (with("responded_at", "yesterday"), "responded_at"),
            (with("responded_at", "1999-12-31T23:59:59Z"), "responded_at"),
            (with("responded_at", "2026-03-18T09:00:00Z"), "responded_at"),
            (with("responded_at", "9999-01-01T00:00:00Z"), "responded_at"),
            (with("person.email", "anna"), "person.email"),
            (with("person.email", "a@b"), "person.email"),
            (with("person.email", "a@x.lt\r\nBcc: v@x.lt"), "person.email"),
            (with("person.email", format!("{}@example.com", "x".repeat(300))), "person.email"),
            (with("person.name", "x".repeat(256)), "person.name"),
            (with("person.name", 7), "person.name"),
            (with("person.nickname", "A"), "person.nickname"),
            (with("person.locale", "!!"), "person.locale"),
            (with("person.timezone", "Mars/Olympus"), "person.timezone"),
            (with("person.owner", "nobody"), "person.owner"),
            (with("person.account", "x".repeat(256)), "person.account"),
            (with("person.external_id", "x".repeat(256)), "person.external_id"),
            (with("person.properties", many), "person.properties"),
            (with("person.properties", json!({ "plan": "x".repeat(1_001) })), "person.properties.plan"),
            (with("person.properties", json!({ "plan": ["a"] })), "person.properties.plan"),
            (with("person.properties", json!({ "x".repeat(256): 1 })), "person.properties"),
        ];
        for (body, field) in bad {
            let answer = app.post("/responses", body).await;
            assert_eq!(answer.refused(), [field]);
            let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
            assert!(!message.is_empty() && !message.contains('\0') && !message.contains('\n'), "{message:?}");
        }
        assert!(all::<responses::Entity>(app).await.is_empty() && all::<persons::Entity>(app).await.is_empty(), "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn all_bad_fields_are_named_at_once() {
    on_every_database(async |app| {
        let body = json!({ "survey": "nps", "score": 99, "channel": "?", "person": { "email": "x", "locale": "!!" } });
        assert_eq!(app.post("/responses", body).await.refused(), ["score", "channel", "person.email", "person.locale"]);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_for_what_it_is() {
    on_every_database(async |app| {
        let json_type = [("content-type", "application/json")];
        let send = async |headers: &[(&str, &str)], body: String| app.api.send("POST", "/api/v1/responses", headers, body).await.status;
        assert_eq!(send(&json_type, "{".to_owned()).await, 400);
        assert_eq!(send(&json_type, String::new()).await, 400);
        assert_eq!(send(&json_type, "[".repeat(10_000)).await, 422);
        assert_eq!(send(&json_type, r#"{"survey":"nps","score":3,"comment":"\ud800"}"#.to_owned()).await, 400);
        assert_eq!(send(&json_type, r#"{"survey":"nps","score":3,"score":9}"#.to_owned()).await, 422);
        assert_eq!(send(&json_type, format!(r#"{{"survey":"nps","score":3,"comment":"{}"}}"#, "x".repeat(300_000))).await, 413);
        assert_eq!(send(&[("content-type", "text/plain")], with("channel", "api").to_string()).await, 415);
        assert_eq!(app.api.send("PUT", "/api/v1/responses", &json_type, "{}").await.status, 405);
        assert_eq!(app.api.get("/api/v1/nowhere").await.status, 404);
        assert!(all::<responses::Entity>(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn parameters_of_lists_are_checked_by_name() {
    on_every_database(async |app| {
        for (query, parameter) in [
            ("cases?limit=0", "limit"),
            ("cases?limit=501", "limit"),
            ("cases?cursor=x", "cursor"),
            ("cases?segment=angry", "segment"),
            ("cases?loop_status=done", "loop_status"),
            ("cases?overdue=maybe", "overdue"),
            ("cases?since=soon", "since"),
            ("cases?person=7", "person"),
            ("cases?survey=nope", "survey"),
            ("cases?colour=red", "colour"),
            ("cases?limit=1&limit=2", "limit"),
            ("tasks?status=late", "status"),
            ("deliveries?status=lost", "status"),
            ("metrics?bucket=minute", "bucket"),
            ("metrics?since=2026-02-01&until=2026-01-01", "until"),
            ("people?email=x", "email"),
        ] {
            assert_eq!(app.get(&format!("/{query}")).await.refused(), [parameter], "{query}");
        }
        app.get("/metrics?survey=nope").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn what_agents_enter_is_checked_too() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 3).await;
        let case = app.case_of(&receipt).await;
        let path = |what: &str| format!("/cases/{}/{what}", case["id"].as_str().unwrap());
        for (what, body, fields) in [
            ("contacts", json!({ "channel": "phone", "outcome": "shouted" }), vec!["outcome"]),
            ("contacts", json!({ "channel": "", "outcome": "reached" }), vec!["channel"]),
            ("contacts", json!({ "channel": "phone" }), vec!["outcome"]),
            ("contacts", json!({ "channel": "phone", "outcome": "reached", "note": "x".repeat(10_001) }), vec!["note"]),
            ("resolve", json!({ "root_cause": "x".repeat(256) }), vec!["root_cause"]),
            ("resolve", json!({ "cause": "a" }), vec!["cause"]),
            ("close", json!({ "resolution": "x".repeat(10_001) }), vec!["resolution"]),
        ] {
            assert_eq!(app.post(&path(what), body.clone()).await.refused(), fields, "{what} {body}");
        }
        let task = format!("/api/v1/tasks/{}", case["tasks"][0]["id"].as_str().unwrap());
        assert_eq!(app.api.patch(&task, &json!({ "status": "lost" })).await.refused(), ["status"]);
        assert_eq!(app.api.patch(&task, &json!({ "assignee": "stranger@shop.example" })).await.refused(), ["assignee"]);
        assert_eq!(app.case_of(&receipt).await, case);
    })
    .await;
}

#[tokio::test]
async fn names_and_words_survive_as_they_are() {
    on_every_database(async |app| {
        let names = [
            "Zoë \"Z\" O'Brien",
            "Žygimantas Šķēle-Ääliö",
            "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} Family",
            "محمد",
            "=HYPERLINK(\"http://x\")",
            "<script>alert(1)</script>",
            "a\\b 'c' `d` ; DROP TABLE persons; -- %s {{x}} ${y}",
            "null",
        ];
        for (n, name) in names.iter().enumerate() {
            let comment = format!("{name}\n.\n..\n\t{name}");
            let body = json!({
                "survey": "nps", "score": 3, "comment": comment,
                "person": { "email": format!("{n}@example.com"), "name": name, "properties": { *name: name } },
            });
            let receipt = app.post("/responses", body).await.expect(201);
            let stored = app.get(&format!("/responses/{}", receipt["id"].as_str().unwrap())).await.expect(200);
            assert_eq!((&stored["comment"], &stored["person"]["name"]), (&json!(comment), &json!(name)));
            assert_eq!(stored["properties"], json!({ *name: name }));
            app.run_until_idle().await;
            let [mail] = app.mails_to(&format!("{n}@example.com")).try_into().unwrap();
            assert_eq!(mail.to_name, *name);
            assert!(mail.text.contains(&format!("> {name}\n> .\n> ..")), "{}", mail.text);
            assert!(!mail.html.contains("<script>"), "{}", mail.html);
        }
    })
    .await;
}
