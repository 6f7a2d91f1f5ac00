//! Answers that are changed: what waits from the old one stops, what was done is not done again.

use chrono::Duration;
use hearback_store::{EntityTrait, rollups};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::json;

use super::{all, count, stock, texts, timeline};

/// Answers by value, summed over all roll-ups.
async fn counted(app: &TestApp) -> Vec<i64> {
    let mut sums = vec![0; 12];
    for row in rollups::Entity::find().all(app.cx.db.read()).await.unwrap() {
        let bins = [row.c0, row.c1, row.c2, row.c3, row.c4, row.c5, row.c6, row.c7, row.c8, row.c9, row.c10, row.with_comment];
        sums.iter_mut().zip(bins).for_each(|(sum, bin)| *sum += bin);
    }
    sums
}

#[tokio::test]
async fn from_9_to_2_stops_the_invitation_and_opens_the_detractors_case() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        assert_eq!(app.case_of(&receipt).await["loop_status"], "closed", "thanked");
        app.advance(Duration::minutes(30)).await;
        let corrected = app.correct(&receipt, 2).await;
        assert_eq!((&corrected["revision"], &corrected["segment"]), (&json!(2), &json!("detractor")));
        assert_eq!(corrected["case"], json!({ "id": receipt["case"]["id"], "loop_status": "open" }));
        assert_eq!(texts(&corrected["effects"], "/do"), ["tag", "assign", "send_mail", "open_task", "send_mail"]);
        app.advance(Duration::days(1)).await;
        let deliveries = app.get("/deliveries").await.expect(200);
        assert_eq!(kinds(&deliveries), ["detractor_outreach", "promoter_thanks"], "and no invitation");
        assert_eq!(app.mails_to("anna@example.com").len(), 2);

        let case = app.case_of(&receipt).await;
        assert_eq!((&case["score"], &case["segment"], &case["loop_status"]), (&json!(2), &json!("detractor"), &json!("open")));
        assert_eq!(texts(&case["tasks"], "/status"), ["open"]);
        assert_eq!(case["first_contact_due_at"], "2026-03-18T09:30:00Z", "the clock of a detractor starts with the correction");
        let happened = timeline(&case);
        let place = |kind: &str| happened.iter().position(|other| other == kind).unwrap_or_else(|| panic!("no {kind} in {happened:?}"));
        assert!(place("corrected") < place("cancelled"));
        let cancelled = &case["timeline"][place("cancelled")]["data"];
        assert_eq!(texts(&cancelled["steps"], "/do"), ["create_referral", "send_mail"]);
        assert!(cancelled.to_string().contains("referral_invitation") && cancelled.to_string().contains("from 9 to 2"), "{cancelled}");
        let corrected = &case["timeline"][place("corrected")]["data"];
        assert_eq!((&corrected["from"], &corrected["to"]), (&json!(9), &json!(2)));
        assert_eq!((count(&happened, "answered"), count(&happened, "planned")), (1, 2));
    })
    .await;
}

/// Which mails a list of deliveries has, sorted.
fn kinds(deliveries: &serde_json::Value) -> Vec<String> {
    let mut kinds = texts(&deliveries["items"], "/kind");
    kinds.sort();
    kinds
}

#[tokio::test]
async fn from_3_to_4_neither_writes_nor_asks_twice() {
    on_every_database(async |app| {
        super::agent(app).await;
        let receipt = app.answer("anna@example.com", 3).await;
        app.run_until_idle().await;
        assert_eq!(app.mails().len(), 2);
        let corrected = app.correct(&receipt, 4).await;
        assert_eq!(corrected["revision"], 2);
        app.advance(Duration::hours(1)).await;
        assert_eq!(app.mails().len(), 2, "once per answer");
        let case = app.case_of(&receipt).await;
        assert_eq!((case["tasks"].as_array().unwrap().len(), &case["open_tasks"]), (1, &json!(1)));
        assert_eq!(case["deliveries"].as_array().unwrap().len(), 2);
    })
    .await;
}

/// The correction comes while the first mail still waits: it is the new one that goes.
#[tokio::test]
async fn a_correction_before_anything_was_sent_sends_once() {
    on_every_database(async |app| {
        super::agent(app).await;
        let receipt = app.answer("anna@example.com", 3).await;
        app.correct(&receipt, 4).await;
        app.correct(&receipt, 5).await;
        app.run_until_idle().await;
        assert_eq!((app.mails_to("anna@example.com").len(), app.mails_to(super::AGENT).len()), (1, 1));
        assert!(app.mails_to(super::AGENT)[0].subject.contains("Call the customer"), "told of the task that was opened before");
        let case = app.case_of(&receipt).await;
        assert_eq!(case["open_tasks"], 1);
        let open: Vec<String> = texts(&case["tasks"], "/status").into_iter().filter(|status| status == "open").collect();
        assert_eq!(open.len(), 1);
    })
    .await;
}

/// A task that one of us cancelled does not come back because of a small correction, least of all into a closed case.
#[tokio::test]
async fn a_cancelled_task_stays_cancelled_and_a_dropped_one_comes_back() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 2).await;
        let task = app.case_of(&receipt).await["tasks"][0]["id"].as_str().unwrap().to_owned();
        app.api.patch(&format!("/api/v1/tasks/{task}"), &json!({ "status": "cancelled" })).await.expect(200);
        app.correct(&receipt, 3).await;
        assert_eq!(texts(&app.case_of(&receipt).await["tasks"], "/status"), ["cancelled"]);

        let other = app.answer("jonas@example.com", 2).await;
        app.correct(&other, 9).await;
        assert_eq!(texts(&app.case_of(&other).await["tasks"], "/status"), ["cancelled"]);
        app.correct(&other, 2).await;
        let mut tasks = texts(&app.case_of(&other).await["tasks"], "/status");
        tasks.sort();
        assert_eq!(tasks, ["cancelled", "open"]);
    })
    .await;
}

#[tokio::test]
async fn from_2_to_9_drops_the_task_and_thanks() {
    on_every_database(async |app| {
        super::agent(app).await;
        let receipt = app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        app.correct(&receipt, 9).await;
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        assert_eq!((texts(&case["tasks"], "/status"), &case["open_tasks"]), (vec!["cancelled".to_owned()], &json!(0)));
        assert_eq!((&case["loop_status"], &case["segment"]), (&json!("closed"), &json!("promoter")));
        assert_eq!(app.mails_to("anna@example.com").len(), 2, "the apology and the thanks");
        app.advance(Duration::hours(1)).await;
        app.advance(Duration::minutes(1)).await;
        assert_eq!(app.mails_to("anna@example.com").len(), 3, "and the invitation");
        app.advance(Duration::days(5)).await;
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "contact_overdue"), 0);
    })
    .await;
}

#[tokio::test]
async fn from_9_to_2_and_back_thanks_once_and_invites_once() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        app.run_until_idle().await;
        app.correct(&receipt, 2).await;
        app.run_until_idle().await;
        app.correct(&receipt, 10).await;
        app.advance(Duration::hours(2)).await;
        app.advance(Duration::minutes(1)).await;
        let sent = app.get("/deliveries?status=sent").await.expect(200);
        assert_eq!(kinds(&sent), ["detractor_outreach", "promoter_thanks", "referral_invitation"]);
        let case = app.case_of(&receipt).await;
        assert_eq!(case["loop_status"], "closed", "she was thanked for being a promoter before: nothing is left to do");
    })
    .await;
}

#[tokio::test]
async fn a_code_is_given_once_per_answer() {
    on_every_database(async |app| {
        stock(app, &["A", "B"]).await;
        let receipt = app.answer("jonas@example.com", 7).await;
        app.run_until_idle().await;
        app.correct(&receipt, 8).await;
        app.run_until_idle().await;
        let codes = all::<hearback_store::incentive_codes::Entity>(app).await;
        assert_eq!(codes.into_iter().filter(|code| code.case_id.is_some()).count(), 1);
        assert_eq!(app.mails().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn roll_ups_follow_each_correction() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        app.answer("jonas@example.com", 7).await;
        app.correct(&receipt, 2).await;
        let id = receipt["id"].as_str().unwrap();
        let path = format!("/api/v1/responses/{id}");
        app.api.patch(&path, &json!({ "comment": "sorry" })).await.expect(200);
        app.clock.advance(Duration::hours(5));
        app.api.patch(&path, &json!({ "score": 0, "comment": "" })).await.expect(200);
        assert_eq!(counted(app).await, [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let metrics = app.get("/metrics").await.expect(200);
        assert_eq!(
            (&metrics["n"], &metrics["detractors"], &metrics["passives"], &metrics["promoters"]),
            (&json!(2), &json!(1), &json!(1), &json!(0))
        );
        assert_eq!(metrics["nps"], json!(-50.0));
        let stored = app.get(&format!("/responses/{id}")).await.expect(200);
        assert_eq!((&stored["revision"], &stored["score"], &stored["comment"]), (&json!(4), &json!(0), &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn the_same_answer_again_is_no_revision_and_a_bad_one_changes_nothing() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 9).await;
        let path = format!("/api/v1/responses/{}", receipt["id"].as_str().unwrap());
        let again = app.api.patch(&path, &json!({ "score": 9 })).await.expect(200);
        assert_eq!((&again["revision"], &again["effects"]), (&json!(1), &receipt["effects"]));
        assert_eq!(app.api.patch(&path, &json!({ "score": 11 })).await.refused(), ["score"]);
        assert_eq!(app.api.patch(&path, &json!({ "score": 2, "comment": "x".repeat(10_001) })).await.refused(), ["comment"]);
        assert_eq!(app.api.patch(&path, &json!({ "stars": 2 })).await.refused(), ["stars"]);
        app.api.patch("/api/v1/responses/00000000-0000-7000-8000-000000000000", &json!({ "score": 2 })).await.expect(404);
        app.api.patch("/api/v1/responses/nonsense", &json!({ "score": 2 })).await.expect(404);
        assert_eq!(app.get(&format!("/responses/{}", receipt["id"].as_str().unwrap())).await.expect(200)["revision"], 1);
        assert_eq!(counted(app).await[9], 1);
    })
    .await;
}

/// Many corrections at once: every one is a revision, and the counters add up in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_corrections_leave_one_answer_counted_once() {
    on_every_database(async |app| {
        let receipt = app.answer("anna@example.com", 5).await;
        let path = format!("/api/v1/responses/{}", receipt["id"].as_str().unwrap());
        let bodies: Vec<serde_json::Value> = (0..20).map(|n| json!({ "score": n % 11 })).collect();
        let all = bodies.iter().map(|body| app.api.patch(&path, body));
        for answer in futures::future::join_all(all).await {
            answer.expect(200);
        }
        let counts = counted(app).await;
        assert_eq!(counts.iter().sum::<i64>(), 1, "{counts:?}");
        let stored = app.get(&format!("/responses/{}", receipt["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(counts[usize::try_from(stored["score"].as_u64().unwrap()).unwrap()], 1);
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        let open = texts(&case["tasks"], "/status").into_iter().filter(|status| status == "open").count();
        assert_eq!(case["open_tasks"], json!(open));
    })
    .await;
}
