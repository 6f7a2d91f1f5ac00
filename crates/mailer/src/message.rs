//! A rendered mail and its addresses become bytes.
//!
//! The same input gives the same bytes, every time and on every node: a mail sent twice can be recognised as
//! one. Bytes are always 7-bit, lines at most 998 long and ended by CRLF. Refuses to know how bytes travel.

mod body;

pub use body::Quoted;

use std::panic;

use chrono::{DateTime, Utc};
use hearback_core::{Email, text};
use lettre::{
    Address, Message as Mime,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use thiserror::Error;

use crate::{context::is_link, mail::Origin, template::Rendered};

/// Longest display name in a header, in characters; what is over is cut.
const MAX_NAME: usize = 120;
/// Longest Message-ID without its brackets.
const MAX_ID: usize = 250;

/// An address with the name shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The address.
    pub email: Email,
    /// The name. Line breaks, control and direction characters in it are replaced by spaces.
    pub name: Option<String>,
}

impl From<Email> for Party {
    fn from(email: Email) -> Self {
        Self { email, name: None }
    }
}

/// A mail ready to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// `something@domain`, without brackets; stays the same at every attempt. Visible ASCII, at most 250 bytes.
    pub message_id: String,
    /// The Date header, kept to the second; stays the same at every attempt.
    pub date: DateTime<Utc>,
    /// The sender shown.
    pub from: Party,
    /// The envelope's sender, where bounces go, when not to `from`.
    pub return_path: Option<Email>,
    /// The only recipient.
    pub to: Party,
    /// Where a reply goes, when not to `from`.
    pub reply_to: Option<Party>,
    /// The words.
    pub content: Rendered,
    /// Set for customers: the page that takes a one-click POST (RFC 8058).
    pub unsubscribe_url: Option<String>,
    /// Besides, an address that stops such mail when it gets one of the subject `unsubscribe`.
    pub unsubscribe_mail: Option<Email>,
    /// Why it is written.
    pub origin: Origin,
    /// The Message-ID of the mail that it answers, with or without brackets. One that can't stand in a header is left out.
    pub in_reply_to: Option<String>,
}

/// A built mail: what is sent, captured, and sent again unchanged after a doubtful end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// As in [`Outgoing`], without brackets.
    pub message_id: String,
    /// The envelope's sender: where bounces go.
    pub sender: Email,
    /// The envelope's recipient.
    pub recipient: Email,
    /// Headers and body; not dot-stuffed.
    pub bytes: Vec<u8>,
}

/// Of a mail what the server has to know before it: who sends it to whom, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where bounces go.
    pub sender: Email,
    /// Who gets it.
    pub recipient: Email,
    /// In bytes, not dot-stuffed.
    pub size: usize,
}

/// Why a mail can't be built. It would fail again: this mail is dead, its neighbours are not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// Not usable as a Message-ID.
    #[error("the message id must be of the form `name@domain`, in at most 250 visible ASCII characters")]
    MessageId,
    /// Not usable in a header.
    #[error("the unsubscribe link must start with https:// and have at most 900 visible ASCII characters")]
    UnsubscribeUrl,
    /// The builder refuses the address or has failed.
    #[error("the mail can't be built: {0}")]
    Builder(String),
}

impl Outgoing {
    /// Builds the bytes: `multipart/alternative` with the headers From, To, Subject, Date, Message-ID, Reply-To
    /// (when given), In-Reply-To and References (of an answer), Auto-Submitted (unless a person has written it), Precedence
    /// (when many are asked the same), X-Auto-Response-Suppress, List-Unsubscribe and List-Unsubscribe-Post (when given),
    /// MIME-Version, Content-Type.
    pub fn build(&self) -> Result<Message, BuildError> {
        if !is_message_id(&self.message_id) {
            return Err(BuildError::MessageId);
        }
        if self.unsubscribe_url.as_deref().is_some_and(|url| !is_link(url)) {
            return Err(BuildError::UnsubscribeUrl);
        }
        // The builder has panicked on odd names before. Whatever one mail does to it, it must not end the worker.
        let bytes =
            panic::catch_unwind(|| self.bytes()).map_err(|_| BuildError::Builder("the builder gave up on this content".to_owned()))??;
        let sender = self.return_path.as_ref().unwrap_or(&self.from.email).clone();
        Ok(Message { message_id: self.message_id.clone(), sender, recipient: self.to.email.clone(), bytes })
    }

    fn bytes(&self) -> Result<Vec<u8>, BuildError> {
        let mut builder = Mime::builder()
            .from(mailbox(&self.from)?)
            .to(mailbox(&self.to)?)
            .subject(text::clean_line(&self.content.subject))
            .date(self.date.into())
            .message_id(Some(format!("<{}>", self.message_id)));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox(reply_to)?);
        }
        if let Some(id) = self.in_reply_to.as_deref().and_then(answered) {
            builder = builder.raw_header(header("In-Reply-To", &format!("<{id}>")));
            builder = builder.raw_header(header("References", &format!("<{id}>")));
        }
        if self.origin != Origin::Person {
            builder = builder.raw_header(header("Auto-Submitted", "auto-generated"));
        }
        if self.origin == Origin::Bulk {
            builder = builder.raw_header(header("Precedence", "bulk"));
        }
        builder = builder.raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(url) = &self.unsubscribe_url {
            let by_mail = self.unsubscribe_mail.as_ref().filter(|address| address.as_str().is_ascii());
            let by_mail = by_mail.map_or_else(String::new, |address| format!(", <mailto:{address}?subject=unsubscribe>"));
            builder = builder.raw_header(header("List-Unsubscribe", &format!("<{url}>{by_mail}")));
            builder = builder.raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let [text, html] = match &self.content.quoted {
            Some([text, html]) => [text.body(), html.body()],
            None => [body::body(&self.content.text), body::body(&self.content.html)],
        };
        let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text);
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html);
        let parts = MultiPart::alternative().boundary(self.boundary(&[text.raw_body(), html.raw_body()]));
        let mime = builder.multipart(parts.singlepart(text).singlepart(html)).map_err(|error| BuildError::Builder(error.to_string()))?;
        Ok(mime.formatted())
    }

    /// A boundary that follows from the message id and occurs in no part.
    fn boundary(&self, parts: &[&[u8]]) -> String {
        let mut seed = self.message_id.clone();
        loop {
            let boundary = format!("hearback-{:016x}{:016x}", fnv(&seed, 0), fnv(&seed, 1));
            if parts.iter().all(|part| memchr::memmem::find(part, boundary.as_bytes()).is_none()) {
                return boundary;
            }
            seed.push('x');
        }
    }
}

impl Message {
    /// What the server is told first.
    pub fn envelope(&self) -> Envelope {
        Envelope { sender: self.sender.clone(), recipient: self.recipient.clone(), size: self.bytes.len() }
    }

    /// Whether the relay must know SMTPUTF8: an address has a letter outside ASCII before its `@`.
    pub fn needs_smtputf8(&self) -> bool {
        !self.sender.as_str().is_ascii() || !self.recipient.as_str().is_ascii()
    }
}

fn is_message_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'(' | b')' | b',' | b';' | b'\\' | b'[' | b']');
    let halves = id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'));
    halves && id.len() <= MAX_ID && id.bytes().all(plain)
}

/// The id between the brackets, if it can stand in a header: what other programs make is odder than what we make.
fn answered(id: &str) -> Option<&str> {
    let id = id.trim();
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
    (!id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))).then_some(id)
}

fn mailbox(party: &Party) -> Result<Mailbox, BuildError> {
    let address = address(&party.email).map_err(BuildError::Builder)?;
    let name = party.name.as_deref().map(|name| text::clean_line(name).chars().take(MAX_NAME).collect::<String>());
    Ok(Mailbox::new(name.filter(|name| !name.is_empty()), address))
}

/// The address as the builder wants it.
pub(crate) fn address(email: &Email) -> Result<Address, String> {
    email.as_str().parse().map_err(|error: lettre::address::AddressError| error.to_string())
}

/// A header of visible ASCII: written as it stands, so that no encoding or folding can ruin it.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.to_owned(), value.to_owned())
}

/// FNV-1a: spreads the seed; nothing secret hangs on it.
fn fnv(text: &str, salt: u64) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
