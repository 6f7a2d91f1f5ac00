//! A database that is locked, full, read-only or gone for a while: nothing is confirmed that is not stored, the caller is
//! told to come again, and it works again by itself.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hearback_store::{ConnectionTrait as _, Db, EntityTrait as _, responses, workspaces};
use hearback_tests::{
    audit,
    connection::Connection,
    database::{Fresh, Kind},
    engine::MAIL_CONNECTIONS,
    load::{Log, Sent},
    process::{Server, Setup},
    smtp_server::{Script, SmtpServer},
};
use tokio::time::Instant;

/// How long a server may take to work again once it could.
const RECOVERY: Duration = Duration::from_secs(30);

struct Scene {
    mail: SmtpServer,
    setup: Setup,
    key: String,
    db: Db,
}

impl Scene {
    async fn make(database: &str, folder: &Path) -> Self {
        let mail = SmtpServer::start(Script::default()).await;
        let setup = Setup::new(database, folder, &format!("smtp://127.0.0.1:{}", mail.port()));
        let key = setup.api_key().await;
        Self { mail, setup, key, db: Db::connect(database, 2).await.unwrap() }
    }

    /// Posts answers until one is not taken; the status and `Retry-After` that it got.
    async fn post_until_refused(&self, server: &Server, log: &mut Log) -> (u16, Option<String>) {
        let mut connection = Connection::to(server.address);
        for _ in 0..2_000 {
            let sent = Sent::nth(u32::try_from(log.confirmed.len()).unwrap());
            let answer = connection.post("/api/v1/responses", &self.key, sent.json().to_string()).await.unwrap();
            if answer.status != 201 {
                return (answer.status, answer.retry_after);
            }
            log.confirmed.insert(sent.external_id, answer.text("id").to_owned());
        }
        panic!("everything is taken")
    }

    /// Posts until `count` more answers are confirmed.
    async fn post(&self, server: &Server, log: &mut Log, count: usize) {
        let mut connection = Connection::to(server.address);
        let (end, start) = (log.confirmed.len() + count, Instant::now());
        while log.confirmed.len() < end {
            assert!(start.elapsed() < RECOVERY, "it does not take answers again:\n{}", server.log());
            let n = u32::try_from(log.confirmed.len()).unwrap();
            log.post(&mut connection, &self.key, n).await;
        }
    }

    async fn reads(&self, server: &Server) -> u16 {
        Connection::to(server.address).get("/api/v1/responses?limit=1", &self.key).await.unwrap().status
    }

    async fn stored(&self) -> usize {
        responses::Entity::find().all(self.db.read()).await.unwrap().len()
    }

    /// Stops the server and looks at what is there in the end, after this many outages.
    async fn end(self, server: Server, log: &Log, outages: usize) {
        assert!(server.terminate().await.success());
        let wrong = audit::in_the_end(&self.setup, &self.mail, log, outages * MAIL_CONNECTIONS).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.db.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_outside_writer_holds_the_lock() {
    let database = Fresh::make(Kind::Sqlite).await;
    let scene = Scene::make(&database.url, database.folder.path()).await;
    let server = scene.setup.start().await;
    let mut log = Log::default();
    scene.post(&server, &mut log, 5).await;
    let held = scene.db.write().await.unwrap();
    let refused = scene.post_until_refused(&server, &mut log).await;
    assert_eq!(refused, (503, Some("1".to_owned())));
    assert_eq!(scene.reads(&server).await, 200, "who only reads does not wait");
    assert_eq!(scene.stored().await, log.confirmed.len());
    held.rollback().await.unwrap();
    scene.post(&server, &mut log, 5).await;
    scene.end(server, &log, 1).await;
}

/// When a write fails, SQLite takes the whole transaction back by itself. What is committed after that must be there for
/// everybody, not only for the connection that went through it.
#[tokio::test]
async fn commits_count_after_the_database_took_a_transaction_back() {
    let database = Fresh::make(Kind::Sqlite).await;
    let db = database.open().await;
    let other = Db::connect(&database.url, 1).await.unwrap();
    for n in 1..=4 {
        let failed = db.write().await.unwrap();
        failed.execute_unprepared("ROLLBACK").await.unwrap();
        drop(failed);
        db.write().await.unwrap().rollback().await.unwrap();
        let tx = db.write().await.unwrap();
        let key = n.to_string();
        tx.execute_unprepared(&format!(
            "INSERT INTO workspaces (id, key, name, locale, default_team, config_revision, created_at) \
             VALUES (unhex('{n:032}'), '{key}', '', 'en', 'support', 1, 0)"
        ))
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(workspaces::Entity::find().all(other.read()).await.unwrap().len(), n);
    }
}

/// A small file system; unmounted with the value.
struct Small(PathBuf);

impl Small {
    /// `None` where this process may not mount.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output().ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }

    /// Takes all space that is left; the file that holds it.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        ballast
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Small::mount(&folder.path().join("disk"), 24) else {
        eprintln!("left out: this process may not mount; `a_file_that_may_not_grow_is_survived` runs all the same");
        return;
    };
    let url = format!("sqlite://{}", disk.0.join("hearback.db").display());
    let scene = Scene::make(&url, folder.path()).await;
    let server = scene.setup.start().await;
    let mut log = Log::default();
    scene.post(&server, &mut log, 20).await;
    let ballast = disk.fill();
    let refused = scene.post_until_refused(&server, &mut log).await;
    assert_eq!(refused, (503, Some("1".to_owned())), "{}", server.log());
    assert_eq!(scene.reads(&server).await, 200, "who only reads needs no space");
    assert!(server.log().contains("full"), "the log says why:\n{}", server.log());
    let state = Connection::to(server.address).get("/readyz", "").await.unwrap();
    assert_eq!((state.status, state.text("status")), (200, "degraded"), "{}", state.body);
    assert!(state.body["reasons"].to_string().contains("disk_full"), "{}", state.body);
    std::fs::remove_file(ballast).unwrap();
    scene.post(&server, &mut log, 20).await;
    scene.end(server, &log, 1).await;
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_survived() {
    let database = Fresh::make(Kind::Sqlite).await;
    let scene = Scene::make(&database.url, database.folder.path()).await;
    // In blocks of 512 bytes or of 1 KiB, as the shell has it: 1.5 or 3 MiB. A write beyond fails instead of ending the process.
    let server = scene.setup.clone().after("trap '' XFSZ; ulimit -S -f 3072").start().await;
    let mut log = Log::default();
    let refused = scene.post_until_refused(&server, &mut log).await;
    assert_eq!(refused, (503, Some("1".to_owned())), "{}", server.log());
    assert_eq!(scene.reads(&server).await, 200);
    let raised = Command::new("prlimit").args(["--pid", &server.id().to_string(), "--fsize=unlimited"]).status().unwrap();
    assert!(raised.success());
    scene.post(&server, &mut log, 20).await;
    scene.end(server, &log, 1).await;
}

#[cfg(feature = "servers")]
mod postgres {
    use hearback_tests::{load::Load, process::until};

    use super::*;

    /// How long a load may take to get on.
    const PATIENCE: Duration = Duration::from_mins(2);

    /// The server of a database, to do to it what operators and accidents do.
    struct Admin {
        db: Db,
        name: String,
    }

    impl Admin {
        async fn of(database: &Fresh) -> Self {
            let (server, name) = database.url.rsplit_once('/').unwrap();
            Self { db: Db::connect(&format!("{server}/postgres"), 2).await.unwrap(), name: name.to_owned() }
        }

        async fn run(&self, sql: &str) {
            self.db.read().execute_unprepared(&sql.replace("{name}", &self.name)).await.unwrap();
        }

        /// Ends all connections, as a restart does.
        async fn cut(&self) {
            self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'").await;
        }
    }

    /// Connections are cut in the middle of transactions and commits; then the database is gone for a while.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn connections_are_cut_during_intake() {
        let database = Fresh::make(Kind::Postgres).await;
        let scene = Scene::make(&database.url, database.folder.path()).await;
        let server = scene.setup.start().await;
        let admin = Admin::of(&database).await;
        let load = Load::start(&scene.key, 1_500, 8);
        load.server_at(Some(server.address));
        for cut in 1..=10 {
            until(PATIENCE, "answers are confirmed", async || load.confirmed() >= cut * 100).await;
            admin.cut().await;
        }
        admin.run("ALTER DATABASE {name} ALLOW_CONNECTIONS false").await;
        admin.cut().await;
        let before = load.not_now();
        until(PATIENCE, "callers are told to come again", async || load.not_now() > before).await;
        admin.run("ALTER DATABASE {name} ALLOW_CONNECTIONS true").await;
        let log = load.finish().await;
        assert_eq!(log.unanswered, 0, "every request gets an answer");
        eprintln!("{} answers of `not now`", log.not_now);
        scene.end(server, &log, 11).await;
        admin.db.close().await.unwrap();
        database.remove().await;
    }

    #[tokio::test]
    async fn a_database_that_turns_read_only_takes_nothing() {
        let database = Fresh::make(Kind::Postgres).await;
        let scene = Scene::make(&database.url, database.folder.path()).await;
        let server = scene.setup.start().await;
        let admin = Admin::of(&database).await;
        let mut log = Log::default();
        scene.post(&server, &mut log, 5).await;
        admin.run("ALTER DATABASE {name} SET default_transaction_read_only = on").await;
        admin.cut().await;
        let refused = scene.post_until_refused(&server, &mut log).await;
        assert_eq!(refused, (503, Some("1".to_owned())), "{}", server.log());
        // A connection that was cut is noticed by the request that meets it.
        until(RECOVERY, "who only reads is served", async || scene.reads(&server).await == 200).await;
        until(RECOVERY, "the log says why", async || server.log().contains("read-only")).await;
        admin.run("ALTER DATABASE {name} RESET default_transaction_read_only").await;
        admin.cut().await;
        scene.post(&server, &mut log, 5).await;
        scene.end(server, &log, 2).await;
        admin.db.close().await.unwrap();
        database.remove().await;
    }
}
