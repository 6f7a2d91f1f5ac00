//! A mailbox that mail is fetched from, by IMAP.
//!
//! Owns: the conversation, with a limit on time and on bytes at every step. Nothing is ever deleted or moved; a message that
//! was taken is marked as seen. Refuses to know: what is in a message, and how far the mailbox was read.

use std::{
    fmt, io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_imap::{Client, Session, error::Error as Imap};
use futures::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use crate::{
    relay::{Login, parse_login, parse_place},
    smtp::{TlsError, tls_config},
};

/// How long a step of the conversation may take.
const STEP: Duration = Duration::from_mins(1);
/// Most bytes of an answer without a message in it.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// What a server may say around a message.
const AROUND: u64 = 64 * 1024;

/// Why a mailbox can't be used. Never quotes the URL, which holds a password.
#[derive(Debug, Error)]
pub enum MailboxError {
    /// Not a URL that we know.
    #[error("inbound.url {0}; write imaps://user:password@host:993/INBOX or imap+starttls://user:password@host:143/INBOX")]
    Url(&'static str),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server can't be reached, or broke off.
    #[error("{step}: {source}")]
    Io {
        /// What was tried.
        step: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Nothing came in time.
    #[error("{0}: no answer within 60 seconds")]
    Timeout(&'static str),
    /// The server said no, or what nobody understands.
    #[error("{step}: {said}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What it said.
        said: String,
    },
}

/// Where mail is fetched from.
#[derive(Clone)]
pub struct Mailbox {
    host: String,
    port: u16,
    security: Security,
    login: Login,
    folder: String,
}

#[derive(Clone)]
enum Security {
    Plain,
    StartTls(Arc<ClientConfig>),
    Tls(Arc<ClientConfig>),
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({})", self.name())
    }
}

impl Mailbox {
    /// Reads the URL. Reserved characters in name and password are written as `%40` and so on; without a folder it is INBOX.
    /// `imap://` has no encryption and is for a server on this machine.
    pub fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, MailboxError> {
        let (scheme, rest) = url.split_once("://").ok_or(MailboxError::Url("has no `://`"))?;
        let (login, rest) = rest.rsplit_once('@').ok_or(MailboxError::Url("has no user and password"))?;
        let login = parse_login(login).map_err(|_| MailboxError::Url("has no usable user and password"))?;
        let (place, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let folder = if folder.is_empty() { "INBOX" } else { folder };
        if folder.len() > 200 || folder.contains(|c: char| c.is_control() || matches!(c, '"' | '\\' | '*' | '%')) {
            return Err(MailboxError::Url("names a folder that can't be one"));
        }
        let default_port = if scheme == "imaps" { 993 } else { 143 };
        let (host, port) = parse_place(place, default_port).map_err(|_| MailboxError::Url("has no usable host and port"))?;
        let security = match scheme {
            "imaps" => Security::Tls(tls_config(ca_file)?),
            "imap+starttls" => Security::StartTls(tls_config(ca_file)?),
            "imap" if matches!(host.as_str(), "127.0.0.1" | "::1" | "localhost") => Security::Plain,
            "imap" => return Err(MailboxError::Url("has no encryption, which only a server on this machine may do without")),
            _ => return Err(MailboxError::Url("has an unknown scheme")),
        };
        Ok(Self { host, port, security, login, folder: folder.to_owned() })
    }

    /// What it is called in logs and tables: without the password.
    pub fn name(&self) -> String {
        format!("{}@{}:{}/{}", self.login.user, self.host, self.port, self.folder)
    }

    /// Connects, logs in, opens the folder.
    pub async fn open(&self) -> Result<Open, MailboxError> {
        let tcp = step("connecting", TcpStream::connect((self.host.as_str(), self.port))).await?;
        let mut client = match &self.security {
            Security::Plain => greeted(Stream::Plain(tcp)).await?,
            Security::Tls(config) => greeted(self.encrypted(tcp, config).await?).await?,
            Security::StartTls(config) => {
                let mut client = greeted(Stream::Plain(tcp)).await?;
                imap("STARTTLS", client.run_command_and_check_ok("STARTTLS", None)).await?;
                // What the server said before the handshake is thrown away with its reader.
                let Stream::Plain(tcp) = client.into_inner().stream else { return Err(MailboxError::Url("is confused")) };
                Client::new(Metered::new(self.encrypted(tcp, config).await?))
            }
        };
        client.get_mut().left = MAX_ANSWER;
        let login = client.login(&self.login.user, self.login.password.expose_secret());
        let logged_in = timeout(STEP, login).await.map_err(|_| MailboxError::Timeout("logging in"))?;
        let mut session = logged_in.map_err(|(error, _)| refused("logging in", error))?;
        let selected = imap("opening the folder", session.select(&self.folder)).await?;
        let uid_validity = selected.uid_validity.ok_or_else(|| MailboxError::Refused {
            step: "opening the folder",
            said: "the server gives its messages no lasting numbers (UIDVALIDITY)".to_owned(),
        })?;
        Ok(Open { session, uid_validity })
    }

    async fn encrypted(&self, tcp: TcpStream, config: &Arc<ClientConfig>) -> Result<Stream, MailboxError> {
        let name = ServerName::try_from(self.host.clone()).map_err(|_| MailboxError::Url("has no usable host"))?;
        let stream = step("encrypting", TlsConnector::from(Arc::clone(config)).connect(name, tcp)).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

async fn greeted(stream: Stream) -> Result<Client<Metered>, MailboxError> {
    let mut client = Client::new(Metered::new(stream));
    let greeting = step("waiting for the greeting", client.read_response()).await?;
    let closed = || MailboxError::Refused { step: "waiting for the greeting", said: "the server closed the connection".to_owned() };
    greeting.map(|_| client).ok_or_else(closed)
}

async fn step<T>(what: &'static str, done: impl Future<Output = io::Result<T>>) -> Result<T, MailboxError> {
    let done = timeout(STEP, done).await.map_err(|_| MailboxError::Timeout(what))?;
    done.map_err(|source| MailboxError::Io { step: what, source })
}

async fn imap<T>(what: &'static str, done: impl Future<Output = Result<T, Imap>>) -> Result<T, MailboxError> {
    timeout(STEP, done).await.map_err(|_| MailboxError::Timeout(what))?.map_err(|error| refused(what, error))
}

fn refused(step: &'static str, error: Imap) -> MailboxError {
    match error {
        Imap::Io(source) => MailboxError::Io { step, source },
        other => MailboxError::Refused { step, said: other.to_string().chars().take(200).collect() },
    }
}

/// An open folder.
#[derive(Debug)]
pub struct Open {
    session: Session<Metered>,
    /// Changes when the server numbers its messages anew.
    pub uid_validity: u32,
}

impl Open {
    /// The numbers of the messages from this one on, in order.
    pub async fn list(&mut self, from: u32) -> Result<Vec<u32>, MailboxError> {
        self.session.as_mut().left = MAX_ANSWER;
        let found = imap("looking for messages", self.session.uid_search(format!("UID {from}:*"))).await?;
        // `5:*` names the last message even when its number is 4.
        let mut numbers: Vec<u32> = found.into_iter().filter(|uid| *uid >= from).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// How large a message is; `None` when it is gone.
    pub async fn size(&mut self, uid: u32) -> Result<Option<u32>, MailboxError> {
        self.session.as_mut().left = MAX_ANSWER;
        let session = &mut self.session;
        let sized = imap("asking how large a message is", async {
            session.uid_fetch(uid.to_string(), "(UID RFC822.SIZE)").await?.try_collect::<Vec<_>>().await
        });
        Ok(sized.await?.into_iter().find(|fetched| fetched.uid == Some(uid)).and_then(|fetched| fetched.size))
    }

    /// A message as it is, without marking it; `None` when it is gone. `size` is what [`Open::size`] said.
    pub async fn fetch(&mut self, uid: u32, size: u32) -> Result<Option<Vec<u8>>, MailboxError> {
        self.session.as_mut().left = u64::from(size) + u64::from(size) / 8 + AROUND;
        let session = &mut self.session;
        let fetched = imap("fetching a message", async {
            session.uid_fetch(uid.to_string(), "(UID BODY.PEEK[])").await?.try_collect::<Vec<_>>().await
        });
        let fetched = fetched.await?;
        Ok(fetched.iter().find(|fetched| fetched.uid == Some(uid)).and_then(|fetched| fetched.body().map(<[u8]>::to_vec)))
    }

    /// Marks messages as seen.
    pub async fn seen(&mut self, uids: &[u32]) -> Result<(), MailboxError> {
        if uids.is_empty() {
            return Ok(());
        }
        self.session.as_mut().left = MAX_ANSWER;
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let session = &mut self.session;
        let stored = imap("marking messages as seen", async {
            session.uid_store(set, "+FLAGS.SILENT (\\Seen)").await?.try_collect::<Vec<_>>().await
        });
        stored.await.map(|_| ())
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        self.session.as_mut().left = MAX_ANSWER;
        let _ = timeout(Duration::from_secs(5), self.session.logout()).await;
    }
}

/// The way to the server.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// The way to the server, that brings no more bytes than were asked for.
#[derive(Debug)]
struct Metered {
    stream: Stream,
    left: u64,
}

impl Metered {
    const fn new(stream: Stream) -> Self {
        Self { stream, left: MAX_ANSWER }
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        let came = (buf.filled().len() - before) as u64;
        let Some(left) = self.left.checked_sub(came) else {
            return Poll::Ready(Err(io::Error::other("the server says more than it was asked for")));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_never_quoted() {
        let mailbox = Mailbox::parse("imap://care%40rida.example:s%2Fecret@127.0.0.1:1143/Bounces", None).unwrap();
        assert_eq!(mailbox.name(), "care@rida.example@127.0.0.1:1143/Bounces");
        assert_eq!(Mailbox::parse("imap://a:b@localhost", None).unwrap().name(), "a@localhost:143/INBOX");
        for bad in [
            "imap://u:secret@mail.example.com/INBOX",
            "pop3://u:secret@mail.example.com",
            "imaps://mail.example.com",
            "imaps://secret@mail.example.com",
            "imaps://u:secret@/INBOX",
            "imaps://u:secret@mail.example.com/a\"b",
            "u:secret@mail.example.com",
        ] {
            let error = Mailbox::parse(bad, None).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
