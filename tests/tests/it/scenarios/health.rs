//! What is wrong for a while is told while it is so, with what to do, and ends by itself: jobs that were given up, a mail server that is
//! down, a disk that is nearly full, a wave that stands still.

use chrono::Duration;
use hearback_engine::health;
use hearback_store::{ConnectionTrait as _, alerts, audit, deliveries, outbox};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::Client,
    smtp_server::{At, Fault, Script},
};
use serde_json::{Value, json};

use super::{all, texts};

/// Open alerts of a kind.
async fn told(app: &TestApp, kind: &str) -> Vec<Value> {
    let open = app.get("/alerts").await.expect(200);
    open["items"].as_array().unwrap().iter().filter(|alert| alert["kind"] == kind).cloned().collect()
}

/// Why the server says that it is degraded; it goes on serving.
async fn degraded(app: &TestApp) -> Vec<String> {
    let answer = Client::stranger(app.address()).get("/readyz").await;
    let body = answer.json();
    let reasons = texts(&body["reasons"], "/kind");
    assert_eq!((answer.status, body["status"] == "ok"), (200, reasons.is_empty()), "{body}");
    reasons
}

fn id(job: &Value) -> &str {
    job["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_job_that_was_given_up_is_told_and_put_back_or_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail/detractor_outreach");
    std::fs::create_dir_all(&mail).unwrap();
    std::fs::write(mail.join("body.txt.hbs"), "Dear {{person_name}},\nwe are sorry.\n{{company}}\n").unwrap();
    let options = Options { templates: Some(folder.path().to_owned()), ..Options::default() };
    on_every_database_with(&options, async |app| {
        for address in ["one@example.com", "two@example.com"] {
            app.answer(address, 2).await;
        }
        app.run_until_idle().await;
        assert!(app.mails_to("one@example.com").is_empty(), "held: the mail misses a name");
        let [alert] = told(app, "jobs_given_up").await.try_into().unwrap();
        assert!(alert["message"].as_str().unwrap().contains("2 mail") && alert["message"].as_str().unwrap().contains("hearback jobs"));
        assert_eq!(degraded(app).await, ["jobs_given_up"]);
        let list = app.get("/jobs").await.expect(200);
        let [first, second] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
        assert!(first["state"] == "dead" && first["why"].as_str().unwrap().contains("person_name"), "{first}");
        let next = app.get("/jobs?limit=1").await.expect(200);
        let rest = app.get(&format!("/jobs?limit=1&cursor={}", next["next"].as_str().unwrap())).await.expect(200);
        assert_eq!((id(&next["items"][0]), id(&rest["items"][0])), (id(first), id(second)));

        for address in ["one@example.com", "two@example.com"] {
            app.put("/people", json!({ "email": address, "name": "Anna" })).await.expect(200);
        }
        app.post(&format!("/jobs/{}/retry", id(first)), json!({})).await.expect(204);
        app.post(&format!("/jobs/{}/discard", id(second)), json!({})).await.expect(204);
        app.post(&format!("/jobs/{}/retry", id(second)), json!({})).await.expect(404);
        app.run_until_idle().await;
        let sent = app.mails_to("one@example.com").len() + app.mails_to("two@example.com").len();
        assert_eq!(sent, 1, "what was put back is sent, what was discarded is not");
        let mut ends: Vec<_> = all::<deliveries::Entity>(app).await.into_iter().map(|mail| mail.status.as_str()).collect();
        ends.retain(|status| *status == "dead");
        assert_eq!(ends.len(), 1);
        assert!(told(app, "jobs_given_up").await.is_empty() && degraded(app).await.is_empty(), "it is over");
        let noted: Vec<String> = all::<audit::Entity>(app).await.into_iter().map(|row| row.action).collect();
        assert!(noted.contains(&"job.retried".to_owned()) && noted.contains(&"job.discarded".to_owned()), "{noted:?}");
        let other = app.second_workspace().await;
        let stranger = app.key(other, hearback_engine::role::Scope::Admin).await;
        assert_eq!(stranger.post(&format!("/api/v1/jobs/{}/retry", id(first)), &json!({})).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_told_after_five_minutes_until_it_takes_mail_again() {
    let down = (1..=9).fold(Script::default(), |script, n| script.once(At::Greeting, n, Fault::Close));
    on_every_database_with(&Options { smtp: down, ..Options::default() }, async |app| {
        app.answer("mia@example.com", 10).await;
        app.run_until_idle().await;
        app.advance(Duration::minutes(2)).await;
        assert!(told(app, "mail_server").await.is_empty(), "it may pass by itself");
        let mut minutes = 2;
        while told(app, "mail_server").await.is_empty() {
            app.advance(Duration::minutes(1)).await;
            minutes += 1;
            assert!(minutes < 8 && app.mails().is_empty(), "nobody is told");
        }
        assert!(minutes >= 5, "after {minutes} minutes");
        let [alert] = told(app, "mail_server").await.try_into().unwrap();
        let message = alert["message"].as_str().unwrap();
        assert!(message.contains("2026-03-16 09:00 UTC") && message.contains("greeting") && message.contains("mail.url"), "{message}");
        assert_eq!(degraded(app).await, ["mail_server"]);
        for _ in 0..45 {
            app.advance(Duration::minutes(1)).await;
        }
        assert_eq!(app.mails_to("mia@example.com").len(), 1, "sent by itself");
        let ended: Vec<i64> =
            all::<alerts::Entity>(app).await.into_iter().filter(|row| row.done_at.is_some()).map(|row| row.count).collect();
        assert_eq!((ended, told(app, "mail_server").await.len()), (vec![1], 0), "told once, and over");
        assert!(degraded(app).await.is_empty());
        assert!(all::<deliveries::Entity>(app).await.iter().all(|mail| mail.attempts <= 1), "no attempt is used up");
        app.advance(Duration::hours(1)).await;
    })
    .await;
}

/// The file system of processes has no room for anything.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_nearly_full_is_told_until_there_is_room() {
    for kind in hearback_tests::database::EVERY {
        let links = tempfile::tempdir().unwrap();
        let folder = links.path().join("data");
        std::os::unix::fs::symlink("/proc", &folder).unwrap();
        let app = TestApp::on(*kind, &Options { folders: vec![folder.clone()], ..Options::default() }).await;
        app.run_until_idle().await;
        let [alert] = told(&app, "disk_full").await.try_into().unwrap();
        assert_eq!(alert["subject"], json!(folder.display().to_string()));
        assert!(alert["message"].as_str().unwrap().contains("Free some space"), "{alert}");
        assert_eq!(degraded(&app).await, ["disk_full"]);
        app.answer("mia@example.com", 10).await;
        std::fs::remove_file(&folder).unwrap();
        std::os::unix::fs::symlink(links.path(), &folder).unwrap();
        app.run_until_idle().await;
        assert!(told(&app, "disk_full").await.is_empty() && degraded(&app).await.is_empty());
        app.assert_sound().await;
        app.end().await;
    }
}

#[tokio::test]
async fn a_wave_that_stands_still_is_told_and_goes_on_once_its_job_is_put_back() {
    on_every_database(async |app| {
        app.put("/people", json!({ "email": "anna@example.com" })).await.expect(200);
        app.put("/campaigns/once", json!({ "survey": "nps" })).await.expect(201);
        app.post("/campaigns/once/waves", json!({})).await.expect(201);
        let sql = "UPDATE outbox SET state = 'dead', error = 'it panicked', finished_at = 1 WHERE kind = 'wave'";
        app.cx.db.read().execute_unprepared(sql).await.unwrap();
        app.run_until_idle().await;
        let [alert] = told(app, "wave_stalled").await.try_into().unwrap();
        let message = alert["message"].as_str().unwrap();
        assert!(message.contains("of once stands still: it panicked") && message.contains("hearback jobs retry"), "{message}");
        assert_eq!(degraded(app).await, ["jobs_given_up", "wave_stalled"]);
        let job = app.get("/jobs").await.expect(200)["items"][0].clone();
        app.post(&format!("/jobs/{}/retry", id(&job)), json!({})).await.expect(204);
        app.run_until_idle().await;
        assert!(degraded(app).await.is_empty());
        app.advance(Duration::days(1)).await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        assert!(all::<outbox::Entity>(app).await.iter().all(|job| job.state.as_str() != "dead"));
    })
    .await;
}

/// Two nodes see different things: what one sees is not ended by the other, and ends when nobody sees it any more.
#[tokio::test]
async fn an_alert_stands_while_any_node_sees_its_cause() {
    on_every_database(async |app| {
        let sql = "UPDATE rule_versions SET body = replace(body, 'send_mail', 'send_carrier_pigeon') WHERE key = 'promoter-referral'";
        app.cx.db.read().execute_unprepared(sql).await.unwrap();
        health::look(&app.cx).await.unwrap();
        let other = app.second_node().await;
        app.cx
            .db
            .read()
            .execute_unprepared(&sql.replace("'send_mail', 'send_carrier_pigeon'", "'send_carrier_pigeon', 'send_mail'"))
            .await
            .unwrap();
        // As another version, which can read it and has said nothing of it.
        health::look(&other.cx).await.unwrap();
        assert_eq!(told(app, "unreadable").await.len(), 1, "who sees no cause waits for those who may");
        app.clock.advance(Duration::minutes(6));
        health::look(&other.cx).await.unwrap();
        assert!(told(app, "unreadable").await.is_empty(), "nobody has said it for a while");
        other.end().await;
    })
    .await;
}

/// A session of somebody else that began a transaction and forgot it.
#[cfg(feature = "servers")]
#[tokio::test]
async fn a_transaction_that_was_left_open_is_told_until_it_ends() {
    use hearback_tests::database::Kind;

    let app = TestApp::on(Kind::Postgres, &Options::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside = Client::stranger(listener.local_addr().unwrap());
    let stop = tokio_util::sync::CancellationToken::new();
    let router = hearback_web::operations_router(app.cx.clone());
    tokio::spawn(hearback_web::serve(listener, router, hearback_web::Limits::default(), stop.clone()));
    let open_for = async || {
        let figures = inside.get("/metrics").await.text();
        let line = figures.lines().find_map(|line| line.strip_prefix("hearback_database_oldest_transaction_seconds "));
        line.unwrap().parse::<i64>().unwrap()
    };
    // The database says since when, by its own clock.
    app.clock.set(hearback_store::time::from_millis(app.cx.db.clock().await.unwrap().unwrap()));
    let outside = app.database.open().await;
    let forgotten = outside.write().await.unwrap();
    forgotten.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    app.advance(Duration::minutes(11)).await;
    assert!(open_for().await < 60 && degraded(&app).await.is_empty(), "it has neither read nor written: it holds back nothing");
    app.clock.set(hearback_store::time::from_millis(app.cx.db.clock().await.unwrap().unwrap()));
    forgotten.execute_unprepared("UPDATE workspaces SET name = name WHERE key = 'nobody'; SELECT pg_current_xact_id()").await.unwrap();
    app.advance(Duration::minutes(7)).await;
    let before = open_for().await;
    assert!(before >= 400 && degraded(&app).await.is_empty(), "{before} s: it may pass by itself");
    app.advance(Duration::minutes(4)).await;
    assert!(open_for().await >= before + 240, "it grows");
    let [alert] = told(&app, "open_transaction").await.try_into().unwrap();
    let message = alert["message"].as_str().unwrap();
    assert!(message.contains("(hearback, user ") && message.contains("`SELECT pg_terminate_backend("), "{message}");
    assert_eq!(degraded(&app).await, ["open_transaction"]);
    forgotten.rollback().await.unwrap();
    app.run_until_idle().await;
    assert!(told(&app, "open_transaction").await.is_empty() && degraded(&app).await.is_empty(), "it is over");
    assert!(open_for().await < 60);
    stop.cancel();
    outside.close().await.unwrap();
    app.assert_sound().await;
    app.end().await;
}
