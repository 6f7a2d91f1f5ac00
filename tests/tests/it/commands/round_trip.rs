//! Everything that an export holds comes back by the import, in whatever format and order, once.

use hearback_core::id::WorkspaceId;
use hearback_engine::role::Scope;
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    process::Setup,
};
use serde_json::{Value, json};

use super::{done, file, operator};

/// What follows the house, not the data: when a row was touched here, and tasks, which do not travel.
const OF_THE_HOUSE: [&str; 2] = ["updated_at", "open_tasks"];

/// A survey with a further question, in both workspaces.
async fn ask_more(client: &Client) {
    let question = json!({ "key": "reason", "text": { "en": "What about?" }, "kind": "single_choice", "segments": ["detractor"],
        "choices": [{ "key": "price", "text": { "en": "Price" } }, { "key": "service", "text": { "en": "Service" } }] });
    let survey = json!({ "name": "Shop", "metric": "nps", "body": { "questions": [question], "ask_contact": true } });
    client.put("/api/v1/surveys/nps/draft", &survey).await.expect(200);
    client.post("/api/v1/surveys/nps/publish", &json!({})).await.expect(200);
}

async fn fill(app: &TestApp) {
    let first = json!({ "survey": "nps", "score": 2, "external_id": "order-1", "comment": "=1+1, \"late\"\nagain", "answers": { "reason": "price" },
        "may_contact": false, "channel": "kiosk", "responded_at": "2026-03-15T10:30:00.250Z",
        "person": { "email": "ona@example.com", "external_id": "crm-1", "name": "NA", "locale": "lt", "timezone": "Europe/Vilnius",
            "account": "acme", "properties": { "country": "NA", "zip": "00123", "visits": -3, "beta": true, "plan": "gold" } } });
    let receipt = app.post("/responses", first).await.expect(201);
    let case = format!("/cases/{}", receipt["case"]["id"].as_str().unwrap());
    let contact = json!({ "channel": "phone", "outcome": "no_answer", "note": "voice box, \"later\"" });
    app.post(&format!("{case}/contacts"), contact).await.expect(200);
    app.post(&format!("{case}/contacts"), json!({ "channel": "phone", "outcome": "reached" })).await.expect(200);
    app.post(&format!("{case}/resolve"), json!({ "root_cause": "delivery", "resolution": "Sent anew" })).await.expect(200);
    app.post("/responses", json!({ "survey": "csat", "score": 5, "external_id": "order-1", "person": { "email": "ona@example.com" } }))
        .await
        .expect(201);
    app.post("/responses", json!({ "survey": "nps", "score": 7, "comment": "NA" })).await.expect(201);
    let changed = json!({ "survey": "nps", "score": 3, "answers": { "reason": "service" }, "person": { "email": "jonas@example.com" } });
    let changed = app.post("/responses", changed).await.expect(201);
    app.correct(&changed, 9).await;
    app.answer("petras@example.com", 0).await;
    // What is known of somebody moves on; what they had when they answered does not.
    let later = json!({ "email": "ona@example.com", "locale": "en", "properties": { "plan": "silver", "country": "LT" } });
    app.put("/people", later).await.expect(200);
    app.put("/people", json!({ "external_id": "crm-9", "name": "+Only Id" })).await.expect(200);
    for (address, reason, note) in [
        ("ona@example.com", "unsubscribed", Value::Null),
        ("jonas@example.com", "hard_bounce", json!("550 no such user")),
        ("petras@example.com", "manual", json!("=asked by phone")),
        ("stranger@example.com", "complaint", Value::Null),
    ] {
        app.post("/suppressions", json!({ "address": address, "reason": reason, "note": note })).await.expect(201);
    }
    app.run_until_idle().await;
}

/// An export as lines without what follows the house.
async fn rows(program: &Setup, what: &[&str]) -> Vec<Value> {
    let text = done(program, &[&["export"], what, &["--format", "jsonl"]].concat()).await;
    let strip = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        let object = row.as_object_mut().unwrap();
        for own in OF_THE_HOUSE {
            object.remove(own);
        }
        row
    };
    text.lines().map(strip).collect()
}

async fn assert_same(app: &TestApp, here: &Setup, order: [&str; 3], format: &str) {
    let elsewhere = |arguments: &[&'static str]| [&["--workspace", "other"], arguments].concat();
    let path = |what: &str| file(app, &format!("{what}.{format}")).display().to_string();
    for what in order {
        std::fs::write(path(what), done(here, &["export", what, "--format", format]).await).unwrap();
    }
    std::fs::write(path("list"), done(here, &["suppressions", "export"]).await).unwrap();
    for is_first in [true, false] {
        for what in order {
            let path = path(what);
            let import = ["--workspace", "other", "import", what, path.as_str()];
            let dry = done(here, &[&import[..], &["--dry-run"]].concat()).await;
            let real = done(here, &import).await;
            assert_eq!(dry, real, "a dry run counts as the real one: {what}");
            assert!(real.contains("rejected 0"), "{what} {format}: {real}");
            assert_eq!(real.starts_with("imported 0,"), !is_first, "{what} {format}, first {is_first}: {real}");
        }
        let list = path("list");
        let told = done(here, &["--workspace", "other", "suppressions", "import", &list]).await;
        assert!(is_first || told.starts_with("stored 0, unchanged 4, rejected 0"), "{told}");
    }
    for what in order {
        let there = rows(here, &[what, "--workspace", "other"]).await;
        assert_eq!(rows(here, &[what]).await, there, "{what} by {format}, in the order {order:?}");
    }
    assert_eq!(done(here, &["suppressions", "export"]).await, done(here, &elsewhere(&["suppressions", "export"])).await);
    assert_eq!(here.fsck().await, "");
    let again = done(here, &["import", "responses", &path("responses")]).await;
    assert_eq!(again.trim(), "imported 0, unchanged 5, rejected 0", "into the house that it came from");
}

async fn figures(client: &Client) -> Value {
    let mut figures = client.get("/api/v1/metrics?survey=nps").await.expect(200);
    // How far loops came depends on the clock of the house.
    figures.as_object_mut().unwrap().remove("loops");
    figures
}

async fn comes_back(order: [&'static str; 3], format: &'static str) {
    on_every_database(async |app| {
        ask_more(&app.api).await;
        fill(app).await;
        let other: WorkspaceId = app.second_workspace().await;
        let there = app.key(other, Scope::Admin).await;
        ask_more(&there).await;
        assert_same(app, &operator(app), order, format).await;
        assert_eq!(figures(&app.api).await, figures(&there).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_comes_back_from_csv() {
    comes_back(["responses", "people", "cases"], "csv").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_comes_back_from_json_lines() {
    comes_back(["people", "responses", "cases"], "jsonl").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opt_outs_of_other_programs_hold_and_a_list_says_what_it_left_out() {
    on_every_database(async |app| {
        let program = operator(app);
        let people = "Email Address,Name,Status,Unsubscribed,Bounced\na@example.com,NA,subscribed,,\nb@example.com,B,Unsubscribed,,\n\
                      c@example.com,C,,2026-03-01,\nd@example.com,D,cleaned,no,\ne@example.com,E,customer,no,0\n";
        std::fs::write(file(app, "people.csv"), people).unwrap();
        let path = file(app, "people.csv").display().to_string();
        let import = ["import", "people", path.as_str(), "--map", "email=Email Address,name=Name"];
        for expected in ["imported 5, unchanged 0, rejected 0", "imported 0, unchanged 5, rejected 0"] {
            assert_eq!(done(&program, &[&import[..], &["--dry-run"]].concat()).await.trim(), expected);
            assert_eq!(done(&program, &import).await.trim(), expected);
        }
        let told: Vec<Value> =
            rows(&program, &["people"]).await.into_iter().map(|row| json!([row["email"], row["suppressed"], row["name"]])).collect();
        let wanted = json!([
            ["a@example.com", null, "NA"],
            ["b@example.com", "unsubscribed", "B"],
            ["c@example.com", "unsubscribed", "C"],
            ["d@example.com", "hard_bounce", "D"],
            ["e@example.com", null, "E"]
        ]);
        assert_eq!(json!(told), wanted);

        std::fs::write(file(app, "list.txt"), "Ona <f@example.com>\nnobody@\ng@example.com;moved away\n").unwrap();
        let list = file(app, "list.txt").display().to_string();
        let rejects = file(app, "rejects.csv").display().to_string();
        let (status, text) = program.run(&["suppressions", "import", &list, "--rejects", &rejects]).await;
        assert_eq!((status.code(), text.lines().next()), (Some(1), Some("stored 2, unchanged 0, rejected 1")));
        assert!(std::fs::read_to_string(rejects).unwrap().contains("\n2,,nobody@,"), "row, value and reason");
    })
    .await;
}
