//! One SMTP connection: greeted, encrypted, logged in, then one mail after the other.
//!
//! A connection is trusted only while it is known where both sides stand: after a timeout, a broken reply or a
//! future that was dropped half-way it is gone, and the caller makes a new one.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hearback_core::Email;
use lettre::transport::smtp::{
    commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset, Starttls},
    extension::{ClientId, MailBodyParameter, MailParameter},
};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{
    abilities::Abilities,
    fail::{Cause, Fail, Stage},
    limits::Limits,
    reply::Reply,
    stuff::stuff,
    wire::Wire,
};
use crate::{
    message::address,
    relay::{Login, Relay, Security},
};

/// Bytes handed to the network at a time.
const BLOCK: usize = 64 * 1024;
/// How long a good-bye may take.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(2);

/// Where the conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next mail can begin.
    Ready,
    /// The server has something of a refused mail in mind: RSET first.
    Dirty,
    /// A body was sent; the dot is missing.
    Body,
    /// Unknown or closed: never to be used again.
    Gone,
}

/// An open connection to a relay.
#[derive(Debug)]
pub struct Conn {
    wire: Wire,
    limits: Limits,
    abilities: Abilities,
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
        let (limits, abilities) = (limits.clone(), Abilities::default());
        let mut conn = Self { wire, limits, abilities, state: State::Ready, begun: 0, last_used: Instant::now() };
        conn.hello(&relay.helo).await?;
        if let Security::StartTls(tls) = &relay.security {
            if !conn.abilities.starttls {
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

    /// Sends everything of a mail but the final dot. An error means that the mail was certainly not delivered.
    pub async fn begin(&mut self, from: &Email, to: &Email, message: &[u8]) -> Result<(), Fail> {
        self.reset().await?;
        let (mail, rcpt) = self.envelope(from, to, message.len())?;
        self.begun += 1;
        self.state = State::Gone;
        self.transaction(&[
            (Stage::Mail, mail.to_string(), self.limits.reply),
            (Stage::Rcpt, rcpt.to_string(), self.limits.reply),
            (Stage::Data, Data.to_string(), self.limits.data),
        ])
        .await?;
        for block in stuff(message).chunks(BLOCK) {
            self.wire.send(block, self.limits.block).await.map_err(at(Stage::Body))?;
        }
        self.state = State::Body;
        Ok(())
    }

    /// Sends the final dot: the server takes the mail over, or refuses it. See [`Fail::ambiguous`].
    pub async fn finish(&mut self) -> Result<Reply, Fail> {
        if self.state != State::Body {
            return Err(Fail::new(Stage::Body, Cause::Closed));
        }
        self.state = State::Gone;
        self.wire.send(b".\r\n", self.limits.dot).await.map_err(at(Stage::Dot))?;
        let reply = self.wire.reply(&self.limits, self.limits.dot).await.map_err(at(Stage::Dot))?;
        self.last_used = Instant::now();
        self.state = after(&reply, if reply.is_positive() { State::Ready } else { State::Dirty });
        accept(Stage::Dot, reply)
    }

    /// Makes the connection ready for the next mail. A mail that was begun and not finished is certainly not
    /// delivered: its connection is given up, since nothing but a dot could end it.
    pub async fn reset(&mut self) -> Result<(), Fail> {
        match self.state {
            State::Ready if !self.wire.has_leftover() => Ok(()),
            State::Dirty => {
                self.state = State::Gone;
                let reply = self.command(Stage::Reset, &Rset.to_string()).await?;
                self.state = after(&reply, State::Ready);
                accept(Stage::Reset, reply).map(|_| ())
            }
            State::Ready | State::Body | State::Gone => {
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
        self.abilities = Abilities::of(&reply);
        if reply.is_permanent() {
            let reply = self.command(Stage::Hello, &format!("HELO {name}\r\n")).await?;
            self.abilities = Abilities::default();
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
        let reply = if self.abilities.plain {
            let secret = BASE64.encode(format!("\0{user}\0{password}"));
            self.command(Stage::Auth, &format!("AUTH PLAIN {secret}\r\n")).await?
        } else if self.abilities.login {
            expect(Stage::Auth, self.command(Stage::Auth, "AUTH LOGIN\r\n").await?, 334)?;
            expect(Stage::Auth, self.command(Stage::Auth, &format!("{}\r\n", BASE64.encode(user))).await?, 334)?;
            self.command(Stage::Auth, &format!("{}\r\n", BASE64.encode(password))).await?
        } else {
            return Err(Fail::new(Stage::Auth, Cause::Refused("the server offers neither AUTH PLAIN nor AUTH LOGIN")));
        };
        expect(Stage::Auth, reply, 235)
    }

    fn envelope(&self, from: &Email, to: &Email, size: usize) -> Result<(Mail, Rcpt), Fail> {
        let refuse = |stage, why| Fail::new(stage, Cause::Refused(why));
        let sender = address(from).map_err(|_| refuse(Stage::Mail, "the sender's address can't be used in SMTP"))?;
        let recipient = address(to).map_err(|_| refuse(Stage::Rcpt, "the address can't be used in SMTP"))?;
        let mut parameters = Vec::new();
        if let Some(limit) = self.abilities.size {
            if limit > 0 && size > limit {
                return Err(refuse(Stage::Mail, "the mail is larger than the server accepts"));
            }
            parameters.push(MailParameter::Size(size));
        }
        if !from.as_str().is_ascii() || !to.as_str().is_ascii() {
            if !(self.abilities.smtputf8 && self.abilities.eight_bit) {
                return Err(refuse(Stage::Rcpt, "the address needs SMTPUTF8, which the server does not offer"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok((Mail::new(Some(sender), parameters), Rcpt::new(recipient, Vec::new())))
    }

    /// MAIL, RCPT and DATA: in one write when the server can pipeline. Every reply is read even after a refusal,
    /// so that the next mail doesn't take it for its own.
    async fn transaction(&mut self, steps: &[(Stage, String, std::time::Duration)]) -> Result<(), Fail> {
        let pipelining = self.abilities.pipelining;
        if pipelining {
            let all: String = steps.iter().map(|(_, line, _)| line.as_str()).collect();
            self.wire.send(all.as_bytes(), self.limits.reply).await.map_err(at(Stage::Mail))?;
        }
        let mut refusal: Option<Fail> = None;
        for (stage, line, limit) in steps {
            if !pipelining {
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
