//! Backups under load, into either kind of database; what was restored sends nothing until told.

use std::sync::atomic::{AtomicBool, Ordering};

use hearback_engine::{
    Actor,
    responses::submit::{FollowUp, NewResponse, submit_responses},
    role::Role,
    sending_pause::{self, Waiting},
};
use hearback_store::{EntityTrait as _, responses};
use hearback_tests::{
    app::{TestApp, on_every_database},
    database::{self, Fresh, Kind},
    process::Setup,
};
use serde_json::{Value, json};

use super::{done, file, operator, refused};

fn answer(number: usize) -> NewResponse {
    let body = json!({
        "survey": "nps", "score": number % 11, "comment": "a\u{1f600}\"\\ ė\n=1", "external_id": format!("load-{number}"),
        "person": { "email": format!("load-{number}@example.com"), "properties": { "plan": "gold" } }
    });
    serde_json::from_value(body).unwrap()
}

/// Answers come in until `stop`; how many there were.
async fn load(app: &TestApp, first: usize, stop: &AtomicBool) -> usize {
    let mut number = first;
    while !stop.load(Ordering::Relaxed) {
        let items = (number..number + 20).map(answer).collect();
        for stored in submit_responses(&app.cx, app.ws, items, FollowUp::On).await {
            stored.unwrap();
        }
        number += 20;
    }
    number - first
}

/// The program on another database, and that database with all rows of the backup.
async fn restored(kind: Kind, backup: &str) -> (Fresh, Setup) {
    let target = Fresh::make(kind).await;
    let program = Setup::new(&target.url, target.folder.path(), &format!("file://{}", target.folder.path().join("mail").display()));
    done(&program, &["restore", backup]).await;
    (target, program)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_to_a_sound_database_that_sends_nothing_until_told() {
    on_every_database(async |app| {
        let before: Vec<NewResponse> = (0..300).map(answer).collect();
        for stored in submit_responses(&app.cx, app.ws, before, FollowUp::On).await {
            stored.unwrap();
        }
        // Jobs that are claimed while the backup is made belong to nobody in the copy.
        let claimed = app.claim().await;
        assert!(!claimed.is_empty());
        let (program, backup) = (operator(app), file(app, "hearback.backup").display().to_string());
        let stop = AtomicBool::new(false);
        let (meanwhile, told) = tokio::join!(load(app, 300, &stop), async {
            let told = done(&program, &["backup", &backup]).await;
            stop.store(true, Ordering::Relaxed);
            told
        });
        assert!(told.contains("secret key") && meanwhile > 0, "{told}");
        let (_, again) = refused(&program, &["backup", &backup]).await;
        assert!(again.contains("never overwritten") || again.contains("not overwritten"), "{again}");

        for kind in database::EVERY {
            let (target, there) = restored(*kind, &backup).await;
            assert_eq!(there.fsck().await, "");
            let status: Value = serde_json::from_str(&done(&there, &["sending", "status", "--json"]).await).unwrap();
            assert!(status["held"]["why"].as_str().unwrap().contains("restored") && status["waiting"].as_u64() > Some(200), "{status}");
            let (_, full) = refused(&there, &["restore", &backup]).await;
            assert!(full.contains("not empty"), "{full}");
            let moved = app.moved_to(target).await;
            sends_nothing_until_told(&moved).await;
            let rows = responses::Entity::find().all(moved.cx.db.read()).await.unwrap().len();
            assert!((300..=300 + meanwhile).contains(&rows), "{rows} of 300 and {meanwhile}");
            moved.assert_sound().await;
            moved.end().await;
        }
        app.settle(&claimed, claimed.iter().map(|_| hearback_store::outbox::Outcome::Retry("again".to_owned())).collect()).await;
    })
    .await;
}

async fn sends_nothing_until_told(moved: &TestApp) {
    let before = moved.mails().len();
    moved.run_until_idle().await;
    moved.advance(chrono::Duration::hours(3)).await;
    moved.answer("new@example.com", 10).await;
    moved.run_until_idle().await;
    assert_eq!(moved.mails().len(), before, "nothing leaves, old or new");
    let browser = moved.log_in("boss@example.com", Role::Admin).await;
    assert!(browser.get("/").await.text().contains("Nothing is sent:"), "everybody sees it");
    sending_pause::resume(&moved.cx, moved.ws, &Actor::Operator, Waiting::Send).await.unwrap();
    moved.run_until_idle().await;
    assert!(moved.mails().len() > before + 200, "what waited is sent");
    assert!(!browser.get("/").await.text().contains("Nothing is sent:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_can_be_cancelled_when_sending_goes_on() {
    on_every_database(async |app| {
        let program = operator(app);
        done(&program, &["sending", "hold", "--why", "we move house"]).await;
        app.answer("old@example.com", 10).await;
        app.run_until_idle().await;
        assert!(done(&program, &["sending", "status"]).await.contains("we move house"));
        let (status, text) = program.run(&["doctor"]).await;
        assert!(status.code() == Some(1) && text.contains("we move house") && text.contains("sending resume"), "{text}");
        let resumed: Value = serde_json::from_str(&done(&program, &["sending", "resume", "--cancel-waiting", "--json"]).await).unwrap();
        assert_eq!(resumed["jobs"], 1);
        app.advance(chrono::Duration::minutes(30)).await;
        assert!(app.mails_to("old@example.com").is_empty());
        app.answer("new@example.com", 10).await;
        app.run_until_idle().await;
        assert_eq!(app.mails_to("new@example.com").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_backup_is_refused_before_anything_is_stored() {
    let app = TestApp::on(Kind::Sqlite, &hearback_tests::app::Options::default()).await;
    app.answer("a@example.com", 3).await;
    let (program, backup) = (operator(&app), file(&app, "whole"));
    done(&program, &["backup", &backup.display().to_string()]).await;
    let whole = std::fs::read(&backup).unwrap();
    std::fs::write(file(&app, "half"), &whole[..whole.len() / 2]).unwrap();
    let target = Fresh::make(Kind::Sqlite).await;
    let there = Setup::new(&target.url, target.folder.path(), "file:///nowhere");
    let (_, why) = refused(&there, &["restore", &file(&app, "half").display().to_string()]).await;
    assert!(why.contains("nothing was restored") && why.contains("not a whole backup"), "{why}");
    assert_eq!(done(&there, &["restore", &backup.display().to_string(), "--json"]).await.matches("\"rows\"").count(), 1);
}
