//! Customers who turn out to be one, companies and what their people said, and the feed of all that happened.

use hearback_core::{id::PersonId, token::Purpose};
use hearback_engine::{customers::merge, role::Scope};
use hearback_store::{cases, deliveries, persons, responses, unconfirmed};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    survey::{Screen, invite_address},
};
use serde_json::{Value, json};

use super::{all, suppress, texts};

async fn put(app: &TestApp, person: Value) -> String {
    let person = app.api.put("/api/v1/people", &person).await.expect(200);
    person["id"].as_str().unwrap().to_owned()
}

async fn merge_by_api(app: &TestApp, from: &str, into: &str) -> Value {
    app.post(&format!("/people/{from}/merge"), json!({ "into": into })).await.expect(200)
}

#[tokio::test]
async fn two_who_turn_out_to_be_one_are_one_from_then_on() {
    on_every_database(async |app| {
        let (shop, office) = ("anna@shop.example", "anna@office.example");
        app.post("/responses", json!({ "survey": "nps", "score": 2, "person": { "email": shop, "external_id": "7", "name": "Anna" } }))
            .await
            .expect(201);
        app.answer(office, 9).await;
        app.run_until_idle().await;
        let from = put(app, json!({ "email": shop, "properties": { "plan": "gold", "seats": 3 } })).await;
        let into = put(app, json!({ "email": office, "properties": { "plan": "silver" } })).await;
        let survivor = merge_by_api(app, &from, &into).await;
        assert_eq!((&survivor["id"], &survivor["email"], &survivor["name"]), (&json!(into), &json!(office), &json!("Anna")));
        assert_eq!(survivor["properties"], json!({ "plan": "silver", "seats": 3.0 }));
        assert_eq!(survivor["external_id"], "7");
        assert_eq!(merge_by_api(app, &from, &into).await, survivor, "again changes nothing");

        let (ws_cases, answers) = (all::<cases::Entity>(app).await, all::<responses::Entity>(app).await);
        assert!(
            ws_cases.iter().all(|case| case.person_id.to_string() == into) && answers.iter().all(|row| row.person_id.to_string() == into)
        );
        assert!(all::<deliveries::Entity>(app).await.iter().all(|row| row.person_id.is_none_or(|person| person.to_string() == into)));
        assert_eq!(app.get(&format!("/responses?person={from}")).await.expect(200)["items"].as_array().unwrap().len(), 2);
        for asked in [format!("/people/{from}"), format!("/people/{into}")] {
            assert_eq!(app.get(&asked).await.expect(200)["id"], *into);
        }
        let listed = app.get("/people").await.expect(200);
        assert_eq!(texts(&listed["items"], "/id"), [into.as_str()]);
        for query in ["email=anna%40shop.example", "external_id=7", "q=ANNA%40OFF", "q=anna"] {
            assert_eq!(texts(&app.get(&format!("/people?{query}")).await.expect(200)["items"], "/id"), [into.as_str()], "{query}");
        }
        assert_eq!(app.get("/people?q=ann_").await.expect(200)["items"], json!([]), "a sign means itself");

        // Whatever named either of them names the survivor, who keeps the own address.
        for person in [
            json!({ "email": shop }),
            json!({ "external_id": "7" }),
            json!({ "email": shop, "external_id": "7" }),
            json!({ "email": office }),
        ] {
            app.post("/responses", json!({ "survey": "nps", "score": 8, "person": person })).await.expect(201);
            assert_eq!(put(app, person).await, into);
        }
        assert_eq!(app.get(&format!("/people/{into}")).await.expect(200)["email"], office);
        assert_eq!(app.get(&format!("/responses?person={into}")).await.expect(200)["items"].as_array().unwrap().len(), 6);
        let audit = app.get("/audit?action=person.merged").await.expect(200);
        assert_eq!((&audit["items"][0]["subject"], &audit["items"][0]["data"]["into"]), (&json!(from), &json!(into)));

        app.api.delete(&format!("/api/v1/people/{from}")).await.expect(204);
        let rows = format!("{:?}", all::<persons::Entity>(app).await);
        assert!(!rows.contains("anna") && !rows.contains("Anna"), "{rows}");
        let suppressed = app.get("/suppressions").await.expect(200);
        assert_eq!(texts(&suppressed["items"], "/reason"), ["erased", "erased"], "both addresses");
        app.run_until_idle().await;
    })
    .await;
}

#[tokio::test]
async fn names_are_found_in_any_script_and_case() {
    on_every_database(async |app| {
        for (n, name) in ["Živilė Ąžuolė", "ÕNNE Ööbik", "Łukasz", "Ёлкина Анна", "100% Plain_Name"].into_iter().enumerate()
        {
            put(app, json!({ "external_id": format!("Kunde-{n}"), "email": format!("{n}@example.com"), "name": name })).await;
        }
        // Those who come with an answer are found as well.
        app.post("/responses", json!({ "survey": "nps", "score": 9, "person": { "email": "so@example.com", "name": "Søren" } }))
            .await
            .expect(201);
        for (query, name) in [
            ("Živilė", "Živilė Ąžuolė"),
            ("živilė", "Živilė Ąžuolė"),
            ("ŽIVILĖ ąž", "Živilė Ąžuolė"),
            ("zivile", "Živilė Ąžuolė"),
            ("ööbik", "ÕNNE Ööbik"),
            ("oobik", "ÕNNE Ööbik"),
            ("łukasz", "Łukasz"),
            ("lukasz", "Łukasz"),
            ("ёлкина", "Ёлкина Анна"),
            ("ЕЛКИНА", "Ёлкина Анна"),
            ("plain_n", "100% Plain_Name"),
            ("0% p", "100% Plain_Name"),
            ("KUNDE-4", "100% Plain_Name"),
            ("0@EXAMPLE", "Živilė Ąžuolė"),
            ("soren", "Søren"),
        ] {
            let encoded: String = query.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
            let found = app.get(&format!("/people?q={encoded}")).await.expect(200);
            assert_eq!(texts(&found["items"], "/name"), [name], "{query}");
        }
        for nobody in ["plain%25n", "zivilo", "%25%25"] {
            assert_eq!(app.get(&format!("/people?q={nobody}")).await.expect(200)["items"], json!([]), "{nobody}");
        }
        // A new name is found, the one before is not.
        put(app, json!({ "external_id": "Kunde-2", "name": "Ōta" })).await;
        assert_eq!(texts(&app.get("/people?q=ota").await.expect(200)["items"], "/external_id"), ["Kunde-2"]);
        assert_eq!(app.get("/people?q=lukasz").await.expect(200)["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn null_takes_a_field_away_or_is_refused() {
    on_every_database(async |app| {
        let all = json!({ "external_id": "7", "email": "anna@example.com", "name": "Anna", "locale": "lt", "timezone": "Europe/Vilnius",
            "account": "acme", "owner": "team:support", "properties": { "plan": "gold", "seats": 3, "vip": true } });
        let id = put(app, all).await;
        for field in ["name", "locale", "timezone", "account", "owner"] {
            let changed = app.put("/people", json!({ "external_id": "7", field: null })).await.expect(200);
            assert!(changed[field].is_null(), "{changed}");
            assert_eq!(app.get(&format!("/people/{id}")).await.expect(200), changed, "stored");
        }
        let changed =
            app.put("/people", json!({ "external_id": "7", "properties": { "plan": null, "seats": 4, "none": null } })).await.expect(200);
        assert_eq!(changed["properties"], json!({ "seats": 4.0, "vip": true }));
        assert_eq!(app.put("/people", json!({ "external_id": "7", "properties": null })).await.expect(200)["properties"], json!({}));
        // What names somebody goes only where another name stays.
        for nobody in [json!({ "email": null }), json!({ "external_id": null }), json!({ "email": null, "external_id": null })] {
            assert_eq!(app.put("/people", nobody.clone()).await.refused(), ["email"], "{nobody}");
        }
        let changed = app.put("/people", json!({ "external_id": "7", "email": null })).await.expect(200);
        assert_eq!((&changed["id"], &changed["email"], &changed["external_id"]), (&json!(id), &json!(null), &json!("7")));
        assert_eq!(put(app, json!({ "external_id": "7", "email": "anna@new.example" })).await, id);
        let changed = app.put("/people", json!({ "email": "anna@new.example", "external_id": null })).await.expect(200);
        assert_eq!((&changed["id"], &changed["external_id"]), (&json!(id), &json!(null)));
        assert_ne!(put(app, json!({ "external_id": "7" })).await, id, "the id is free");
        // In an answer null is no word about the customer.
        let person = json!({ "email": "anna@new.example", "name": "Anna" });
        put(app, person).await;
        let answer = json!({ "survey": "nps", "score": 9, "person": { "email": "anna@new.example", "name": null } });
        app.post("/responses", answer).await.expect(201);
        assert_eq!(app.get(&format!("/people/{id}")).await.expect(200)["name"], "Anna");

        app.put(
            "/accounts",
            json!({ "key": "acme", "name": "Acme", "owner": "team:support", "value": 5, "properties": { "a": 1, "b": 2 } }),
        )
        .await
        .expect(200);
        let account =
            app.put("/accounts", json!({ "key": "acme", "name": null, "owner": null, "value": null, "properties": { "a": null } })).await;
        let account = account.expect(200);
        assert_eq!((&account["name"], &account["owner"], &account["value"]), (&json!("acme"), &json!(null), &json!(null)));
        assert_eq!(account["properties"], json!({ "b": 2.0 }));
        assert_eq!(app.put("/accounts", json!({ "key": "acme", "properties": null })).await.expect(200)["properties"], json!({}));
        for (path, body, field) in [
            ("/pools/thank-you", json!({ "name": null }), "name"),
            ("/pools/thank-you", json!({ "low_stock": null }), "low_stock"),
            ("/teams/support", json!({ "name": "Support", "members": null }), "members"),
        ] {
            assert_eq!(app.put(path, body).await.refused(), [field], "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn scores_that_nobody_confirmed_move_with_their_person() {
    on_every_database(async |app| {
        let mut kept = Vec::new();
        for (address, score) in [("anna@shop.example", 3), ("anna@office.example", 8)] {
            let (invitation, link) = invite_address(&app.cx, app.ws, address).await;
            let scanner = Client::stranger(app.address());
            let screen = Screen::get(&scanner, &link).await;
            app.clock.advance(chrono::Duration::seconds(5));
            screen.send(&scanner, &format!("score={score}")).await;
            kept.push((invitation.uuid(), score));
        }
        let found = |rows: &[unconfirmed::Model]| {
            let mut found: Vec<_> = rows.iter().map(|row| (row.invitation_id, row.score)).collect();
            found.sort();
            found
        };
        kept.sort();
        assert_eq!(found(&all::<unconfirmed::Entity>(app).await), kept);
        let from = put(app, json!({ "email": "anna@shop.example" })).await;
        let into = put(app, json!({ "email": "anna@office.example" })).await;
        merge_by_api(app, &from, &into).await;
        let rows = all::<unconfirmed::Entity>(app).await;
        assert_eq!(found(&rows), kept, "both are kept as they were");
        assert!(rows.iter().all(|row| row.person_id.to_string() == into), "{rows:?}");
        assert_eq!(app.get("/metrics?survey=nps").await.expect(200)["unconfirmed"], json!({ "n": 2 }));
        app.api.delete(&format!("/api/v1/people/{into}")).await.expect(204);
        assert_eq!(all::<unconfirmed::Entity>(app).await, [], "and go with whom they belong to");
    })
    .await;
}

#[tokio::test]
async fn a_merge_that_can_not_be_is_refused() {
    on_every_database(async |app| {
        let ids = [
            put(app, json!({ "email": "a@x.example" })).await,
            put(app, json!({ "email": "b@x.example" })).await,
            put(app, json!({ "external_id": "c" })).await,
        ];
        let merge = async |from: &str, into: &str| app.post(&format!("/people/{from}/merge"), json!({ "into": into })).await;
        assert_eq!(merge(&ids[0], &ids[0]).await.refused(), ["into"]);
        merge("00000000-0000-7000-8000-000000000000", &ids[0]).await.expect(404);
        merge(&ids[0], "00000000-0000-7000-8000-000000000000").await.expect(404);
        merge(&ids[0], &ids[1]).await.expect(200);
        merge(&ids[0], &ids[2]).await.expect(409);
        // A chain: what led to the first leads to the last.
        let last = merge(&ids[1], &ids[2]).await.expect(200);
        assert_eq!((&last["id"], &last["email"], &last["external_id"]), (&json!(ids[2]), &json!("b@x.example"), &json!("c")));
        for email in ["a%40x.example", "b%40x.example"] {
            assert_eq!(app.get(&format!("/people?email={email}")).await.expect(200)["items"][0]["id"], *ids[2], "{email}");
        }
        assert_eq!(merge(&ids[2], &ids[0]).await.refused(), ["into"], "the first is the last by now");
        app.key(app.ws, Scope::Write).await.post(&format!("/api/v1/people/{}/merge", ids[2]), &json!({ "into": ids[0] })).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn who_wanted_no_mail_gets_none_under_the_other_address_either() {
    on_every_database(async |app| {
        let (from, into) = (put(app, json!({ "email": "a@x.example" })).await, put(app, json!({ "email": "b@x.example" })).await);
        suppress(app, "a@x.example", "unsubscribed").await;
        merge_by_api(app, &from, &into).await;
        assert_eq!(texts(&app.get("/suppressions").await.expect(200)["items"], "/address"), ["a@x.example", "b@x.example"]);

        // A link in an old mail of one who was merged later speaks for the survivor.
        let (from, into) = (put(app, json!({ "email": "c@x.example" })).await, put(app, json!({ "email": "d@x.example" })).await);
        merge_by_api(app, &from, &into).await;
        let token = app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), from.parse().unwrap());
        assert_eq!(app.api.form(&format!("/u/{token}"), "").await.status, 200);
        app.answer("d@x.example", 9).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("d@x.example").len(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_came_while_its_person_was_merged_follows() {
    on_every_database(async |app| {
        let receipt = app.answer("a@x.example", 3).await;
        let into = put(app, json!({ "email": "b@x.example" })).await;
        let from = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        // As if the answer's transaction had read the person before the merge and was committed after it.
        let tx = app.cx.db.write().await.unwrap();
        let id: PersonId = from.parse().unwrap();
        let row = persons::lock(&tx, app.ws, id).await.unwrap().unwrap();
        persons::save(&tx, persons::Model { merged_into: Some(into.parse().unwrap()), ..row }).await.unwrap();
        tx.commit().await.unwrap();
        assert!(merge::reconcile(&app.cx).await.unwrap() > 0);
        assert_eq!(merge::reconcile(&app.cx).await.unwrap(), 0);
        assert_eq!(app.case_of(&receipt).await["person"]["id"], *into);
    })
    .await;
}

#[tokio::test]
async fn an_account_says_what_its_people_said() {
    on_every_database(async |app| {
        let account = json!({ "key": "acme", "name": "Acme", "owner": "team:support", "value": 12000, "properties": { "tier": "a" } });
        app.api.put("/api/v1/accounts", &account).await.expect(200);
        let account = app.api.put("/api/v1/accounts", &json!({ "key": "acme", "properties": { "size": 40 } })).await.expect(200);
        assert_eq!(
            (&account["name"], &account["value"], &account["properties"]),
            (&json!("Acme"), &json!(12000), &json!({ "size": 40.0, "tier": "a" }))
        );
        assert_eq!(app.api.put("/api/v1/accounts", &json!({ "key": "", "owner": "x" })).await.refused(), ["key", "owner"]);
        app.api.put("/api/v1/accounts", &json!({ "key": "zero" })).await.expect(200);
        for (n, score) in [10, 10, 9, 7, 3].into_iter().enumerate() {
            let person = json!({ "email": format!("p{n}@acme.example"), "account": "acme" });
            app.post("/responses", json!({ "survey": "nps", "score": score, "person": person })).await.expect(201);
        }
        app.answer("alone@x.example", 0).await;
        app.post("/responses", json!({ "survey": "csat", "score": 1, "person": { "email": "p0@acme.example" } })).await.expect(201);
        app.run_until_idle().await;
        let open = app.get("/cases?loop_status=open").await.expect(200)["items"].as_array().unwrap().len();
        let acme = app.get("/accounts/acme").await.expect(200);
        assert_eq!((&acme["people"], &acme["score"]["n"], &acme["score"]["nps"]), (&json!(5), &json!(5), &json!(40.0)));
        assert!(acme["score"]["interval"]["low"].as_f64().unwrap() < 40.0);
        assert_eq!(acme["open_cases"], open - 1, "all open cases but that of the one who is alone");
        assert_eq!(app.get("/people?account=acme").await.expect(200)["items"].as_array().unwrap().len(), 5);
        let first = app.get("/accounts?limit=1").await.expect(200);
        assert_eq!((texts(&first["items"], "/key"), &first["next"]), (vec!["acme".to_owned()], &json!("acme")));
        let rest = app.get("/accounts?cursor=acme").await.expect(200);
        assert_eq!(
            (texts(&rest["items"], "/key"), &rest["next"], &rest["items"][0]["score"]["nps"]),
            (vec!["zero".to_owned()], &Value::Null, &Value::Null)
        );
        app.get("/accounts/none").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn the_feed_tells_everything_once_in_one_order() {
    on_every_database(async |app| {
        assert_eq!(app.get("/events").await.expect(200), json!({ "items": [], "next": null }));
        for score in [1, 9, 7] {
            app.answer(&format!("p{score}@x.example"), score).await;
            app.run_until_idle().await;
            app.clock.advance(chrono::Duration::minutes(1));
        }
        let whole = app.get("/events?limit=500").await.expect(200);
        let mut seen: Vec<String> = Vec::new();
        let mut after = String::new();
        loop {
            let page = app.get(&format!("/events?limit=2{after}")).await.expect(200);
            seen.extend(texts(&page["items"], "/id"));
            after = format!("&after={}", page["next"].as_str().unwrap());
            if page["items"].as_array().unwrap().is_empty() {
                break;
            }
        }
        assert_eq!(seen, texts(&whole["items"], "/id"));
        assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]));
        let kinds = texts(&whole["items"], "/kind");
        assert_eq!(kinds.iter().filter(|kind| *kind == "answered").count(), 3);
        assert!(kinds.len() > 6, "{kinds:?}");
        app.answer("new@x.example", 8).await;
        assert_eq!(app.get(&format!("/events?limit=9{after}")).await.expect(200)["items"], json!([]), "too fresh to be settled");
        app.clock.advance(chrono::Duration::seconds(10));
        assert_eq!(app.get(&format!("/events?limit=9{after}")).await.expect(200)["items"][0]["kind"], "answered");
    })
    .await;
}
