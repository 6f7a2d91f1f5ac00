//! A survey in a corner of other sites: who may embed it, who is asked, and what becomes of an answer.

use chrono::Duration;
use hearback_core::token::signature_of;
use hearback_store::persons;
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::{Answer, Client},
};
use serde_json::{Value, json};

use super::{all, count, timeline};

const SHOP: &str = "https://shop.example";
const ID: &str = "0123456789abcdef0123456789abcdef";

/// A widget of the shop, as the API tells it once.
async fn widget(app: &TestApp) -> Value {
    app.post("/widgets", json!({ "name": "Shop", "survey": "nps", "origins": [SHOP], "recontact_days": 30 })).await.expect(201)
}

fn path(widget: &Value) -> String {
    format!("/w/{}", widget["public_key"].as_str().unwrap())
}

/// What a page of the shop says about its visitor.
fn visitor(widget: &Value, kind: &str, name: &str) -> String {
    let signature = signature_of(widget["secret"].as_str().unwrap(), &format!("{kind}:{name}"));
    format!("{kind}={}&signature={signature}", name.replace('@', "%40"))
}

async fn ask(app: &TestApp, widget: &Value, visitor: &str) -> Value {
    let headers = [("origin", SHOP), ("hearback-visitor", visitor)];
    Client::stranger(app.address()).send("GET", &path(widget), &headers, "").await.expect(200)
}

async fn give(app: &TestApp, widget: &Value, visitor: &str, answer: Value) -> Answer {
    let headers = [("origin", SHOP), ("hearback-visitor", visitor), ("content-type", "application/json")];
    Client::stranger(app.address()).send("POST", &path(widget), &headers, answer.to_string()).await
}

async fn answers(app: &TestApp) -> Vec<Value> {
    app.get("/responses").await.expect(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn pages_of_its_origins_use_it_and_no_others() {
    on_every_database(async |app| {
        let widget = widget(app).await;
        let script = widget["script"].as_str().unwrap();
        assert!(script.contains("/widget.js\"") && script.contains(widget["public_key"].as_str().unwrap()));
        let listed = app.get("/widgets").await.expect(200);
        assert!(listed["items"][0].get("secret").is_none(), "the secret is told once");

        let page = Client::stranger(app.address());
        let code = page.get("/widget.js").await;
        assert_eq!((code.status, code.header("cross-origin-resource-policy")), (200, "cross-origin"));
        assert_eq!(code.header("content-type"), "text/javascript; charset=utf-8");
        for origin in ["", "https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"] {
            for method in ["GET", "POST", "OPTIONS"] {
                let answer = page.send(method, &path(&widget), &[("origin", origin)], "{}").await;
                assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, ""), "{method} {origin}");
            }
        }
        let allowed = page.send("OPTIONS", &path(&widget), &[("origin", SHOP)], "").await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, SHOP));
        assert!(allowed.header("access-control-allow-headers").contains("hearback-visitor"));
        let question = page.send("GET", &format!("{}?locale=lt", path(&widget)), &[("origin", SHOP)], "").await;
        assert_eq!((question.header("vary"), question.header("set-cookie")), ("Origin", ""));
        let question = question.expect(200);
        assert_eq!((&question["lang"], &question["days"], question["scores"].as_array().unwrap().len()), (&json!("lt"), &json!(30), 11));
        for (answer, status) in [
            (json!({ "id": ID, "score": 11 }), 422),
            (json!({ "id": "x", "score": 1 }), 422),
            (json!({ "id": ID, "score": 1, "comment": "x".repeat(9_000) }), 413),
        ] {
            let refused = give(app, &widget, "", answer).await;
            assert_eq!((refused.status, refused.header("access-control-allow-origin")), (status, SHOP));
            assert_eq!(refused.header("content-type"), "application/problem+json");
        }
        assert_eq!(answers(app).await.len(), 0);

        let id = widget["id"].as_str().unwrap();
        app.api.delete(&format!("/api/v1/widgets/{id}")).await.expect(204);
        assert_eq!(give(app, &widget, "", json!({ "id": ID, "score": 1 })).await.status, 404);
        assert_eq!(app.api.delete(&format!("/api/v1/widgets/{id}")).await.status, 404);
        let bad = json!({ "name": "", "survey": "no", "origins": ["shop.example"], "recontact_days": 0 });
        assert_eq!(app.post("/widgets", bad).await.refused(), ["name", "survey", "origins[0]", "recontact_days"]);
    })
    .await;
}

#[tokio::test]
async fn words_that_come_after_the_click_make_a_revision_and_rules_wait_for_them() {
    on_every_database(async |app| {
        let widget = widget(app).await;
        let anna = visitor(&widget, "email", "anna@example.com");
        let click = json!({ "id": ID, "score": 2, "lang": "lt" });
        assert_eq!(give(app, &widget, &anna, click.clone()).await.expect(201), json!({ "saved": true, "revision": 1 }));
        assert_eq!(give(app, &widget, &anna, click).await.expect(200)["revision"], 1, "the same once more");
        app.advance(Duration::minutes(5)).await;
        assert_eq!(app.mails_to("anna@example.com").len(), 0, "a click may be followed by words");
        let words = json!({ "id": ID, "score": 2, "comment": "Nobody called back." });
        assert_eq!(give(app, &widget, &anna, words.clone()).await.expect(200)["revision"], 2);
        assert_eq!(give(app, &widget, &anna, words).await.expect(200)["revision"], 2);
        let [answer] = answers(app).await.try_into().unwrap();
        assert_eq!((&answer["channel"], &answer["comment"]), (&json!("widget"), &json!("Nobody called back.")));
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "who wrote words is done: the mail to an unhappy customer, once");
        let cases = app.get("/cases").await.expect(200);
        let case = app.get(&format!("/cases/{}", cases["items"][0]["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(count(&timeline(&case), "corrected"), 0, "nothing was corrected: somebody went on");
        // Much later it is what it is.
        app.advance(Duration::hours(2)).await;
        assert_eq!(give(app, &widget, &anna, json!({ "id": ID, "score": 9 })).await.status, 409);
    })
    .await;
}

#[tokio::test]
async fn a_visitor_is_somebody_only_with_the_signature_of_the_site() {
    on_every_database(async |app| {
        let widget = widget(app).await;
        let anna = visitor(&widget, "email", "anna@example.com");
        let forged = [
            String::new(),
            "email=anna%40example.com".to_owned(),
            anna.replace("anna", "mia"),
            // Signed as an id, which anybody may choose on some sites, and shown as an address.
            visitor(&widget, "id", "anna@example.com").replace("id=", "email="),
            "%%%&=&".to_owned(),
        ];
        for (n, said) in forged.iter().enumerate() {
            give(app, &widget, said, json!({ "id": format!("{n:032}"), "score": 9 })).await.expect(201);
        }
        assert!(all::<persons::Entity>(app).await.iter().all(|person| person.email.is_none() && person.external_id.is_none()));
        give(app, &widget, &visitor(&widget, "id", "customer-7"), json!({ "id": format!("{:032}", 50), "score": 9 })).await.expect(201);
        give(app, &widget, &anna, json!({ "id": format!("{:032}", 51), "score": 9, "lang": "fi" })).await.expect(201);
        let people = all::<persons::Entity>(app).await;
        assert!(people.iter().any(|person| person.external_id.as_deref() == Some("customer-7")));
        let known = people.iter().find(|person| person.email.as_deref() == Some("anna@example.com")).unwrap();
        assert_eq!(known.locale.as_deref(), Some("fi"), "the language of the page, of somebody new");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_asked_twice_within_the_gap_nor_against_their_will() {
    on_every_database(async |app| {
        let widget = widget(app).await;
        let anna = visitor(&widget, "email", "anna@example.com");
        assert_eq!(ask(app, &widget, &anna).await["ask"], true, "nobody knows her");
        app.answer("anna@example.com", 9).await;
        assert_eq!(ask(app, &widget, &anna).await, json!({ "ask": false }), "she has answered elsewhere");
        assert_eq!(ask(app, &widget, "").await["ask"], true, "others are asked");
        app.advance(Duration::days(31)).await;
        assert_eq!(ask(app, &widget, &anna).await["ask"], true);

        app.post("/suppressions", json!({ "address": "anna@example.com" })).await.expect(201);
        assert_eq!(ask(app, &widget, &anna).await["ask"], false);
        let mia = visitor(&widget, "email", "mia@example.com");
        let receipt = app.answer("mia@example.com", 9).await;
        app.advance(Duration::days(31)).await;
        assert_eq!(ask(app, &widget, &mia).await["ask"], true);
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        app.api.delete(&format!("/api/v1/people/{person}")).await.expect(204);
        assert_eq!(ask(app, &widget, &mia).await["ask"], false, "she was erased");
    })
    .await;
}

#[tokio::test]
async fn whoever_calls_too_often_is_told_when_to_come_back() {
    let rates = hearback_web::Rates { visitor: 3, ..hearback_web::Rates::default() };
    on_every_database_with(&Options { rates: Some(rates), ..Options::default() }, async |app| {
        let widget = widget(app).await;
        for n in 0..3 {
            give(app, &widget, "", json!({ "id": format!("{n:032}"), "score": 9 })).await.expect(201);
        }
        let refused = give(app, &widget, "", json!({ "id": ID, "score": 9 })).await;
        assert_eq!(refused.status, 429, "{}", refused.text());
        assert!((1..=20).contains(&refused.header("retry-after").parse::<i64>().unwrap()));
        assert_eq!(answers(app).await.len(), 3);
    })
    .await;
}
