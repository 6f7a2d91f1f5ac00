//! Somebody opens more connections than the server may have files: others are served, and accepted work is done.

use std::net::{Ipv4Addr, SocketAddr};

use hearback_tests::{
    connection::Connection,
    database::{Fresh, Kind},
    process::{Server, Setup},
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

async fn set_up(limit: &str) -> (Fresh, Setup, String, Server) {
    let fresh = Fresh::make(Kind::Sqlite).await;
    let setup = Setup::new(&fresh.url, fresh.folder.path(), &format!("file://{}", fresh.folder.path().join("mail").display())).after(limit);
    let key = setup.api_key().await;
    let server = setup.start().await;
    server.ready().await;
    (fresh, setup, key, server)
}

/// Connections of this machine under another of its addresses, each with half a request.
async fn half_open(to: SocketAddr, from: u8, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0))).unwrap();
        if let Ok(mut stream) = socket.connect(to).await {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await;
            held.push(stream);
        }
    }
    held
}

/// Open files of the server, and the limit on them.
fn files(server: &Server) -> (usize, String) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
    (std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count(), limit)
}

async fn answers(connection: &mut Connection, key: &str) -> u16 {
    let body = json!({ "survey": "nps", "score": 3, "person": { "email": "anna@example.com" } });
    connection.post("/api/v1/responses", key, body.to_string()).await.map_or(0, |answer| answer.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_has_no_more_than_its_share() {
    let (_fresh, _setup, key, server) = set_up("ulimit -Sn 1024").await;
    let held = half_open(server.address, 2, 1_100).await;
    let (open, limit) = files(&server);
    assert!(open < 400, "{open} files are open: one address has more than its share");
    let limits: Vec<&str> = limit.split_whitespace().collect();
    assert_eq!(limits[3], limits[4], "the soft limit is raised to the hard one: {limit}");
    let mut other = Connection::to(server.address);
    assert_eq!(other.get("/readyz", "").await.unwrap().status, 200);
    assert_eq!(answers(&mut other, &key).await, 201);
    assert_eq!(held.len(), 1_100, "all of them were tried");
    server.terminate().await;
}

/// Many addresses, and a hard limit that can't be raised: strangers wait, and whoever is in is served, files and all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_does_not_take_the_files_that_work_needs() {
    let (_fresh, setup, key, server) = set_up("ulimit -n 512").await;
    let mut inside = Connection::to(server.address);
    assert_eq!(inside.get("/readyz", "").await.unwrap().status, 200);
    let mut held = Vec::new();
    for from in 2..7 {
        held.extend(half_open(server.address, from, 120).await);
    }
    let (open, _) = files(&server);
    assert!(open < 460, "{open} of 512 files are open");
    assert_eq!(answers(&mut inside, &key).await, 201);
    assert!(!server.log().contains("could not be accepted"), "{}", server.log());
    drop(held);
    let mut other = Connection::to(server.address);
    assert_eq!(other.get("/readyz", "").await.unwrap().status, 200, "who waited is let in");
    server.terminate().await;
    assert_eq!(setup.fsck().await, "");
}
