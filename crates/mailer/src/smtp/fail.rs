//! What went wrong, at which stage, and what follows from it for the mail and for the queue.

use std::{fmt, io, time::Duration};

use super::reply::Reply;
use crate::blame::{Blame, Status, judge};

/// Where in the conversation something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Name lookup and TCP.
    Connect,
    /// The server's first words.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// The log-in.
    Auth,
    /// RSET between two mails.
    Reset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// Sending the body, without the dot that ends it.
    Body,
    /// The final dot and the reply to it: from here on the mail may have been delivered.
    Dot,
    /// Writing a captured mail to a file.
    File,
}

impl Stage {
    /// The word used in the send ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::Tls => "TLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Body => "body",
            Self::Dot => "final dot",
            Self::File => "file",
        }
    }
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The server said no.
    Reply(Reply),
    /// The network said no.
    Io(io::ErrorKind),
    /// Nothing came within the stage's limit.
    Timeout(Duration),
    /// The server closed the connection.
    Closed,
    /// What came is not SMTP.
    Protocol(String),
    /// The server could not prove who it is, or does not offer TLS.
    Tls(String),
    /// We did not try: what the relay can't do or must not be given.
    Refused(&'static str),
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailClass {
    /// Not now: try this mail again later (4xx, or the connection broke in the middle).
    Retry,
    /// Never: this mail is refused (5xx).
    Reject,
    /// Not this mail's fault: pause the queue, cost the mail no attempt (no connection, TLS, log-in, disk).
    Relay,
}

/// A failure: what happened, where. `Display` is for the send ledger; it may quote the customer's address, so
/// logs take [`Fail::summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
}

impl std::error::Error for Fail {}

impl Fail {
    pub(crate) fn new(stage: Stage, cause: Cause) -> Self {
        Self { stage, cause }
    }

    /// True when the mail may have been delivered although we were not told: after the dot, without a reply.
    pub fn ambiguous(&self) -> bool {
        self.stage == Stage::Dot && !matches!(self.cause, Cause::Reply(_))
    }

    /// What follows. An ambiguous failure is a `Retry` for whoever wants to send again.
    pub fn class(&self) -> FailClass {
        match (self.stage, &self.cause) {
            (Stage::Connect | Stage::Greeting | Stage::Hello | Stage::Tls | Stage::Auth | Stage::File, _) => FailClass::Relay,
            (Stage::Reset, _) => FailClass::Retry,
            // Authentication required, too weak, failed, encryption required: the relay's settings, not the mail.
            (_, Cause::Reply(reply)) if matches!(reply.code, 530 | 534 | 535 | 538) => FailClass::Relay,
            (_, Cause::Reply(reply)) if reply.is_permanent() => FailClass::Reject,
            (_, Cause::Refused(_)) => FailClass::Reject,
            (_, Cause::Reply(_) | Cause::Io(_) | Cause::Timeout(_) | Cause::Closed | Cause::Protocol(_) | Cause::Tls(_)) => {
                FailClass::Retry
            }
        }
    }

    /// The server's reply, when there was one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.cause {
            Cause::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// Whose fault it is that the server refuses this mail. What it says before it hears of the reader is about us; what it says
    /// only for now never blames the address.
    pub fn blame(&self) -> Option<Blame> {
        let reply = self.reply().filter(|_| self.stage >= Stage::Mail)?;
        if self.stage == Stage::Mail {
            return Some(Blame::Policy);
        }
        let said = reply.text();
        match judge(Status::most_exact(reply.enhanced().and_then(Status::parse), &said), &said) {
            Blame::Address if reply.is_transient() => Some(Blame::Passing),
            blame => Some(blame),
        }
    }

    /// Whether the server said it when it heard whom the mail is for.
    pub fn is_about_reader(&self) -> bool {
        self.stage == Stage::Rcpt && self.reply().is_some()
    }

    /// Whether it will not pass by itself: the server refuses the log-in, can't prove who it is, or wants encryption.
    pub fn is_about_us(&self) -> bool {
        let refused = self.reply().is_some_and(|reply| matches!(reply.code, 530 | 534 | 535 | 538));
        refused || matches!((self.stage, &self.cause), (Stage::Tls | Stage::Auth, Cause::Tls(_) | Cause::Refused(_)) | (_, Cause::Tls(_)))
    }

    /// Whether our mail is refused for good for what it is or who sends it, and not for its reader.
    pub fn is_policy(&self) -> bool {
        self.reply().is_some_and(Reply::is_permanent) && self.blame() == Some(Blame::Policy)
    }

    /// Stage and code without the server's words: safe for logs and metrics.
    pub fn summary(&self) -> String {
        match &self.cause {
            Cause::Reply(reply) => {
                let enhanced = reply.enhanced().map(|code| format!(" {code}")).unwrap_or_default();
                format!("{}: {}{enhanced}", self.stage.as_str(), reply.code)
            }
            _ => self.to_string(),
        }
    }

    /// The server is there and does not want what it was told, or did not hear it.
    pub(super) fn is_deaf(&self) -> bool {
        match &self.cause {
            Cause::Reply(reply) => reply.code != 421,
            Cause::Timeout(_) | Cause::Protocol(_) => true,
            Cause::Io(_) | Cause::Closed | Cause::Tls(_) | Cause::Refused(_) => false,
        }
    }

    /// The connection failed before the server took notice of this mail: nothing that a new one couldn't cure.
    pub(super) fn is_stale(&self) -> bool {
        match (self.stage, &self.cause) {
            (Stage::Reset, _) | (Stage::Mail, Cause::Closed | Cause::Io(_)) => true,
            (Stage::Mail, Cause::Reply(reply)) => reply.code == 421,
            _ => false,
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.stage.as_str())?;
        match &self.cause {
            Cause::Reply(reply) => reply.fmt(f),
            Cause::Io(kind) => kind.fmt(f),
            Cause::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            Cause::Closed => f.write_str("the server closed the connection"),
            Cause::Protocol(what) | Cause::Tls(what) => f.write_str(what),
            Cause::Refused(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> Cause {
        Cause::Reply(Reply { code, lines: vec!["5.1.1 <anna@example.com> unknown".to_owned()] })
    }

    #[test]
    fn the_class_follows_from_stage_and_cause() {
        for (stage, cause, class, ambiguous) in [
            (Stage::Connect, Cause::Io(io::ErrorKind::ConnectionRefused), FailClass::Relay, false),
            (Stage::Greeting, reply(554), FailClass::Relay, false),
            (Stage::Auth, reply(535), FailClass::Relay, false),
            (Stage::Mail, reply(530), FailClass::Relay, false),
            (Stage::Mail, reply(451), FailClass::Retry, false),
            (Stage::Reset, reply(500), FailClass::Retry, false),
            (Stage::Rcpt, reply(550), FailClass::Reject, false),
            (Stage::Rcpt, Cause::Refused("x"), FailClass::Reject, false),
            (Stage::Body, Cause::Closed, FailClass::Retry, false),
            (Stage::Dot, reply(554), FailClass::Reject, false),
            (Stage::Dot, reply(421), FailClass::Retry, false),
            (Stage::Dot, Cause::Closed, FailClass::Retry, true),
            (Stage::Dot, Cause::Timeout(Duration::from_mins(10)), FailClass::Retry, true),
            (Stage::Dot, Cause::Protocol("x".to_owned()), FailClass::Retry, true),
            (Stage::File, Cause::Io(io::ErrorKind::StorageFull), FailClass::Relay, false),
        ] {
            let fail = Fail::new(stage, cause);
            assert_eq!((fail.class(), fail.ambiguous()), (class, ambiguous), "{fail}");
        }
    }

    #[test]
    fn only_a_mailbox_that_does_not_exist_is_one() {
        let said = |stage, code, words: &str| {
            Fail::new(stage, Cause::Reply(Reply { code, lines: vec![words.to_owned()] })).blame() == Some(Blame::Address)
        };
        assert!(
            said(Stage::Rcpt, 550, "5.1.1 unknown")
                && said(Stage::Dot, 554, "5.1.2 no such host")
                && said(Stage::Rcpt, 556, "5.1.10 null MX")
                && said(Stage::Rcpt, 550, "5.4.1 Recipient address rejected: Access denied")
                && said(Stage::Rcpt, 550, "No such user here")
        );
        for (stage, code, words) in [
            (Stage::Rcpt, 550, "unknown"),
            (Stage::Rcpt, 450, "4.1.1 later"),
            (Stage::Mail, 550, "5.1.8 bad sender"),
            (Stage::Rcpt, 550, "5.1.8 bad sender"),
            (Stage::Rcpt, 550, "5.7.1 blocked"),
            (Stage::Rcpt, 552, "5.2.2 full"),
            (Stage::Mail, 550, "5.1.1 user unknown"),
            (Stage::Rcpt, 550, "sender refused, user unknown"),
        ] {
            assert!(!said(stage, code, words), "{code} {words}");
        }
    }

    #[test]
    fn what_is_our_fault_is_nobody_elses() {
        let said = |stage, code, words: &str| Fail::new(stage, Cause::Reply(Reply { code, lines: vec![words.to_owned()] }));
        assert!(said(Stage::Rcpt, 550, "5.7.1 blocked").is_policy() && said(Stage::Dot, 554, "5.7.26 no DKIM").is_policy());
        assert!(!said(Stage::Rcpt, 450, "4.7.1 later").is_policy() && !said(Stage::Rcpt, 550, "5.1.1 unknown").is_policy());
        assert!(said(Stage::Auth, 535, "5.7.8 no").is_about_us() && !said(Stage::Greeting, 554, "5.3.2 full").is_about_us());
        assert!(Fail::new(Stage::Tls, Cause::Tls("expired".to_owned())).is_about_us());
        assert!(!Fail::new(Stage::Connect, Cause::Io(io::ErrorKind::ConnectionRefused)).is_about_us());
    }

    #[test]
    fn the_summary_has_no_words_of_the_server() {
        let fail = Fail::new(Stage::Rcpt, reply(550));
        assert_eq!(fail.summary(), "RCPT: 550 5.1.1");
        assert_eq!(fail.to_string(), "RCPT: 550 5.1.1 <anna@example.com> unknown");
    }
}
