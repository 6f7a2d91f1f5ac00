//! Requests that are too large, never end or come a byte at a time: each is refused or cut off by the limit that it meets, and
//! callers who behave are answered meanwhile.

use std::{net::SocketAddr, time::Duration};

use futures::future::join_all;
use hearback_store::{Db, EntityTrait as _, responses};
use hearback_tests::{
    connection::Connection,
    database::{EVERY, Fresh, Kind},
    process::{Server, Setup},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Longer than any limit of the server on a connection that stalls, its checks and a busy machine included.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two bytes of somebody who is slow on purpose.
const SLOWLY: Duration = Duration::from_millis(500);
/// Connections that stall at once.
const STALLED: usize = 40;

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends until everything is sent or the other side has had enough; what came back, to its end.
async fn exchange(address: SocketAddr, pieces: impl IntoIterator<Item = Vec<u8>>) -> String {
    let (mut read, mut write) = connect(address).await.into_split();
    let sending = async {
        for piece in pieces {
            if write.write_all(&piece).await.is_err() {
                break;
            }
        }
        // Open until the answer is there: who closes first would get none.
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::select! {
        answer = timeout(PATIENCE, reading) => answer.expect("the server ends what it refuses"),
        () = sending => unreachable!(),
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn head(key: &str, rest: &str) -> Vec<u8> {
    format!("POST /api/v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{rest}\r\n\r\n")
        .into_bytes()
}

async fn too_large(server: &Server, key: &str) {
    let mebibyte = vec![b' '; 1024 * 1024];
    let chunk = [b"100000\r\n".as_slice(), &mebibyte, b"\r\n"].concat();
    let declared = std::iter::once(head(key, &format!("Content-Length: {}", 11 * mebibyte.len()))).chain((0..11).map(|_| mebibyte.clone()));
    assert_eq!(status(&exchange(server.address, declared).await), 413, "11 MiB");
    let endless = std::iter::once(head(key, "Transfer-Encoding: chunked")).chain(std::iter::repeat(chunk));
    assert_eq!(status(&exchange(server.address, endless).await), 413, "a chunked body without an end");

    let url = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(64 * 1024));
    assert!(matches!(status(&exchange(server.address, [url.into_bytes()]).await), 414 | 431), "an address of 64 KiB");
    let many = std::iter::once(b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec())
        .chain((0..100_000).map(|n| format!("X-{n}: 1\r\n").into_bytes()));
    assert_eq!(status(&exchange(server.address, many).await), 431, "100,000 header fields");
}

/// Never ends a header: one line after the other, slowly. Done when the server hangs up.
async fn slow_header(address: SocketAddr) {
    let mut stream = connect(address).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
    while stream.write_all(b"X: y\r\n").await.is_ok() {
        sleep(SLOWLY).await;
    }
}

/// Never ends a body. The status of the answer.
async fn slow_body(address: SocketAddr, key: &str) -> u16 {
    let (mut read, mut write) = connect(address).await.into_split();
    write.write_all(&head(key, "Content-Length: 100000")).await.unwrap();
    let sending = async {
        while write.write_all(b" ").await.is_ok() {
            sleep(SLOWLY).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 64];
    tokio::select! {
        length = read.read(&mut answer) => status(&String::from_utf8_lossy(&answer[..length.unwrap_or_default()])),
        () = sending => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_too_large_or_never_end_hold_up_nobody() {
    join_all(EVERY.iter().map(|kind| held_up(*kind))).await;
}

async fn held_up(kind: Kind) {
    let database = Fresh::make(kind).await;
    let mail = format!("file://{}", database.folder.path().join("mail").display());
    let setup = Setup::new(&database.url, database.folder.path(), &mail);
    let key = setup.api_key().await;
    let server = setup.start().await;
    server.ready().await;
    too_large(&server, &key).await;

    let headers: Vec<_> = (0..STALLED).map(|_| tokio::spawn(slow_header(server.address))).collect();
    let bodies: Vec<_> = (0..STALLED)
        .map(|_| {
            let key = key.clone();
            tokio::spawn(async move { slow_body(server.address, &key).await })
        })
        .collect();
    let mut good = Connection::to(server.address);
    let mut taken = 0;
    while !(headers.iter().all(tokio::task::JoinHandle::is_finished) && bodies.iter().all(tokio::task::JoinHandle::is_finished)) {
        let body = json!({ "survey": "nps", "score": 9, "external_id": format!("good-{taken}") });
        assert_eq!(good.post("/api/v1/responses", &key, body.to_string()).await.unwrap().status, 201, "{kind:?}: who behaves is answered");
        taken += 1;
        sleep(SLOWLY).await;
    }
    for header in headers {
        timeout(PATIENCE, header).await.expect("a header that never ends is cut off").unwrap();
    }
    for body in bodies {
        assert_eq!(body.await.unwrap(), 408, "{kind:?}: a body that never ends");
    }
    assert!(server.terminate().await.success());
    let db = Db::connect(&database.url, 1).await.unwrap();
    assert_eq!(responses::Entity::find().all(db.read()).await.unwrap().len(), taken, "{kind:?}: nothing else was stored");
    db.close().await.unwrap();
    assert_eq!(setup.fsck().await, "");
    database.remove().await;
}
