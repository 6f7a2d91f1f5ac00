//! The moment at which data is made durable: the process is killed in it, or the disk says no. `strace` does both, on the real server.
//! What was confirmed is stored, what was not is stored whole or not at all. (Left out where there is no `strace`; that such a test can
//! fail is shown by `crash`, whose negative control forgets to commit.)

use std::{process::Command, time::Duration};

use hearback_tests::{
    audit,
    connection::Connection,
    database::{Fresh, Kind},
    engine::MAIL_CONNECTIONS,
    load::Log,
    process::{Server, Setup, until},
    smtp_server::{Script, SmtpServer},
};
use tokio::time::Instant;

/// Answers after which a fault that does not come is given up.
const MOST: u32 = 400;

/// Whether processes may be traced here.
pub(super) fn traces() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    tried.is_ok_and(|status| status.success())
}

/// The server with this done to its calls that make data durable, counted for each thread. The server is the child, not `strace`.
fn traced(setup: &Setup, what: &str) -> Setup {
    let strace = format!("exec strace -D -f -qq -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:{what} \"$0\" \"$@\"");
    setup.clone().after(&strace)
}

struct Scene {
    database: Fresh,
    mail: SmtpServer,
    setup: Setup,
    key: String,
    log: Log,
    next: u32,
}

impl Scene {
    async fn make() -> Self {
        let (database, mail) = (Fresh::make(Kind::Sqlite).await, SmtpServer::start(Script::default()).await);
        let setup = Setup::new(&database.url, database.folder.path(), &format!("smtp://127.0.0.1:{}", mail.port()));
        let key = setup.api_key().await;
        Self { database, mail, setup, key, log: Log::default(), next: 0 }
    }

    /// Posts new answers until one is not confirmed; that one is posted first the next time.
    async fn post_until_refused(&mut self, server: &Server) {
        let mut connection = Connection::to(server.address);
        for _ in 0..MOST {
            if !self.log.post(&mut connection, &self.key, self.next).await {
                return;
            }
            self.next += 1;
        }
        panic!("nothing was refused within {MOST} answers:\n{}", server.log());
    }

    async fn end(self, outages: usize) {
        let wrong = audit::in_the_end(&self.setup, &self.mail, &self.log, outages * MAIL_CONNECTIONS).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        drop(self.database);
    }
}

#[tokio::test]
async fn killed_while_data_is_made_durable_nothing_confirmed_is_lost() {
    if !traces() {
        eprintln!("left out: processes can't be traced here");
        return;
    }
    let mut scene = Scene::make().await;
    let at = [20, 21, 23, 26, 30, 37];
    for n in at {
        let mut server = traced(&scene.setup, &format!("signal=SIGKILL:when={n}")).start().await;
        scene.post_until_refused(&server).await;
        let start = Instant::now();
        while !server.has_ended() {
            assert!(start.elapsed() < Duration::from_secs(30), "it was not killed:\n{}", server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    // The same answers again: what was stored before its confirmation was lost is known.
    let server = scene.setup.start().await;
    let mut connection = Connection::to(server.address);
    until(Duration::from_secs(30), "the server answers", async || Connection::to(server.address).get("/readyz", "").await.is_ok()).await;
    for n in 0..=scene.next {
        scene.log.post(&mut connection, &scene.key, n).await;
    }
    assert!(scene.log.confirmed.len() > 50 && server.terminate().await.success());
    scene.end(at.len()).await;
}

#[tokio::test]
async fn a_disk_that_fails_to_make_data_durable_confirms_nothing_meanwhile() {
    if !traces() {
        eprintln!("left out: processes can't be traced here");
        return;
    }
    for error in ["EIO", "ENOSPC"] {
        let mut scene = Scene::make().await;
        let server = traced(&scene.setup, &format!("error={error}:when=25..40")).start().await;
        scene.post_until_refused(&server).await;
        assert_eq!((scene.log.not_now, scene.log.unanswered), (1, 0), "told to come again:\n{}", server.log());
        let mut connection = Connection::to(server.address);
        let before = scene.log.confirmed.len();
        until(Duration::from_secs(30), "the server answers", async || Connection::to(server.address).get("/readyz", "").await.is_ok())
            .await;
        for _ in 0..MOST {
            if scene.log.post(&mut connection, &scene.key, scene.next).await {
                scene.next += 1;
            }
            if scene.log.confirmed.len() > before + 20 {
                break;
            }
        }
        assert!(scene.log.confirmed.len() > before + 20, "it takes answers again:\n{}", server.log());
        assert!(server.terminate().await.success());
        scene.end(1).await;
    }
}
