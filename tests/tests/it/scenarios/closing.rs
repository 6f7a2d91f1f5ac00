//! What closing takes, as a workspace sets it: needs, order, codes, many at once.

use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{agent, count, timeline};

async fn act(app: &TestApp, receipt: &Value, step: &str, body: Value) -> hearback_tests::client::Answer {
    app.post(&format!("/cases/{}/{step}", receipt["case"]["id"].as_str().unwrap()), body).await
}

async fn finish_task(app: &TestApp, receipt: &Value) {
    let task = app.case_of(receipt).await["tasks"][0]["id"].as_str().unwrap().to_owned();
    app.api.patch(&format!("/api/v1/tasks/{task}"), &json!({ "status": "done" })).await.expect(200);
}

fn reached() -> Value {
    json!({ "channel": "phone", "outcome": "reached" })
}

#[tokio::test]
async fn a_policy_forces_the_order_and_has_codes_for_causes() {
    on_every_database(async |app| {
        agent(app).await;
        let strict = json!({ "segment": "detractor", "survey": "nps", "forced_order": true, "root_causes": ["price", "delivery"] });
        app.put("/policies", strict).await.expect(200);
        let receipt = app.answer("anna@example.com", 3).await;
        finish_task(app, &receipt).await;
        let early = act(app, &receipt, "resolve", json!({ "root_cause": "price", "resolution": "credit" })).await;
        assert_eq!(early.status, 409, "{}", early.text());
        act(app, &receipt, "contacts", reached()).await.expect(200);
        assert_eq!(act(app, &receipt, "resolve", json!({ "root_cause": "weather" })).await.refused(), ["root_cause"]);
        let lacks = act(app, &receipt, "close", json!({})).await;
        assert_eq!(lacks.status, 409);
        act(app, &receipt, "resolve", json!({ "root_cause": "price", "resolution": "credit" })).await.expect(200);
        assert_eq!(act(app, &receipt, "close", json!({})).await.expect(200)["loop_status"], "closed");
        // Another survey goes by the usual policy.
        let other = json!({ "survey": "csat", "score": 1, "person": { "email": "ben@example.com" } });
        let other = app.post("/responses", other).await.expect(201);
        assert_eq!(act(app, &other, "resolve", json!({ "root_cause": "weather" })).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_closing_takes_is_a_setting() {
    on_every_database(async |app| {
        agent(app).await;
        app.put("/policies", json!({ "segment": "detractor", "needs": ["contact"], "attempts": 2, "over": "0" })).await.expect(200);
        let receipt = app.answer("anna@example.com", 3).await;
        finish_task(app, &receipt).await;
        assert_eq!(app.case_of(&receipt).await["lacks"].as_array().unwrap().len(), 1);
        for _ in 0..2 {
            act(app, &receipt, "contacts", json!({ "channel": "phone", "outcome": "no_answer" })).await.expect(200);
        }
        assert_eq!(app.case_of(&receipt).await["lacks"], json!([]));
        assert_eq!(act(app, &receipt, "close", json!({})).await.expect(200)["loop_status"], "closed");
        let again = act(app, &receipt, "contacts", json!({ "channel": "email", "outcome": "replied" })).await.expect(200);
        assert_eq!((again["loop_status"].as_str(), count(&timeline(&again), "reopened")), (Some("open"), 1), "the customer wrote back");
        let bad = json!({ "segment": "critic", "close": "soon", "needs": ["luck"], "attempts": 0 });
        assert_eq!(app.put("/policies", bad).await.refused(), ["segment"]);
        let bad = json!({ "segment": "passive", "survey": "none", "close": "soon", "needs": ["luck"], "attempts": 0 });
        assert_eq!(app.put("/policies", bad).await.refused(), ["close", "needs", "attempts", "survey"]);
        let listed = app.get("/policies").await.expect(200);
        let usual: Vec<bool> = listed["items"].as_array().unwrap().iter().map(|item| item["usual"].as_bool().unwrap()).collect();
        assert_eq!(usual, [false, true, true]);
    })
    .await;
}

#[tokio::test]
async fn many_are_closed_with_the_checks_of_each() {
    on_every_database(async |app| {
        agent(app).await;
        let ready = app.answer("ready@example.com", 3).await;
        finish_task(app, &ready).await;
        act(app, &ready, "contacts", reached()).await.expect(200);
        let lacking = app.answer("lacking@example.com", 3).await;
        let stranger = "019a0000-0000-7000-8000-000000000000";
        let ids = [&ready["case"]["id"], &lacking["case"]["id"], &json!(stranger)];
        let body = json!({ "ids": ids, "root_cause": "price", "resolution": "credit", "note": "spring campaign" });
        let done = app.post("/cases/close", body.clone()).await.expect(200);
        let closed: Vec<bool> = done["results"].as_array().unwrap().iter().map(|one| one["closed"].as_bool().unwrap()).collect();
        assert_eq!((&done["closed"], closed), (&json!(1), vec![true, false, false]));
        assert_eq!(done["results"][1]["lacks"].as_array().unwrap().len(), 2, "a contact and the task");
        assert_eq!(app.case_of(&lacking).await["root_cause"], json!(null), "a refused one is left as it was");
        assert_eq!(app.post("/cases/close", body).await.expect(200)["closed"], 0, "nothing is closed twice");
        assert_eq!(app.post("/cases/close", json!({ "ids": [] })).await.refused(), ["ids"]);
    })
    .await;
}
