//! Waves: who is asked when and who not, through limits, windows, pauses and crashes; each once.

use chrono::{DateTime, Duration, Utc};
use hearback_engine::campaigns::fire;
use hearback_store::{deliveries, invitations, outbox};
use hearback_tests::app::{Options, TestApp, on_every_database, on_every_database_with};
use serde_json::{Value, json};

use super::{all, suppress, texts};

/// Stores a person.
pub(crate) async fn person(app: &TestApp, email: &str, more: Value) {
    let mut body = json!({ "email": email });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.put("/people", body).await.expect(200);
}

/// Makes or changes the campaign `relations` about the survey `nps`.
pub(crate) async fn campaign(app: &TestApp, more: Value) -> Value {
    let mut body = json!({ "survey": "nps", "schedule": { "cron": "0 12 17 MAR,JUN,SEP,DEC *", "timezone": "Europe/Vilnius" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = app.put("/campaigns/relations", body).await;
    assert!(answer.status == 200 || answer.status == 201, "{}", answer.text());
    answer.json()
}

/// Moves the clock to this moment, doing on the way what becomes due, when it becomes due.
pub(crate) async fn until(app: &TestApp, moment: &str) {
    let end: DateTime<Utc> = moment.parse().unwrap();
    let next = async || {
        let fires = all::<hearback_store::campaigns::Entity>(app).await.into_iter().filter_map(|row| row.next_fire_at);
        // One that is due and left alone is no moment to come.
        let fires = fires.map(hearback_store::time::from_millis).filter(|at| *at > app.now());
        fires.chain(outbox::next_due(&app.cx.db).await.unwrap()).min()
    };
    while let Some(due) = next().await.filter(|due| *due <= end) {
        app.clock.set(due.max(app.now()));
        app.run_until_idle().await;
    }
    app.clock.set(end);
    app.run_until_idle().await;
}

/// The only wave.
pub(crate) async fn wave(app: &TestApp) -> Value {
    let list = app.get("/waves").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap_or_else(|| panic!("there is no wave"));
    app.get(&format!("/waves/{id}")).await.expect(200)
}

/// Address, status and reason of everybody in the wave, by address.
pub(crate) async fn people(app: &TestApp) -> Vec<(String, String, Option<String>)> {
    let persons = all::<hearback_store::persons::Entity>(app).await;
    let name = |row: &invitations::Model| {
        let person = persons.iter().find(|person| person.id == row.person_id).unwrap();
        person.email.clone().or(person.external_id.clone()).unwrap_or_default()
    };
    let rows = all::<invitations::Entity>(app).await;
    let mut found: Vec<_> =
        rows.iter().filter(|row| row.wave_id.is_some()).map(|row| (name(row), row.state.to_string(), row.reason.clone())).collect();
    found.sort();
    found
}

fn row(who: &str, state: &str, reason: Option<&str>) -> (String, String, Option<String>) {
    (who.to_owned(), state.to_owned(), reason.map(str::to_owned))
}

/// Who got a question, by address.
fn asked(app: &TestApp) -> Vec<String> {
    let mut asked: Vec<String> = app.mails().iter().map(|mail| mail.to.clone()).collect();
    asked.sort();
    asked
}

#[tokio::test]
async fn a_wave_asks_everybody_in_the_hours_of_their_own_zone_and_says_why_it_does_not() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({ "properties": { "plan": "gold" } })).await;
        person(app, "bob@example.com", json!({ "timezone": "America/New_York", "properties": { "plan": "gold" } })).await;
        person(app, "carl@example.com", json!({ "properties": { "plan": "gold" } })).await;
        app.put("/people", json!({ "external_id": "dora", "properties": { "plan": "gold" } })).await.expect(200);
        person(app, "erik@example.com", json!({ "properties": { "plan": "gold" } })).await;
        person(app, "fred@example.com", json!({ "properties": { "plan": "basic" } })).await;
        person(app, "gina@example.com", json!({ "properties": { "plan": "Gold" } })).await;
        suppress(app, "carl@example.com", "complaint").await;
        app.post("/invitations", json!({ "survey": "csat", "person": { "email": "erik@example.com" } })).await.expect(201);
        app.run_until_idle().await;
        campaign(app, json!({ "audience": { "person": { "plan": "gold" } } })).await;
        let plan = app.get("/campaigns/relations/plan").await.expect(200);
        assert_eq!((&plan["people"], &plan["asked"], &plan["not_asked"]), (&json!(6), &json!(4), &json!(2)));
        assert_eq!(plan["at"], "2026-03-17T10:00:00Z");
        let why: Vec<_> = texts(&plan["reasons"], "/reason");
        assert_eq!(why, ["no_address", "complaint", "asked_lately", "outside_window"]);
        until(app, "2026-03-17T09:59:59Z").await;
        assert_eq!(asked(app), ["erik@example.com"], "not a second early");
        until(app, "2026-03-17T10:00:04Z").await;
        assert_eq!(asked(app), ["anna@example.com", "erik@example.com", "gina@example.com"]);
        assert_eq!(
            people(app).await,
            [
                row("anna@example.com", "sent", None),
                row("bob@example.com", "planned", Some("outside_window")),
                row("carl@example.com", "not_asked", Some("complaint")),
                row("dora", "not_asked", Some("no_address")),
                row("erik@example.com", "blocked", Some("asked_lately")),
                row("gina@example.com", "sent", None),
            ]
        );
        until(app, "2026-03-17T13:00:00Z").await;
        assert_eq!((asked(app).len(), asked(app)[1].as_str()), (4, "bob@example.com"), "nine o'clock in New York");
        until(app, "2026-04-15T09:00:00Z").await;
        assert_eq!(asked(app)[2..4], ["erik@example.com"; 2], "thirty days after the other question, not dropped");
        let wave = wave(app).await;
        assert_eq!(
            (&wave["name"], &wave["status"], &wave["people"], &wave["asked"]),
            (&json!("2026-Q1"), &json!("running"), &json!(6), &json!(4))
        );
        assert!(wave["reasons"].as_array().unwrap().iter().all(|reason| reason["sentence"].as_str().unwrap().ends_with('.')));
        until(app, "2026-06-16T09:00:00Z").await;
        let wave = self::wave(app).await;
        assert_eq!((&wave["status"], &wave["states"]["expired"]), (&json!("finished"), &json!(4)), "nobody answered in sixty days");
    })
    .await;
}

#[tokio::test]
async fn full_days_accounts_and_samples_hold() {
    on_every_database(async |app| {
        for number in 0..9 {
            let account = if number < 4 { json!({ "account": "acme" }) } else { json!({}) };
            person(app, &format!("{number}@example.com"), account).await;
        }
        campaign(app, json!({ "daily_cap": 3, "account_cap": 2 })).await;
        until(app, "2026-03-17T10:00:00Z").await;
        assert_eq!(asked(app).len(), 3);
        let count = async |reason: &str| people(app).await.iter().filter(|(_, _, why)| why.as_deref() == Some(reason)).count();
        assert_eq!((count("account_cap").await, count("daily_cap").await), (2, 4));
        until(app, "2026-03-18T20:00:00Z").await;
        assert_eq!(asked(app).len(), 6);
        until(app, "2026-03-19T20:00:00Z").await;
        let mut all = asked(app);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 7);
        campaign(app, json!({ "sample": 0.5, "recontact_days": 0 })).await;
        for number in 0..200 {
            person(app, &format!("more{number}@example.com"), json!({})).await;
        }
        let plan = app.get("/campaigns/relations/plan?at=2026-03-20T09:00:00Z").await.expect(200);
        let asked = plan["asked"].as_u64().unwrap();
        assert!((75..135).contains(&asked), "{asked} of 209");
        assert_eq!(plan["expected"]["response_rate_from"], "assumed");
    })
    .await;
}

#[tokio::test]
async fn a_spread_wave_asks_a_part_every_working_day() {
    on_every_database(async |app| {
        for number in 0..60 {
            person(app, &format!("{number}@example.com"), json!({})).await;
        }
        campaign(app, json!({ "mode": "spread", "schedule": { "cron": "0 9 * * MON", "timezone": "UTC" } })).await;
        let plan = app.get("/campaigns/relations/plan?limit=10").await.expect(200);
        assert_eq!((plan["at"].as_str().unwrap(), &plan["asked"]), ("2026-03-23T09:00:00Z", &json!(60)));
        let days = plan["days"].as_array().unwrap();
        assert_eq!(days.len(), 5, "{days:?}");
        assert!(days.iter().all(|day| day["people"].as_u64().unwrap() >= 4), "{days:?}");
        let first = plan["items"].as_array().unwrap().clone();
        let rest = app.get(&format!("/campaigns/relations/plan?limit=500&cursor={}", plan["next"].as_str().unwrap())).await.expect(200);
        assert_eq!((first.len(), rest["items"].as_array().unwrap().len()), (10, 50));
        until(app, "2026-03-23T23:00:00Z").await;
        let monday = asked(app).len() as u64;
        assert_eq!(json!(monday), days[0]["people"], "as the plan said");
        until(app, "2026-03-29T23:00:00Z").await;
        let mut all = asked(app);
        all.sort();
        all.dedup();
        assert_eq!((all.len(), app.mails().len()), (60, 60), "each once");
        // The next week asks them again: they were asked within the limit, and their turn is in a later wave.
        until(app, "2026-03-30T10:00:00Z").await;
        let wave = wave(app).await;
        assert_eq!(texts(&wave["reasons"], "/reason"), ["next_wave"]);
        assert_eq!((wave["status"].as_str().unwrap(), app.mails().len()), ("finished", 60));
    })
    .await;
}

#[tokio::test]
async fn those_who_do_not_answer_are_reminded_in_their_hours_and_only_they() {
    on_every_database(async |app| {
        for name in ["anna", "bob", "carl"] {
            person(app, &format!("{name}@example.com"), json!({})).await;
        }
        campaign(app, json!({ "reminders": [{ "after_days": 4 }, { "after_days": 7 }], "answer_days": 20 })).await;
        until(app, "2026-03-17T10:00:00Z").await;
        assert_eq!(asked(app).len(), 3);
        let answer = json!({ "survey": "nps", "score": 9, "person": { "email": "anna@example.com" } });
        app.post("/responses", answer).await.expect(201);
        suppress(app, "bob@example.com", "unsubscribed").await;
        let questions = async || {
            let sent = all::<deliveries::Entity>(app).await;
            let mut sent: Vec<_> = sent.into_iter().filter(|mail| mail.kind == "survey_reminder").collect();
            sent.sort_by_key(|mail| mail.sent_at);
            sent.into_iter().map(|mail| (mail.to_address, mail.status.to_string())).collect::<Vec<_>>()
        };
        // Four days after a Tuesday is a Saturday.
        until(app, "2026-03-22T23:00:00Z").await;
        assert_eq!(questions().await, []);
        until(app, "2026-03-23T23:00:00Z").await;
        assert_eq!(questions().await, [("carl@example.com".to_owned(), "sent".to_owned())]);
        until(app, "2026-03-25T23:00:00Z").await;
        assert_eq!(questions().await.len(), 2, "the second one, and no third");
        until(app, "2026-04-20T23:00:00Z").await;
        assert_eq!(questions().await.len(), 2);
        assert_eq!(wave(app).await["status"], "finished");
    })
    .await;
}

/// A wave of so many people in two time zones: planned, its first mails queued, but not sent yet.
async fn queued(app: &TestApp, people: usize) -> String {
    for number in 0..people {
        let zone = if number % 2 == 0 { "UTC" } else { "America/New_York" };
        person(app, &format!("{number}@example.com"), json!({ "timezone": zone })).await;
    }
    campaign(app, json!({})).await;
    app.clock.set("2026-03-17T10:00:00Z".parse().unwrap());
    fire::fire_due(&app.cx).await.unwrap();
    for _ in 0..2 {
        let leases = app.claim().await;
        app.work_on(&leases).await;
    }
    wave(app).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wave_stands_still_goes_on_and_ends_without_a_double_or_a_missing_mail() {
    on_every_database(async |app| {
        let id = queued(app, 20).await;
        let act = async |what: &str| app.post(&format!("/waves/{id}/{what}"), json!({})).await;
        assert_eq!(wave(app).await["states"]["queued"], 10);
        assert_eq!(act("pause").await.expect(200)["status"], "paused");
        act("pause").await.expect(200);
        until(app, "2026-03-17T16:00:00Z").await;
        assert_eq!(asked(app), [""; 0], "nothing leaves, not even what was queued");
        assert_eq!(act("resume").await.expect(200)["status"], "running");
        app.run_until_idle().await;
        assert_eq!(asked(app).len(), 20);
        let mut all = asked(app);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20);
        assert_eq!(act("cancel").await.expect(200)["status"], "cancelled");
        act("resume").await.expect(409);
        act("cancel").await.expect(409);
        assert_eq!(wave(app).await["states"], json!({ "sent": 20 }), "links that were sent can still be answered");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_wave_sends_nothing_more() {
    on_every_database(async |app| {
        let id = queued(app, 4).await;
        app.post(&format!("/waves/{id}/cancel"), json!({ "links_too": true })).await.expect(200);
        until(app, "2026-03-20T10:00:00Z").await;
        assert_eq!(asked(app), [""; 0]);
        assert_eq!(wave(app).await["states"], json!({ "cancelled": 4 }));
        assert!(all::<deliveries::Entity>(app).await.iter().all(|mail| mail.status.as_str() == "cancelled"));
    })
    .await;
}

#[tokio::test]
async fn late_invitations_move_or_are_skipped() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        campaign(app, json!({ "late": "skip", "late_hours": 4 })).await;
        app.clock.set("2026-03-17T10:00:00Z".parse().unwrap());
        fire::fire_due(&app.cx).await.unwrap();
        let id = wave(app).await["id"].as_str().unwrap().to_owned();
        app.post(&format!("/waves/{id}/pause"), json!({})).await.expect(200);
        until(app, "2026-03-17T14:30:00Z").await;
        app.post(&format!("/waves/{id}/resume"), json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(people(app).await, [row("anna@example.com", "not_asked", Some("late"))]);
        // The same with `move`: out of the window by then, it goes the next morning.
        campaign(app, json!({ "late": "move" })).await;
        let id = app.post("/campaigns/relations/waves", json!({})).await.expect(201)["id"].as_str().unwrap().to_owned();
        app.post(&format!("/waves/{id}/pause"), json!({})).await.expect(200);
        until(app, "2026-03-17T21:00:00Z").await;
        app.post(&format!("/waves/{id}/resume"), json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(asked(app), [""; 0]);
        until(app, "2026-03-18T07:00:00Z").await;
        assert_eq!(asked(app), ["anna@example.com"]);
    })
    .await;
}

#[tokio::test]
async fn what_changes_between_the_plan_and_the_mail_counts() {
    on_every_database(async |app| {
        for name in ["anna", "bob", "carl", "dora"] {
            person(app, &format!("{name}@example.com"), json!({ "timezone": "America/New_York" })).await;
        }
        campaign(app, json!({})).await;
        until(app, "2026-03-17T10:00:00Z").await;
        assert_eq!(asked(app), [""; 0]);
        app.answer("anna@example.com", 9).await;
        suppress(app, "bob@example.com", "hard_bounce").await;
        app.post("/invitations", json!({ "survey": "csat", "person": { "email": "carl@example.com" } })).await.expect(201);
        until(app, "2026-03-17T13:00:00Z").await;
        assert_eq!(
            people(app).await,
            [
                row("anna@example.com", "not_asked", Some("answered_lately")),
                row("bob@example.com", "not_asked", Some("hard_bounce")),
                row("carl@example.com", "blocked", Some("asked_lately")),
                row("dora@example.com", "sent", None),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn erased_and_merged_people_are_not_asked() {
    on_every_database(async |app| {
        for name in ["anna", "bob", "bobby"] {
            person(app, &format!("{name}@example.com"), json!({ "timezone": "America/New_York", "account": "acme" })).await;
        }
        campaign(app, json!({})).await;
        until(app, "2026-03-17T10:00:00Z").await;
        let id = async |name: &str| {
            let found = app.get(&format!("/people?email={name}@example.com")).await.expect(200);
            found["items"][0]["id"].as_str().unwrap().to_owned()
        };
        app.api.delete(&format!("/api/v1/people/{}", id("anna").await)).await.expect(204);
        let (from, into) = (id("bobby").await, id("bob").await);
        app.post(&format!("/people/{from}/merge"), json!({ "into": into })).await.expect(200);
        until(app, "2026-03-17T14:00:00Z").await;
        assert_eq!(asked(app), ["bob@example.com"]);
        let rows = all::<invitations::Entity>(app).await;
        let mut states: Vec<_> = rows.iter().map(|row| (row.state.to_string(), row.reason.clone().unwrap_or_default())).collect();
        states.sort();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(states, [pair("cancelled", "erased"), pair("not_asked", "merged"), pair("sent", "")]);
        assert_eq!(rows.iter().filter(|row| row.account_key.is_none()).count(), 1, "who was erased has no account any more");
    })
    .await;
}

#[tokio::test]
async fn a_hold_on_sending_holds_waves_too() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        campaign(app, json!({})).await;
        let actor = hearback_engine::Actor::Operator;
        hearback_engine::sending_pause::hold(&app.cx, app.ws, &actor, "a restored backup").await.unwrap();
        until(app, "2026-03-17T12:00:00Z").await;
        assert_eq!((asked(app), people(app).await), (Vec::new(), vec![row("anna@example.com", "planned", None)]));
        hearback_engine::sending_pause::resume(&app.cx, app.ws, &actor, hearback_engine::sending_pause::Waiting::Send).await.unwrap();
        app.run_until_idle().await;
        assert_eq!(asked(app), ["anna@example.com"]);
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_ends_the_invitation() {
    let script = hearback_tests::smtp_server::Script::default().once(
        hearback_tests::smtp_server::At::Rcpt,
        1,
        hearback_tests::smtp_server::Fault::reply("550 5.1.1 no such user"),
    );
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        person(app, "gone@example.com", json!({})).await;
        campaign(app, json!({})).await;
        until(app, "2026-03-17T10:00:00Z").await;
        assert_eq!(people(app).await, [row("gone@example.com", "bounced", Some("not_delivered"))]);
        app.advance(Duration::minutes(1)).await;
        assert_eq!(wave(app).await["status"], "finished", "exactly when all invitations have their end");
    })
    .await;
}
