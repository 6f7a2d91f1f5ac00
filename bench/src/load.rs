//! A load of HTTP requests over keep-alive connections, as lean as it can be: it shares the machine with what it measures.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{child::connect, timings::micros};

/// What a load found.
#[derive(Debug, Default)]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    /// Of each request, in microseconds.
    pub latencies: Vec<u32>,
}

/// Numbers that no two answers of a run share.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Posts one answer a request over `clients` connections for `time`. Each must be answered with 201.
pub async fn post_responses(address: &str, key: &str, clients: usize, time: Duration) -> anyhow::Result<Load> {
    post_responses_of(address, key, clients, time, response).await
}

/// The same with answers of another kind.
pub async fn post_responses_of(address: &str, key: &str, clients: usize, time: Duration, make: fn(u64) -> String) -> anyhow::Result<Load> {
    post_paced(address, key, clients, time, f64::INFINITY, make).await
}

/// The same at `rate` answers a second over all connections, as far as the server keeps up.
pub async fn post_paced(
    address: &str,
    key: &str,
    clients: usize,
    time: Duration,
    rate: f64,
    make: fn(u64) -> String,
) -> anyhow::Result<Load> {
    let started = Instant::now();
    let pause = Duration::try_from_secs_f64(clients as f64 / rate).unwrap_or(Duration::ZERO);
    let tasks: Vec<_> = (0..clients)
        .map(|number| {
            let (address, key) = (address.to_owned(), key.to_owned());
            // Evenly, where there is a rate: clients that come in step are a crowd, not a rate.
            let first = started + pause.mul_f64(number as f64 / clients as f64);
            tokio::spawn(async move {
                tokio::time::sleep_until(first.into()).await;
                one_client(&address, &key, started + time, pause, make).await
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.context("a load client failed")??);
    }
    Ok(Load { rate: latencies.len() as f64 / started.elapsed().as_secs_f64(), latencies })
}

async fn one_client(address: &str, key: &str, until: Instant, pause: Duration, make: fn(u64) -> String) -> anyhow::Result<Vec<u32>> {
    let mut stream = connect(address).await?;
    let mut latencies = Vec::with_capacity(4096);
    let mut buffer = Vec::with_capacity(4096);
    while Instant::now() < until {
        let body = make(NEXT.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        let status = request(&mut stream, &mut buffer, "POST /api/v1/responses", key, "application/json", body.as_bytes()).await?;
        latencies.push(micros(sent));
        if status != 201 {
            bail!("the server answered {status}: {}", String::from_utf8_lossy(&buffer));
        }
        if !pause.is_zero() {
            tokio::time::sleep_until((sent + pause).into()).await;
        }
    }
    Ok(latencies)
}

/// An answer: scores spread as in a real survey (two thirds promoters), a comment on every third.
pub fn response(number: u64) -> String {
    const SCORES: [u8; 12] = [10, 9, 10, 8, 9, 10, 7, 3, 9, 10, 8, 10];
    let score = usize::try_from(number % 12).ok().and_then(|index| SCORES.get(index)).copied().unwrap_or(9);
    let comment = if number.is_multiple_of(3) {
        ",\"comment\":\"The delivery came late, but the driver was friendly and carried it upstairs.\""
    } else {
        ""
    };
    format!(
        "{{\"survey\":\"nps\",\"score\":{score}{comment},\"external_id\":\"bench-{number}\",\"person\":{{\"email\":\"customer{number}@bench.example\",\
         \"name\":\"Customer {number}\",\"locale\":\"lt\",\"properties\":{{\"plan\":\"gold\",\"orders\":{}}}}}}}",
        number % 40
    )
}

/// Sends one request and reads the whole answer; the body is left in `buffer`.
pub async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>, line: &str, key: &str, kind: &str, body: &[u8]) -> anyhow::Result<u16> {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await?;
    read(stream, buffer).await
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
    };
    let head = String::from_utf8_lossy(buffer.get(..head_end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("the answer is not HTTP")?;
    buffer.drain(..head_end);
    if head.contains("transfer-encoding: chunked") {
        while !buffer.ends_with(b"0\r\n\r\n") {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the server closed the connection in the middle of an answer");
            }
        }
        return Ok(status);
    }
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection in the middle of an answer");
        }
    }
    Ok(status)
}

/// Whether a GET is answered with 200.
pub async fn get_ok(address: &str, path: &str) -> bool {
    let Ok(mut stream) = connect(address).await else { return false };
    let mut buffer = Vec::new();
    matches!(request(&mut stream, &mut buffer, &format!("GET {path}"), "", "text/plain", b"").await, Ok(200))
}
