//! One SMTP connection: greeted, encrypted, logged in, then one mail after the other.
//!
//! A connection is trusted only while it is known where both sides stand: after a timeout, a broken reply or a
//! future that was dropped half-way it is gone, and the caller makes a new one.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hearback_core::Email;
use lettre::transport::smtp::{
    commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset, Starttls},
    extension::{ClientId, MailBodyParameter, MailParameter},
};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{
    capabilities::Capabilities,
    dot_stuffing::stuff,
    fail::{Cause, Fail, Stage},
    limits::Limits,
    reply::Reply,
    wire::Wire,
};
use crate::{
    message::{Envelope, address},
    relay::{Login, Relay, Security},
};

/// Bytes handed to the network at a time, and most of a mail that leaves together with its dot: one step for nearly all mail.
const BLOCK: usize = 64 * 1024;
/// How long a server may take to answer what was announced to it: one that did not listen would be waited for in vain.
const EARLY: Duration = Duration::from_secs(30);
/// How long a good-bye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where the conversation stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The next mail can begin.
    Ready,
    /// The server has something of a refused mail in mind: RSET first.
    Dirty,
    /// The server waits for the end of the body, of which so many bytes were sent, and for the dot.
    Body { body: Vec<u8>, sent: usize },
    /// This mail was announced together with the end of the one before; what the server says to it was not read.
    Announced(Envelope),
    /// Unknown or closed: never to be used again.
    Gone,
}

/// Commands on their way, with the stage of each and how long its reply may take.
type Steps = [(Stage, String, Duration); 3];

/// An open connection to a relay.
#[derive(Debug)]
pub struct Conn {
    wire: Wire,
    limits: Limits,
    capabilities: Capabilities,
    state: State,
    begun: u32,
    last_used: Instant,
}

impl Conn {
    /// Dials, greets, encrypts and logs in. Every failure here is the relay's, not a mail's.
    pub async fn connect(relay: &Relay, limits: &Limits) -> Result<Self, Fail> {
        let mut wire = Wire::dial(&relay.host, relay.port, limits).await.map_err(at(Stage::Connect))?;
        if let Security::Tls(tls) = &relay.security {
            wire = wire.encrypt(&relay.host, tls, limits).await.map_err(at(Stage::Tls))?;
        }
        let greeting = wire.reply(limits, limits.reply).await.map_err(at(Stage::Greeting))?;
        expect(Stage::Greeting, greeting, 220)?;
        let (limits, capabilities) = (limits.clone(), Capabilities::default());
        let mut conn = Self { wire, limits, capabilities, state: State::Ready, begun: 0, last_used: Instant::now() };
        conn.hello(&relay.helo).await?;
        if let Security::StartTls(tls) = &relay.security {
            if !conn.capabilities.starttls {
                return Err(Fail::new(Stage::Tls, Cause::Tls("the server does not offer STARTTLS".to_owned())));
            }
            let reply = conn.command(Stage::Tls, &Starttls.to_string()).await?;
            expect(Stage::Tls, reply, 220)?;
            conn.wire = conn.wire.encrypt(&relay.host, tls, &conn.limits).await.map_err(at(Stage::Tls))?;
            conn.hello(&relay.helo).await?;
        }
        if let Some(login) = &relay.login {
            conn.log_in(login).await?;
        }
        Ok(conn)
    }

    /// Sends everything of a mail but its end: the final dot, and up to a block before it that leaves with it. An error means that the
    /// mail was certainly not delivered.
    pub async fn begin(&mut self, envelope: &Envelope, message: &[u8]) -> Result<(), Fail> {
        let is_announced = self.expects(envelope);
        match self.state {
            State::Announced(_) if is_announced => {}
            State::Announced(_) => {
                self.state = State::Gone;
                return Err(Fail::new(Stage::Reset, Cause::Closed));
            }
            _ => self.reset().await?,
        }
        let mut steps = self.steps(envelope)?;
        self.begun += 1;
        self.state = State::Gone;
        if is_announced {
            let [(_, _, limit), ..] = &mut steps;
            *limit = EARLY.min(*limit);
            self.replies(&steps, true).await.map_err(|fail| match fail.stage {
                // The server may not like to be told early: a new connection tells whether it likes the mail.
                Stage::Mail => Fail::new(Stage::Reset, fail.cause),
                _ => fail,
            })?;
        } else {
            self.transaction(&steps).await?;
        }
        let body = stuff(message);
        let ahead = body.len().saturating_sub(BLOCK);
        for block in body.get(..ahead).unwrap_or_default().chunks(BLOCK) {
            self.wire.send(block, self.limits.block).await.map_err(at(Stage::Body))?;
        }
        self.state = State::Body { body, sent: ahead };
        Ok(())
    }

    /// Sends the end: the server takes the mail over, or refuses it. See [`Fail::ambiguous`]. The next mail is announced in the
    /// same step where the server can pipeline (RFC 2920, 3.1): that saves it a way there and back.
    pub async fn finish(&mut self, next: Option<&Envelope>) -> Result<Reply, Fail> {
        let State::Body { mut body, mut sent } = std::mem::replace(&mut self.state, State::Gone) else {
            return Err(Fail::new(Stage::Body, Cause::Closed));
        };
        let length = body.len();
        body.extend_from_slice(b".\r\n");
        let may_announce = self.capabilities.pipelining && self.begun < self.limits.mails_per_connection;
        let next = next.filter(|_| may_announce).and_then(|next| Some((next, self.steps(next).ok()?)));
        for (_, line, _) in next.iter().flat_map(|(_, steps)| steps) {
            body.extend_from_slice(line.as_bytes());
        }
        let written = self.wire.send_counted(&body, self.limits.block, &mut sent).await;
        // Without a byte of the dot it is certain that the server has no whole mail.
        written.map_err(at(if sent > length { Stage::Dot } else { Stage::Body }))?;
        let reply = self.wire.reply(&self.limits, self.limits.dot).await.map_err(at(Stage::Dot))?;
        self.last_used = Instant::now();
        let state = match next {
            Some((next, _)) => State::Announced(next.clone()),
            None if reply.is_positive() => State::Ready,
            None => State::Dirty,
        };
        self.state = after(&reply, state);
        accept(Stage::Dot, reply)
    }

    /// Makes the connection ready for the next mail. A mail that was begun and not finished is certainly not
    /// delivered: its connection is given up, since nothing but a dot could end it. One that was announced stays so.
    pub async fn reset(&mut self) -> Result<(), Fail> {
        match self.state {
            State::Ready if !self.wire.has_leftover() => Ok(()),
            State::Announced(_) => Ok(()),
            State::Dirty => {
                self.state = State::Gone;
                let reply = self.command(Stage::Reset, &Rset.to_string()).await?;
                self.state = after(&reply, State::Ready);
                accept(Stage::Reset, reply).map(|_| ())
            }
            State::Ready | State::Body { .. } | State::Gone => {
                self.state = State::Gone;
                Err(Fail::new(Stage::Reset, Cause::Closed))
            }
        }
    }

    /// Whether another mail may begin on this connection.
    pub fn is_reusable(&self) -> bool {
        let in_step = matches!(self.state, State::Ready | State::Dirty) && !self.wire.has_leftover();
        in_step && self.begun < self.limits.mails_per_connection && self.last_used.elapsed() < self.limits.idle
    }

    /// Whether this mail was announced here, and no other can begin.
    pub fn expects(&self, envelope: &Envelope) -> bool {
        matches!(&self.state, State::Announced(announced) if announced == envelope)
    }

    /// Says good-bye and closes.
    pub async fn quit(mut self) {
        if matches!(self.state, State::Ready | State::Dirty) && self.wire.send(Quit.to_string().as_bytes(), GOODBYE).await.is_ok() {
            // What it answers, and whether, no longer matters.
            let _ = self.wire.reply(&self.limits, GOODBYE).await;
        }
    }

    async fn command(&mut self, stage: Stage, line: &str) -> Result<Reply, Fail> {
        if self.wire.has_leftover() {
            return Err(Fail::new(stage, Cause::Protocol("the server spoke out of turn".to_owned())));
        }
        self.wire.send(line.as_bytes(), self.limits.reply).await.map_err(at(stage))?;
        self.wire.reply(&self.limits, self.limits.reply).await.map_err(at(stage))
    }

    async fn hello(&mut self, name: &str) -> Result<(), Fail> {
        let ehlo = Ehlo::new(ClientId::Domain(name.to_owned()));
        let reply = self.command(Stage::Hello, &ehlo.to_string()).await?;
        self.capabilities = Capabilities::of(&reply);
        if reply.is_permanent() {
            let reply = self.command(Stage::Hello, &format!("HELO {name}\r\n")).await?;
            self.capabilities = Capabilities::default();
            return expect(Stage::Hello, reply, 250);
        }
        expect(Stage::Hello, reply, 250)
    }

    /// Logs in, and only over an encrypted connection: there is no setting to change that.
    async fn log_in(&mut self, login: &Login) -> Result<(), Fail> {
        if !self.wire.is_encrypted() {
            return Err(Fail::new(Stage::Auth, Cause::Refused("a password is never sent without TLS")));
        }
        let (user, password) = (&login.user, login.password.expose_secret());
        let reply = if self.capabilities.plain {
            let secret = BASE64.encode(format!("\0{user}\0{password}"));
            self.command(Stage::Auth, &format!("AUTH PLAIN {secret}\r\n")).await?
        } else if self.capabilities.login {
            expect(Stage::Auth, self.command(Stage::Auth, "AUTH LOGIN\r\n").await?, 334)?;
            expect(Stage::Auth, self.command(Stage::Auth, &format!("{}\r\n", BASE64.encode(user))).await?, 334)?;
            self.command(Stage::Auth, &format!("{}\r\n", BASE64.encode(password))).await?
        } else {
            return Err(Fail::new(Stage::Auth, Cause::Refused("the server offers neither AUTH PLAIN nor AUTH LOGIN")));
        };
        expect(Stage::Auth, reply, 235)
    }

    /// MAIL, RCPT and DATA of this mail.
    fn steps(&self, envelope: &Envelope) -> Result<Steps, Fail> {
        let (mail, rcpt) = self.envelope(&envelope.sender, &envelope.recipient, envelope.size)?;
        Ok([
            (Stage::Mail, mail.to_string(), self.limits.reply),
            (Stage::Rcpt, rcpt.to_string(), self.limits.reply),
            (Stage::Data, Data.to_string(), self.limits.data),
        ])
    }

    fn envelope(&self, from: &Email, to: &Email, size: usize) -> Result<(Mail, Rcpt), Fail> {
        let refuse = |stage, why| Fail::new(stage, Cause::Refused(why));
        let sender = address(from).map_err(|_| refuse(Stage::Mail, "the sender's address can't be used in SMTP"))?;
        let recipient = address(to).map_err(|_| refuse(Stage::Rcpt, "the address can't be used in SMTP"))?;
        let mut parameters = Vec::new();
        if let Some(limit) = self.capabilities.size {
            if limit > 0 && size > limit {
                return Err(refuse(Stage::Mail, "the mail is larger than the server accepts"));
            }
            parameters.push(MailParameter::Size(size));
        }
        if !from.as_str().is_ascii() || !to.as_str().is_ascii() {
            if !(self.capabilities.smtputf8 && self.capabilities.eight_bit) {
                return Err(refuse(Stage::Rcpt, "the address needs SMTPUTF8, which the server does not offer"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok((Mail::new(Some(sender), parameters), Rcpt::new(recipient, Vec::new())))
    }

    /// MAIL, RCPT and DATA: in one write when the server can pipeline.
    async fn transaction(&mut self, steps: &Steps) -> Result<(), Fail> {
        let pipelining = self.capabilities.pipelining;
        if pipelining {
            let all: String = steps.iter().map(|(_, line, _)| line.as_str()).collect();
            self.wire.send(all.as_bytes(), self.limits.reply).await.map_err(at(Stage::Mail))?;
        }
        self.replies(steps, pipelining).await
    }

    /// What the server says to each step, sent before it where that was not done. Every reply is read even after a refusal,
    /// so that the next mail doesn't take it for its own.
    async fn replies(&mut self, steps: &Steps, were_sent: bool) -> Result<(), Fail> {
        let mut refusal: Option<Fail> = None;
        for (stage, line, limit) in steps {
            if !were_sent {
                if refusal.is_some() {
                    break;
                }
                self.wire.send(line.as_bytes(), self.limits.reply).await.map_err(at(*stage))?;
            }
            let reply = match self.wire.reply(&self.limits, *limit).await {
                Ok(reply) => reply,
                Err(cause) => return Err(refusal.unwrap_or_else(|| Fail::new(*stage, cause))),
            };
            let closing = reply.code == 421;
            match (accept(*stage, reply), refusal.take()) {
                (Ok(_), None) => {}
                // The server waits for a body although it refused the mail. Hanging up is the one answer that
                // can't be taken for an empty mail.
                (Ok(_), Some(first)) if *stage == Stage::Data => return Err(first),
                (Ok(_), Some(first)) => refusal = Some(first),
                (Err(fail), first) => {
                    let out_of_step = closing || fail.reply().is_none();
                    let first = first.unwrap_or(fail);
                    if out_of_step {
                        return Err(first);
                    }
                    refusal = Some(first);
                }
            }
        }
        match refusal {
            None => Ok(()),
            Some(fail) => {
                self.state = State::Dirty;
                self.last_used = Instant::now();
                Err(fail)
            }
        }
    }
}

fn at(stage: Stage) -> impl Fn(Cause) -> Fail {
    move |cause| Fail::new(stage, cause)
}

/// The reply, when it is what this stage waits for; a refusal or a protocol error otherwise.
fn accept(stage: Stage, reply: Reply) -> Result<Reply, Fail> {
    let wanted = if stage == Stage::Data { reply.code == 354 } else { reply.is_positive() };
    if wanted {
        Ok(reply)
    } else if reply.is_transient() || reply.is_permanent() {
        Err(Fail::new(stage, Cause::Reply(reply)))
    } else {
        Err(Fail::new(stage, Cause::Protocol(format!("the reply {reply} makes no sense here"))))
    }
}

fn expect(stage: Stage, reply: Reply, code: u16) -> Result<(), Fail> {
    if reply.code == code { Ok(()) } else { Err(Fail::new(stage, Cause::Reply(reply))) }
}

/// The state after a reply: 421 says that the server hangs up.
fn after(reply: &Reply, state: State) -> State {
    if reply.code == 421 { State::Gone } else { state }
}
