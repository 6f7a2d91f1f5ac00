//! Pages of the database file that are damaged: found at start and by `doctor`, told, and nothing is sent.

use std::path::Path;

use hearback_store::{Db, workspaces};
use hearback_tests::{
    client::Client,
    connection::Connection,
    database::{Fresh, Kind},
    load::{Log, Sent},
    process::{Setup, until},
    smtp_server::{Script, SmtpServer},
};
use serde_json::Value;

/// Bytes of a page of SQLite.
const PAGE: usize = 4_096;

async fn quick_check(url: &str) -> Option<Vec<String>> {
    let db = Db::connect(url, 1).await.ok()?;
    let found = db.quick_check().await.ok()?;
    // Only damage under which the rest can still be read and written is of interest: anything worse does not start.
    let reads = !workspaces::all(db.read()).await.ok()?.is_empty();
    db.close().await.ok()?;
    reads.then_some(found)
}

/// Overwrites a page in the file's second half, so that the rest can still be used.
async fn damage(file: &Path, url: &str) {
    let sound = std::fs::read(file).unwrap();
    for page in (sound.len() / PAGE / 2)..(sound.len() / PAGE - 1) {
        let mut damaged = sound.clone();
        damaged[page * PAGE + 100..page * PAGE + 3_000].fill(0xa5);
        std::fs::write(file, &damaged).unwrap();
        if quick_check(url).await.is_some_and(|found| !found.is_empty()) {
            return;
        }
    }
    panic!("no page whose damage is found");
}

#[tokio::test]
async fn damaged_pages_are_found_at_start_and_nothing_is_sent() {
    let database = Fresh::make(Kind::Sqlite).await;
    let (folder, mail) = (database.folder.path(), SmtpServer::start(Script::default()).await);
    let setup = Setup::new(&database.url, folder, &format!("smtp://127.0.0.1:{}", mail.port()));
    let key = setup.api_key().await;
    let (_, sound) = setup.run(&["doctor"]).await;
    assert!(sound.contains("ok      database pages: no damage was found"), "{sound}");
    let server = setup.start().await;
    let mut connection = Connection::to(server.address);
    let mut log = Log::default();
    for n in 0..120 {
        log.post(&mut connection, &key, n).await;
    }
    assert_eq!(Client::stranger(server.address).get("/readyz").await.json()["status"], "ok");
    assert!(server.terminate().await.success());
    let file = folder.join("hearback.db");
    damage(&file, &database.url).await;

    let before = mail.mails().len();
    let server = setup.start().await;
    until(std::time::Duration::from_secs(30), "it is told", async || {
        let state = Client::stranger(server.address).get("/readyz").await;
        state.status == 200 && state.json()["reasons"].to_string().contains("database_damaged")
    })
    .await;
    assert!(server.log().contains("hearback.db") && server.log().contains("restore the last backup"), "{}", server.log());
    let (_, status) = setup.run(&["sending", "status", "--json"]).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["held"]["why"].as_str().unwrap().contains("the database is damaged"), "{status}");
    let (failed, found) = setup.run(&["doctor"]).await;
    assert!(
        failed.code() == Some(1) && found.contains("FAILED  database pages: `") && found.contains("restore the last backup"),
        "{found}"
    );
    // Whatever can still be stored is: what it leads to waits.
    let _ = Connection::to(server.address).post("/api/v1/responses", &key, Sent::nth(500).json().to_string()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(mail.mails().len(), before, "nothing is sent");
    server.kill().await;
}
