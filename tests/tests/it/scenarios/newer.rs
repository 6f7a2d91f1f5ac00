//! A rolling upgrade: a newer node has written what this version can't read. It is left alone and told, everything else goes on, and after
//! the upgrade what it asks for is done once.
//!
//! The newer node is played by changing stored text into something that this version does not know; the upgrade, by changing it back.

use std::collections::BTreeSet;

use chrono::Duration;
use hearback_core::token::Purpose;
use hearback_engine::fsck;
use hearback_store::{
    ConnectionTrait as _, invitations,
    outbox::{self, Job},
    responses,
};
use hearback_tests::{
    app::{TestApp, on_every_database},
    asked::Asked,
    client::Client,
};
use serde_json::{Value, json};

use super::{all, count, rules::publish, texts, timeline};

/// As if another version had written it.
async fn rewrite(app: &TestApp, sql: &str) {
    app.cx.db.read().execute_unprepared(sql).await.unwrap();
    app.cx.db.read().execute_unprepared("UPDATE workspaces SET config_revision = config_revision + 1").await.unwrap();
}

async fn replace(app: &TestApp, table: &str, column: &str, key: &str, (before, after): (&str, &str)) {
    rewrite(app, &format!("UPDATE {table} SET {column} = replace({column}, '{before}', '{after}') WHERE key = '{key}'")).await;
}

/// Open alerts of a kind: what they are about.
async fn told(app: &TestApp, kind: &str) -> Vec<String> {
    let open = app.get("/alerts").await.expect(200);
    let of_kind: Vec<&Value> = open["items"].as_array().unwrap().iter().filter(|alert| alert["kind"] == kind).collect();
    let mut subjects = texts(&json!(of_kind), "/subject");
    subjects.sort();
    subjects
}

async fn ready(app: &TestApp) -> (u16, Value) {
    let answer = Client::stranger(app.address()).get("/readyz").await;
    (answer.status, answer.json())
}

/// What `fsck` says of what can't be read; anything else that it finds fails the test.
async fn unread(app: &TestApp) -> Vec<String> {
    let found = fsck::check(&app.cx.db, app.now()).await.unwrap();
    assert!(found.iter().all(|violation| violation.check == "unreadable"), "{found:#?}");
    found.into_iter().map(|violation| violation.what).collect()
}

async fn jobs(app: &TestApp, kind: &str) -> Vec<outbox::Model> {
    all::<outbox::Entity>(app).await.into_iter().filter(|job| job.kind == kind).collect()
}

const PIGEON: (&str, &str) = ("send_mail", "send_carrier_pigeon");
const BACK: (&str, &str) = ("send_carrier_pigeon", "send_mail");

#[tokio::test]
async fn a_rule_of_a_newer_version_stops_nothing_and_acts_once_after_the_upgrade() {
    on_every_database(async |app| {
        replace(app, "rule_versions", "body", "promoter-referral", PIGEON).await;
        let happy = app.answer("mia@example.com", 10).await;
        let low = app.answer("anna@example.com", 2).await;
        let csat = json!({ "survey": "csat", "score": 3, "person": { "email": "jonas@example.com" } });
        app.post("/responses", csat).await.expect(201);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "the other rules decide");
        assert!(app.mails_to("mia@example.com").is_empty());
        assert_eq!(app.case_of(&low).await["tasks"].as_array().unwrap().len(), 1);
        assert_eq!(Client::stranger(app.address()).get("/p/nps").await.status, 200, "customers see what they saw");

        assert_eq!(told(app, "unreadable").await, ["job trigger_later", "rule promoter-referral"]);
        let (status, state) = ready(app).await;
        assert_eq!((status, &state["status"]), (200, &json!("degraded")));
        assert_eq!(texts(&state["reasons"], "/kind"), ["unreadable"]);
        let said = unread(app).await.join("\n");
        assert!(said.contains("rule promoter-referral can't be read") && said.contains("send_carrier_pigeon"), "{said}");

        // However long it takes, nothing is given up.
        for _ in 0..15 {
            app.advance(Duration::minutes(3)).await;
        }
        let waiting = jobs(app, "trigger_later").await;
        let trigger_events: Vec<Value> = waiting.iter().map(|job| serde_json::from_str(&job.payload).unwrap()).collect();
        let answers = trigger_events.iter().filter(|job| job["trigger"] == "response_settled").count();
        assert_eq!(answers, 3, "one for each answer: {trigger_events:?}");
        let different: BTreeSet<String> = trigger_events.iter().map(|job| format!("{} {}", job["case"], job["trigger"])).collect();
        assert_eq!(different.len(), trigger_events.len(), "and one for each other thing that rules may listen to: {trigger_events:?}");
        assert!(waiting.iter().all(|job| job.state.as_str() == "queued" && job.attempts == 0), "{waiting:?}");

        replace(app, "rule_versions", "body", "promoter-referral", BACK).await;
        app.advance(Duration::minutes(3)).await;
        app.advance(Duration::hours(2)).await;
        let subjects: Vec<String> = app.mails_to("mia@example.com").into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects.len(), 2, "the thanks and an hour later the invitation: {subjects:?}");
        assert!(
            app.mails_to("anna@example.com").len() == 1 && jobs(app, "trigger_later").await.iter().all(|job| job.state.as_str() == "done")
        );
        let case = app.case_of(&happy).await;
        assert_eq!((count(&timeline(&case), "mail_sent"), &case["loop_status"]), (2, &json!("closed")));
        assert!(unread(app).await.is_empty() && told(app, "unreadable").await.is_empty());
        assert_eq!(ready(app).await.1["status"], "ok");
    })
    .await;
}

/// The rule, once it can be read, sees the answer as it is by then; what another version of it did before is not done again.
#[tokio::test]
async fn an_answer_that_is_corrected_meanwhile_is_judged_once_as_it_is_then() {
    on_every_database(async |app| {
        let before = app.answer("before@example.com", 2).await;
        app.run_until_idle().await;
        replace(app, "rule_versions", "body", "detractor-outreach", PIGEON).await;
        let meanwhile = app.answer("meanwhile@example.com", 9).await;
        app.advance(Duration::minutes(5)).await;
        app.correct(&meanwhile, 3).await;
        app.correct(&before, 1).await;
        app.advance(Duration::minutes(5)).await;
        assert_eq!(texts(&app.case_of(&before).await["tasks"], "/status"), ["open"], "whether the task is still wanted is not known yet");
        app.correct(&before, 9).await;
        app.advance(Duration::minutes(5)).await;
        replace(app, "rule_versions", "body", "detractor-outreach", BACK).await;
        app.advance(Duration::minutes(3)).await;
        app.advance(Duration::minutes(3)).await;
        assert_eq!(texts(&app.case_of(&before).await["tasks"], "/status"), ["cancelled"], "nobody wants it any more");
        assert_eq!(texts(&app.case_of(&meanwhile).await["tasks"], "/status"), ["open"]);
        let kinds = |mails: Vec<hearback_tests::received::Received>| mails.len();
        assert_eq!(kinds(app.mails_to("before@example.com")), 2, "sorry once, thanks once");
        assert_eq!(kinds(app.mails_to("meanwhile@example.com")), 2, "thanks once, sorry once");
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_is_switched_off_before_it_could_be_read_decides_nothing() {
    on_every_database(async |app| {
        replace(app, "rule_versions", "body", "promoter-referral", PIGEON).await;
        app.answer("mia@example.com", 10).await;
        app.run_until_idle().await;
        app.post("/rules/promoter-referral/disable", json!({})).await.expect(200);
        app.advance(Duration::minutes(3)).await;
        assert!(app.mails().is_empty() && jobs(app, "trigger_later").await.iter().all(|job| job.state.as_str() == "cancelled"));
        assert!(told(app, "unreadable").await.is_empty(), "it is over");
    })
    .await;
}

#[tokio::test]
async fn a_delayed_step_of_a_rule_that_can_not_be_read_any_more_waits() {
    on_every_database(async |app| {
        app.answer("mia@example.com", 10).await;
        app.run_until_idle().await;
        replace(app, "rule_versions", "body", "promoter-referral", PIGEON).await;
        app.advance(Duration::hours(2)).await;
        for _ in 0..15 {
            app.advance(Duration::minutes(3)).await;
        }
        assert_eq!(app.mails_to("mia@example.com").len(), 1);
        assert!(jobs(app, "step").await.iter().all(|job| job.state.as_str() == "queued" && job.attempts == 0));
        replace(app, "rule_versions", "body", "promoter-referral", BACK).await;
        app.advance(Duration::minutes(3)).await;
        app.advance(Duration::minutes(3)).await;
        assert_eq!(app.mails_to("mia@example.com").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_survey_of_a_newer_version_takes_no_answers_and_all_others_do() {
    on_every_database(async |app| {
        let asked = Asked::new(app, "jonas@example.com", "en").await;
        rewrite(app, "UPDATE surveys SET body = '{\"telepathy\":true}' WHERE key = 'nps'").await;
        // What a survey asks is believed for a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let refused = app.post("/responses", json!({ "survey": "nps", "score": 9, "person": { "email": "mia@example.com" } })).await;
        assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "60"), "{}", refused.text());
        assert!(all::<responses::Entity>(app).await.is_empty(), "nothing is stored that could not be judged");
        for survey in ["csat", "ces"] {
            let body = json!({ "survey": survey, "score": 1, "person": { "email": "anna@example.com" } });
            app.post("/responses", body).await.expect(201);
        }
        app.run_until_idle().await;
        assert_eq!(app.mails_to("anna@example.com").len(), 2);
        assert!(app.mails_to("jonas@example.com").is_empty(), "nobody is asked what can't be answered");
        let link = format!("/s/{}", app.cx.settings.secret_key.sign(Purpose::Survey, app.ws.uuid(), asked.invitation.id));
        let page = Client::stranger(app.address()).get(&link).await;
        assert_eq!(page.status, 503, "{}", page.text());
        assert_eq!(told(app, "unreadable").await, ["job mail", "survey nps"]);
        app.put("/surveys/nps/draft", json!({ "name": "Ours" })).await.expect(503);
        assert_eq!(unread(app).await.len(), 2);
        app.advance(Duration::hours(3)).await;
        assert_eq!(all::<invitations::Entity>(app).await[0].state.as_str(), "queued", "it waits");

        rewrite(app, "UPDATE surveys SET body = NULL WHERE key = 'nps'").await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        app.answer("mia@example.com", 9).await;
        app.advance(Duration::minutes(3)).await;
        assert_eq!((app.mails_to("jonas@example.com").len(), app.mails_to("mia@example.com").len()), (1, 1));
        assert_eq!(Client::stranger(app.address()).get(&link).await.status, 200);
        assert!(told(app, "unreadable").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_policy_and_a_calendar_of_a_newer_version_are_told_and_the_usual_ones_hold() {
    on_every_database(async |app| {
        app.put("/policies", json!({ "segment": "detractor", "first_contact": "1h" })).await.expect(200);
        app.answer("before@example.com", 2).await;
        rewrite(app, "UPDATE policies SET body = '{\"first_contact\":\"by telepathy\"}'").await;
        rewrite(app, "UPDATE calendars SET body = '{\"moons\":2}'").await;
        let case = app.answer("anna@example.com", 2).await;
        assert_eq!(app.case_of(&case).await["first_contact_due_at"], "2026-03-18T09:00:00Z", "two business days");
        app.run_until_idle().await;
        assert_eq!(told(app, "unreadable").await, ["calendar default", "policy every survey, detractor"]);
        let said = unread(app).await;
        assert_eq!(said.len(), 2, "{said:?}");
        app.put("/policies", json!({ "segment": "detractor", "first_contact": "1h" })).await.expect(200);
        let days = json!({ "zone": "UTC", "from": "09:00", "to": "17:00", "days": ["MON", "TUE", "WED", "THU", "FRI"] });
        app.put("/calendars/default", days).await.expect(200);
        app.run_until_idle().await;
        assert!(told(app, "unreadable").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_job_of_a_newer_version_waits_at_no_cost_and_is_done_once() {
    on_every_database(async |app| {
        app.answer("mia@example.com", 10).await;
        rewrite(app, "UPDATE outbox SET kind = 'teleport', payload = replace(payload, '\"job\":\"mail\"', '\"job\":\"teleport\"') WHERE kind = 'mail'").await;
        app.answer("anna@example.com", 2).await;
        for _ in 0..15 {
            app.advance(Duration::minutes(3)).await;
        }
        let [job] = jobs(app, "teleport").await.try_into().unwrap();
        assert_eq!((job.state.as_str(), job.attempts), ("queued", 0));
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "others go on");
        assert_eq!(told(app, "unreadable").await, ["job teleport"]);
        let list = app.get("/jobs").await.expect(200);
        assert_eq!((&list["items"][0]["kind"], &list["items"][0]["state"]), (&json!("teleport"), &json!("unreadable")));
        assert!(list["items"][0]["why"].as_str().unwrap().contains("unknown variant `teleport`"), "{list}");
        assert!(unread(app).await[0].contains("`teleport`"));

        rewrite(app, "UPDATE outbox SET kind = 'mail', payload = replace(payload, 'teleport', 'mail') WHERE kind = 'teleport'").await;
        app.advance(Duration::minutes(3)).await;
        assert_eq!(app.mails_to("mia@example.com").len(), 1);
        app.advance(Duration::hours(1)).await;
        assert_eq!(app.mails_to("mia@example.com").len(), 2, "the thanks, and what comes an hour after the answer");
        assert_eq!(app.get("/jobs").await.expect(200)["items"], json!([]));
        assert!(told(app, "unreadable").await.is_empty());
    })
    .await;
}

/// A field that is not known here means something: what is only half understood is not understood.
#[tokio::test]
async fn a_known_thing_with_an_unknown_field_is_not_read_as_if_it_had_none() {
    on_every_database(async |app| {
        publish(app, "rules: [{ key: tags, name: Tags, on: [response_settled], then: [{ tag: [seen] }] }]").await;
        replace(app, "rule_versions", "body", "tags", ("{\"key\":", "{\"at_most\":3,\"key\":")).await;
        let receipt = app.answer("mia@example.com", 10).await;
        assert_eq!(app.case_of(&receipt).await["tags"], json!([]));
        let sound = jobs(app, "trigger_later").await[0].payload.clone();
        serde_json::from_str::<Job>(&sound).unwrap();
        let job = serde_json::from_str::<Job>(&sound.replacen('{', "{\"not_before\":3,", 1));
        assert!(job.is_err(), "{job:?}");
        replace(app, "rule_versions", "body", "tags", ("{\"at_most\":3,", "{")).await;
        app.advance(Duration::minutes(3)).await;
        assert_eq!(app.case_of(&receipt).await["tags"], json!(["seen"]));
        app.run_until_idle().await;
    })
    .await;
}
