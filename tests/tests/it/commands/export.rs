//! Exports: every row once, safe for spreadsheets, and taken back by the import.

use std::collections::BTreeMap;

use hearback_store::{persons, responses};
use hearback_tests::{
    app::{TestApp, on_every_database},
    database::Fresh,
    process::Setup,
};
use serde_json::{Value, json};

use super::{done, file, operator, refused};

/// What a spreadsheet would run, and what only looks like it.
const COMMENT: &str = "=HYPERLINK(\"http://evil.example\",\"ačiū\")\nsecond, line";

async fn fill(app: &TestApp) {
    let rich = json!({
        "survey": "nps", "score": 3, "comment": COMMENT, "external_id": "order-1", "responded_at": "2026-03-15T10:30:00.250Z",
        "person": { "email": "ona@example.com", "external_id": "crm-1", "name": "+Ona", "locale": "lt", "timezone": "Europe/Vilnius",
            "account": "acme", "properties": { "plan": "@gold", "visits": -3, "beta": true, "city": "Ąžuolų g." } }
    });
    app.post("/responses", rich).await.expect(201);
    for (number, score) in (2..).zip([10, 9, 7, 0]) {
        let body = json!({
            "survey": "nps", "score": score, "external_id": format!("order-{number}"),
            "responded_at": "2026-03-15T12:00:00Z", "person": { "email": format!("c{number}@example.com") }
        });
        app.post("/responses", body).await.expect(201);
    }
    app.post("/responses", json!({ "survey": "csat", "score": 5, "person": { "email": "ona@example.com" } })).await.expect(201);
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exported_answers_import_into_another_database_as_they_were() {
    on_every_database(async |app| {
        fill(app).await;
        let program = operator(app);
        let csv = done(&program, &["export", "responses", "--survey", "nps"]).await;
        let header = csv.lines().next().unwrap();
        assert!(header.starts_with("\"id\",\"external_id\",\"survey\"") && header.contains("\"property.plan\""), "{header}");
        assert!(csv.contains("\"'=HYPERLINK") && csv.contains("\"'+Ona\"") && csv.contains("\"'@gold\""), "no cell is a formula: {csv}");
        assert!(csv.contains(",-3\n") && csv.contains("2026-03-15T10:30:00.250Z"), "{csv}");
        std::fs::write(file(app, "answers.csv"), &csv).unwrap();

        let other = Fresh::make(app.database.kind).await;
        let mail = format!("file://{}", other.folder.path().join("mail").display());
        let there = Setup::new(&other.url, other.folder.path(), &mail);
        let path = file(app, "answers.csv").display().to_string();
        for expected in ["imported 5, unchanged 0, rejected 0", "imported 0, unchanged 5, rejected 0"] {
            assert_eq!(done(&there, &["import", "responses", &path, "--survey", "nps"]).await.trim(), expected);
        }
        let db = other.open().await;
        assert_eq!(contents(app.cx.db.read(), "nps-only").await, contents(db.read(), "").await);
        db.close().await.unwrap();
        assert_eq!(there.fsck().await, "");
    })
    .await;
}

/// Answers and their people by the sender's id, without what belongs to one database.
async fn contents(db: &impl hearback_store::ConnectionTrait, which: &str) -> BTreeMap<String, Value> {
    use hearback_store::EntityTrait as _;
    let people: BTreeMap<_, _> = persons::Entity::find().all(db).await.unwrap().into_iter().map(|row| (row.id, row)).collect();
    let answers = responses::Entity::find().all(db).await.unwrap();
    let wanted = answers.into_iter().filter(|row| which.is_empty() || row.external_id.is_some());
    wanted
        .map(|row| {
            let person = &people[&row.person_id];
            let properties: Value = serde_json::from_str(&row.properties).unwrap();
            let told = json!([
                row.score,
                row.segment,
                row.comment,
                row.answered_at,
                row.locale,
                properties,
                person.email,
                person.name,
                person.timezone,
                person.account_key
            ]);
            (row.external_id.unwrap_or_default(), told)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_back_as_they_were_and_a_dry_run_stores_nobody() {
    on_every_database(async |app| {
        fill(app).await;
        let program = operator(app);
        std::fs::write(file(app, "people.csv"), done(&program, &["export", "people"]).await).unwrap();
        let path = file(app, "people.csv").display().to_string();
        assert_eq!(done(&program, &["import", "people", &path]).await.trim(), "imported 0, unchanged 5, rejected 0");

        let other = Fresh::make(app.database.kind).await;
        let there = Setup::new(&other.url, other.folder.path(), "file:///nowhere");
        let dry: Value = serde_json::from_str(&done(&there, &["import", "people", &path, "--dry-run", "--json"]).await).unwrap();
        assert_eq!((&dry["imported"], &dry["rejected"]), (&json!(5), &json!(0)));
        assert_eq!(done(&there, &["export", "people", "--format", "jsonl"]).await, "");
        done(&there, &["import", "people", &path]).await;
        let mut shown = [
            done(&program, &["export", "people", "--format", "jsonl"]).await,
            done(&there, &["export", "people", "--format", "jsonl"]).await,
        ]
        .map(|text| lines(&text));
        for list in &mut shown {
            for person in list.iter_mut() {
                for own in ["id", "created_at", "updated_at"] {
                    person.as_object_mut().unwrap().remove(own);
                }
            }
            list.sort_by_key(ToString::to_string);
        }
        let [here, there] = shown;
        assert_eq!(here, there);
        assert!(here.iter().any(|person| person["properties"]["visits"] == json!(-3.0) && person["name"] == "+Ona"), "{here:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_end_at_their_bounds_and_have_every_row_once() {
    on_every_database(async |app| {
        fill(app).await;
        app.run_until_idle().await;
        let program = operator(app);
        let of = async |arguments: &[&str]| lines(&done(&program, &[&["export"], arguments, &["--format", "jsonl"]].concat()).await);
        assert_eq!(of(&["responses"]).await.len(), 6);
        assert_eq!(of(&["responses", "--until", "2026-03-16"]).await.len(), 5);
        assert_eq!(of(&["responses", "--since", "2026-03-15T12:00:00Z", "--until", "2026-03-16"]).await.len(), 4);
        let cases = of(&["cases", "--survey", "csat"]).await;
        let [case] = cases.as_slice() else { panic!("{cases:?}") };
        assert_eq!((&case["loop_status"], &case["email"], &case["tags"]), (&json!("closed"), &json!("ona@example.com"), &json!([])));
        let mails = of(&["deliveries"]).await;
        assert!(!mails.is_empty() && mails.iter().all(|mail| mail["status"] == "sent" && mail["rule"].is_string()), "{mails:?}");
        let csv = done(&program, &["export", "deliveries"]).await;
        assert_eq!(csv.lines().count(), mails.len() + 1, "mails have no line breaks in their cells");
        let (status, why) = refused(&program, &["export", "people", "--survey", "nps"]).await;
        assert_eq!(status.code(), Some(2), "{why}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_say_who_was_asked_when_and_why_not() {
    on_every_database(async |app| {
        let person = |email: &str, name: &str| json!({ "email": email, "name": name, "account": "acme" });
        let ask = async |email: &str, name: &str| {
            app.post("/invitations", json!({ "survey": "nps", "person": person(email, name) })).await.expect(201)
        };
        ask("ona@example.com", "=cmd|'/c calc'!A1").await;
        app.post("/suppressions", json!({ "address": "bob@example.com" })).await.expect(201);
        ask("bob@example.com", "Bob").await;
        ask("ona@example.com", "+Ona").await;
        app.run_until_idle().await;
        let program = operator(app);
        let rows = lines(&done(&program, &["export", "invitations", "--format", "jsonl"]).await);
        let told = |row: &Value| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("email"), text("state"), text("reason"), text("why"))
        };
        let wanted = [
            ("bob@example.com", "not_asked", "blocked_by_us", "Somebody of ours put the address on the list of those that are not mailed."),
            (
                "ona@example.com",
                "blocked",
                "asked_lately",
                "They were asked not long ago; they are asked on the first day that the limit allows.",
            ),
            ("ona@example.com", "sent", "", ""),
        ];
        let mut found: Vec<_> = rows.iter().map(told).collect();
        found.sort();
        assert_eq!(found, wanted.map(|(email, state, reason, why)| (email.into(), state.into(), reason.into(), why.into())));
        let sent = rows.iter().find(|row| row["state"] == "sent").unwrap();
        assert_eq!((&sent["survey"], &sent["channel"], &sent["account"]), (&json!("nps"), &json!("email"), &json!("acme")));
        assert_eq!((&sent["sent_at"], &sent["answered_at"]), (&json!("2026-03-16T09:00:00Z"), &json!(null)));
        let csv = done(&program, &["export", "invitations", "--survey", "nps"]).await;
        assert!(csv.contains("\"'+Ona\"") && !csv.contains("\"=cmd") && !csv.contains("\"+Ona"), "no cell is a formula: {csv}");
        assert_eq!(done(&program, &["export", "invitations", "--survey", "csat", "--format", "jsonl"]).await, "");
        assert_eq!(done(&program, &["export", "invitations", "--until", "2026-03-16", "--format", "jsonl"]).await, "");
    })
    .await;
}
