//! An SMTP server in this process that does what it is told: takes mail, refuses it, hangs, lies, hangs up.
//!
//! ```no_run
//! # use hearback_tests::smtp_server::*;
//! # async fn example() {
//! let server = SmtpServer::start(Script::default().once(At::Rcpt, 1, Fault::reply("450 4.2.0 later"))).await;
//! let url = format!("smtp://127.0.0.1:{}", server.port());
//! // ... send ...
//! assert_eq!(server.mails().len(), 1);
//! # }
//! ```

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a stand-in that can't go on must fail the test loudly")]

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::certificate::Certificate;

/// Where in the conversation a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Instead of `220 ready`.
    Greeting,
    /// At EHLO.
    Ehlo,
    /// At HELO.
    Helo,
    /// At STARTTLS, instead of `220 go`.
    StartTls,
    /// At AUTH, instead of `235 welcome`.
    Auth,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA, instead of `354 go on`.
    Data,
    /// After `354 go on`, before anything of the body is read. Only [`Fault::Close`] and [`Fault::Hang`] fit.
    Body,
    /// After the final dot, instead of `250 taken`. The mail is kept only when the reply is 2xx.
    Dot,
    /// After the reply to the final dot, unasked. `Close` hangs up between two mails.
    Idle,
    /// At RSET.
    Rset,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Exactly these bytes in place of the usual reply.
    Reply(Vec<u8>),
    /// Nothing, ever; nothing is read any more either.
    Hang,
    /// The connection is closed without a word.
    Close,
    /// The usual reply, one byte each time this has passed.
    Dribble(Duration),
    /// The usual reply, but only after this.
    Late(Duration),
    /// These bytes again and again, until the client hangs up.
    Flood(Vec<u8>),
}

impl Fault {
    /// One line in place of the usual reply; CRLF is added.
    pub fn reply(line: &str) -> Self {
        Self::Reply(format!("{line}\r\n").into_bytes())
    }
}

/// What the server does.
#[derive(Debug, Clone)]
pub struct Script {
    offers: Vec<String>,
    faults: HashMap<At, Vec<(u32, Fault)>>,
    tls: Option<Arc<ServerConfig>>,
    tls_at_once: bool,
}

impl Default for Script {
    fn default() -> Self {
        let offers = ["PIPELINING", "8BITMIME"].map(str::to_owned).to_vec();
        Self { offers, faults: HashMap::new(), tls: None, tls_at_once: false }
    }
}

impl Script {
    /// The lines of the reply to EHLO behind the first. STARTTLS is not added by itself.
    pub fn offers(mut self, offers: &[&str]) -> Self {
        self.offers = offers.iter().map(|line| (*line).to_owned()).collect();
        self
    }

    /// Does this each time the conversation comes here.
    pub fn always(self, at: At, fault: Fault) -> Self {
        self.once(at, 0, fault)
    }

    /// Does this only the `n`th time (from 1) that a conversation comes here, counted over all connections.
    pub fn once(mut self, at: At, n: u32, fault: Fault) -> Self {
        self.faults.entry(at).or_default().push((n, fault));
        self
    }

    /// Can do STARTTLS with this certificate.
    pub fn starttls(mut self, certificate: &Certificate) -> Self {
        self.tls = Some(Arc::clone(&certificate.config));
        self
    }

    /// Speaks TLS from the first byte.
    pub fn tls(mut self, certificate: &Certificate) -> Self {
        self.tls_at_once = true;
        self.starttls(certificate)
    }
}

/// A mail that the server took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The whole MAIL line.
    pub mail: String,
    /// The whole RCPT line.
    pub rcpt: String,
    /// The content with its stuffing undone.
    pub data: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    mails: Vec<Mail>,
    lines: Vec<String>,
    connections: usize,
    pipelined: bool,
    visits: HashMap<At, u32>,
}

/// A running server; ends with the value.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    seen: Mutex<Seen>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no test panics while it looks")
    }

    /// The fault for this visit.
    fn fault(&self, at: At) -> Option<Fault> {
        let mut seen = self.seen();
        let visit = seen.visits.entry(at).or_default();
        *visit += 1;
        let faults = self.script.faults.get(&at)?;
        faults.iter().find(|(n, _)| *n == 0 || n == visit).map(|(_, fault)| fault.clone())
    }
}

impl SmtpServer {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let shared = Arc::new(Shared { script, seen: Mutex::default() });
        let for_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&for_task);
                shared.seen().connections += 1;
                // A conversation that breaks off is what these tests are about.
                tokio::spawn(async move { Conversation::run(stream, &shared).await.ok() });
            }
        });
        Self { address, shared, task }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it took over so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.seen().mails.clone()
    }

    /// Every command line that came, over all connections; not the content of mails.
    pub fn lines(&self) -> Vec<String> {
        self.shared.seen().lines.clone()
    }

    /// Returns once a conversation has come here.
    pub async fn reached(&self, at: At) {
        while !self.shared.seen().visits.contains_key(&at) {
            tokio::task::yield_now().await;
        }
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    /// Whether a client sent a command before it had the reply to the last.
    pub fn was_pipelined(&self) -> bool {
        self.shared.seen().pipelined
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

struct Conversation<'s> {
    io: Box<dyn Bytes>,
    buffer: Vec<u8>,
    shared: &'s Shared,
}

impl<'s> Conversation<'s> {
    async fn run(stream: TcpStream, shared: &'s Shared) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut talk = Self { io: Box::new(stream), buffer: Vec::new(), shared };
        if shared.script.tls_at_once {
            talk = talk.encrypt().await?;
        }
        talk.answer(At::Greeting, "220 ready").await?;
        let (mut mail, mut rcpt) = (None, None);
        loop {
            let line = talk.line().await?;
            shared.seen().lines.push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => talk.ehlo().await?,
                "HELO" => drop(talk.answer(At::Helo, "250 hello").await?),
                "STARTTLS" => {
                    talk.answer(At::StartTls, "220 go").await?;
                    talk = talk.encrypt().await?;
                }
                "AUTH" => talk.auth(&line).await?,
                "MAIL" => mail = talk.answer(At::Mail, "250 sender ok").await?.then_some(line),
                "RCPT" if mail.is_none() => talk.say("503 MAIL first").await?,
                "RCPT" => rcpt = talk.answer(At::Rcpt, "250 recipient ok").await?.then_some(line),
                "DATA" => {
                    let usual = if rcpt.is_some() { "354 go on" } else { "554 no recipients" };
                    if talk.answer(At::Data, usual).await? {
                        talk.take_over(mail.take(), rcpt.take()).await?;
                    }
                }
                "RSET" => {
                    (mail, rcpt) = (None, None);
                    talk.answer(At::Rset, "250 forgotten").await?;
                }
                "QUIT" => return talk.say("221 bye").await,
                _ => talk.say("500 what?").await?,
            }
        }
    }

    async fn ehlo(&mut self) -> io::Result<()> {
        let mut lines = vec!["test.example".to_owned()];
        lines.extend(self.shared.script.offers.iter().cloned());
        let last = lines.len() - 1;
        let reply: Vec<_> = lines.iter().enumerate().map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' })).collect();
        self.answer(At::Ehlo, &reply.join("\r\n")).await.map(drop)
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        if line.eq_ignore_ascii_case("AUTH LOGIN") {
            for challenge in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                self.say(challenge).await?;
                let answer = self.line().await?;
                self.shared.seen().lines.push(answer);
            }
        }
        self.answer(At::Auth, "235 welcome").await.map(drop)
    }

    async fn take_over(&mut self, mail: Option<String>, rcpt: Option<String>) -> io::Result<()> {
        if self.shared.script.faults.contains_key(&At::Body) {
            self.answer(At::Body, "").await?;
        }
        let mut data = Vec::new();
        loop {
            let line = self.raw_line().await?;
            if line == b".\r\n" {
                break;
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let taken = Mail { mail: mail.unwrap_or_default(), rcpt: rcpt.unwrap_or_default(), data };
        // A reply that gets lost is lost after the server took the mail over.
        let lost =
            matches!(self.shared.script.faults.get(&At::Dot).and_then(|faults| faults.first()), Some((_, Fault::Close | Fault::Hang)));
        if lost {
            self.shared.seen().mails.push(taken);
            self.answer(At::Dot, "250 2.0.0 taken").await?;
        } else if self.answer(At::Dot, "250 2.0.0 taken").await? {
            self.shared.seen().mails.push(taken);
        }
        if self.shared.script.faults.contains_key(&At::Idle) {
            self.answer(At::Idle, "").await?;
        }
        Ok(())
    }

    /// Replies as usual, or as the script says. True when the client was told to go on (2xx or 3xx).
    async fn answer(&mut self, at: At, usual: &str) -> io::Result<bool> {
        let usual_line = if usual.is_empty() { String::new() } else { format!("{usual}\r\n") };
        match self.shared.fault(at) {
            None => self.write(usual_line.as_bytes()).await?,
            Some(Fault::Reply(bytes)) => {
                self.write(&bytes).await?;
                return Ok(matches!(bytes.first(), Some(b'2' | b'3')));
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Close) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Fault::Dribble(pause)) => {
                for byte in usual_line.as_bytes() {
                    self.write(&[*byte]).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Some(Fault::Late(pause)) => {
                tokio::time::sleep(pause).await;
                self.write(usual_line.as_bytes()).await?;
            }
            Some(Fault::Flood(bytes)) => loop {
                self.write(&bytes).await?;
            },
        }
        Ok(matches!(usual.as_bytes().first(), Some(b'2' | b'3')))
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\r\n").as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.shared.seen().pipelined = true;
        }
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// False at the end of the connection.
    async fn fill(&mut self) -> io::Result<bool> {
        self.io.read_buf(&mut self.buffer).await.map(|read| read > 0)
    }

    async fn line(&mut self) -> io::Result<String> {
        let line = self.raw_line().await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn raw_line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                return Ok(self.buffer.drain(..end + 2).collect());
            }
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn encrypt(self) -> io::Result<Self> {
        let config = self.shared.script.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
        let io = TlsAcceptor::from(config).accept(self.io).await?;
        Ok(Self { io: Box::new(io), buffer: Vec::new(), shared: self.shared })
    }
}
