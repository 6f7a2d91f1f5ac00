//! The header fields of a mail, a part or a group of a report.

use std::borrow::Cow;

use hearback_core::text;
use mail_parser::{Address, ContentType, HeaderValue, parsers::MessageStream};

use super::{MAX_HEAD, Refused};

/// Fields in their order, as they stand: folded, undecoded.
#[derive(Debug, Default)]
pub(super) struct Head<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Head<'a> {
    /// The fields at the start, and what follows the empty line (or the first line that is no field).
    pub(super) fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Refused> {
        let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let line = rest.get(..line_length(rest)).unwrap_or(rest);
            if line.trim_ascii().is_empty() {
                at += line.len();
                break;
            }
            // The separator of mbox files stands before the first field.
            if at == 0 && line.starts_with(b"From ") {
                at += line.len();
                continue;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let (name, _) = line.split_at(colon);
            if !name.trim_ascii_end().iter().all(u8::is_ascii_graphic) || name.is_empty() {
                break;
            }
            let end = at + field_length(rest);
            fields.push((name.trim_ascii_end(), bytes.get(at + colon + 1..end).unwrap_or_default()));
            at = end;
            if at > MAX_HEAD {
                return Err(Refused::Head);
            }
        }
        Ok((Self(fields), bytes.get(at..).unwrap_or_default()))
    }

    /// All values of a field as they stand.
    pub(super) fn raw(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    /// Their names, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, _)| String::from_utf8_lossy(name).to_ascii_lowercase())
    }

    /// Only these fields.
    pub(super) fn only(&self, names: &[&str]) -> Self {
        let wanted = |name: &[u8]| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
        Self(self.0.iter().copied().filter(|(name, _)| wanted(name)).collect())
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.raw(name).next().is_some()
    }

    /// The first value, on one line.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.raw(name).next().map(|value| text::clean_line(&String::from_utf8_lossy(value)))
    }

    /// The first value without comments and parameters, in lower case.
    pub(super) fn word(&self, name: &'static str) -> Option<String> {
        let value = self.text(name)?;
        let end = value.find([';', '(']).unwrap_or(value.len());
        value.get(..end).map(|word| word.trim().to_ascii_lowercase())
    }

    /// The first value, with encoded words decoded.
    pub(super) fn words(&self, name: &'static str) -> String {
        self.raw(name).next().map(words).unwrap_or_default()
    }

    /// The first value as a word and its parameters.
    pub(super) fn parameters(&self, name: &'static str) -> Option<ContentType<'static>> {
        let line = whole(self.raw(name).next()?);
        match MessageStream::new(&line).parse_content_type().into_owned() {
            HeaderValue::ContentType(parsed) => Some(parsed),
            _ => None,
        }
    }

    /// The mail addresses in all values, in lower case.
    pub(super) fn addresses(&self, name: &'static str) -> Vec<String> {
        let mut found = Vec::new();
        for value in self.raw(name) {
            let line = whole(value);
            if let HeaderValue::Address(addresses) = MessageStream::new(&line).parse_address() {
                collect(&addresses, &mut found);
            }
        }
        found
    }

    /// The first Message-ID in a value, without brackets.
    pub(super) fn id(&self, name: &'static str) -> Option<String> {
        let value = self.text(name)?;
        let id = value.split_once('<').map_or(value.as_str(), |(_, rest)| rest.split('>').next().unwrap_or_default()).trim();
        let plain = id.contains('@') && id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',' | b'"'));
        plain.then(|| id.to_owned())
    }
}

/// A value on one line, with encoded words decoded.
pub(super) fn words(value: &[u8]) -> String {
    let line = whole(value);
    let parsed = MessageStream::new(&line).parse_unstructured();
    text::clean_line(&parsed.into_text().map(Cow::into_owned).unwrap_or_default())
}

fn collect(addresses: &Address<'_>, found: &mut Vec<String>) {
    let known = addresses.iter().filter_map(|address| address.address.as_deref());
    found.extend(known.map(|address| text::clean_line(address).to_lowercase()).filter(|address| address.contains('@')));
}

/// As the library's readers want it: ended, so that they know where to stop.
fn whole(value: &[u8]) -> Vec<u8> {
    [value.trim_ascii(), b"\n"].concat()
}

/// The first line with its end.
fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
}

/// The first line and those that continue it.
fn field_length(bytes: &[u8]) -> usize {
    let mut length = line_length(bytes);
    while let Some(rest) = bytes.get(length..).filter(|rest| matches!(rest.first(), Some(b' ' | b'\t'))) {
        let line = line_length(rest);
        if rest.get(..line).is_none_or(|line| line.trim_ascii().is_empty()) {
            break;
        }
        length += line;
    }
    length
}
