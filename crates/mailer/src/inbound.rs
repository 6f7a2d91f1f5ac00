//! A mail that came in: from its bytes to what it is.
//!
//! Owns: limits on what is read at all, telling bounces, complaints, automatic answers and replies of people apart, and what
//! a person wrote anew. Pure: bytes in, [`Inbound`] out. Refuses to know: whether a mark is genuine, which mail it belongs
//! to, and what follows.
//!
//! Nothing here believes a sender. What a mail is about follows from the signed mark in the address that it came to; a
//! mark is only found here ([`Inbound::marks`]), its signature is for the caller to check.

mod attachment;
mod author;
mod auto;
mod body;
mod decode;
mod event;
mod head;
mod html;
mod mark;
mod notice;
mod original;
mod part;
mod quote;
mod report;
mod words;

use std::panic;

use hearback_core::Email;
use thiserror::Error;

use body::Body;
use head::Head;
use part::Mail;

pub use crate::blame::{Blame, Status};
pub use attachment::Attachment;
pub use quote::{Fold, Folded};
pub use report::Failure;

/// Largest mail that is read, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Largest block of header fields, of the mail or of a part.
pub const MAX_HEAD: usize = 256 * 1024;
/// Most parts.
pub const MAX_PARTS: usize = 500;
/// Most parts within each other.
pub const MAX_DEPTH: usize = 20;
/// Longest text that is kept, in characters.
const MAX_TEXT: usize = 50_000;
/// Longest text in which what is new is looked for, in bytes.
const MAX_SPLIT: usize = 256 * 1024;
/// Longest subject that is kept, in characters.
const MAX_SUBJECT: usize = 500;
/// Longest Message-ID that is kept, in bytes.
const MAX_ID: usize = 250;

/// Why a mail is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// More than [`MAX_BYTES`].
    #[error("it is larger than 10 MiB")]
    Size,
    /// More than [`MAX_HEAD`].
    #[error("its header is larger than 256 kB")]
    Head,
    /// More than [`MAX_PARTS`].
    #[error("it has more than 500 parts")]
    Parts,
    /// More than [`MAX_DEPTH`].
    #[error("its parts are nested more than 20 deep")]
    Depth,
    /// The reader has failed.
    #[error("it can't be read")]
    Broken,
}

/// What a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A server says for good that a mail of ours was not delivered.
    Bounce(Failure),
    /// A server says that it still tries.
    Delayed(Failure),
    /// A server says that a mail of ours arrived, or went on to where no more is heard of it.
    Delivered(Failure),
    /// Somebody called a mail of ours unwanted; the word of the report.
    Complaint(String),
    /// A machine answered, and why we think so.
    AutoReply(&'static str),
    /// Somebody asks for no more mail, by the address of the header `List-Unsubscribe`.
    OptOut,
    /// A person wrote: [`Inbound::said`].
    Reply,
    /// Can't be made out, and why.
    Unknown(&'static str),
}

impl Kind {
    /// The word in the database and the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Bounce(_) => "bounce",
            Self::Delayed(_) => "delayed",
            Self::Delivered(_) => "delivered",
            Self::Complaint(_) => "complaint",
            Self::AutoReply(_) => "auto_reply",
            Self::OptOut => "opt_out",
            Self::Reply => "reply",
            Self::Unknown(_) => "unknown",
        }
    }

    /// How it is known.
    pub const fn why(&self) -> &'static str {
        match self {
            Self::Bounce(failure) | Self::Delayed(failure) | Self::Delivered(failure) => failure.known_by,
            Self::Complaint(_) => "a report says that somebody called a mail of ours unwanted",
            Self::AutoReply(why) | Self::Unknown(why) => why,
            Self::OptOut => "its subject is what the header List-Unsubscribe asks for",
            Self::Reply => "nothing says that a machine wrote it",
        }
    }
}

/// A mail that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// What it is.
    pub kind: Kind,
    /// What may be marks of ours in the addresses that it came to, in the order in which they count.
    pub marks: Vec<String>,
    /// What may be marks of ours in the mail that a report brings back: for a report that came to an address without one.
    pub returned_marks: Vec<String>,
    /// The address that it says it is from: a claim, shown and never acted upon.
    pub from: String,
    /// Its subject.
    pub subject: String,
    /// Its Message-ID, without brackets.
    pub message_id: Option<String>,
    /// What its writer wrote anew, without what is [folded](Self::folded) away; empty for what servers report.
    pub said: String,
    /// What stands in the text and was not written anew, in its order.
    pub folded: Vec<Folded>,
    /// All of its text.
    pub text: String,
    /// What was sent along, in its order.
    pub attachments: Vec<Attachment>,
}

/// Reads a mail. `recipient` is the address in the envelope, where it is known; `own` the addresses that our mail is from and that is answered to.
pub fn read(raw: &[u8], recipient: Option<&str>, own: &[Email]) -> Result<Inbound, Refused> {
    if raw.len() > MAX_BYTES {
        return Err(Refused::Size);
    }
    // Whatever one mail does to a decoder, it must not end the worker.
    panic::catch_unwind(|| read_within_limits(raw, recipient, own)).unwrap_or(Err(Refused::Broken))
}

fn read_within_limits(raw: &[u8], recipient: Option<&str>, own: &[Email]) -> Result<Inbound, Refused> {
    let mail = part::read(begin(raw))?;
    let head = &mail.head;
    let from = author::of(head, own);
    let subject: String = head.words("subject").chars().take(MAX_SUBJECT).collect();
    let Body { text: whole, footer, unread } = body::of(&mail.parts);
    let kind = kind(&mail, &from, &subject, &whole, own);
    let (said, mut folded) = match kind {
        Kind::Reply | Kind::AutoReply(_) | Kind::OptOut => quote::split(whole.get(..floor(&whole, MAX_SPLIT)).unwrap_or(&whole)),
        Kind::Bounce(_) | Kind::Delayed(_) | Kind::Delivered(_) | Kind::Complaint(_) | Kind::Unknown(_) => Default::default(),
    };
    let said = unread.filter(|_| said.is_empty()).map_or(said, str::to_owned);
    let text = [whole.as_str(), footer.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    folded.extend((!footer.is_empty()).then_some(Folded { fold: Fold::Footer, text: footer }));
    let returned_marks = match kind {
        Kind::Bounce(_) | Kind::Delayed(_) | Kind::Delivered(_) => marks_within(&mail, &whole),
        // A complaint comes to an address that was agreed on; the mail that it is about lies within.
        Kind::Complaint(_) => [marks_within(&mail, &whole), mail.parts.iter().flat_map(mark::of_complaint).collect()].concat(),
        Kind::AutoReply(_) | Kind::OptOut | Kind::Reply | Kind::Unknown(_) => Vec::new(),
    };
    Ok(Inbound {
        kind,
        marks: mark::of(head, recipient),
        returned_marks,
        from,
        subject,
        message_id: head.id("message-id").filter(|id| id.len() <= MAX_ID),
        said: said.chars().take(MAX_TEXT).collect(),
        folded,
        text: text.chars().take(MAX_TEXT).collect(),
        attachments: attachment::of(&mail.parts),
    })
}

/// What may be marks in the mail of ours that a report brings back.
fn marks_within(mail: &Mail<'_>, whole: &str) -> Vec<String> {
    let told = event::fields(whole);
    let of_event = Head::split(told.as_bytes()).map(|(head, _)| mark::of_original(&head)).unwrap_or_default();
    [original::each(mail, whole, mark::of_original), of_event].concat()
}

/// What a mail says: who to whom, about what, when, and its body. Fields that servers write on the way, and the Message-ID,
/// are no part of it.
pub fn essence(raw: &[u8]) -> Vec<Vec<u8>> {
    let Ok((head, body)) = Head::split(begin(raw)) else { return vec![raw.to_vec()] };
    let field = |name| head.raw(name).next().unwrap_or_default().trim_ascii().to_vec();
    let without_cr = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<u8>>();
    ["from", "to", "subject", "date"].into_iter().map(field).chain([body.to_vec()]).map(|bytes| without_cr(&bytes)).collect()
}

/// The first that fits: reports say what they are, then come the signs of machines; what is left a person wrote.
fn kind(mail: &Mail<'_>, from: &str, subject: &str, whole: &str, own: &[Email]) -> Kind {
    let Mail { head, parts, .. } = mail;
    if let Some(kind) =
        report::complaint(parts, from, subject).or_else(|| event::read(whole)).or_else(|| notice::read(mail, subject, whole))
    {
        return kind;
    }
    if subject.trim().eq_ignore_ascii_case("unsubscribe") {
        return Kind::OptOut;
    }
    if let Some(why) = auto::sign(head, parts, from, subject, own) {
        return Kind::AutoReply(why);
    }
    if from.is_empty() {
        return Kind::Unknown("it does not say who sent it");
    }
    Kind::Reply
}

/// A mail without what stands above its header by mistake.
fn begin(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw).trim_ascii_start()
}

/// The place at or before one where a letter begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}
