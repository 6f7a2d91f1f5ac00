//! The process dies while it makes the schema: the next start completes it, or finds nothing and makes it.

use std::time::Duration;

use futures::future::join_all;
use hearback_store::Db;
use hearback_tests::{
    database::{EVERY, Fresh, Kind},
    load::Numbers,
    process::Setup,
};

/// How often the process is killed.
const KILLS: u64 = 8;
/// Latest moment of a kill after the start, in microseconds: later than a whole migration takes.
const LATEST: u64 = 400_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_is_completed_by_the_next_start() {
    join_all(EVERY.iter().map(|kind| killed_at_many_moments(*kind))).await;
}

async fn killed_at_many_moments(kind: Kind) {
    let mut numbers = Numbers::new(12);
    let (mut cut, mut complete) = (0, 0);
    for turn in 0..KILLS {
        let database = Fresh::make(kind).await;
        let mail = format!("file://{}", database.folder.path().join("mail").display());
        let setup = Setup::new(&database.url, database.folder.path(), &mail);
        setup.kill_after(&["migrate"], Duration::from_micros(LATEST * turn / KILLS + numbers.below(LATEST / KILLS))).await;
        let db = Db::connect(&database.url, 1).await.unwrap();
        if db.is_migrated().await.unwrap() {
            complete += 1;
        } else {
            cut += 1;
        }
        db.close().await.unwrap();
        let (status, text) = setup.run(&["migrate"]).await;
        assert!(status.success(), "{kind:?}, turn {turn}: {text}");
        assert_eq!(setup.fsck().await, "", "{kind:?}, turn {turn}");
        let server = setup.start().await;
        server.ready().await;
        assert!(server.terminate().await.success());
        database.remove().await;
    }
    assert!(cut > 0, "{kind:?}: no kill came before the schema was complete");
    eprintln!("{kind:?}: {cut} killed before the schema was complete, {complete} after");
}
