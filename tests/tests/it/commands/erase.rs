//! Erasing: a word that only one customer used is nowhere any more, byte for byte.

use std::{path::Path, time::Duration};

use hearback_core::{
    id::{InvitationId, SurveyId},
    state::{MessageState, TestimonialState},
};
use hearback_store::{
    ConnectionTrait as _, EntityTrait, bulk, cases, interactions, invitations, messages, testimonials, time::from_millis, unconfirmed,
};
use hearback_tests::{
    app::{Options, TestApp},
    client::Client,
    database::{self, Kind},
    process::until,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{done, file, operator};

/// Stands in everything that the customer says and in everything that is said about them.
const CANARY: &str = "kanarienvogel";
/// Other customers, so that pages of the database split and move.
const OTHERS: usize = 400;

/// Files below this folder that contain the word, whatever its case.
fn files_with(folder: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, word));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_lowercase();
            found.extend(text.contains(word).then(|| path.display().to_string()));
        }
    }
    found
}

async fn post(api: &Client, path: &str, body: Value) -> Value {
    let answer = api.post(&format!("/api/v1{path}"), &body).await;
    assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_erased_customer_in_database_mail_folder_and_logs() {
    for kind in database::EVERY {
        let app = TestApp::on(*kind, &Options::default()).await;
        let program = operator(&app);
        let server = program.start().await;
        server.ready().await;
        let api = Client::with_key(server.address, app.key_text());
        let email = format!("{CANARY}@example.com");
        let former = former(&api).await;
        let mut cases = Vec::new();
        for number in 0..OTHERS {
            let other = json!({ "survey": "nps", "score": number % 11, "comment": "x".repeat(number % 97),
                "person": { "email": format!("other-{number}@example.com"), "name": "Somebody Else" } });
            post(&api, "/responses", other).await;
            if number % 100 == 50 {
                cases.push(tell(&api, &email, number).await);
            }
        }
        for case in &cases {
            work(&api, case).await;
            elsewhere(&app, case).await;
        }
        let folder = app.database.folder.path();
        let in_mail = async || !files_with(&folder.join("mail"), CANARY).is_empty();
        until(Duration::from_mins(1), "mail to and about the customer was captured", in_mail).await;
        assert!(dump(&app, "before").await.contains(CANARY), "the check itself notices what it is for");
        if *kind == Kind::Postgres {
            app.cx.db.read().execute_unprepared("ANALYZE").await.unwrap();
            assert!(is_sampled(&app).await, "so does the one of what the planner knows");
        }
        done(&program, &["erase", &former]).await;
        if *kind == Kind::Postgres {
            assert!(!is_sampled(&app).await, "PostgreSQL's statistics");
        }
        assert_eq!(done(&program, &["fsck"]).await.trim(), "no violations");
        let dump = dump(&app, "after").await;
        let left: Vec<&str> = dump.lines().filter(|line| line.contains(CANARY)).collect();
        assert!(left.is_empty(), "{kind:?}: {left:#?}");
        std::fs::remove_file(file(&app, "before")).unwrap();
        let files = files_with(folder, CANARY);
        assert!(files.is_empty(), "{kind:?}: {files:?}");
        assert!(server.terminate().await.success());
        let files = files_with(folder, CANARY);
        assert!(files.is_empty(), "{kind:?}, after the end: {files:?}");
        if *kind == Kind::Sqlite {
            assert!(folder.join("hearback.db").exists(), "the database was looked at");
        }
        app.end().await;
    }
}

/// Makes the customer under an address that they leave later, and which is stopped; a letter from it lies in quarantine.
async fn former(api: &Client) -> String {
    let former = format!("former-{CANARY}@example.com");
    let person = json!({ "external_id": format!("crm-{CANARY}"), "email": former, "name": format!("{CANARY} Before") });
    api.put("/api/v1/people", &person).await.expect(200);
    post(api, "/suppressions", json!({ "address": former, "note": format!("{CANARY} on the phone") })).await;
    let letter = format!("From: {CANARY} <{former}>\r\nSubject: {CANARY}\r\nMessage-ID: <q@x.example>\r\n\r\nThe {CANARY} writes.\r\n");
    let taken = api.send("POST", "/api/v1/inbound", &[("content-type", "message/rfc822")], letter).await.expect(201);
    assert_eq!(taken["state"], "quarantined");
    former
}

/// Whether PostgreSQL's planner has a sample with the word.
async fn is_sampled(app: &TestApp) -> bool {
    let samples = format!(
        "SELECT 1 FROM pg_stats WHERE schemaname = 'public' AND (most_common_vals::text ILIKE '%{CANARY}%' \
         OR histogram_bounds::text ILIKE '%{CANARY}%')"
    );
    app.cx.db.read().execute_unprepared(&samples).await.unwrap().rows_affected() > 0
}

/// Every row of every table as text.
async fn dump(app: &TestApp, name: &str) -> String {
    let path = file(app, name);
    done(&operator(app), &["backup", &path.display().to_string()]).await;
    std::fs::read_to_string(&path).unwrap().to_lowercase()
}

/// An answer with the word wherever a word can stand; its case.
async fn tell(api: &Client, email: &str, number: usize) -> String {
    let answer = json!({
        "survey": "nps", "score": if number == 50 { 9 } else { 2 }, "comment": format!("{CANARY} says {}", "no ".repeat(number)),
        "external_id": format!("{email}#{number}"),
        "person": { "email": email, "external_id": format!("crm-{CANARY}"), "name": format!("{CANARY} Surname"),
            "properties": { "plan": CANARY, "note": format!("{CANARY} two") } }
    });
    let receipt = post(api, "/responses", answer).await;
    let id = receipt["id"].as_str().unwrap();
    let corrected = json!({ "comment": format!("{CANARY} changed their mind"), "score": number % 4 });
    api.patch(&format!("/api/v1/responses/{id}"), &corrected).await.expect(200);
    receipt["case"]["id"].as_str().unwrap().to_owned()
}

/// What people of ours write down about it.
async fn work(api: &Client, case: &str) {
    let word = |what: &str| format!("{CANARY} {what}");
    let contact = json!({ "channel": "phone", "outcome": "reached", "note": word("on the phone") });
    post(api, &format!("/cases/{case}/contacts"), contact).await;
    let tasks = api.get(&format!("/api/v1/tasks?case={case}")).await.expect(200);
    for task in tasks["items"].as_array().unwrap() {
        let id = task["id"].as_str().unwrap();
        let finished = json!({ "status": "done", "outcome": word("outcome") });
        api.patch(&format!("/api/v1/tasks/{id}"), &finished).await.expect(200);
    }
    let change = json!({ "root_cause": word("cause"), "resolution": word("resolution"), "note": word("note") });
    post(api, &format!("/cases/{case}/resolve"), change).await;
}

/// What comes by other ways than the API: asked, not confirmed, told by another program, written in a mail, given for showing.
async fn elsewhere(app: &TestApp, case: &str) {
    let key = (app.ws.uuid(), case.parse::<Uuid>().unwrap());
    let case = cases::Entity::find_by_id(key).one(app.cx.db.read()).await.unwrap().unwrap();
    let (workspace_id, person_id, survey_id, at) = (case.workspace_id, case.person_id, case.survey_id, case.updated_at);
    let word = |what: &str| Some(format!("{CANARY} {what} {}", case.id));
    let said = |what: &str| word(what).unwrap();
    let id = InvitationId::derived(&format!("invitation/{}", case.id));
    let invitation = invitations::Model {
        account_key: word("account"),
        due_at: at + 86_400_000_000,
        ..invitations::Model::planned(app.ws, id, person_id, SurveyId::from_uuid(survey_id), from_millis(at))
    };
    let guess = unconfirmed::Model {
        workspace_id,
        invitation_id: invitation.id,
        survey_id,
        person_id,
        score: 3,
        comment: word("unsure"),
        answers: word("answers"),
        tries: 1,
        given_at: at,
        last_at: at,
    };
    let told = interactions::Model {
        workspace_id,
        external_id: format!("{CANARY}@crm/{}", case.id),
        event: "ticket_closed".to_owned(),
        person_id,
        at,
        created_at: at,
    };
    let message = messages::Model {
        workspace_id,
        id: hearback_core::id::RecordId::derived(&format!("message/{}", case.id)).uuid(),
        kind: "reply".to_owned(),
        state: MessageState::Done.into(),
        hash: case.id.to_string(),
        from_address: format!("{CANARY}@elsewhere.example"),
        subject: said("subject"),
        text: said("text"),
        whole_text: said("quote"),
        attachments: format!(r#"[{{"name":"{CANARY}.jpg","type":"image/jpeg","size":1}}]"#),
        raw: said("raw"),
        message_id: word("message id"),
        reason: None,
        case_id: Some(case.id),
        delivery_id: None,
        person_id: None,
        received_at: at,
    };
    let testimonial = testimonials::Model {
        workspace_id,
        id: hearback_core::id::RecordId::derived(&format!("testimonial/{}", case.id)).uuid(),
        case_id: case.id,
        person_id,
        text: said("praise"),
        permission: "public".to_owned(),
        state: TestimonialState::Given.into(),
        given_at: at,
        updated_at: at,
        name: word("name"),
        approved_by: None,
        approved_at: None,
    };
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert::<invitations::Entity>(&tx, &[invitation]).await.unwrap();
    bulk::insert::<unconfirmed::Entity>(&tx, &[guess]).await.unwrap();
    bulk::insert::<interactions::Entity>(&tx, &[told]).await.unwrap();
    bulk::insert::<messages::Entity>(&tx, &[message]).await.unwrap();
    bulk::insert::<testimonials::Entity>(&tx, &[testimonial]).await.unwrap();
    tx.commit().await.unwrap();
}
