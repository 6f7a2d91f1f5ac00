//! A small HTTP client: one connection a request, nothing followed, nothing hidden.

#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test whose server does not answer must fail loudly")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request,
    body::Bytes,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, SET_COOKIE},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::described;

/// Somebody who calls the server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    key: Option<String>,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A stranger; keeps cookies as a browser would.
    pub fn stranger(address: SocketAddr) -> Self {
        Self { address, key: None, cookies: Arc::default() }
    }

    /// A program with a key.
    pub fn with_key(address: SocketAddr, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..Self::stranger(address) }
    }

    /// The same with a key besides.
    pub fn and_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// Another browser with a copy of the cookies.
    pub fn copy(&self) -> Self {
        Self { cookies: Arc::new(Mutex::new(self.jar().clone())), ..self.clone() }
    }

    /// The cookies as they are sent.
    pub fn cookies(&self) -> String {
        self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, json: &Value) -> Answer {
        self.json("POST", path, json).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, json: &Value) -> Answer {
        self.json("PATCH", path, json).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, json: &Value) -> Answer {
        self.json("PUT", path, json).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    /// POST of a form, as a page of this server sends it.
    pub async fn form(&self, path: &str, form: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin"), ("origin", &origin)];
        self.send("POST", path, &headers, form.to_owned()).await
    }

    /// Any request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        if !self.cookies().is_empty() {
            request = request.header(COOKIE, self.cookies());
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_bytes(name.as_bytes()).expect("the name of a header"), *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request that can be written down");
        let stream = TcpStream::connect(self.address).await.expect("a server that listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        self.keep_cookies(&head.headers);
        let body = body.collect().await.expect("a whole body").to_bytes();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
        described::check(method, path, answer.status, answer.header("content-type"), &answer.body);
        answer
    }

    async fn json(&self, method: &str, path: &str, json: &Value) -> Answer {
        self.send(method, path, &[(CONTENT_TYPE.as_str(), "application/json")], json.to_string()).await
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.jar().insert(name.to_owned(), value.to_owned());
            }
        }
        self.jar().retain(|_, value| !value.is_empty());
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in an answer {}: {}", self.status, self.text()))
    }

    /// The body as JSON of an answer with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The names of the refused fields in a problem, in order.
    #[track_caller]
    pub fn refused(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        let errors = problem.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        errors.iter().map(|error| error.get("field").and_then(Value::as_str).unwrap_or_default().to_owned()).collect()
    }
}
