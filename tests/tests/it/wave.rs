//! Many people are asked, through a pause, a kill and an outage of the mail server: each once.
//!
//! Long form: `HEARBACK_WAVE_PEOPLE` people for each database.

use std::time::Duration;

use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock};
use hearback_mailer::Limits;
use hearback_store::{ConnectionTrait as _, EntityTrait as _, deliveries, invitations};
use hearback_tests::{
    asked::Asked,
    audit,
    database::{EVERY, Fresh, Kind},
    engine::{Engine, MAIL_CONNECTIONS, is_idle},
    process::{Setup, until},
    smtp_server::{At, Fault, Script, SmtpServer},
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long any part may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// What may still leave after a pause: what was under way.
const UNDER_WAY: usize = 200;

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "the product never reads the environment outside its configuration; the tests have none")]
fn people() -> usize {
    std::env::var("HEARBACK_WAVE_PEOPLE").map_or(1_000, |text| text.parse().expect("HEARBACK_WAVE_PEOPLE must be a number"))
}

async fn set_wave(engine: &Engine, status: &str) {
    let sql = format!("UPDATE waves SET status = '{status}'");
    engine.cx.db.read().execute_unprepared(&sql).await.unwrap();
    if status == "running" {
        let again = "UPDATE outbox SET run_at = 0 WHERE state = 'queued' AND kind = 'mail'";
        engine.cx.db.read().execute_unprepared(again).await.unwrap();
    }
}

async fn asked_once(kind: Kind) {
    let people = people();
    let database = Fresh::make(kind).await;
    // After the kill new connections are made: these are the outage.
    let outage = (9..=16).fold(Script::default(), |script, n| script.once(At::Greeting, n, Fault::Close));
    let mail = SmtpServer::start(outage).await;
    let setup = Setup::new(&database.url, database.folder.path(), &format!("smtp://127.0.0.1:{}", mail.port()));
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now()).await;
    let wave = Uuid::from_u128(7);
    let addresses: Vec<String> = (0..people).map(|n| format!("{n}@example.com")).collect();
    Asked::wave(&engine.cx, engine.ws, wave, &addresses).await;
    let sent = || mail.mails().len();

    let server = setup.start().await;
    until(PATIENCE, "the wave goes out", async || sent() > people / 5).await;
    set_wave(&engine, "paused").await;
    sleep(Duration::from_secs(2)).await;
    let paused = sent();
    sleep(Duration::from_secs(3)).await;
    assert!(sent() <= paused + UNDER_WAY, "{kind:?}: {} mails left a wave that was paused", sent() - paused);
    assert!(sent() < people, "{kind:?}: the pause came too late to be seen");
    set_wave(&engine, "running").await;
    until(PATIENCE, "the wave goes on", async || sent() > people / 2).await;
    server.kill().await;
    let killed = Instant::now();
    let server = setup.start().await;
    until(PATIENCE, "all that can be told apart is sent", async || is_idle(&engine.cx.db, SystemClock.now()).await).await;
    eprintln!("{kind:?}: {people} people, done {:.1} s after the kill, {} connections", killed.elapsed().as_secs_f32(), mail.connections());
    assert!(server.terminate().await.success());
    engine.close().await;

    // What the kill left in doubt rests for a quarter of an hour.
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now() + chrono::Duration::seconds(61)).await;
    engine.work_for(chrono::Duration::hours(1)).await;
    let wrong = audit::mail(&engine.cx.db, &mail.mails(), MAIL_CONNECTIONS).await;
    assert!(wrong.is_empty(), "{kind:?}: {} findings, such as {:?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    let rows = deliveries::Entity::find().all(engine.cx.db.read()).await.unwrap();
    assert_eq!(rows.len(), people);
    let states = invitations::Entity::find().all(engine.cx.db.read()).await.unwrap();
    assert!(states.iter().all(|row| row.state.as_str() == "sent" && row.sent_at.is_some()));
    assert!(mail.connections() > 16, "{kind:?}: there was an outage");
    let repeats = mail.mails().len() - people;
    eprintln!("{kind:?}: {repeats} came twice, {} are counted", rows.iter().map(|row| row.duplicates).sum::<i64>());
    engine.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_asked_once_through_a_pause_a_kill_and_an_outage() {
    join_all(EVERY.iter().map(|kind| asked_once(*kind))).await;
}
