//! Codes of a pool: each is given once, nobody is thanked without the code that was promised, nothing is lost.

use std::collections::HashSet;

use chrono::Duration;
use hearback_store::{incentive_codes, incentive_waits};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    smtp_server::{At, Fault, Script},
};
use serde_json::{Value, json};

use super::{AGENT, agent, all, count, stock, suppress, texts, timeline};

async fn pool(app: &TestApp) -> Value {
    app.get("/pools/thank-you").await.expect(200)
}

/// Free, given, expired, revoked codes and cases that wait.
async fn counts(app: &TestApp) -> [i64; 5] {
    let pool = pool(app).await;
    ["free", "given", "expired", "revoked", "waiting"].map(|name| pool[name].as_i64().unwrap())
}

fn opened(app: &TestApp, code: &incentive_codes::Model) -> String {
    hearback_engine::incentives::pools::code(&app.cx.settings.secret_key, code).unwrap()
}

async fn given(app: &TestApp) -> Vec<String> {
    all::<incentive_codes::Entity>(app).await.into_iter().filter(|code| code.case_id.is_some()).map(|code| opened(app, &code)).collect()
}

#[tokio::test]
async fn a_mail_waits_for_its_code_and_the_owner_is_told() {
    on_every_database(async |app| {
        agent(app).await;
        stock(app, &["LAST"]).await;
        let first = app.answer("a@example.com", 7).await;
        let second = app.answer("b@example.com", 7).await;
        let third = app.answer("c@example.com", 8).await;
        app.run_until_idle().await;
        assert!(app.mails_to("a@example.com")[0].text.contains("LAST"));
        assert!(app.mails_to("b@example.com").is_empty() && app.mails_to("c@example.com").is_empty(), "held, not sent without the code");
        assert_eq!(counts(app).await, [0, 1, 0, 0, 2]);
        assert_eq!(app.case_of(&first).await["loop_status"], "closed");

        let case = app.case_of(&second).await;
        let missing = case["timeline"].as_array().unwrap().iter().find(|entry| entry["kind"] == "incentive_missing").unwrap();
        assert!(missing["data"]["reason"].as_str().unwrap().contains("empty"));
        assert_eq!((&case["loop_status"], &case["tasks"][0]["status"]), (&json!("open"), &json!("open")));
        assert!(case["tasks"][0]["title"].as_str().unwrap().contains("thank-you is empty"));
        let thanks = case["deliveries"].as_array().unwrap().iter().find(|mail| mail["kind"] == "passive_thanks").unwrap();
        assert_eq!(thanks["status"], "deferred");
        assert!(thanks["reply"].as_str().unwrap().contains("import codes"));
        assert_eq!(app.mails_to(AGENT).len(), 1, "one mail, however many customers wait");
        let alerts = app.get("/alerts").await.expect(200);
        assert_eq!(count(&texts(&alerts["items"], "/kind"), "pool_empty"), 1);

        app.advance(Duration::hours(5)).await;
        assert!(app.mails_to("b@example.com").is_empty());
        app.stock("thank-you", &["N-1", "N-2", "N-3"]).await;
        let alerts = app.get("/alerts").await.expect(200);
        assert_eq!(count(&texts(&alerts["items"], "/kind"), "pool_empty"), 0, "what was refilled needs nobody any more");
        app.run_until_idle().await;
        let mut codes = HashSet::new();
        for (receipt, to) in [(&second, "b@example.com"), (&third, "c@example.com")] {
            let [mail] = app.mails_to(to).try_into().unwrap();
            let code = ["N-1", "N-2", "N-3"].into_iter().find(|code| mail.text.contains(code)).unwrap();
            codes.insert(code);
            let case = app.case_of(receipt).await;
            assert_eq!((&case["loop_status"], &case["tasks"][0]["status"]), (&json!("closed"), &json!("done")));
            assert_eq!(count(&timeline(&case), "incentive_given"), 1);
        }
        assert_eq!(codes.len(), 2, "nobody shares a code");
        assert_eq!(counts(app).await, [1, 3, 0, 0, 0]);
        assert!(all::<incentive_waits::Entity>(app).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_nobody_ever_filled_keeps_nobody_from_being_thanked() {
    on_every_database(async |app| {
        let receipt = app.answer("b@example.com", 7).await;
        app.run_until_idle().await;
        let [mail] = app.mails_to("b@example.com").try_into().unwrap();
        assert!(!mail.text.contains("code"), "{}", mail.text);
        let case = app.case_of(&receipt).await;
        assert_eq!((&case["loop_status"], count(&timeline(&case), "incentive_missing")), (&json!("closed"), 1));
        assert_eq!(app.get("/pools").await.expect(200)["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_code_whose_mail_never_left_goes_back() {
    let script = Script::default().once(At::Rcpt, 1, Fault::reply("550 5.1.1 unknown"));
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        stock(app, &["ONE"]).await;
        suppress(app, "stopped@example.com", "unsubscribed").await;
        let bounced = app.answer("gone@example.com", 7).await;
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [1, 0, 0, 0, 0], "bounced");
        assert_eq!(count(&timeline(&app.case_of(&bounced).await), "incentive_taken_back"), 1);
        app.answer("stopped@example.com", 7).await;
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [1, 0, 0, 0, 0], "suppressed");
        let changed = app.answer("changed@example.com", 7).await;
        assert_eq!(counts(app).await, [0, 1, 0, 0, 0]);
        app.correct(&changed, 2).await;
        assert_eq!(counts(app).await, [1, 0, 0, 0, 0], "called off before it was sent");
        app.correct(&changed, 8).await;
        app.run_until_idle().await;
        assert!(app.mails_to("changed@example.com").iter().any(|mail| mail.text.contains("ONE")), "and given anew");
        app.correct(&changed, 2).await;
        assert_eq!(given(app).await, ["ONE"], "what was sent stays given");
    })
    .await;
}

/// The customer may have the code: it is not given to anybody else.
#[tokio::test]
async fn a_code_in_doubt_stays_given() {
    let script = Script::default().once(At::Dot, 1, Fault::Close);
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        stock(app, &["ONE"]).await;
        app.answer("doubt@example.com", 7).await;
        app.run_until_idle().await;
        suppress(app, "doubt@example.com", "unsubscribed").await;
        app.advance(Duration::minutes(20)).await;
        assert_eq!(texts(&app.get("/deliveries").await.expect(200)["items"], "/status"), ["suppressed"]);
        assert_eq!(given(app).await, ["ONE"]);
    })
    .await;
}

#[tokio::test]
async fn who_waits_and_is_not_written_to_any_more_waits_no_more() {
    on_every_database(async |app| {
        stock(app, &["ONE"]).await;
        app.answer("first@example.com", 7).await;
        let waiting = app.answer("second@example.com", 7).await;
        let erased = app.answer("third@example.com", 7).await;
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [0, 1, 0, 0, 2]);
        app.correct(&waiting, 3).await;
        let person = app.case_of(&erased).await["person"]["id"].as_str().unwrap().to_owned();
        app.api.delete(&format!("/api/v1/people/{person}")).await.expect(204);
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [0, 1, 0, 0, 0]);
        let case = app.case_of(&waiting).await;
        let open: Vec<&Value> = case["tasks"].as_array().unwrap().iter().filter(|task| task["status"] == "open").collect();
        assert_eq!(open.len(), 1, "to call her: {case}");
        app.stock("thank-you", &["TWO"]).await;
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [1, 1, 0, 0, 0], "nobody is given what nobody waits for");
    })
    .await;
}

#[tokio::test]
async fn an_expired_code_is_never_given_and_what_expires_first_goes_first() {
    on_every_database(async |app| {
        app.post("/pools/thank-you/codes", json!({ "codes": ["OLD"], "expires_at": "2026-03-16T09:30:00Z" })).await.expect(200);
        let csv = "code,expires_at\nLATER,2026-05-01\nSOON,2026-03-17\nNEVER,\nWRONG,soon\nSOON,2026-03-18\n";
        let sent = app.api.send("POST", "/api/v1/pools/thank-you/codes", &[("content-type", "text/csv")], csv).await.expect(200);
        assert_eq!((&sent["added"], &sent["duplicates"], &sent["rejected"][0]["line"]), (&json!(3), &json!(1), &json!(5)));
        app.clock.advance(Duration::hours(1));
        assert_eq!(counts(app).await, [3, 0, 1, 0, 0], "by its time, before any clean-up");
        app.answer("a@example.com", 7).await;
        assert_eq!(given(app).await, ["SOON"]);
        app.run_until_idle().await;
        let codes = app.get("/pools/thank-you/codes?state=expired").await.expect(200);
        assert_eq!(texts(&codes["items"], "/code"), ["OLD"]);
        app.advance(Duration::days(60)).await;
        app.answer("b@example.com", 7).await;
        app.answer("c@example.com", 7).await;
        app.run_until_idle().await;
        assert_eq!(counts(app).await, [0, 2, 2, 0, 1]);
        let mut codes = given(app).await;
        codes.sort();
        assert_eq!(codes, ["NEVER", "SOON"]);
    })
    .await;
}

#[tokio::test]
async fn a_low_pool_is_told_once_until_it_is_filled_again() {
    on_every_database(async |app| {
        let made = app.api.put("/api/v1/pools/thank-you", &json!({ "name": "Thank you", "low_stock": 2 })).await.expect(200);
        assert_eq!((&made["name"], &made["free"]), (&json!("Thank you"), &json!(0)));
        let alerts = async || {
            let open = app.get("/alerts").await.expect(200);
            let items = open["items"].as_array().unwrap().clone();
            for item in &items {
                app.post(&format!("/alerts/{}/done", item["id"].as_str().unwrap()), json!({})).await.expect(200);
            }
            items.iter().map(|item| (item["kind"].as_str().unwrap().to_owned(), item["count"].as_i64().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(alerts().await, [("pool_empty".to_owned(), 1)], "made empty");
        let told = app.post("/pools/thank-you/codes", json!({ "codes": ["A", "B", "C", "D"] })).await.expect(200);
        assert_eq!((&told["added"], &told["rejected"]), (&json!(4), &json!([])));
        app.answer("a@example.com", 7).await;
        assert_eq!(alerts().await, []);
        app.answer("b@example.com", 7).await;
        assert_eq!(alerts().await, [("pool_low".to_owned(), 1)]);
        app.answer("c@example.com", 7).await;
        assert_eq!(alerts().await, [], "told once");
        app.post("/pools/thank-you/codes/revoke", json!({ "codes": ["A", "B", "C", "D", "X"] })).await.expect(200);
        assert_eq!(alerts().await, [("pool_empty".to_owned(), 1)]);
        assert_eq!(counts(app).await, [0, 3, 0, 1, 0]);
        assert_eq!(app.api.put("/api/v1/pools/thank-you", &json!({ "low_stock": -1 })).await.refused(), ["low_stock"]);
        app.get("/pools/none").await.expect(404);
        app.post("/pools/none/codes/revoke", json!({ "codes": [] })).await.expect(404);
        assert_eq!(app.post("/pools/thank-you/codes", json!({ "codes": ["ok", "x".repeat(256)] })).await.refused(), ["codes[1]"]);
    })
    .await;
}
