//! The parts of a mail, one after the other, within limits.
//!
//! A mail within a mail is a part and is not looked into: it was said by somebody else.

use std::borrow::Cow;

use hearback_core::text;

use super::{
    MAX_DEPTH, MAX_PARTS, Refused, decode,
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
    /// Of one that is, or is part of, one of several forms of the same words: which words, which form.
    pub(super) form: Option<(usize, usize)>,
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
    let mut found = Found { parts: Vec::new(), alternatives: 0 };
    let media = Media::of(&head, "text/plain");
    let inner = inner_head(&head);
    found.collect(media, inner, body, &Within::default())?;
    Ok(Mail { head, parts: found.parts })
}

/// The mail's own head, once more, for its only part.
fn inner_head<'a>(head: &Head<'a>) -> Head<'a> {
    head.only(&["content-transfer-encoding", "content-disposition"])
}

/// What a part is within.
#[derive(Debug, Clone, Default)]
struct Within {
    depth: usize,
    report: String,
    form: Option<(usize, usize)>,
}

/// The parts so far, and how many times several forms of the same words were among them.
struct Found<'a> {
    parts: Vec<Part<'a>>,
    alternatives: usize,
}

impl<'a> Found<'a> {
    fn collect(&mut self, media: Media, head: Head<'a>, body: &'a [u8], within: &Within) -> Result<(), Refused> {
        if within.depth > MAX_DEPTH {
            return Err(Refused::Depth);
        }
        let boundary = media.boundary.as_deref().filter(|_| media.kind.starts_with("multipart/"));
        let Some(boundary) = boundary else {
            if self.parts.len() >= MAX_PARTS {
                return Err(Refused::Parts);
            }
            self.parts.push(Part { media, report: within.report.clone(), form: within.form, head, body });
            return Ok(());
        };
        let report = if media.kind == "multipart/report" { media.report.clone().unwrap_or_default() } else { within.report.clone() };
        let usual = if media.kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        self.alternatives += 1;
        let forms = (media.kind == "multipart/alternative").then_some(self.alternatives);
        for (branch, piece) in pieces(body, boundary.as_bytes())?.into_iter().enumerate() {
            let (head, body) = Head::split(piece)?;
            let form = within.form.or_else(|| forms.map(|all| (all, branch)));
            let within = Within { depth: within.depth + 1, report: report.clone(), form };
            self.collect(Media::of(&head, usual), head, body, &within)?;
        }
        Ok(())
    }
}

/// What stands between the lines of a boundary.
fn pieces<'a>(body: &'a [u8], boundary: &[u8]) -> Result<Vec<&'a [u8]>, Refused> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in decode::lines(body) {
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

    /// Its bytes, decoded.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        self.decoded().0
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        let (bytes, below) = self.decoded();
        let bytes = if bytes.is_empty() { below } else { &bytes };
        let of_page = || (self.media.kind == "text/html").then(|| decode::charset_of_page(bytes)).flatten();
        decode::text(bytes, self.media.charset.clone().or_else(of_page).as_deref())
    }

    /// What stands below its encoded text and is none of it.
    pub(super) fn below(&self) -> Option<String> {
        let (bytes, below) = self.decoded();
        (!bytes.is_empty() && !below.is_empty()).then(|| decode::text(below, None))
    }

    fn decoded(&self) -> (Cow<'_, [u8]>, &[u8]) {
        let body = self.body.get(..MAX_DECODED).unwrap_or(self.body);
        match self.head.word("content-transfer-encoding").as_deref() {
            Some("base64") => {
                let (bytes, below) = decode::base64(body);
                (Cow::Owned(bytes), below)
            }
            Some("quoted-printable") => (Cow::Owned(decode::quoted_printable(body)), &[]),
            _ => (Cow::Borrowed(body), &[]),
        }
    }
}
