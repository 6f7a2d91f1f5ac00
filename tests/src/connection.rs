//! One kept HTTP connection that breaks as a value: for tests that must see which answers came before it broke.

use std::{io, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long one request may take before the test is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Retry-After`, when it is sent.
    pub retry_after: Option<String>,
    /// The body as JSON; null when it is none.
    pub body: serde_json::Value,
}

impl Answer {
    /// A text field of the body; empty when there is none.
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// One connection, made when it is needed and kept.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// To this server; made at the first request.
    pub const fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// `GET`; an empty key sends none. An error is a connection that broke before the whole answer was here.
    pub async fn get(&mut self, path: &str, key: &str) -> io::Result<Answer> {
        self.send(Method::GET, path, key, String::new()).await
    }

    /// `POST` of a JSON text; to a path that ends in `/batch`, of one a line.
    pub async fn post(&mut self, path: &str, key: &str, json: String) -> io::Result<Answer> {
        self.send(Method::POST, path, key, json).await
    }

    /// One request over the kept connection.
    pub async fn send(&mut self, method: Method, path: &str, key: &str, json: String) -> io::Result<Answer> {
        let answer = timeout(PATIENCE, self.exchange(method, path, key, json)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, format!("{path} was not answered"))));
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, method: Method, path: &str, key: &str, json: String) -> io::Result<Answer> {
        let connection = self.open().await?;
        connection.ready().await.map_err(io::Error::other)?;
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if !key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if !json.is_empty() {
            let kind = if path.ends_with("/batch") { "application/x-ndjson" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Full::new(Bytes::from(json))).map_err(io::Error::other)?;
        let response = connection.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Answer { status, retry_after, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    async fn open(&mut self) -> io::Result<&mut SendRequest<Full<Bytes>>> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
            tokio::spawn(driver);
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
