//! The power fails: what was written and not made durable is gone, or there in part. What was confirmed before is stored. The control takes
//! away what `fsync` did to the log of the database, and must lose something.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use hearback_store::{Db, EntityTrait as _, responses};
use hearback_tests::{
    connection::Connection,
    database::{Fresh, Kind},
    disk::{History, Unsynced, traced},
    load::{Log, Numbers, Sent},
    process::{Setup, until},
    smtp_server::{Script, SmtpServer},
};
use tempfile::TempDir;

use super::syncs::traces;

/// Enough answers that SQLite moves its log into the file several times.
const ANSWERS: u32 = 250;
/// Moments at which the power fails, after a confirmation and anywhere.
const MOMENTS: u32 = 14;

/// The two files that hold everything; the third, `-shm`, is made anew at each start.
fn files(folder: &Path) -> [PathBuf; 2] {
    ["hearback.db", "hearback.db-wal"].map(|name| folder.join(name))
}

/// Whom a database holds answers of after it came up again, and whether it is whole.
async fn stored(folder: &Path) -> BTreeSet<String> {
    let db = Db::connect(&format!("sqlite://{}", folder.join("hearback.db").display()), 1).await.unwrap();
    assert_eq!(db.quick_check().await.unwrap(), Vec::<String>::new());
    let rows = responses::Entity::find().all(db.read()).await.unwrap();
    db.close().await.unwrap();
    rows.into_iter().filter_map(|row| row.external_id).collect()
}

#[tokio::test]
async fn what_was_confirmed_is_there_after_the_power_failed() {
    if !traces() {
        eprintln!("left out: processes can't be traced here");
        return;
    }
    let (database, mail) = (Fresh::make(Kind::Sqlite).await, SmtpServer::start(Script::default()).await);
    let setup = Setup::new(&database.url, database.folder.path(), &format!("smtp://127.0.0.1:{}", mail.port()));
    let key = setup.api_key().await;
    let before = files(database.folder.path()).map(|file| std::fs::read(file).unwrap_or_default());
    let trace = database.folder.path().join("trace");
    let server = setup.clone().after(&traced(&trace)).start().await;
    until(Duration::from_secs(60), "the server answers", async || Connection::to(server.address).get("/readyz", "").await.is_ok()).await;
    let (mut log, mut connection) = (Log::default(), Connection::to(server.address));
    for n in 0..ANSWERS {
        assert!(log.post(&mut connection, &key, n).await, "{}", server.log());
    }
    server.kill().await;

    let mut history = History::read(&trace);
    let paths = files(database.folder.path());
    assert_eq!(history.confirmations.len(), log.confirmed.len(), "each confirmation is in the trace");
    assert!(history.writes(&paths[0]) > 100, "the log was moved into the file while answers came");
    let mut moments: Vec<usize> = history.confirmations.iter().copied().step_by(ANSWERS as usize / MOMENTS as usize).collect();
    let mut numbers = Numbers::new(7);
    let (first, last) = (history.confirmations[0] as u64, history.end as u64);
    moments.extend((0..MOMENTS).map(|_| usize::try_from(first + numbers.below(last - first)).unwrap()));
    for &at in &moments {
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn(at as u64)] {
            let lost = lost(&history, &paths, &before, at, unsynced).await;
            assert!(lost.is_empty(), "confirmed before line {at} and gone ({unsynced:?}): {lost:?}");
        }
    }
    // As it would be with `synchronous=NORMAL`, where only moving the log into the file makes it durable.
    history.forget_syncs("-wal");
    let mut gone = 0;
    for &at in &moments {
        gone += lost(&history, &paths, &before, at, Unsynced::Lost).await.len();
    }
    assert!(gone > 0, "the control must lose answers");
}

/// Answers that were confirmed before this moment and are not stored after the power failed at it.
async fn lost(history: &History, paths: &[PathBuf; 2], before: &[Vec<u8>; 2], at: usize, unsynced: Unsynced) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    for ((path, content), copy) in paths.iter().zip(before).zip(files(folder.path())) {
        std::fs::write(copy, history.after_power_failed(path, content.clone(), at, unsynced)).unwrap();
    }
    let stored = stored(folder.path()).await;
    // Answers are posted one after the other, so that the n-th confirmation is that of the n-th answer.
    let confirmed = history.confirmations.iter().filter(|&&confirmed| confirmed < at).count();
    let all = (0..).map(|n| Sent::nth(n).external_id).take(confirmed);
    all.filter(|external_id| !stored.contains(external_id)).collect()
}
