//! Words that come from outside: checked once, at the door, so that nothing behind it needs to.
//!
//! A control character or a bidirectional override in a name can break a mail header, a log line or
//! the reader's eye; none gets past this module.

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
    /// A character that must not be there.
    #[error("must not contain the character U+{0:04X}; remove it and send again")]
    Forbidden(u32),
    /// Not a mail address that we can deliver to.
    #[error("is not a mail address: {0}")]
    NotAnAddress(&'static str),
    /// Not a key.
    #[error("must be a key of 1 to 64 lower-case letters, digits, `-` or `_`")]
    NotAKey,
}

/// Characters that hide or reorder text, or end a line: C0, C1, DEL, U+2028/9, bidirectional controls, NUL.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// One line of text such as a name: trimmed, not empty, no control or bidirectional characters.
pub fn line(text: &str, max: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if let Some(bad) = text.chars().find(|c| is_forbidden(*c)) {
        return Err(TextError::Forbidden(u32::from(bad)));
    }
    limited(text, max)
}

/// Several lines of text such as a comment: line ends become `\n`, tabs stay, other controls are refused.
/// `None` when nothing but white space is left.
pub fn block(text: &str, max: usize) -> Result<Option<String>, TextError> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(bad) = text.chars().find(|c| is_forbidden(*c) && *c != '\n' && *c != '\t') {
        return Err(TextError::Forbidden(u32::from(bad)));
    }
    limited(text, max).map(Some)
}

/// A key such as a survey's: 1-64 of `a-z 0-9 - _`.
pub fn key(text: &str) -> Result<String, TextError> {
    let fits =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits { Ok(text.to_owned()) } else { Err(TextError::NotAKey) }
}

/// Replaces what [`line()`] would refuse by spaces: for text that was damaged before it reached us (imports).
pub fn clean_line(text: &str) -> String {
    text.chars().map(|c| if is_forbidden(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Replaces what [`block()`] would refuse by spaces: for text that was damaged before it reached us (imports).
pub fn clean_block(text: &str) -> String {
    text.chars().map(|c| if is_forbidden(c) && c != '\n' && c != '\t' && c != '\r' { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn limited(text: &str, max: usize) -> Result<String, TextError> {
    let got = text.chars().count();
    if got > max { Err(TextError::TooLong { max, got }) } else { Ok(text.to_owned()) }
}

/// A deliverable mail address: lower-cased, the domain in ASCII (A-label) form, at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Accepts `local@domain.tld`; refuses quoted local parts, address literals and domains without a dot.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > 254 {
            return Err(TextError::TooLong { max: 254, got: text.len() });
        }
        if let Some(bad) = text.chars().find(|c| is_forbidden(*c) || c.is_whitespace()) {
            return Err(TextError::Forbidden(u32::from(bad)));
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
    fn addresses_become_deliverable_or_are_refused_with_a_reason() {
        assert_eq!(Email::parse(" Anna@Example.COM ").unwrap().as_str(), "anna@example.com");
        assert_eq!(Email::parse("õie@näide.ee").unwrap().as_str(), "õie@xn--nide-loa.ee");
        assert_eq!(Email::parse("jonas@ąžuolas.lt").unwrap().domain(), "xn--uolas-2wa16f.lt");
        for bad in ["", "a", "a@b", "a@[127.0.0.1]", "a b@x.lt", "a@x.lt\r\nBcc: v@x.lt", "@x.lt", ".a@x.lt", "\"a\"@x.lt", "a@x.lt."] {
            assert!(Email::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn lines_and_blocks_refuse_what_breaks_headers_and_eyes() {
        for bad in ["Evil\r\nBcc: v@x.com", "a\0b", "a\u{202E}b", "a\u{2028}b", "a\u{7f}b"] {
            assert!(matches!(line(bad, 255), Err(TextError::Forbidden(_))), "{bad:?}");
            assert!(line(&clean_line(bad), 255).is_ok());
        }
        assert_eq!(line("  Zoë \u{1F600} \"x\" ", 255).unwrap(), "Zoë \u{1F600} \"x\"");
        assert_eq!(block("a\r\nb\rc", 10).unwrap().unwrap(), "a\nb\nc");
        assert_eq!(block(" \n ", 10).unwrap(), None);
        assert_eq!(block("12345678901", 10).unwrap_err(), TextError::TooLong { max: 10, got: 11 });
    }
}
