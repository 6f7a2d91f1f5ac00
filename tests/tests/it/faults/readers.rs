//! Many read much, slowly, or what takes very long: answers are taken all the same.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use hearback_store::{Db, EntityTrait as _, responses};
use hearback_tests::{
    connection::Connection,
    database::{EVERY, Fresh, Kind},
    process::{Server, Setup, until},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    task::JoinSet,
    time::sleep,
};

/// Who reads at once.
const READERS: usize = 50;
/// Answers that lists and exports are full of, with long comments; and answers that come in while they are read.
const STORED: usize = 1_500;
const COMING: usize = 150;
/// The largest that there is to be read.
const LARGEST: [&str; 6] = [
    "/api/v1/responses?limit=500",
    "/api/v1/cases?limit=500",
    "/api/v1/people?limit=500",
    "/api/v1/events?limit=500",
    "/api/v1/suppressions/export",
    "/api/v1/metrics?by=shop&bucket=day",
];
const PATIENCE: Duration = Duration::from_mins(2);

struct Scene {
    database: Fresh,
    setup: Setup,
    key: String,
    server: Server,
    db: Db,
}

impl Scene {
    async fn make(kind: Kind, faults: Option<&str>) -> Self {
        let database = Fresh::make(kind).await;
        let mail = format!("file://{}", database.folder.path().join("mail").display());
        let setup = Setup::new(&database.url, database.folder.path(), &mail);
        let key = setup.api_key().await;
        let server = match faults {
            Some(faults) => setup.clone().faults(faults).start().await,
            None => setup.start().await,
        };
        server.ready().await;
        let db = Db::connect(&database.url, 2).await.unwrap();
        Self { database, setup, key, server, db }
    }

    async fn end(self) {
        assert!(self.server.terminate().await.success());
        assert_eq!(self.setup.fsck().await, "");
        self.db.close().await.unwrap();
        self.database.remove().await;
    }
}

fn answer(name: &str, comment: &str) -> String {
    let person = json!({ "email": format!("{name}@example.com"), "properties": { "shop": name } });
    json!({ "survey": "nps", "score": 8, "external_id": name, "comment": comment, "person": person }).to_string()
}

/// Lists and exports that are long.
async fn fill(server: &Server, key: &str) {
    let mut connection = Connection::to(server.address);
    let comment = "slow ".repeat(400);
    let lines: Vec<String> = (0..STORED).map(|n| answer(&format!("before-{n}"), &comment)).collect();
    let filled = connection.post("/api/v1/responses/batch", key, lines.join("\n")).await.unwrap();
    assert_eq!(filled.status, 200);
    for n in 0..100 {
        let stopped = json!({ "address": format!("stopped-{n}@example.com"), "note": "asked by phone" });
        assert_eq!(connection.post("/api/v1/suppressions", key, stopped.to_string()).await.unwrap().status, 201);
    }
}

/// Asks for something large again and again, and takes the answer some bytes at a time; or, every second one, not at all.
async fn read_slowly(address: SocketAddr, key: &str, n: usize, begun: &AtomicUsize) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let path = LARGEST[n % LARGEST.len()];
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200", "{path}");
    begun.fetch_add(1, Ordering::Relaxed);
    let mut some = [0; 64];
    while n.is_multiple_of(2) && stream.read(&mut some).await.is_ok_and(|read| read > 0) {
        sleep(Duration::from_millis(20)).await;
    }
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_taken_while_many_read_slowly() {
    for kind in EVERY {
        let scene = Scene::make(*kind, None).await;
        fill(&scene.server, &scene.key).await;
        let (begun, mut readers) = (std::sync::Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for n in 0..READERS {
            let (address, key, begun) = (scene.server.address, scene.key.clone(), std::sync::Arc::clone(&begun));
            readers.spawn(async move { read_slowly(address, &key, n, &begun).await });
        }
        let mut connection = Connection::to(scene.server.address);
        let mut sent = 0;
        // From the moment they ask, until each has begun to get something and long after that.
        while sent < COMING || begun.load(Ordering::Relaxed) < READERS {
            let name = format!("meanwhile-{sent}");
            let taken = connection.post("/api/v1/responses", &scene.key, answer(&name, "")).await.unwrap();
            assert_eq!(taken.status, 201, "{}", taken.body);
            sent += 1;
            assert!(readers.try_join_next().is_none(), "a reader has ended");
        }
        let rows = responses::Entity::find().all(scene.db.read()).await.unwrap();
        let stored = rows.iter().filter(|row| row.external_id.as_ref().is_some_and(|id| id.starts_with("meanwhile-"))).count();
        assert_eq!((stored, rows.len()), (sent, STORED + sent), "every one is stored, once");
        readers.shutdown().await;
        scene.end().await;
    }
}

/// On SQLite nobody waits for a lock to read; on PostgreSQL a list can be made to take as long as one likes.
#[cfg(feature = "servers")]
mod that_take_long {
    use hearback_store::{ConnectionTrait as _, Tx};

    use super::*;

    /// Connections to read from that a server has by default, and how many of them are left to others.
    const CONNECTIONS: u64 = 10;
    const KEPT_FREE: u64 = 2;

    /// Nobody can read what customers let us quote until this ends.
    async fn hold(scene: &Scene) -> Tx {
        let held = scene.db.write().await.unwrap();
        held.execute_unprepared("LOCK TABLE testimonials IN ACCESS EXCLUSIVE MODE").await.unwrap();
        held
    }

    /// How many queries wait for it.
    async fn waiting(held: &Tx) -> u64 {
        let sql = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'testimonials'::regclass";
        held.execute_unprepared(sql).await.unwrap().rows_affected()
    }

    fn read(scene: &Scene) -> JoinSet<u16> {
        let mut readers = JoinSet::new();
        for _ in 0..READERS {
            let (mut connection, key) = (Connection::to(scene.server.address), scene.key.clone());
            readers.spawn(async move { connection.get("/api/v1/testimonials?limit=500", &key).await.map_or(0, |answer| answer.status) });
        }
        readers
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_are_taken_while_many_read_what_takes_long() {
        let scene = Scene::make(Kind::Postgres, None).await;
        // Nobody knows this key yet: it is looked up when it is used first.
        let new_key = scene.setup.api_key().await;
        let held = hold(&scene).await;
        let readers = read(&scene);
        until(PATIENCE, "as many read as may", async || waiting(&held).await == CONNECTIONS - KEPT_FREE).await;
        let mut connection = Connection::to(scene.server.address);
        for n in 0..20 {
            let key = if n % 2 == 0 { &new_key } else { &scene.key };
            let taken = connection.post("/api/v1/responses", key, answer(&format!("meanwhile-{n}"), "")).await.unwrap();
            assert_eq!(taken.status, 201, "{}", taken.body);
            assert!(waiting(&held).await <= CONNECTIONS - KEPT_FREE, "no more read at a time");
        }
        held.rollback().await.unwrap();
        let statuses = readers.join_all().await;
        assert!(statuses.contains(&200), "once it can be read, it is: {statuses:?}");
        assert_eq!(responses::Entity::find().all(scene.db.read()).await.unwrap().len(), 20);
        scene.end().await;
    }

    /// The negative control: where as many read as like, nothing is left for an answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_places_to_read_they_are_not() {
        let scene = Scene::make(Kind::Postgres, Some("control.readers_are_not_counted=return")).await;
        let new_key = scene.setup.api_key().await;
        let held = hold(&scene).await;
        let readers = read(&scene);
        until(PATIENCE, "all connections are taken", async || waiting(&held).await == CONNECTIONS).await;
        let refused = Connection::to(scene.server.address).post("/api/v1/responses", &new_key, answer("meanwhile", "")).await.unwrap();
        assert_eq!(refused.status, 503, "{}", refused.body);
        held.rollback().await.unwrap();
        readers.join_all().await;
        scene.end().await;
    }
}
