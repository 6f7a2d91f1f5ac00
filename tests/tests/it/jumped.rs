//! The clock of the machine shows another season for ten seconds, under a real process: nothing that those days would bring happens,
//! and when the clock is right again everything goes on as if nothing had been.
//!
//! The process runs under libfaketime, which reads what to show from a file.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock};
use hearback_mailer::Limits;
use hearback_store::{
    EntityTrait as _, alerts, deliveries, invitations,
    outbox::{self, Job},
    sessions,
    time::millis,
    waves,
};
use hearback_tests::{
    client::Client,
    database::{EVERY, Fresh, Kind},
    engine::{Engine, is_idle},
    faketime,
    process::{Server, Setup, until},
    smtp_server::{At, Fault, Script, SmtpServer},
};
use serde_json::{Value, json};
use tokio::time::sleep;

/// How long any part may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long the mail server takes for the mails that are under way when the clock jumps.
const SLOW: Duration = Duration::from_secs(10);

/// A port that nobody listens on, so that a browser finds the server again after it was started again.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A schedule, from seconds to the year, that fires at this moment and never again.
fn once_at(at: DateTime<Utc>) -> Value {
    let cron = format!("{} {} {} {} {} * {}", at.second(), at.minute(), at.hour(), at.day(), at.month(), at.year());
    json!({ "cron": cron, "timezone": "UTC" })
}

/// A schedule of each quarter, with a fire that is one to two months away.
fn quarterly(now: DateTime<Utc>) -> Value {
    let next = now + chrono::Duration::days(45);
    let months: Vec<_> = (0..4).map(|quarter| ((next.month0() + 3 * quarter) % 12 + 1).to_string()).collect();
    json!({ "cron": format!("0 9 {} {} *", next.day().min(28), months.join(",")), "timezone": "UTC" })
}

struct House {
    server: Server,
    api: Client,
    offset: PathBuf,
}

impl House {
    /// What the clock of the process shows, against the real one.
    fn show(&self, offset: &str) {
        // Renamed into place: nobody reads half of it.
        let new = self.offset.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(&new, &self.offset).unwrap();
    }

    /// A campaign that asks Anna and nobody else, however lately she was asked.
    async fn campaign(&self, key: &str, schedule: Value) {
        let days = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
        let window = json!({ "from": "00:00", "to": "00:00", "days": days });
        let body = json!({ "survey": "nps", "audience": { "person": { "in": "waves" } }, "recontact_days": 0, "schedule": schedule, "window": window });
        self.api.put(&format!("/api/v1/campaigns/{key}"), &body).await.expect(201);
    }

    async fn health(&self) -> Value {
        Client::stranger(self.server.address).get("/readyz").await.json()
    }
}

async fn jobs(engine: &Engine) -> BTreeMap<uuid::Uuid, outbox::Model> {
    let rows = outbox::Entity::find().all(engine.cx.db.read()).await.unwrap();
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// Where the one mail to somebody stands.
async fn status_of(engine: &Engine, who: &str) -> &'static str {
    let rows = deliveries::Entity::find().all(engine.cx.db.read()).await.unwrap();
    rows.into_iter().find(|row| row.to_address.starts_with(&format!("{who}@"))).map_or("", |row| row.status.as_str())
}

async fn waves_of(engine: &Engine, campaign: &str) -> Vec<(&'static str, i64)> {
    let rows = waves::Entity::find().all(engine.cx.db.read()).await.unwrap();
    rows.into_iter().filter(|row| row.campaign == campaign).map(|row| (row.status.as_str(), row.fire_at)).collect()
}

async fn ninety_days_for_ten_seconds(kind: Kind) {
    let database = Fresh::make(kind).await;
    let folder = database.folder.path().to_owned();
    // Two mails are under way when the clock jumps: one is taken over after it, one is put off after it.
    let script = Script::default().once(At::Dot, 2, Fault::Late(SLOW)).once(At::Rcpt, 3, Fault::Late(SLOW));
    let mail = SmtpServer::start(script.once(At::Dot, 3, Fault::reply("451 4.3.2 come back later"))).await;
    let setup = Setup::new(&database.url, &folder, &format!("smtp://127.0.0.1:{}", mail.port()));
    let key = setup.api_key().await;
    let (_, told) = setup.run(&["user", "add", "boss@example.com", "--role", "admin"]).await;
    let password = told.split_once("password: ").unwrap().1.trim().to_owned();
    let offset = folder.join("offset");
    std::fs::write(&offset, "+0").unwrap();
    let faked = faketime::file(setup.clone(), &offset).with("HEARBACK_SERVER__BIND", &format!("127.0.0.1:{}", free_port()));
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now()).await;
    let server = faked.start().await;
    server.ready().await;
    let house = House { api: Client::with_key(server.address, &key), server, offset };
    let sent = |to: &str| mail.mails().iter().filter(|mail| mail.rcpt.contains(to)).count();
    let log_in = async |address| {
        let browser = Client::stranger(address);
        browser.form("/login", &format!("email=boss%40example.com&password={password}")).await;
        browser
    };

    // Anna alone is in the waves. Erik was asked today: whoever asks again waits for thirty days.
    house.api.put("/api/v1/people", &json!({ "email": "anna@example.com", "properties": { "in": "waves" } })).await.expect(200);
    let erik = json!({ "survey": "csat", "person": { "email": "erik@example.com" } });
    house.api.post("/api/v1/invitations", &erik).await.expect(201);
    until(PATIENCE, "erik is asked", async || sent("erik@") == 1).await;
    house.api.post("/api/v1/invitations", &erik).await.expect(201);
    house.campaign("quarterly", quarterly(SystemClock.now())).await;
    let (browser, health) = (log_in(house.server.address).await, house.health().await);
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!((&health["status"], &health["clock"]), (&json!("ok"), &json!("ok")));

    // Mails are under way, and a wave is due while the clock is wrong.
    let ask = async |who: &str| {
        let asked = json!({ "survey": "csat", "person": { "email": format!("{who}@example.com") } });
        house.api.post("/api/v1/invitations", &asked).await.expect(201);
    };
    ask("slow").await;
    until(PATIENCE, "the mail to slow waits for the last word", async || status_of(&engine, "slow").await == "sending").await;
    ask("later").await;
    until(PATIENCE, "the mail to later waits for its recipient's word", async || mail.lines().iter().any(|line| line.contains("later@")))
        .await;
    let before = jobs(&engine).await;
    let due = SystemClock.now() + chrono::Duration::seconds(20);
    let due = due.with_nanosecond(0).unwrap();
    house.campaign("once", once_at(due)).await;
    house.show("+90d");

    until(PATIENCE, "health says so", async || house.health().await["status"] == "degraded").await;
    assert!(house.health().await["clock"].as_str().unwrap().contains("was set"));
    assert_ne!(browser.get("/").await.status, 200, "by that clock the log-in has ended");
    let later = log_in(house.server.address).await;
    assert_eq!(later.get("/").await.status, 200);
    sleep(Duration::from_secs(10).max((due - SystemClock.now()).to_std().unwrap_or_default())).await;
    until(PATIENCE, "what was under way has ended", async || {
        (status_of(&engine, "slow").await, status_of(&engine, "later").await) == ("sent", "deferred")
    })
    .await;
    assert_eq!((sent("anna@"), sent("erik@"), sent("slow@")), (0, 1, 1), "{kind:?}: nothing but what was under way");
    assert_eq!((waves_of(&engine, "quarterly").await, waves_of(&engine, "once").await), (vec![], vec![]));
    let now = jobs(&engine).await;
    let late = millis(SystemClock.now() + chrono::Duration::days(80));
    let asked = invitations::Entity::find().all(engine.cx.db.read()).await.unwrap();
    assert!(asked.iter().all(|row| row.sent_at.is_none_or(|at| at < late)), "{kind:?}: sent at a time that was never there: {asked:?}");
    let told = deliveries::Entity::find().all(engine.cx.db.read()).await.unwrap();
    assert!(told.iter().all(|row| row.sent_at.is_none_or(|at| at < late) && row.updated_at < late), "{kind:?}: {told:?}");
    for (id, job) in &before {
        let after = now.get(id).unwrap_or_else(|| panic!("{kind:?}: a job is gone: {job:?}"));
        let waits = job.state.as_str() == "queued" && job.run_at > millis(SystemClock.now());
        assert!(!waits || after == job, "{kind:?}: {job:?} became {after:?}");
        assert!(after.state.as_str() != "queued" || after.run_at < late, "{kind:?}: {after:?} waits for a time that was never there");
    }
    let raised = alerts::Entity::find().all(engine.cx.db.read()).await.unwrap();
    assert_eq!(raised.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["clock_jumped"], "{kind:?}");

    house.show("+0");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(house.health().await["status"], "degraded", "not yet");
    assert_eq!(sent("anna@"), 0);
    // It would be believed after ten minutes. Who has looked after it does not wait: the process is started again.
    assert!(house.server.terminate().await.success(), "{kind:?}");
    let house = House { server: faked.start().await, ..house };
    house.server.ready().await;
    assert_eq!(house.health().await["status"], "ok");
    until(PATIENCE, "the wave that was due meanwhile begins", async || sent("anna@") == 1).await;
    until(PATIENCE, "all is done", async || is_idle(&engine.cx.db, SystemClock.now()).await).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!((sent("anna@"), sent("erik@"), sent("slow@")), (1, 1, 1), "{kind:?}: each once");
    assert_eq!(waves_of(&engine, "once").await, [("running", millis(due))], "{kind:?}: at its own moment");
    assert_eq!(waves_of(&engine, "quarterly").await, [], "{kind:?}: its moment is still to come");
    assert_eq!(browser.get("/").await.status, 200, "{kind:?}: the log-in was not lost");
    assert!(sessions::Entity::find().all(engine.cx.db.read()).await.unwrap().len() >= 2);
    let waits = jobs(&engine).await.into_values().filter(|row| row.state.as_str() == "queued" && row.kind == "invite").count();
    assert_eq!(waits, 4, "{kind:?}: erik's second question, and the reminders or ends of the three that were asked");
    let mails = jobs(&engine).await.into_values().filter(|row| matches!(serde_json::from_str(&row.payload), Ok(Job::Mail { .. })));
    let mut states: Vec<_> = mails.map(|row| row.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["done", "done", "done", "queued"], "{kind:?}: anna's, erik's and slow's, and the one that comes back later");
    assert_eq!(setup.fsck().await, "", "{kind:?}");
    assert!(house.server.terminate().await.success());
    engine.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_shows_another_season_for_ten_seconds_sends_nothing_and_loses_nothing() {
    join_all(EVERY.iter().map(|kind| ninety_days_for_ten_seconds(*kind))).await;
}
