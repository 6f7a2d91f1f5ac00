//! What a customer said under one address holds under the next one; what is true of an address alone stays with the address.

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_engine::{
    customers::{
        people::{self, NewPerson},
        suppressions::OptOut,
    },
    role::Role,
};
use hearback_store::{deliveries, former_addresses, own_data, persons, suppressions};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    letters::{bring, mark, shaped, taken},
};
use serde_json::{Value, json};

use super::{all, suppress, texts};
use crate::invariants::looking::dump;

const OLD: &str = "old@customer.example";
const NEW: &str = "new@customer.example";
const NEXT: &str = "next@customer.example";

/// Stores the customer `crm-1` under this address; their id.
async fn known_as(app: &TestApp, email: &str) -> String {
    let person = app.put("/people", json!({ "external_id": "crm-1", "email": email })).await.expect(200);
    person["id"].as_str().unwrap().to_owned()
}

/// An answer of the customer, who is named by the sender's id alone.
async fn answer(app: &TestApp) {
    app.post("/responses", json!({ "survey": "nps", "score": 10, "person": { "external_id": "crm-1" } })).await.expect(201);
    app.run_until_idle().await;
}

fn link(app: &TestApp, person: &str) -> String {
    format!("/u/{}", app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), person.parse().unwrap()))
}

/// Address and reason of each row.
async fn list(app: &TestApp) -> Vec<(String, String)> {
    let mut rows: Vec<_> = all::<suppressions::Entity>(app).await.into_iter().map(|row| (row.address, row.reason)).collect();
    rows.sort();
    rows
}

fn rows(addresses: &[&str], reason: &str) -> Vec<(String, String)> {
    let mut rows: Vec<_> = addresses.iter().map(|address| ((*address).to_owned(), reason.to_owned())).collect();
    rows.sort();
    rows
}

/// The mail that thanked the customer under this address.
async fn thanked(app: &TestApp, address: &str) -> deliveries::Model {
    answer(app).await;
    all::<deliveries::Entity>(app).await.into_iter().find(|mail| mail.to_address == address && mail.status.as_str() == "sent").unwrap()
}

#[tokio::test]
async fn who_stopped_all_mail_stays_unmailed_under_the_next_address() {
    on_every_database(async |app| {
        let person = known_as(app, OLD).await;
        let page = link(app, &person);
        Client::stranger(app.address()).send("POST", &page, &[], "").await;
        assert_eq!(known_as(app, NEW).await, person);
        // Inside an answer, too.
        let by_answer = json!({ "survey": "nps", "score": 10, "person": { "external_id": "crm-1", "email": NEXT } });
        app.post("/responses", by_answer).await.expect(201);
        answer(app).await;
        app.advance(Duration::hours(2)).await;
        assert!(app.mails().is_empty());
        assert_eq!(list(app).await, rows(&[OLD, NEW, NEXT], "unsubscribed"));
        let mut left: Vec<_> = all::<former_addresses::Entity>(app).await.into_iter().map(|row| row.address).collect();
        left.sort();
        assert_eq!(left, [NEW, OLD]);
        // The link of the old mail tells what is so, and can take it back for all of it.
        let browser = Client::stranger(app.address());
        assert!(browser.get(&page).await.text().contains("value=\"resume\""));
        assert!(browser.form(&page, "action=resume").await.text().contains("We will write to you again"));
        assert_eq!(list(app).await, []);
        answer(app).await;
        assert_eq!(app.mails_to(NEXT).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_old_mail_speaks_for_its_reader_whatever_their_address_is_by_now() {
    on_every_database(async |app| {
        for (shape, reason) in [("opt_out-by-mail", "unsubscribed"), ("complaint-yahoo", "complaint")] {
            let old = format!("{reason}.old@customer.example");
            let new = format!("{reason}.new@customer.example");
            let person = known_as(app, &old).await;
            let mail = thanked(app, &old).await;
            assert_eq!(known_as(app, &new).await, person);
            let purpose = if reason == "complaint" { Purpose::Bounce } else { Purpose::Reply };
            taken(app, shaped(shape, &mark(app, purpose, mail.id))).await;
            answer(app).await;
            assert!(app.mails_to(&new).is_empty(), "{reason}");
            let stopped: Vec<_> = list(app).await.into_iter().filter(|(_, why)| why == reason).map(|(address, _)| address).collect();
            assert!(stopped.contains(&new) && stopped.contains(&old), "{stopped:?}");
            app.api.delete(&format!("/api/v1/suppressions/{new}?note=asked%20for%20it")).await.expect(204);
            assert_eq!(list(app).await, [], "for the person, not for one address");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_mailbox_and_what_one_of_us_decided_stay_with_the_address() {
    on_every_database(async |app| {
        for reason in ["hard_bounce", "manual"] {
            let old = format!("{reason}.old@customer.example");
            let new = format!("{reason}.new@customer.example");
            known_as(app, &old).await;
            app.post("/suppressions", json!({ "address": old, "reason": reason })).await.expect(201);
            known_as(app, &new).await;
            answer(app).await;
            assert_eq!(app.mails_to(&new).len(), 1, "{reason}");
            assert_eq!(list(app).await.into_iter().filter(|(_, why)| why == reason).collect::<Vec<_>>(), rows(&[&old], reason));
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_that_a_list_stops_stops_whoever_has_or_had_it() {
    on_every_database(async |app| {
        // Had it, before the list came.
        known_as(app, OLD).await;
        known_as(app, NEW).await;
        app.post("/suppressions", json!({ "address": OLD, "reason": "unsubscribed" })).await.expect(201);
        assert_eq!(list(app).await, rows(&[OLD, NEW], "unsubscribed"));
        answer(app).await;
        assert!(app.mails().is_empty());
        // Gets it, after the list came, and leaves it.
        app.post("/suppressions", json!({ "address": "first@customer.example", "reason": "unsubscribed" })).await.expect(201);
        for email in ["first@customer.example", "second@customer.example"] {
            app.put("/people", json!({ "external_id": "crm-2", "email": email })).await.expect(200);
        }
        app.post("/responses", json!({ "survey": "nps", "score": 10, "person": { "external_id": "crm-2" } })).await.expect(201);
        app.run_until_idle().await;
        assert!(app.mails().is_empty());
        // Whoever comes to an address that somebody left is somebody else, and what they say is theirs.
        let heir = app.put("/people", json!({ "external_id": "crm-3", "email": "desk@customer.example" })).await.expect(200);
        app.put("/people", json!({ "external_id": "crm-3", "email": "heir@customer.example" })).await.expect(200);
        app.clock.advance(Duration::days(1));
        app.put("/people", json!({ "external_id": "crm-4", "email": "desk@customer.example" })).await.expect(200);
        app.post("/suppressions", json!({ "address": "desk@customer.example", "reason": "unsubscribed" })).await.expect(201);
        app.post("/responses", json!({ "survey": "nps", "score": 10, "person": { "external_id": "crm-3" } })).await.expect(201);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("heir@customer.example").len(), 1, "{heir}");
    })
    .await;
}

#[tokio::test]
async fn people_bring_their_wish_with_them() {
    on_every_database(async |app| {
        let since = app.now() - Duration::days(300);
        let person = |email: Option<&str>| NewPerson {
            external_id: Some("crm-1".to_owned()),
            email: email.map(str::to_owned),
            opted_out: Some((OptOut::Unsubscribed, since)),
            ..NewPerson::default()
        };
        let store = async |person: NewPerson| people::upsert_people(&app.cx, app.ws, vec![person]).await.remove(0).unwrap();
        assert!(store(person(None)).await, "known by an id alone");
        assert!(!store(person(None)).await, "again, nothing changes");
        known_as(app, NEW).await;
        answer(app).await;
        assert!(app.mails().is_empty());
        assert_eq!(list(app).await, rows(&[NEW], "unsubscribed"));
        let row = all::<persons::Entity>(app).await.remove(0);
        assert_eq!(row.opted_out_at, Some(since.timestamp_millis()));
    })
    .await;
}

#[tokio::test]
async fn a_complaint_of_either_holds_for_both_who_are_one() {
    on_every_database(async |app| {
        let from = known_as(app, OLD).await;
        app.post("/suppressions", json!({ "address": OLD, "reason": "complaint" })).await.expect(201);
        known_as(app, NEW).await;
        let into = app.put("/people", json!({ "email": NEXT })).await.expect(200)["id"].as_str().unwrap().to_owned();
        app.post(&format!("/people/{from}/merge"), json!({ "into": into })).await.expect(200);
        assert_eq!(list(app).await, rows(&[OLD, NEW, NEXT], "complaint"));
        answer(app).await;
        assert!(app.mails().is_empty());
        // Nothing but one of us takes that back, and then for the person.
        let browser = Client::stranger(app.address());
        assert!(!browser.form(&link(app, &into), "action=resume").await.text().contains("value=\"resume\""));
        app.api.delete(&format!("/api/v1/suppressions/{NEXT}?note=by%20telephone")).await.expect(204);
        assert_eq!(list(app).await, []);
        answer(app).await;
        assert_eq!(app.mails_to(NEXT).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_planner_leaves_out_who_stopped_under_another_address() {
    on_every_database(async |app| {
        let person = known_as(app, OLD).await;
        Client::stranger(app.address()).send("POST", &link(app, &person), &[], "").await;
        known_as(app, NEW).await;
        let invited = app.post("/invitations", json!({ "survey": "nps", "person": { "external_id": "crm-1" } })).await;
        let invited = invited.json();
        assert_eq!((invited["status"].as_str(), invited["reason"].as_str()), (Some("blocked"), Some("unsubscribed")), "{invited}");
        app.run_until_idle().await;
        assert!(app.mails().is_empty());
        assert_eq!(texts(&app.get("/suppressions?reason=unsubscribed").await.expect(200)["items"], "/address"), [NEW, OLD]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_one_of_us_reaches_who_wants_no_other_mail() {
    on_every_database(async |app| {
        let receipt: Value = app.answer(OLD, 2).await;
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        app.run_until_idle().await;
        let before = app.mails_to(OLD).len();
        let browser = Client::stranger(app.address());
        browser.form(&link(app, &person), "action=stop_survey&survey=nps").await;
        browser.form(&link(app, &person), "action=stop").await;
        let replies = format!("/cases/{}/replies", receipt["case"]["id"].as_str().unwrap());
        let boss = app.log_in("boss@shop.example", Role::Agent).await;
        let page = format!("/cases/{}", receipt["case"]["id"].as_str().unwrap());
        assert!(boss.get(&page).await.text().contains("not a message to all: it is sent"), "the page says so");
        app.post(&replies, json!({ "text": "You wrote to us: here is our answer." })).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(app.mails_to(OLD).len(), before + 1);
        // A mailbox that does not exist, and an unwanted mail, are another matter.
        for reason in ["hard_bounce", "complaint"] {
            app.api.delete(&format!("/api/v1/suppressions/{OLD}?note=test")).await.expect(204);
            suppress(app, OLD, reason).await;
            app.post(&replies, json!({ "text": "once more" })).await.expect(409);
            let shown = boss.get(&page).await.text();
            assert!(shown.contains("reach them another way") && !shown.contains(&format!("action=\"{page}/reply\"")), "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn former_addresses_are_told_and_go_with_the_person() {
    on_every_database(async |app| {
        let person = known_as(app, OLD).await;
        answer(app).await;
        known_as(app, NEW).await;
        let letter = |from: &str, text: &str| format!("From: Zoe <{from}>\r\nSubject: hello\r\nMessage-ID: <{from}@x>\r\n\r\n{text}\r\n");
        for (from, text) in [
            (OLD, "Secretword of mine"),
            ("friend@elsewhere.example", "Secretword: write to Old@Customer.example."),
            ("stranger@elsewhere.example", "I am very-old@customer.example, and this stays"),
        ] {
            assert_eq!(bring(app, letter(from, text)).await.expect(201)["state"], "quarantined");
        }
        let row = all::<persons::Entity>(app).await.remove(0);
        let told = own_data::of(app.cx.db.read(), app.ws, &[row]).await.unwrap();
        assert_eq!(told.former_addresses.iter().map(|row| row.address.as_str()).collect::<Vec<_>>(), [OLD]);
        assert_eq!(
            told.messages.iter().map(|row| row.from_address.as_str()).collect::<Vec<_>>(),
            [OLD],
            "what they wrote, not what others did"
        );

        // Somebody new has an address that another one left: that one is theirs.
        let other = app.put("/people", json!({ "external_id": "crm-2", "email": "desk@customer.example" })).await.expect(200);
        app.put("/people", json!({ "external_id": "crm-2", "email": "moved@customer.example" })).await.expect(200);
        let heir = app.put("/people", json!({ "email": "desk@customer.example" })).await.expect(200);
        assert_eq!(bring(app, letter("desk@customer.example", "this stays as well")).await.status, 201);

        let found = app.get(&format!("/people?email={OLD}")).await.expect(200);
        assert_eq!(texts(&found["items"], "/id"), [person.as_str()], "whoever had it last");
        for id in [found["items"][0]["id"].as_str().unwrap(), other["id"].as_str().unwrap()] {
            app.api.delete(&format!("/api/v1/people/{id}")).await.expect(204);
        }
        let dump = dump(app).await;
        for (table, rows) in &dump {
            for row in rows {
                for word in [OLD, NEW, "moved@customer.example", "Secretword", "crm-1", "crm-2"] {
                    assert!(!row.to_lowercase().replace("very-old@", "").contains(&word.to_lowercase()), "{table}: {row}");
                }
            }
        }
        let letters = format!("{:?}", dump["messages"]);
        assert!(letters.contains("and this stays") && letters.contains("this stays as well"), "{letters}");
        assert!(dump["former_addresses"].is_empty());
        assert_eq!(app.get("/people?email=desk%40customer.example").await.expect(200)["items"][0]["id"], heir["id"]);
        // Both addresses are known again if somebody brings them back; the one of somebody else is not.
        for address in [OLD, NEW, "desk@customer.example"] {
            app.answer(address, 10).await;
        }
        app.run_until_idle().await;
        assert!(app.mails_to(NEW).is_empty() && app.mails_to(OLD).len() == 1, "one that was sent before");
        assert_eq!(app.mails_to("desk@customer.example").len(), 1);
    })
    .await;
}
