//! An unhappy customer, from the answer to the closed loop.

use chrono::Duration;
use hearback_tests::app::{SENDER, monday, on_every_database};
use serde_json::json;

use super::{AGENT, agent, count, texts, timeline};

#[tokio::test]
async fn a_detractor_is_heard_contacted_helped_and_closed() {
    on_every_database(async |app| {
        agent(app).await;
        let answer = json!({
            "survey": "nps", "score": 3, "comment": "Late.\nNobody answered \u{1F621}",
            "person": { "email": "Anna@Example.com", "name": "Anna \"A\" Óg \u{1F600}", "locale": "lt", "owner": AGENT },
        });
        let receipt = app.post("/responses", answer).await.expect(201);
        assert_eq!(
            (receipt["segment"].as_str(), receipt["score"].as_i64(), receipt["revision"].as_i64()),
            (Some("detractor"), Some(3), Some(1))
        );
        assert_eq!(receipt["case"]["loop_status"], "open");
        assert_eq!(texts(&receipt["effects"], "/do"), ["tag", "assign", "send_mail", "open_task", "send_mail"]);
        assert!(texts(&receipt["effects"], "/rule").iter().all(|rule| rule == "detractor-outreach"));

        let case = app.case_of(&receipt).await;
        assert_eq!((&case["owner"], &case["tags"]), (&json!(AGENT), &json!(["at-risk"])));
        assert_eq!(case["first_contact_due_at"], "2026-03-18T09:00:00Z");
        assert_eq!(case["close_due_at"], "2026-03-23T09:00:00Z", "five business days, a weekend between");
        let [task] = case["tasks"].as_array().unwrap().as_slice() else { panic!("{case}") };
        assert_eq!((&task["owner"], &task["status"], &task["due_at"]), (&json!(AGENT), &json!("open"), &json!("2026-03-18T09:00:00Z")));

        app.run_until_idle().await;
        let [outreach] = app.mails_to("anna@example.com").try_into().unwrap();
        assert_eq!((outreach.from.as_str(), outreach.to_name.as_str()), (SENDER, "Anna \"A\" Óg \u{1F600}"));
        assert!(outreach.header("Reply-To").contains(AGENT), "a reply goes to who looks after the customer");
        assert!(outreach.text.contains("> Nobody answered \u{1F621}"), "in the customer's own words: {}", outreach.text);
        assert!(outreach.text.contains("Ieva Petraitė"));
        let [notice] = app.mails_to(AGENT).try_into().unwrap();
        let case_id = receipt["case"]["id"].as_str().unwrap();
        assert!(notice.text.contains(&format!("/cases/{case_id}")));
        assert_eq!(app.mails().len(), 2);
        let deliveries = app.get(&format!("/deliveries?case={case_id}")).await.expect(200);
        assert_eq!(texts(&deliveries["items"], "/status"), ["sent", "sent"]);
        assert!(texts(&deliveries["items"], "/rule").iter().all(|rule| rule == "detractor-outreach@1"));

        let act = async |what: &str, body: serde_json::Value| app.post(&format!("/cases/{case_id}/{what}"), body).await;
        let early = act("close", json!({})).await;
        let lacks = texts(&early.expect(409)["lacks"], "");
        let starts: Vec<&str> = lacks.iter().filter_map(|lack| lack.split(':').next()).collect();
        assert_eq!(starts, ["a contact", "root_cause", "resolution", "tasks"]);

        app.advance(chrono::Duration::hours(2)).await;
        let contacted = act("contacts", json!({ "channel": "phone", "outcome": "reached", "note": "calmer now" })).await.expect(200);
        assert_eq!((&contacted["loop_status"], &contacted["first_contact_at"]), (&json!("contacted"), &json!("2026-03-16T11:00:00Z")));
        let resolved = act("resolve", json!({ "root_cause": "delivery", "resolution": "Sent again by express." })).await.expect(200);
        assert_eq!(resolved["loop_status"], "resolved");
        assert_eq!(act("close", json!({})).await.expect(409)["lacks"], json!(["tasks: 1 still open"]));
        let task_id = task["id"].as_str().unwrap();
        app.api.patch(&format!("/api/v1/tasks/{task_id}"), &json!({ "status": "done", "outcome": "called" })).await.expect(200);
        let closed = act("close", json!({ "note": "thanked us" })).await.expect(200);
        assert_eq!((&closed["loop_status"], &closed["closed_at"]), (&json!("closed"), &json!("2026-03-16T11:00:00Z")));
        let happened = timeline(&closed);
        assert_eq!(happened, ["answered", "planned", "mail_sent", "mail_sent", "contact", "resolved", "task_done", "closed"]);

        let loops = &app.get("/metrics").await.expect(200)["loops"];
        assert_eq!((&loops["total"], &loops["closed"], &loops["open"], &loops["overdue"]), (&json!(1), &json!(1), &json!(0), &json!(0)));
        assert_eq!((&loops["contacted_in_time"], &loops["first_contact_hours"]["median"]), (&json!(1), &json!(2.0)));
        act("contacts", json!({ "channel": "phone", "outcome": "reached" })).await.expect(409);
        app.api.patch(&format!("/api/v1/tasks/{task_id}"), &json!({ "status": "open" })).await.expect(409);
        let reopened = act("reopen", json!({ "note": "called again" })).await.expect(200);
        assert_eq!(reopened["loop_status"], "open");
    })
    .await;
}

#[tokio::test]
async fn closing_takes_what_it_needs_in_one_go_and_three_tries_stand_in_for_a_contact() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 0).await;
        let case_id = receipt["case"]["id"].as_str().unwrap();
        let act = async |what: &str, body: serde_json::Value| app.post(&format!("/cases/{case_id}/{what}"), body).await;
        // Monday, Wednesday, Friday: five working days.
        for (day, outcome, status) in [(0, "no_answer", "open"), (2, "wrong_number", "open"), (4, "no_answer", "contacted")] {
            app.clock.set(monday() + Duration::days(day));
            let case = act("contacts", json!({ "channel": "phone", "outcome": outcome })).await.expect(200);
            assert_eq!(case["loop_status"], status);
        }
        let task = app.case_of(&receipt).await["tasks"][0]["id"].as_str().unwrap().to_owned();
        app.api.patch(&format!("/api/v1/tasks/{task}"), &json!({ "status": "cancelled" })).await.expect(200);
        let closed = act("close", json!({ "root_cause": "unknown", "resolution": "could not be reached" })).await.expect(200);
        assert_eq!((&closed["loop_status"], &closed["first_contact_at"]), (&json!("closed"), &json!(null)));
        let loops = &app.get("/metrics").await.expect(200)["loops"];
        assert_eq!((&loops["closed"], &loops["contacted_in_time"]), (&json!(1), &json!(0)), "nobody was reached");
    })
    .await;
}

#[tokio::test]
async fn a_case_is_handed_over_only_to_somebody_who_exists() {
    on_every_database(async |app| {
        agent(app).await;
        let receipt = app.answer("anna@example.com", 2).await;
        let case = app.case_of(&receipt).await;
        assert_eq!(case["owner"], "team:support", "nobody else looks after her");
        let path = format!("/cases/{}/assign", receipt["case"]["id"].as_str().unwrap());
        for nobody in ["stranger@shop.example", "team:sales", "nonsense", ""] {
            assert_eq!(app.post(&path, json!({ "owner": nobody })).await.refused(), ["owner"], "{nobody}");
        }
        let assigned = app.post(&path, json!({ "owner": AGENT, "note": "you know her" })).await.expect(200);
        assert_eq!(assigned["owner"], AGENT);
        let happened = timeline(&assigned);
        assert_eq!((count(&happened, "assigned"), count(&happened, "note")), (1, 1));
        app.run_until_idle().await;
        let mut told: Vec<String> = app.mails().into_iter().map(|mail| mail.to).collect();
        told.sort();
        assert_eq!(told, ["anna@example.com", AGENT], "the team's only member is told of the task");
    })
    .await;
}
