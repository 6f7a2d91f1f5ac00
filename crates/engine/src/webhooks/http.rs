//! One POST to a program that we know nothing about: the address is checked after its name was looked up and before
//! anything is connected, the very address that was checked is connected to, nothing is followed, and little is read.

use std::{
    fmt,
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

/// Where a message goes. Debugged without the path, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
    tls: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}:{})", self.host, self.port)
    }
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
        let host = host(authority.host())?;
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if tls => 443,
            "" => 80,
            text => text.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or("has no port that there can be: 1 to 65535")?,
        };
        Ok(Self { uri, host, port, tls })
    }

    /// The name or the address, in lower case, without brackets and without a dot at its end.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the address itself, before any look-up, says that it is inside. What a name leads to is seen when it is looked up.
    pub fn is_inside(&self) -> bool {
        match self.host.parse() {
            Ok(address) => !is_public(address),
            // A name without a dot is one of this machine or of its network; so are these endings.
            Err(_) => match self.host.rsplit_once('.') {
                None => true,
                Some((_, last)) => ["localhost", "localdomain", "local", "internal", "lan", "intranet", "home", "corp"].contains(&last),
            },
        }
    }
}

/// A host as it is looked up. Programs disagree on what other forms of an address mean (`127.1`, `0x7f.1`, `017700000001`,
/// `2130706433`), so an address has one form only: four decimal numbers, or IPv6 in brackets.
fn host(text: &str) -> Result<String, &'static str> {
    if let Some(inside) = text.strip_prefix('[') {
        let address = inside.strip_suffix(']').and_then(|six| six.parse::<std::net::Ipv6Addr>().ok());
        return address.map(|six| six.to_string()).ok_or("has no address of IPv6 between its brackets");
    }
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_name = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !host.split('.').all(is_name) {
        return Err("has a host that is no name: letters, digits, `-` and dots (other letters as xn--)");
    }
    // No name ends in a number, so whatever does is meant as an address.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err("has an address in an odd form: write it as four decimal numbers, such as 198.51.100.7, or better a name");
    }
    Ok(host)
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

/// Connects to the first address of the host that answers. The name is looked up once, and the connection goes to what was looked
/// at: a name that changes its address in between leads nowhere else.
async fn connect(target: &Target, private: bool) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| format!("the host's name can't be looked up: {error}"))?.collect();
    let mut why = "the host's name has no address".to_owned();
    for address in allowed(&found, private)? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("no connection: {error}"),
        }
    }
    Err(why)
}

/// All addresses of a host, or why none may be connected to. One that is inside spoils the others: who sets up such a name wants
/// to get in.
fn allowed(found: &[SocketAddr], private: bool) -> Result<&[SocketAddr], String> {
    if private || found.iter().all(|address| is_public(address.ip())) {
        Ok(found)
    } else {
        Err("refused: the host is not on the open internet (the setting webhooks.allow_private would allow it)".to_owned())
    }
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
    fn one_address_inside_spoils_a_name() {
        let addresses = |text: &str| text.split(' ').map(|one| one.parse().unwrap()).collect::<Vec<SocketAddr>>();
        for outside in ["8.8.8.8:443", "8.8.8.8:443 [2606:4700::1111]:443"] {
            assert_eq!(allowed(&addresses(outside), false).unwrap(), addresses(outside));
        }
        for mixed in ["8.8.8.8:443 10.0.0.1:443", "[::1]:443 8.8.8.8:443", "8.8.8.8:443 [::ffff:127.0.0.1]:443", "127.0.0.1:80"] {
            assert!(allowed(&addresses(mixed), false).unwrap_err().starts_with("refused"), "{mixed}");
            assert!(allowed(&addresses(mixed), true).is_ok(), "{mixed}");
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_connected_to_nowhere() {
        let target = Target::parse("http://nobody.invalid/").unwrap();
        let why = connect(&target, false).await.unwrap_err();
        assert!(why.starts_with("the host's name can't be looked up"), "{why}");
    }

    #[test]
    fn a_target_is_a_plain_web_address() {
        for bad in ["", "ftp://x/", "//x/", "https://", "https://user:pw@x/", "x", "http://x y/"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
        let target = Target::parse("https://hooks.example:8443/a?b=c").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.tls, target.is_inside()), ("hooks.example", 8443, true, false));
        // What means the same address to some program or other is refused whatever the settings say.
        for odd in [
            "127.1",
            "127.0.1",
            "0x7f000001",
            "0x7f.0.0.1",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0",
            "10.1",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "0x",
            "1.2.3.4.5",
            "127.0.0.1..",
            "127%2e0%2e0%2e1",
            "[fe80::1%25lo]",
            "[::1%eth0]",
            "[127.0.0.1]",
            "[::1",
            "user@127.0.0.1",
            "example.com@127.0.0.1",
            "127.0.0.1\\@example.com",
            "127。0。0。1",
            "①②⑦.⓪.⓪.①",
            "example.com:99999",
            "example.com:",
            "example.com:x",
            "a..example",
            ".example",
        ] {
            assert!(Target::parse(&format!("http://{odd}/")).is_err(), "{odd}");
        }
        for inside in [
            "127.0.0.1.",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            "crm",
            "crm.internal",
            "nas.local.",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fec0::1]",
            "[ff02::1]",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "[::ffff:a9fe:a9fe]",
            "100.64.0.1",
            "198.18.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "127.0.0.1#@example.com",
            "127.0.0.1?@example.com",
            "[::ffff:0:127.0.0.1]",
            "[3fff::1]",
            "[100::1]",
            "[5f00::1]",
        ] {
            assert!(Target::parse(&format!("http://{inside}/")).unwrap().is_inside(), "{inside}");
        }
        for outside in [
            "hooks.example",
            "hooks.example.",
            "8.8.8.8",
            "[2606:4700::1111]",
            "xn--uolas-3ya.lt",
            "a_b.example",
            "1password.example",
            "0x.example",
        ] {
            assert!(!Target::parse(&format!("http://{outside}/")).unwrap().is_inside(), "{outside}");
        }
        for inside in ["http://127.0.0.1/", "http://[::1]:80/", "http://localhost/", "https://[fd00::1]/", "http://169.254.169.254/latest"]
        {
            assert!(Target::parse(inside).unwrap().is_inside(), "{inside}");
        }
    }
}
