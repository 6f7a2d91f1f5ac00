//! A program that takes messages: answers with the statuses it was told, one after the other, and keeps what it got.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test whose listener does not listen must fail loudly")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// One request.
#[derive(Debug, Clone)]
pub struct Taken {
    /// `POST /path`.
    pub line: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Value,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Listener {
    port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    _stop: DropGuard,
}

impl Listener {
    /// Answers the n-th request with the n-th of `statuses`, and the last one for ever.
    pub async fn start(statuses: &'static [u16]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = socket.local_addr().expect("a bound port has an address").port();
        let (stop, taken) = (CancellationToken::new(), Arc::<Mutex<Vec<Taken>>>::default());
        let (stopped, kept) = (stop.clone(), Arc::clone(&taken));
        tokio::spawn(async move {
            let mut statuses = statuses.iter().chain(statuses.last().into_iter().cycle());
            while let Some(Ok((stream, _))) = stopped.run_until_cancelled(socket.accept()).await {
                let status = statuses.next().copied().unwrap_or(200);
                if let Some(request) = answer(stream, status).await {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                }
            }
        });
        Self { port, taken, _stop: stop.drop_guard() }
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it got so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(mut stream: TcpStream, status: u16) -> Option<Taken> {
    let mut bytes = Vec::new();
    let taken = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(taken) = read(&bytes) {
            break taken;
        }
    };
    let location = if (300..400).contains(&status) { "location: /elsewhere\r\n" } else { "" };
    let reply = format!("HTTP/1.1 {status} Whatever\r\n{location}content-length: 2\r\n\r\nok");
    stream.write_all(reply.as_bytes()).await.ok()?;
    Some(taken)
}

/// The request, once it is all there.
fn read(bytes: &[u8]) -> Option<Taken> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    (body.len() >= length).then(|| Taken { line, headers, body: serde_json::from_str(body).unwrap_or_default() })
}
