//! Two workspaces on one database, and what a key may do.

use hearback_engine::{Actor, role::Scope};
use hearback_store::responses;
use hearback_tests::{app::on_every_database, client::Client};
use serde_json::json;

use super::{all, suppress, texts};

fn answer(score: i64) -> serde_json::Value {
    json!({ "survey": "nps", "score": score, "external_id": "7", "person": { "email": "anna@example.com", "name": "SECRET-Anna" } })
}

#[tokio::test]
async fn nothing_of_one_workspace_is_seen_or_touched_from_another() {
    on_every_database(async |app| {
        let theirs = app.key(app.second_workspace().await, Scope::Admin).await;
        let receipt = app.post("/responses", answer(3)).await.expect(201);
        app.run_until_idle().await;
        let case = app.case_of(&receipt).await;
        let id = |pointer: &str| case.pointer(pointer).and_then(serde_json::Value::as_str).unwrap().to_owned();
        let (case_id, person, task, delivery) = (id("/id"), id("/person/id"), id("/tasks/0/id"), id("/deliveries/0/id"));
        let response = receipt["id"].as_str().unwrap();

        for list in [
            "responses",
            "cases",
            "tasks",
            "deliveries",
            "people",
            "people?email=anna@example.com",
            &format!("cases?person={person}"),
            &format!("deliveries?case={case_id}"),
            &format!("tasks?case={case_id}"),
        ] {
            let seen = theirs.get(&format!("/api/v1/{list}")).await.expect(200);
            assert_eq!(seen["items"], json!([]), "{list}");
        }
        assert_eq!(theirs.get("/api/v1/metrics").await.expect(200)["loops"]["total"], 0);
        for one in [
            format!("responses/{response}"),
            format!("cases/{case_id}"),
            format!("tasks/{task}"),
            format!("deliveries/{delivery}"),
            format!("people/{person}"),
        ] {
            let path = format!("/api/v1/{one}");
            let foreign = theirs.get(&path).await;
            let nowhere = theirs.get(&format!("/api/v1/{}/00000000-0000-7000-8000-000000000000", one.split('/').next().unwrap())).await;
            assert_eq!((foreign.status, nowhere.status), (404, 404), "{one}");
            assert!(!foreign.text().contains("SECRET"));
            app.api.get(&path).await.expect(200);
        }
        theirs.patch(&format!("/api/v1/responses/{response}"), &json!({ "score": 9 })).await.expect(404);
        theirs.patch(&format!("/api/v1/tasks/{task}"), &json!({ "status": "done" })).await.expect(404);
        theirs.delete(&format!("/api/v1/people/{person}")).await.expect(404);
        for (what, body) in [
            ("contacts", json!({ "channel": "phone", "outcome": "reached" })),
            ("resolve", json!({ "root_cause": "x" })),
            ("close", json!({})),
            ("reopen", json!({})),
            ("assign", json!({ "owner": "team:support" })),
        ] {
            theirs.post(&format!("/api/v1/cases/{case_id}/{what}"), &body).await.expect(404);
        }
        assert_eq!(app.case_of(&receipt).await, case, "nothing was touched");
    })
    .await;
}

#[tokio::test]
async fn the_same_id_address_and_opt_out_are_separate_in_each_workspace() {
    on_every_database(async |app| {
        let theirs = app.key(app.second_workspace().await, Scope::Write).await;
        suppress(app, "anna@example.com", "unsubscribed").await;
        let ours = app.post("/responses", answer(9)).await.expect(201);
        let other = theirs.post("/api/v1/responses", &answer(10)).await.expect(201);
        assert_ne!(ours["id"], other["id"]);
        let both: Vec<uuid::Uuid> = all::<responses::Entity>(app).await.into_iter().map(|row| row.person_id).collect();
        assert_ne!(both[0], both[1], "two workspaces know two people");
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "she opted out of the first workspace's mail only");
        assert_eq!(texts(&theirs.get("/api/v1/deliveries").await.expect(200)["items"], "/status"), ["sent"]);
        assert!(app.mails()[0].text.contains("Other"));
    })
    .await;
}

#[tokio::test]
async fn a_key_does_what_its_scope_says() {
    on_every_database(async |app| {
        let (read, write) = (app.key(app.ws, Scope::Read).await, app.key(app.ws, Scope::Write).await);
        read.post("/api/v1/responses", &answer(3)).await.expect(403);
        let receipt = write.post("/api/v1/responses", &answer(3)).await.expect(201);
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        read.get(&format!("/api/v1/people/{person}")).await.expect(200);
        read.put("/api/v1/people", &json!({ "email": "a@example.com" })).await.expect(403);
        read.patch(&format!("/api/v1/responses/{}", receipt["id"].as_str().unwrap()), &json!({ "score": 4 })).await.expect(403);
        write.delete(&format!("/api/v1/people/{person}")).await.expect(403);
        app.api.delete(&format!("/api/v1/people/{person}")).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn without_a_key_the_api_says_only_how_to_get_one() {
    on_every_database(async |app| {
        let stranger = Client::stranger(app.address());
        let key = hearback_engine::access::create_api_key(&app.cx, app.ws, &Actor::Operator, "real", Scope::Admin).await.unwrap();
        let mut forged = key.clone();
        forged.replace_range(key.len() - 1.., if key.ends_with('A') { "B" } else { "A" });
        for (name, value) in [
            ("nothing", String::new()),
            ("nonsense", "Bearer x".to_owned()),
            ("basic", format!("Basic {key}")),
            ("one letter changed", format!("Bearer {forged}")),
            ("cut", format!("Bearer {}", &key[..key.len() - 1])),
            ("no secret", "Bearer hb_live_00000000_".to_owned()),
        ] {
            let headers = if value.is_empty() { vec![] } else { vec![("authorization", value.as_str())] };
            let refused = stranger.send("GET", "/api/v1/cases", &headers, "").await;
            assert_eq!(refused.status, 401, "{name}");
            assert_eq!(
                (refused.header("content-type"), refused.header("www-authenticate")),
                ("application/problem+json", "Bearer"),
                "{name}"
            );
        }
        let leaked = stranger.get(&format!("/api/v1/cases?key={key}")).await;
        assert_eq!(leaked.status, 401);
        assert!(leaked.text().contains("revoke"), "{}", leaked.text());
        let good = stranger.send("GET", "/api/v1/cases", &[("authorization", &format!("bearer {key}"))], "").await;
        assert_eq!(good.status, 200);
    })
    .await;
}
