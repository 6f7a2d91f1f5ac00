//! The schema, and what the connections are set to.

use futures::future::join_all;
use hearback_store::{ConnectionTrait as _, Db, StoreError, bulk, cases, workspaces};
use hearback_tests::{
    app::{Options, TestApp, on_every_store},
    database::{self, Fresh, Kind},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_nodes_that_start_at_once_make_the_schema_once() {
    for kind in database::EVERY {
        let fresh = Fresh::make(*kind).await;
        let nodes = join_all((0..5).map(|_| async { Db::connect(&fresh.url, 2).await.unwrap() })).await;
        let all = join_all(nodes.iter().map(|node| {
            let node = node.clone();
            tokio::spawn(async move { node.migrate().await })
        }))
        .await;
        for made in all {
            made.unwrap().unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
        for node in nodes {
            node.migrate().await.unwrap();
            assert!(node.is_migrated().await.unwrap());
            node.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_schema_that_is_missing_is_noticed() {
    for kind in database::EVERY {
        let fresh = Fresh::make(*kind).await;
        let db = Db::connect(&fresh.url, 2).await.unwrap();
        assert!(!db.is_migrated().await.unwrap());
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone_and_says_what_to_do() {
    on_every_store(async |app| {
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_newer', 0)";
        app.cx.db.read().execute_unprepared(newer).await.unwrap();
        for refused in [app.cx.db.is_migrated().await.map(drop), app.cx.db.migrate().await] {
            let why = refused.unwrap_err();
            assert!(matches!(why, StoreError::NewerSchema) && why.to_string().contains("Run that version"), "{why}");
        }
        app.cx.db.read().execute_unprepared("DELETE FROM seaql_migrations WHERE version = 'm9999_newer'").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn sqlite_runs_only_where_a_commit_is_durable() {
    let app = TestApp::on(Kind::Sqlite, &Options::default()).await;
    assert!(app.database.folder.path().join("hearback.db-wal").exists(), "the write-ahead log is on");
    let refused = Db::connect("sqlite::memory:", 1).await.unwrap_err().to_string();
    assert!(refused.contains("journal_mode=memory"), "{refused}");
}

#[tokio::test]
async fn a_row_without_its_parent_is_refused() {
    on_every_store(async |app| {
        let tx = app.cx.db.write().await.unwrap();
        let stored = super::cases(app, &tx, 1).await;
        let orphan = cases::Model { id: uuid::Uuid::nil(), response_id: uuid::Uuid::nil(), ..stored[0].clone() };
        assert!(bulk::insert::<cases::Entity>(&tx, &[orphan]).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn other_addresses_than_the_two_databases_are_refused() {
    let refused = Db::connect("mysql://root@localhost/x", 1).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Other(_)) && refused.to_string().contains("sqlite:// or postgres://"), "{refused}");
}

/// With a plain BEGIN most of these fail on SQLite as locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_read_first_never_meet_a_locked_database() {
    const WRITERS: i64 = 32;
    const TURNS: i64 = 10;
    on_every_store(async |app| {
        let other = app.database.open().await;
        let turns = (0..WRITERS).map(|writer| {
            let db = if writer % 2 == 0 { app.cx.db.clone() } else { other.clone() };
            let ws = app.ws;
            tokio::spawn(async move {
                for _ in 0..TURNS {
                    let tx = db.write().await.unwrap();
                    workspaces::lock(&tx, ws).await.unwrap().unwrap();
                    workspaces::bump_config(&tx, ws).await.unwrap();
                    tx.commit().await.unwrap();
                }
            })
        });
        let before = revision(app).await;
        for turn in join_all(turns).await {
            turn.unwrap();
        }
        assert_eq!(revision(app).await - before, WRITERS * TURNS);
        other.close().await.unwrap();
    })
    .await;
}

async fn revision(app: &TestApp) -> i64 {
    workspaces::by_id(app.cx.db.read(), app.ws).await.unwrap().unwrap().config_revision
}
