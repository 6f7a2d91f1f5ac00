//! Words that come from outside: cleaned and checked once, at the door, so that nothing behind it needs to.
//!
//! A control character or a bidirectional override in a name can break a mail header, a log line or
//! the reader's eye; none gets past this module. They are taken out, never a reason to refuse a customer's words: nobody sees them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Longest accepted comment, in characters.
pub const MAX_COMMENT: usize = 10_000;
/// Longest accepted name, key or property value, in characters.
pub const MAX_LINE: usize = 255;
/// Longest accepted property value, in characters.
pub const MAX_PROPERTY: usize = 1_000;

/// Why a piece of text was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Over the limit.
    #[error("must be at most {max} characters, got {got}")]
    TooLong {
        /// The limit in characters.
        max: usize,
        /// What came.
        got: usize,
    },
    /// Not a mail address that we can deliver to.
    #[error("is not a mail address: {0}")]
    NotAnAddress(&'static str),
    /// Not a key.
    #[error("must be a key of 1 to 64 lower-case letters, digits, `-` or `_`")]
    NotAKey,
}

/// What is left of a character in clean text.
enum Clean {
    /// It ends a line: LF, CR, vertical tab, form feed, NEL, U+2028/9.
    LineEnd,
    /// It stays, or a space stands for it: tabs and other control characters.
    Letter(char),
    /// Nothing: it only reorders what others write (bidirectional controls), or marks a byte order. Telephones paste such with names and numbers.
    Nothing,
}

const fn cleaned(c: char) -> Clean {
    match c {
        '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Clean::LineEnd,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => Clean::Nothing,
        c if c.is_ascii_control() || matches!(c, '\u{80}'..='\u{9F}') => Clean::Letter(' '),
        c => Clean::Letter(c),
    }
}

/// Text without what breaks headers, logs and eyes, trimmed. `end` and `tab` stand for the end of a line and for a tab.
fn clean(text: &str, end: char, tab: char) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match cleaned(c) {
            _ if c == '\t' => clean.push(tab),
            Clean::LineEnd => {
                letters.next_if(|next| (c, *next) == ('\r', '\n'));
                clean.push(end);
            }
            Clean::Letter(letter) => clean.push(letter),
            Clean::Nothing => {}
        }
    }
    clean.truncate(clean.trim_end().len());
    clean.split_off(clean.len() - clean.trim_start().len())
}

/// One line of text such as a name, trimmed: whatever ends a line becomes a space.
pub fn clean_line(text: &str) -> String {
    clean(text, ' ', ' ')
}

/// Several lines of text such as a comment, trimmed: whatever ends a line becomes `\n`, tabs stay.
pub fn clean_block(text: &str) -> String {
    clean(text, '\n', '\t')
}

/// A [clean line](clean_line) that is not empty and not too long.
pub fn line(text: &str, max: usize) -> Result<String, TextError> {
    let text = clean_line(text);
    if text.is_empty() { Err(TextError::Empty) } else { limited(text, max) }
}

/// A [clean block](clean_block) that is not too long. `None` when nothing but white space is left.
pub fn block(text: &str, max: usize) -> Result<Option<String>, TextError> {
    let text = clean_block(text);
    if text.is_empty() { Ok(None) } else { limited(text, max).map(Some) }
}

/// Whether links may lead to this host, with a port or without one: `shop.example`, `192.0.2.7:8080`. Nothing stands before it that
/// could be taken for the host.
pub fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_letter) && !label.starts_with('-') && !label.ends_with('-');
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    host.len() <= 253 && host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// A key such as a survey's: 1-64 of `a-z 0-9 - _`.
pub fn key(text: &str) -> Result<String, TextError> {
    let fits =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits { Ok(text.to_owned()) } else { Err(TextError::NotAKey) }
}

fn limited(text: String, max: usize) -> Result<String, TextError> {
    let got = text.chars().count();
    if got > max { Err(TextError::TooLong { max, got }) } else { Ok(text) }
}

/// A deliverable mail address: lower-cased, the domain in ASCII (A-label) form, at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Accepts `local@domain.tld`; refuses quoted local parts, address literals and domains without a dot.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = clean_line(text);
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > 254 {
            return Err(TextError::TooLong { max: 254, got: text.len() });
        }
        if text.contains(char::is_whitespace) {
            return Err(TextError::NotAnAddress("it has a space or another sign that nobody sees"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or(TextError::NotAnAddress("it has no @"))?;
        check_local(local)?;
        if domain.starts_with('[') {
            return Err(TextError::NotAnAddress("the part after @ must be a domain, not an address literal"));
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| TextError::NotAnAddress("the part after @ is not a domain name"))?;
        if !domain.contains('.') || domain.ends_with('.') {
            return Err(TextError::NotAnAddress("the part after @ must be a full domain such as example.com"));
        }
        Ok(Self(format!("{}@{}", local.to_lowercase(), domain.to_lowercase())))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain in ASCII form.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn check_local(local: &str) -> Result<(), TextError> {
    if local.is_empty() || local.len() > 64 {
        return Err(TextError::NotAnAddress("the part before @ must have 1 to 64 characters"));
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(TextError::NotAnAddress("the part before @ has a misplaced dot"));
    }
    let allowed = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if local.chars().all(allowed) {
        Ok(())
    } else {
        Err(TextError::NotAnAddress("the part before @ has a character that mail servers refuse"))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_that_links_can_lead_to() {
        for good in ["shop.example", "localhost", "192.0.2.7:8080", "xn--ol-nia.example:443", "a-b.c"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "...",
            "a..b",
            "-",
            "xn--",
            "a.b.",
            "a:b:c",
            "a:",
            "a:0",
            "a:+1",
            "a:99999",
            "shop.example@evil.example",
            "a;b",
            "a_b",
            "ž.example",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
        assert!(!is_host(&"a".repeat(64)));
    }

    #[test]
    fn addresses_become_deliverable_or_are_refused_with_a_reason() {
        assert_eq!(Email::parse(" Anna@Example.COM ").unwrap().as_str(), "anna@example.com");
        assert_eq!(Email::parse("õie@näide.ee").unwrap().as_str(), "õie@xn--nide-loa.ee");
        assert_eq!(Email::parse("jonas@ąžuolas.lt").unwrap().domain(), "xn--uolas-2wa16f.lt");
        for bad in ["", "a", "a@b", "a@[127.0.0.1]", "a b@x.lt", "a@x.lt\r\nBcc: v@x.lt", "@x.lt", ".a@x.lt", "\"a\"@x.lt", "a@x.lt."] {
            assert!(Email::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn what_nobody_sees_is_taken_out_and_refuses_nothing() {
        for (written, line_of_it, block_of_it) in [
            ("Evil\r\nBcc: v@x.com", "Evil Bcc: v@x.com", "Evil\nBcc: v@x.com"),
            ("a\u{0}b\u{7f}c\u{9b}d", "a b c d", "a b c d"),
            ("call \u{202A}+370 600\u{202C}", "call +370 600", "call +370 600"),
            ("\u{2068}Anna\u{2069}", "Anna", "Anna"),
            ("\u{FEFF}gr\u{202E}een", "green", "green"),
            ("a\u{2028}b\u{2029}c\u{0B}d\u{0C}e\u{85}f", "a b c d e f", "a\nb\nc\nd\ne\nf"),
            ("a\tb", "a b", "a\tb"),
            ("a\r\nb\rc\n\nd", "a b c  d", "a\nb\nc\n\nd"),
            ("  Zoë \u{1F600} \"x\" ", "Zoë \u{1F600} \"x\"", "Zoë \u{1F600} \"x\""),
            ("שלום \u{200F}(x)", "שלום \u{200F}(x)", "שלום \u{200F}(x)"),
        ] {
            assert_eq!(
                (line(written, 255).unwrap(), block(written, 255).unwrap().unwrap()),
                (line_of_it.to_owned(), block_of_it.to_owned())
            );
            assert_eq!(
                (clean_line(line_of_it), clean_block(block_of_it)),
                (line_of_it.to_owned(), block_of_it.to_owned()),
                "clean stays clean"
            );
        }
        assert_eq!(line(" \u{202A}\u{FEFF} ", 255).unwrap_err(), TextError::Empty);
        assert_eq!(block(" \n \u{2069}", 10).unwrap(), None);
        assert_eq!(block("12345678901", 10).unwrap_err(), TextError::TooLong { max: 10, got: 11 });
        assert_eq!(Email::parse("\u{202A}anna@example.com\u{202C}").unwrap().as_str(), "anna@example.com");
    }
}
