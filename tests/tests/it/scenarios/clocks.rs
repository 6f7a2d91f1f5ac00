//! What time does: answers that settle, contacts and tasks that become overdue, jumps of the clock.

use chrono::Duration;
use hearback_store::{events, outbox};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{AGENT, agent, all, count, texts, timeline};

async fn one_click(app: &TestApp, score: i64) -> Value {
    let body = json!({ "survey": "nps", "score": score, "channel": "email", "person": { "email": "anna@example.com" } });
    app.post("/responses", body).await.expect(201)
}

#[tokio::test]
async fn a_one_click_answer_rests_before_anything_follows() {
    on_every_database(async |app| {
        let receipt = one_click(app, 2).await;
        assert_eq!(receipt["effects"], json!([]));
        app.advance(Duration::minutes(14)).await;
        assert!(app.mails().is_empty(), "never early");
        app.advance(Duration::minutes(1)).await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        assert_eq!(timeline(&app.case_of(&receipt).await), ["answered", "planned", "mail_sent"]);
    })
    .await;
}

/// Somebody clicks 2, then 9: the first click starts nothing, and the time to rest begins anew.
#[tokio::test]
async fn a_one_click_answer_that_is_changed_rests_again() {
    on_every_database(async |app| {
        let receipt = one_click(app, 2).await;
        app.advance(Duration::minutes(10)).await;
        app.correct(&receipt, 9).await;
        app.advance(Duration::minutes(14)).await;
        assert!(app.mails().is_empty());
        app.advance(Duration::minutes(1)).await;
        let kinds = texts(&app.get("/deliveries").await.expect(200)["items"], "/kind");
        assert_eq!(kinds, ["promoter_thanks"], "as if she had clicked 9 at once");
        let states: Vec<_> = all::<outbox::Entity>(app).await.into_iter().map(|row| row.state.to_string()).collect();
        assert_eq!(count(&states, "cancelled"), 1, "the rest of the first click");
    })
    .await;
}

#[tokio::test]
async fn nobody_in_touch_after_48_hours_escalates_exactly_once() {
    on_every_database(async |app| {
        agent(app).await;
        let receipt = app.answer("anna@example.com", 3).await;
        app.run_until_idle().await;
        app.advance(Duration::hours(48) - Duration::milliseconds(1)).await;
        let before = app.case_of(&receipt).await;
        assert_eq!((&before["escalated_at"], &before["overdue"]), (&json!(null), &json!(false)));
        app.advance(Duration::milliseconds(1)).await;
        let after = app.case_of(&receipt).await;
        assert_eq!((&after["escalated_at"], &after["owner"]), (&json!("2026-03-18T09:00:00Z"), &json!("team:support")));
        let escalations = async || texts(&app.get("/deliveries?kind=escalation").await.expect(200)["items"], "/status");
        assert_eq!(escalations().await, ["sent"]);
        for _ in 0..5 {
            app.advance(Duration::hours(11)).await;
        }
        assert_eq!(escalations().await, ["sent"]);
        let case = app.case_of(&receipt).await;
        assert_eq!(count(&timeline(&case), "contact_overdue"), 1);
        assert_eq!(case["overdue"], true);
        assert_eq!(app.get("/cases?overdue=true").await.expect(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(app.get("/metrics").await.expect(200)["loops"]["overdue"], 1);
    })
    .await;
}

/// Asleep for weeks, several cases, two nodes that wake up together: each is escalated once.
#[tokio::test]
async fn a_far_jump_of_the_clock_escalates_each_case_once() {
    on_every_database(async |app| {
        agent(app).await;
        for n in 0..5 {
            app.answer(&format!("{n}@example.com"), 1).await;
        }
        app.run_until_idle().await;
        let other = app.second_node().await;
        app.clock.advance(Duration::days(40));
        tokio::join!(app.run_until_idle(), other.run_until_idle());
        app.run_until_idle().await;
        app.clock.advance(-Duration::days(39));
        app.run_until_idle().await;
        app.clock.advance(Duration::days(39));
        app.run_until_idle().await;
        let escalations = texts(&app.get("/deliveries?kind=escalation").await.expect(200)["items"], "/status");
        assert_eq!(escalations, ["sent"; 5]);
        let overdue: Vec<String> = all::<events::Entity>(app).await.into_iter().map(|event| event.kind).collect();
        assert_eq!((count(&overdue, "contact_overdue"), count(&overdue, "task_overdue")), (5, 5));
        other.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_contact_in_time_keeps_the_escalation_away() {
    on_every_database(async |app| {
        agent(app).await;
        let receipt = app.answer("anna@example.com", 3).await;
        app.advance(Duration::hours(47)).await;
        let path = format!("/cases/{}/contacts", receipt["case"]["id"].as_str().unwrap());
        app.post(&path, json!({ "channel": "phone", "outcome": "replied" })).await.expect(200);
        app.advance(Duration::days(3)).await;
        let case = app.case_of(&receipt).await;
        assert_eq!((count(&timeline(&case), "contact_overdue"), &case["escalated_at"]), (0, &json!(null)));
        assert_eq!(texts(&app.get("/deliveries?kind=escalation").await.expect(200)["items"], "/status"), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_overdue_task_is_marked_once_and_a_done_one_never() {
    on_every_database(async |app| {
        let late = app.answer("late@example.com", 3).await;
        let done = app.answer("done@example.com", 3).await;
        let task = app.case_of(&done).await["tasks"][0]["id"].as_str().unwrap().to_owned();
        app.api.patch(&format!("/api/v1/tasks/{task}"), &json!({ "status": "done" })).await.expect(200);
        app.advance(Duration::hours(49)).await;
        app.advance(Duration::hours(49)).await;
        assert_eq!(count(&timeline(&app.case_of(&late).await), "task_overdue"), 1);
        assert_eq!(count(&timeline(&app.case_of(&done).await), "task_overdue"), 0);
        let overdue = app.get("/tasks?overdue=true").await.expect(200);
        assert_eq!(texts(&overdue["items"], "/case_id"), [late["case"]["id"].as_str().unwrap()]);
    })
    .await;
}

/// Finished and overdue at the same moment, on two nodes: who commits first wins, and nothing is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_done_while_it_becomes_overdue_ends_as_one_of_the_two() {
    on_every_database(async |app| {
        agent(app).await;
        let other = app.second_node().await;
        for round in 0..10 {
            let receipt = app.answer(&format!("{round}@example.com"), 3).await;
            let task = app.case_of(&receipt).await["tasks"][0]["id"].as_str().unwrap().to_owned();
            app.clock.advance(Duration::hours(49));
            let path = format!("/api/v1/tasks/{task}");
            let done = json!({ "status": "done" });
            let (done, ()) = tokio::join!(other.api.patch(&path, &done), app.run_until_idle());
            done.expect(200);
            app.run_until_idle().await;
            let happened = timeline(&app.case_of(&receipt).await);
            assert_eq!(count(&happened, "task_done"), 1);
            let task = app.get(&format!("/tasks/{task}")).await.expect(200);
            assert_eq!((&task["status"], &task["overdue"]), (&json!("done"), &json!(false)));
        }
        other.end().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_from_the_past_has_its_clocks_in_the_past() {
    on_every_database(async |app| {
        agent(app).await;
        let old = json!({ "survey": "nps", "score": 1, "person": { "email": "anna@example.com", "owner": AGENT }, "responded_at": "2026-03-01T00:00:00Z" });
        let receipt = app.post("/responses", old).await.expect(201);
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        // A Sunday: Tuesday's closing is the second working day.
        assert_eq!((&case["answered_at"], &case["first_contact_due_at"]), (&json!("2026-03-01T00:00:00Z"), &json!("2026-03-03T17:00:00Z")));
        assert_eq!(count(&timeline(&case), "contact_overdue"), 1, "overdue from the start, once");
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
    })
    .await;
}
