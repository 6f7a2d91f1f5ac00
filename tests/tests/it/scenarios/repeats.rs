//! The same answer sent again, and many answers at once.

use futures::future::join_all;
use hearback_store::{outbox, persons, responses, rollups, tasks};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::all;

fn answer(external_id: &str, score: i64) -> Value {
    json!({ "survey": "nps", "score": score, "external_id": external_id, "person": { "email": "anna@example.com" } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_senders_of_one_answer_get_one_id() {
    on_every_database(async |app| {
        let other = app.second_node().await;
        let sent = (0..50).map(|n| {
            let api = if n % 2 == 0 { app.api.clone() } else { other.api.clone() };
            tokio::spawn(async move { api.post("/api/v1/responses", &answer("order-7", 2)).await })
        });
        let answers: Vec<_> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 49);
        let first = answers[0].json();
        for answer in &answers {
            assert_eq!(answer.json(), first, "every sender is told the same");
        }
        assert_eq!(all::<responses::Entity>(app).await.len(), 1);
        assert_eq!(all::<persons::Entity>(app).await.len(), 1);
        assert_eq!(all::<tasks::Entity>(app).await.len(), 1);
        assert_eq!(all::<rollups::Entity>(app).await.iter().map(|row| row.c2).sum::<i64>(), 1);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        other.end().await;
    })
    .await;
}

#[tokio::test]
async fn another_answer_under_the_same_id_is_a_conflict() {
    on_every_database(async |app| {
        let first = app.post("/responses", answer("7", 2)).await.expect(201);
        for other in [
            answer("7", 3),
            json!({ "survey": "nps", "score": 2, "external_id": "7", "person": { "email": "jonas@example.com" } }),
            json!({ "survey": "nps", "score": 2, "external_id": "7", "person": { "email": "anna@example.com" }, "comment": "new" }),
        ] {
            let conflict = app.post("/responses", other).await.expect(409);
            assert!(conflict["detail"].as_str().unwrap().contains("PATCH"), "says what to do: {conflict}");
        }
        let again = app.post("/responses", answer("7", 2)).await.expect(200);
        assert_eq!(again, first);
        assert_eq!(all::<responses::Entity>(app).await.len(), 1);
        assert_eq!(all::<persons::Entity>(app).await.len(), 1, "a refused answer makes no person");
    })
    .await;
}

#[tokio::test]
async fn surveys_do_not_share_the_ids_of_their_answers() {
    on_every_database(async |app| {
        let to = |survey: &str, score: i64| json!({ "survey": survey, "score": score, "external_id": "order-7" });
        let first = app.post("/responses", to("nps", 2)).await.expect(201);
        let second = app.post("/responses", to("csat", 5)).await.expect(201);
        assert_ne!(first["id"], second["id"]);
        assert_eq!(app.post("/responses", to("csat", 5)).await.expect(200)["id"], second["id"]);
        app.post("/responses", to("csat", 4)).await.expect(409);

        let lines = [to("ces", 3), to("nps", 2), to("ces", 4)].map(|line| format!("{line}\n")).concat();
        let statuses: Vec<u64> = batch(app, &lines).await.iter().map(|result| result["status"].as_u64().unwrap()).collect();
        assert_eq!(statuses, [201, 200, 409], "the same in a batch, within it and before it");

        let question = json!({ "name": "NPS", "metric": "nps", "body": { "questions": [] } });
        app.put("/surveys/nps/draft", question).await.expect(200);
        app.post("/surveys/nps/publish", json!({})).await.expect(200);
        app.post("/responses", to("nps", 9)).await.expect(409);
        assert_eq!(all::<responses::Entity>(app).await.len(), 3, "a new version of a survey is the same survey");
    })
    .await;
}

/// Whoever sends an answer again after it was corrected gets the answer as it is now, not a conflict and not a second one.
#[tokio::test]
async fn a_repeat_after_a_correction_gives_the_answer_as_it_is() {
    on_every_database(async |app| {
        let first = app.post("/responses", answer("7", 9)).await.expect(201);
        app.correct(&first, 2).await;
        let again = app.post("/responses", answer("7", 9)).await.expect(200);
        assert_eq!((&again["id"], &again["score"], &again["revision"]), (&first["id"], &json!(2), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn the_same_key_in_another_order_is_the_same_answer() {
    on_every_database(async |app| {
        let one = r#"{"survey":"nps","score":5,"external_id":"7","person":{"email":"a@example.com","properties":{"a":1,"b":"x"}}}"#;
        let two =
            r#"{ "person": {"properties":{"b":"x","a":1.0}, "email":"a@example.com"}, "external_id":"7", "score":5, "survey":"nps" }"#;
        let send =
            async |body: &'static str| app.api.send("POST", "/api/v1/responses", &[("content-type", "application/json")], body).await;
        let first = send(one).await.expect(201);
        assert_eq!(send(two).await.expect(200)["id"], first["id"]);
    })
    .await;
}

async fn batch(app: &TestApp, lines: &str) -> Vec<Value> {
    let headers = [("content-type", "application/x-ndjson")];
    let answer = app.api.send("POST", "/api/v1/responses/batch", &headers, lines.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_bad_line_of_a_batch_stops_nobody() {
    on_every_database(async |app| {
        let lines = [
            answer("1", 9).to_string(),
            "{ not json".to_owned(),
            answer("2", 11).to_string(),
            String::new(),
            answer("1", 9).to_string(),
            answer("1", 8).to_string(),
            json!({ "survey": "nps", "score": 3, "person": { "email": "a@b", "name": "Evil\r\nBcc: x@y.com" } }).to_string(),
            json!({ "survey": "nope", "score": 3 }).to_string(),
            r#"{"survey":"nps","score":3,"channel":"Carrier Pigeon"}"#.to_owned(),
            "[]".to_owned(),
            format!("{}\r", answer("3", 0)),
        ];
        let results = batch(app, &lines.join("\n")).await;
        let statuses: Vec<(u64, u64)> =
            results.iter().map(|result| (result["line"].as_u64().unwrap(), result["status"].as_u64().unwrap())).collect();
        let wanted = [(1, 201), (2, 400), (3, 422), (5, 200), (6, 409), (7, 422), (8, 422), (9, 422), (10, 422), (11, 201)];
        assert_eq!(statuses, wanted);
        assert_eq!(results[0]["id"], results[3]["id"], "a repeat in the same batch");
        let fields = |index: usize| super::texts(&results[index]["errors"], "/field");
        assert_eq!(fields(2), ["score"]);
        assert_eq!(fields(5), ["person.email"]);
        assert_eq!(fields(6), ["survey"]);
        assert_eq!(fields(7), ["channel"]);
        assert_eq!(all::<responses::Entity>(app).await.len(), 2);
        let again = batch(app, &lines.join("\n")).await;
        let stored: Vec<&Value> = again.iter().filter(|result| result["status"] == 201).collect();
        assert!(stored.is_empty(), "nothing doubles: {stored:?}");
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_many_is_counted_like_many_alone() {
    on_every_database(async |app| {
        let line = |n: i64| json!({ "survey": "nps", "score": n % 11, "external_id": n.to_string(), "person": { "email": format!("{}@example.com", n % 300) } });
        let lines: Vec<String> = (0..1_210).map(|n| line(n).to_string()).collect();
        let results = batch(app, &lines.join("\n")).await;
        assert!(results.iter().all(|result| result["status"] == 201));
        assert_eq!(all::<persons::Entity>(app).await.len(), 300);
        let metrics = app.get("/metrics").await.expect(200);
        assert_eq!((&metrics["n"], &metrics["promoters"], &metrics["passives"], &metrics["detractors"]), (&json!(1_210), &json!(220), &json!(220), &json!(770)));
        assert_eq!(all::<tasks::Entity>(app).await.len(), 770);
        let mut ids: Vec<uuid::Uuid> = all::<outbox::Entity>(app).await.into_iter().map(|row| row.id).collect();
        let total = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), total);
    })
    .await;
}

/// One connection each, all at once: what is told to each is what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_is_there() {
    on_every_database(async |app| {
        let sent = (0..120).map(|n| {
            let api = app.api.clone();
            tokio::spawn(async move {
                let body = json!({ "survey": "nps", "score": n % 11, "person": { "email": format!("{n}@example.com") } });
                api.post("/api/v1/responses", &body).await.expect(201)
            })
        });
        let receipts: Vec<Value> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
        for receipt in &receipts {
            let stored = app.get(&format!("/responses/{}", receipt["id"].as_str().unwrap())).await.expect(200);
            assert_eq!((&stored["score"], &stored["segment"]), (&receipt["score"], &receipt["segment"]));
        }
        app.run_until_idle().await;
        let counted = app.get("/metrics").await.expect(200);
        assert_eq!((&counted["n"], &counted["loops"]["total"]), (&json!(120), &json!(120)));
    })
    .await;
}
