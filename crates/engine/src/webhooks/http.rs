//! One POST to a program that we know nothing about: the address is checked after its name was looked up and before
//! anything is connected, the very address that was checked is connected to, nothing is followed, and little is read.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Uri,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::address::is_public;

/// From the look-up of the name to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer's body that are read, and thrown away.
const MAX_ANSWER: usize = 16 * 1024;
/// Bytes of an answer's headers that are read.
const MAX_HEADERS: usize = 16 * 1024;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Seconds that the other side asked us to wait.
    pub retry_after: Option<u32>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
    tls: bool,
}

impl Target {
    /// Reads `https://HOST[:PORT]/PATH` or the same with `http`; else says what is wrong, without the address: it may hold a secret.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "is not a web address: it must look like https://HOST/PATH")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("must start with https:// or http://"),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("must not hold a name or password; put a secret into the path");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { uri, host, port, tls })
    }

    /// Whether the address itself, before any look-up, says that it is inside.
    pub fn is_inside(&self) -> bool {
        self.host.parse().is_ok_and(|address| !is_public(address)) || self.host.eq_ignore_ascii_case("localhost")
    }
}

/// Sends `body` with these headers; `private` allows addresses that are not on the open internet. Why not, in words without
/// the address.
pub async fn post(target: &Target, headers: &[(&'static str, String)], body: String, private: bool) -> Result<Answer, String> {
    match tokio::time::timeout(TIMEOUT, exchange(target, headers, body, private)).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {} seconds", TIMEOUT.as_secs())),
    }
}

async fn exchange(target: &Target, headers: &[(&'static str, String)], body: String, private: bool) -> Result<Answer, String> {
    let stream = connect(target, private).await?;
    if !target.tls {
        return talk(stream, target, headers, body).await;
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|_| "the host is no name that a certificate can have".to_owned())?;
    let stream = TlsConnector::from(trusted()?).connect(name, stream).await.map_err(|error| format!("no secure connection: {error}"))?;
    talk(stream, target, headers, body).await
}

/// Connects to the first address of the host that may be connected to.
async fn connect(target: &Target, private: bool) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| format!("the host's name can't be looked up: {error}"))?.collect();
    let mut why = "the host's name has no address".to_owned();
    for address in found {
        if !private && !is_public(address.ip()) {
            "refused: the host is not on the open internet (the setting webhooks.allow_private would allow it)".clone_into(&mut why);
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("no connection: {error}"),
        }
    }
    Err(why)
}

async fn talk<S>(stream: S, target: &Target, headers: &[(&'static str, String)], body: String) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("no HTTP: {error}"))?;
    let path = target.uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
    let mut request = Request::post(path)
        .header(HOST, target.uri.authority().map_or("", hyper::http::uri::Authority::as_str))
        .header(USER_AGENT, "hearback")
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| format!("the request can't be made: {error}"))?;
    let conversation = async {
        let answer = sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let read = Answer { status: answer.status().as_u16(), retry_after };
        // The status is all that counts; the rest is read so that the other side is not cut off in mid-sentence.
        let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok(read)
    };
    // The connection ends with the conversation, whatever the other side wants.
    tokio::select! {
        result = conversation => result,
        Err(error) = connection => Err(format!("the connection broke: {error}")),
    }
}

/// The machine's certificate authorities, read once.
fn trusted() -> Result<Arc<ClientConfig>, String> {
    static TRUSTED: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    TRUSTED.get_or_init(|| hearback_mailer::tls_config(None).map_err(|error| error.to_string())).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_plain_web_address() {
        for bad in ["", "ftp://x/", "//x/", "https://", "https://user:pw@x/", "x", "http://x y/"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
        let target = Target::parse("https://hooks.example:8443/a?b=c").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.tls, target.is_inside()), ("hooks.example", 8443, true, false));
        for inside in ["http://127.0.0.1/", "http://[::1]:80/", "http://localhost/", "https://[fd00::1]/", "http://169.254.169.254/latest"]
        {
            assert!(Target::parse(inside).unwrap().is_inside(), "{inside}");
        }
    }
}
