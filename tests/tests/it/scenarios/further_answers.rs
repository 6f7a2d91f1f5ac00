//! Answers to further questions through the API, and when rules act on an answer.

use chrono::Duration;
use hearback_core::survey::Body;
use hearback_engine::responses::{
    correct::correct_response,
    submit::{Correction, Settles},
};
use hearback_store::{ConnectionTrait as _, EntityTrait, responses, runs, workspaces};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::json;

use super::{all, texts, timeline};

/// Gives the survey `nps` further questions.
pub(super) async fn ask_more(app: &TestApp) {
    let body = json!({ "questions": [
        { "key": "which", "kind": "single_choice", "text": { "en": "Which part?", "lt": "Kuri dalis?" }, "segments": ["detractor", "passive"],
          "choices": [{ "key": "price", "text": { "en": "The price" } }, { "key": "service", "text": { "en": "The service" } }] },
        { "key": "words", "kind": "text", "text": { "en": "Anything else?" } },
    ] });
    let body = serde_json::from_value::<Body>(body).unwrap().checked().unwrap();
    let tx = app.cx.db.write().await.unwrap();
    let sql = format!("UPDATE surveys SET body = '{}' WHERE key = 'nps'", serde_json::to_string(&body).unwrap());
    tx.execute_unprepared(&sql).await.unwrap();
    workspaces::bump_config(&tx, app.ws).await.unwrap();
    tx.commit().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
}

#[tokio::test]
async fn further_answers_are_checked_kept_and_changed() {
    on_every_database(async |app| {
        ask_more(app).await;
        let mut sent = json!({ "survey": "nps", "score": 3, "person": { "email": "anna@example.com" }, "external_id": "1",
                               "answers": { "which": "price", "words": "  " }, "may_contact": true });
        let receipt = app.post("/responses", sent.clone()).await.expect(201);
        let path = format!("/responses/{}", receipt["id"].as_str().unwrap());
        let stored = app.get(&path).await.expect(200);
        assert_eq!((&stored["answers"], &stored["may_contact"]), (&json!({ "which": "price" }), &json!(true)));
        assert!(stored["settled_at"].is_string());
        sent["answers"]["which"] = json!("weather");
        sent["answers"]["other"] = json!(1);
        assert_eq!(app.post("/responses", sent).await.refused(), ["answers.other", "answers.which"]);

        let change = json!({ "answers": { "words": "No" }, "may_contact": false });
        let changed = app.api.patch(&format!("/api/v1{path}"), &change).await.expect(200);
        assert_eq!(changed["revision"], 2);
        assert_eq!(app.get(&path).await.expect(200)["answers"], json!({ "which": "price", "words": "No" }));
        app.api.patch(&format!("/api/v1{path}"), &json!({ "score": 9 })).await.expect(200);
        assert_eq!(app.get(&path).await.expect(200)["answers"], json!({ "words": "No" }), "who is happy is not asked what was wrong");
        app.assert_sound().await;
    })
    .await;
}

#[tokio::test]
async fn rules_see_an_answer_once_when_it_has_rested_or_its_customer_is_done() {
    on_every_database(async |app| {
        ask_more(app).await;
        let from_mail = async |email: &str| {
            let sent = json!({ "survey": "nps", "score": 9, "person": { "email": email }, "channel": "email" });
            app.post("/responses", sent).await.expect(201)
        };
        let change = async |receipt: &serde_json::Value, change: serde_json::Value, settles| {
            let id = receipt["id"].as_str().unwrap().parse().unwrap();
            correct_response(&app.cx, app.ws, id, serde_json::from_value::<Correction>(change).unwrap(), settles).await.unwrap()
        };
        let (rested, done, same) =
            (from_mail("rested@example.com").await, from_mail("done@example.com").await, from_mail("same@example.com").await);
        app.run_until_idle().await;
        assert!(all::<runs::Entity>(app).await.is_empty());
        change(&rested, json!({ "score": 2 }), Settles::Later).await;
        change(&rested, json!({ "answers": { "which": "price" } }), Settles::Later).await;
        let at_once = change(&done, json!({ "score": 3 }), Settles::AtOnce).await;
        assert!(!at_once.effects.is_empty());
        change(&same, json!({}), Settles::AtOnce).await;
        app.run_until_idle().await;
        let triggers = async || {
            let mut runs = all::<runs::Entity>(app).await;
            runs.retain(|run| run.trigger.starts_with("response_"));
            runs.into_iter().map(|run| (run.revision, run.trigger)).collect::<std::collections::BTreeSet<_>>()
        };
        let settled = |revision| (revision, "response_settled".to_owned());
        assert_eq!(triggers().await, [settled(1), settled(2)].into());
        app.advance(Duration::minutes(16)).await;
        assert_eq!(triggers().await, [settled(1), settled(2), settled(3)].into());
        assert!(responses::Entity::find().all(app.cx.db.read()).await.unwrap().iter().all(|row| row.settled_at.is_some()));
        let case = app.case_of(&rested).await;
        assert_eq!(texts(&case["tasks"], "/status"), ["open"]);
        assert_eq!(timeline(&case).iter().filter(|kind| *kind == "corrected").count(), 1, "going on is no correction");
        app.advance(Duration::hours(2)).await;
        assert_eq!(triggers().await.len(), 3, "and never twice");
        app.assert_sound().await;
    })
    .await;
}
