//! The server process is killed at random moments, and ends at every place where it could: what was confirmed is there,
//! once, with everything that follows from it.
//!
//! Long form: `HEARBACK_CRASH_RESPONSES` answers and `HEARBACK_CRASH_KILLS` kills for each database; `HEARBACK_CRASH_SEED`
//! repeats a run as far as a race can be repeated.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock};
use hearback_engine::faults::PLACES;
use hearback_store::{ConnectionTrait as _, Db, EntityTrait as _, outbox, responses, workspaces};
use hearback_tests::{
    audit,
    connection::Connection,
    database::{EVERY, Fresh, Kind},
    engine::{MAIL_CONNECTIONS, is_idle},
    load::{Load, Log, Numbers},
    process::{Server, Setup, until},
    smtp_server::{Script, SmtpServer},
};
use tokio::time::{Instant, sleep};

/// How long a load may take to get on.
const PATIENCE: Duration = Duration::from_mins(5);
/// Work that a dead process had begun is taken up again within this time (published: 90 s), and done.
const TAKEN_UP: Duration = Duration::from_mins(2);
/// Answers come for this long at most, until the server ends at the place where it should.
const LONGEST: Duration = Duration::from_secs(30);

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "the product never reads the environment outside its configuration; the tests have none")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number, got `{text}`")))
}

/// A database with a server's settings, and a mail server that takes everything.
struct Scene {
    database: Fresh,
    mail: SmtpServer,
    setup: Setup,
    key: String,
    db: Db,
}

impl Scene {
    async fn make(kind: Kind) -> Self {
        Self::with(kind, Script::default()).await
    }

    async fn with(kind: Kind, script: Script) -> Self {
        let database = Fresh::make(kind).await;
        let mail = SmtpServer::start(script).await;
        let setup = Setup::new(&database.url, database.folder.path(), &format!("smtp://127.0.0.1:{}", mail.port()));
        let key = setup.api_key().await;
        let db = Db::connect(&database.url, 4).await.unwrap();
        Self { database, mail, setup, key, db }
    }

    /// What is wrong in the end, after this many crashes: each may leave one mail a connection in doubt.
    async fn wrong(&self, log: &Log, crashes: usize) -> Vec<String> {
        audit::in_the_end(&self.setup, &self.mail, log, crashes * MAIL_CONNECTIONS).await
    }

    async fn stored(&self) -> usize {
        responses::Entity::find().all(self.db.read()).await.unwrap().len()
    }

    async fn end(self) {
        self.db.close().await.unwrap();
        self.database.remove().await;
    }
}

#[track_caller]
fn nothing_is_wrong(wrong: &[String], about: &str) {
    let shown: Vec<&str> = wrong.iter().map(String::as_str).take(20).collect();
    assert!(wrong.is_empty(), "{about}: {} findings\n{}", wrong.len(), shown.join("\n"));
}

async fn killed_again_and_again(kind: Kind) {
    let count = u32::try_from(setting("HEARBACK_CRASH_RESPONSES", 2_000)).unwrap();
    let kills = setting("HEARBACK_CRASH_KILLS", 5);
    let seed = setting("HEARBACK_CRASH_SEED", u64::try_from(SystemClock.now().timestamp_millis()).unwrap());
    eprintln!("{kind:?}: {count} answers, {kills} kills, HEARBACK_CRASH_SEED={seed}");
    let scene = Scene::make(kind).await;
    let mut numbers = Numbers::new(seed);
    let mut moments: Vec<u64> = (0..kills).map(|_| numbers.below(u64::from(count))).collect();
    moments.sort_unstable();
    let load = Load::start(&scene.key, count, 8);
    for moment in moments {
        let server = scene.setup.start().await;
        load.server_at(Some(server.address));
        let reached = async || load.confirmed() as u64 >= moment;
        until(PATIENCE, "answers are confirmed", reached).await;
        sleep(Duration::from_micros(numbers.below(50_000))).await;
        load.server_at(None);
        server.kill().await;
    }
    let server = scene.setup.start().await;
    let restarted = Instant::now();
    load.server_at(Some(server.address));
    let log = load.finish().await;
    until(TAKEN_UP, "what was begun is taken up again and done", async || is_idle(&scene.db, SystemClock.now()).await).await;
    eprintln!(
        "{kind:?}: {} requests never answered; everything done {:.1} s after the last start; {} mails",
        log.unanswered,
        restarted.elapsed().as_secs_f32(),
        scene.mail.mails().len()
    );
    assert!(server.terminate().await.success());
    assert_eq!(log.confirmed.len(), count as usize);
    let wrong = scene.wrong(&log, usize::try_from(kills).unwrap()).await;
    nothing_is_wrong(&wrong, &format!("{kind:?}, HEARBACK_CRASH_SEED={seed}"));
    scene.end().await;
}

/// Side by side: most of the time is spent waiting for the claims of dead processes to run out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_outlives_kills() {
    join_all(EVERY.iter().map(|kind| killed_again_and_again(*kind))).await;
}

/// Posts one answer after the other, from the first that is not confirmed yet, until the server is gone or `end` is reached.
/// `between` is done after each.
async fn post(server: &mut Server, log: &mut Log, key: &str, end: u32, between: impl AsyncFn()) {
    let mut connection = Connection::to(server.address);
    let start = Instant::now();
    while !server.has_ended() && start.elapsed() < LONGEST {
        let n = u32::try_from(log.confirmed.len()).unwrap();
        if n >= end {
            return;
        }
        log.post(&mut connection, key, n).await;
        between().await;
    }
}

/// Lets what waits for a later time be due: steps of rules, answers that settle.
async fn let_time_pass(db: &Db) {
    db.read().execute_unprepared("UPDATE outbox SET run_at = 0 WHERE state = 'queued' AND kind IN ('step', 'settle')").await.unwrap();
}

async fn ends_at_each_place(kind: Kind) {
    let scene = Scene::make(kind).await;
    let mut log = Log::default();
    let mut healthy = scene.setup.start().await;
    post(&mut healthy, &mut log, &scene.key, 60, async || {}).await;
    assert!(healthy.terminate().await.success());
    for (index, place) in PLACES.iter().enumerate() {
        let passes = 1 + index % 3;
        let is_of_jobs = place.starts_with("jobs.");
        let faults = format!("{place}={passes}*off->return(abort)");
        let mut server = scene.setup.clone().faults(&faults).start().await;
        post(&mut server, &mut log, &scene.key, u32::MAX, async || {
            if is_of_jobs {
                let_time_pass(&scene.db).await;
            }
        })
        .await;
        assert!(
            server.has_ended(),
            "nothing passed {place}: is the program built with `--features hearback/failpoints`?\n{}",
            server.log()
        );
        assert_eq!(server.ended().await.signal(), Some(6), "it ends as told at {place}");
        // One request at a time: at most one is under way when the process ends.
        let (stored, confirmed) = (scene.stored().await, log.confirmed.len());
        eprintln!("{kind:?}: ended at {place}, {confirmed} confirmed, {stored} stored, {} mails", scene.mail.mails().len());
        match *place {
            "intake.committed" => assert_eq!(stored, confirmed + 1, "after {place} everything is there"),
            place if place.starts_with("intake.") => assert_eq!(stored, confirmed, "before the commit, at {place}, nothing is there"),
            _ => assert!(stored == confirmed || stored == confirmed + 1, "{place}: {confirmed} confirmed, {stored} stored"),
        }
        nothing_is_wrong(&audit::answers(&scene.db, &log).await, &format!("{kind:?}, after {place}"));
    }
    let mut healthy = scene.setup.start().await;
    let end = u32::try_from(log.confirmed.len()).unwrap() + 10;
    post(&mut healthy, &mut log, &scene.key, end, async || {}).await;
    assert!(healthy.terminate().await.success());
    eprintln!("{kind:?}: {} answers, ended at {} places", log.confirmed.len(), PLACES.len());
    let wrong = scene.wrong(&log, PLACES.len()).await;
    nothing_is_wrong(&wrong, &format!("{kind:?}, after all places"));
    scene.end().await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_at_any_place() {
    join_all(EVERY.iter().map(|kind| ends_at_each_place(*kind))).await;
}

/// The negative control: a server that confirms without a commit is found out.
#[tokio::test]
async fn a_lost_answer_is_noticed() {
    for kind in EVERY {
        let scene = Scene::make(*kind).await;
        let mut log = Log::default();
        let mut server = scene.setup.clone().faults("control.forgets_to_commit=5*off->1*return->off").start().await;
        post(&mut server, &mut log, &scene.key, 20, async || {}).await;
        server.kill().await;
        let wrong = audit::answers(&scene.db, &log).await;
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with("answer-5 was confirmed") && wrong[0].ends_with("is not stored"), "{wrong:?}");
        scene.end().await;
    }
}

/// A node that stands still loses its claims to another one; when it wakes, it neither sends nor settles what is no longer its.
#[cfg(feature = "servers")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_is_replaced_and_does_no_harm_when_it_wakes() {
    use hearback_tests::smtp_server::{At, Fault};

    let slow = Script::default().always(At::Dot, Fault::Late(Duration::from_millis(100)));
    let scene = Scene::with(Kind::Postgres, slow).await;
    let frozen = scene.setup.start().await;
    let load = Load::start(&scene.key, 300, 8);
    load.server_at(Some(frozen.address));
    let log = load.finish().await;
    until(PATIENCE, "mails are claimed", async || outbox::running(&scene.db).await.unwrap() > MAIL_CONNECTIONS as u64).await;
    frozen.signal("STOP").await;
    let (sent, stopped) = (scene.mail.mails().len(), Instant::now());
    let other = scene.setup.start().await;
    until(TAKEN_UP, "the other node takes the work over and does it", async || is_idle(&scene.db, SystemClock.now()).await).await;
    eprintln!("frozen after {sent} mails; {} more {:.1} s later", scene.mail.mails().len() - sent, stopped.elapsed().as_secs_f32());
    frozen.signal("CONT").await;
    assert!(frozen.terminate().await.success());
    assert!(other.terminate().await.success());
    nothing_is_wrong(&scene.wrong(&log, 1).await, "after it woke");
    scene.end().await;
}

/// SIGTERM under load: what is under way is finished, claims are given back, nothing is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_is_clean() {
    for kind in EVERY {
        let scene = Scene::make(*kind).await;
        let load = Load::start(&scene.key, 600, 8);
        let server = scene.setup.start().await;
        load.server_at(Some(server.address));
        until(PATIENCE, "answers are confirmed", async || load.confirmed() >= 200).await;
        let status = server.terminate().await;
        load.server_at(None);
        assert!(status.success(), "{kind:?}: {status}");
        assert_eq!(outbox::running(&scene.db).await.unwrap(), 0, "{kind:?}: claims are given back");
        let server = scene.setup.start().await;
        load.server_at(Some(server.address));
        let log = load.finish().await;
        assert!(server.terminate().await.success());
        nothing_is_wrong(&scene.wrong(&log, 0).await, &format!("{kind:?}"));
        scene.end().await;
    }
}

/// Several processes find an empty database at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_set_up_one_database() {
    for kind in EVERY {
        let database = Fresh::make(*kind).await;
        let mail = format!("file://{}", database.folder.path().join("mail").display());
        let setup = Setup::new(&database.url, database.folder.path(), &mail);
        let servers = join_all((0..4).map(|_| setup.start())).await;
        for server in servers {
            server.ready().await;
            assert!(server.terminate().await.success());
        }
        let db = Db::connect(&database.url, 2).await.unwrap();
        assert_eq!(workspaces::Entity::find().all(db.read()).await.unwrap().len(), 1);
        assert_eq!(setup.fsck().await, "");
        db.close().await.unwrap();
        database.remove().await;
    }
}
