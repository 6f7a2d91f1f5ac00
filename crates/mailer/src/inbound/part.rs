//! The parts of a mail, one after the other, within limits.
//!
//! A mail within a mail is a part and is not looked into: it was said by somebody else.

use std::borrow::Cow;

use hearback_core::text;
use mail_parser::decoders::{base64::base64_decode, charsets::map::charset_decoder, quoted_printable::quoted_printable_decode};

use super::{
    MAX_DEPTH, MAX_PARTS, Refused,
    head::{Head, words},
};

/// Most bytes of one part that are decoded.
const MAX_DECODED: usize = 2 * 1024 * 1024;

/// A mail in parts.
#[derive(Debug)]
pub(super) struct Mail<'a> {
    pub(super) head: Head<'a>,
    /// Those that are not made of parts.
    pub(super) parts: Vec<Part<'a>>,
}

/// One part.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) media: Media,
    /// What kind of report it is a part of; empty for none.
    pub(super) report: String,
    head: Head<'a>,
    body: &'a [u8],
}

/// What a part is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// `text/plain`, in lower case.
    pub(super) kind: String,
    charset: Option<String>,
    boundary: Option<String>,
    report: Option<String>,
    /// Of an answer to an invitation of a calendar.
    pub(super) method: Option<String>,
    name: Option<String>,
}

/// Takes a mail apart.
pub(super) fn read(raw: &[u8]) -> Result<Mail<'_>, Refused> {
    let (head, body) = Head::split(raw)?;
    let mut parts = Vec::new();
    let media = Media::of(&head, "text/plain");
    let inner = inner_head(&head);
    collect(media, inner, body, "", 0, &mut parts)?;
    Ok(Mail { head, parts })
}

/// The mail's own head, once more, for its only part.
fn inner_head<'a>(head: &Head<'a>) -> Head<'a> {
    head.only(&["content-transfer-encoding", "content-disposition"])
}

fn collect<'a>(media: Media, head: Head<'a>, body: &'a [u8], report: &str, depth: usize, found: &mut Vec<Part<'a>>) -> Result<(), Refused> {
    if depth > MAX_DEPTH {
        return Err(Refused::Depth);
    }
    let boundary = media.boundary.as_deref().filter(|_| media.kind.starts_with("multipart/"));
    let Some(boundary) = boundary else {
        if found.len() >= MAX_PARTS {
            return Err(Refused::Parts);
        }
        found.push(Part { media, report: report.to_owned(), head, body });
        return Ok(());
    };
    let report = if media.kind == "multipart/report" { media.report.clone().unwrap_or_default() } else { report.to_owned() };
    let usual = if media.kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
    for piece in pieces(body, boundary.as_bytes())? {
        let (head, body) = Head::split(piece)?;
        collect(Media::of(&head, usual), head, body, &report, depth + 1, found)?;
    }
    Ok(())
}

/// What stands between the lines of a boundary.
fn pieces<'a>(body: &'a [u8], boundary: &[u8]) -> Result<Vec<&'a [u8]>, Refused> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let end = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)).map(<[u8]>::trim_ascii_end);
        if let Some(end) = end.filter(|end| end.is_empty() || *end == b"--") {
            pieces.extend(start.map(|start| without_end(body.get(start..at).unwrap_or_default())));
            start = end.is_empty().then_some(at + line.len());
            if pieces.len() > MAX_PARTS {
                return Err(Refused::Parts);
            }
            if start.is_none() {
                return Ok(pieces);
            }
        }
        at += line.len();
    }
    // Cut off on the way: what is there counts.
    pieces.extend(start.and_then(|start| body.get(start..)));
    Ok(pieces)
}

/// The line end before a boundary belongs to the boundary.
fn without_end(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

impl Media {
    fn of(head: &Head<'_>, usual: &str) -> Self {
        let Some(parsed) = head.parameters("content-type") else { return Self { kind: usual.to_owned(), ..Self::default() } };
        let attribute = |name: &str| parsed.attribute(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self {
            kind: format!("{}/{}", parsed.ctype(), parsed.subtype().unwrap_or_default()).to_ascii_lowercase(),
            charset: attribute("charset"),
            boundary: attribute("boundary"),
            report: attribute("report-type").map(|word| word.to_ascii_lowercase()),
            method: attribute("method").map(|word| word.to_ascii_lowercase()),
            name: attribute("name"),
        }
    }
}

impl Part<'_> {
    /// Whether a mail program shows it as text.
    pub(super) fn is_shown(&self) -> bool {
        self.head.word("content-disposition").is_none_or(|word| word != "attachment")
    }

    /// The name of its file, as the sender wrote it.
    pub(super) fn file_name(&self) -> Option<String> {
        let parsed = self.head.parameters("content-disposition");
        let written = parsed.as_ref().and_then(|parsed| parsed.attribute("filename")).or(self.media.name.as_deref())?;
        let name = text::clean_line(&words(written.as_bytes()));
        (!name.is_empty()).then_some(name)
    }

    /// How many bytes it has when it is decoded: of base64 without decoding it.
    pub(super) fn size(&self) -> usize {
        match self.head.word("content-transfer-encoding").as_deref() {
            Some("base64") => {
                let letters = self.body.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
                letters * 3 / 4
            }
            Some("quoted-printable") => self.bytes().len(),
            _ => self.body.len(),
        }
    }

    /// Its bytes, decoded; as they stand when the encoding is broken.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        let body = self.body.get(..MAX_DECODED).unwrap_or(self.body);
        let decoded = match self.head.word("content-transfer-encoding").as_deref() {
            Some("base64") => base64_decode(body),
            Some("quoted-printable") => quoted_printable_decode(body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(body), Cow::Owned)
    }

    /// Its text. What names no character set, or a wrong one, is UTF-8 if it can be, else what Western mail programs write.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes();
        let is_utf8 = self.media.charset.as_deref().is_none_or(|charset| {
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii") || charset.eq_ignore_ascii_case("utf8")
        });
        match std::str::from_utf8(&bytes) {
            Ok(text) if is_utf8 => return text.to_owned(),
            _ => {}
        }
        let named = self.media.charset.as_deref().filter(|_| !is_utf8).and_then(|charset| charset_decoder(charset.as_bytes()));
        match named.or_else(|| charset_decoder(b"windows-1252")) {
            Some(decode) => decode(&bytes),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
