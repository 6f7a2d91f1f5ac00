//! DKIM (RFC 6376, RFC 8463): a mail says which domain answers for it.
//!
//! Signs by RSA and by Ed25519 beside each other, relaxed/relaxed, over the bytes that go out. The same mail and the same
//! keys give the same signature, so a mail that is sent again is the same mail. Owns: the keys, canonical forms, and what
//! has to stand in the DNS. Refuses to know: where keys are kept, and how a mail is built.

mod canonical;
mod key;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest;
use thiserror::Error;

use self::key::Key;
pub use self::key::KeyError;
use crate::message::Message;

/// The headers that are signed, as far as a mail has them. Those that are `true` are signed once more than they stand
/// there: nobody can add another on the way.
const SIGNED: [(&str, bool); 14] = [
    ("From", true),
    ("To", true),
    ("Subject", true),
    ("Reply-To", true),
    ("Date", false),
    ("Message-ID", false),
    ("In-Reply-To", false),
    ("References", false),
    ("MIME-Version", false),
    ("Content-Type", false),
    ("Auto-Submitted", false),
    ("Precedence", false),
    ("List-Unsubscribe", false),
    ("List-Unsubscribe-Post", false),
];

/// Characters of a signature in one line.
const LINE: usize = 72;

/// A selector and the key behind it, as its file holds it.
#[derive(Debug, Clone, Copy)]
pub struct KeyFile<'f> {
    /// The name in front of `._domainkey.` in the DNS.
    pub selector: &'f str,
    /// PEM, or for Ed25519 the base64 of 32 bytes.
    pub text: &'f str,
}

/// Why mail can't be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DkimError {
    /// Not a domain.
    #[error("the domain must be a full domain name such as example.com")]
    Domain,
    /// Not a selector.
    #[error("a selector has 1 to 63 of the characters a-z, 0-9 and -, such as mail2026")]
    Selector,
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature could not be made.
    #[error("the mail could not be signed")]
    Signing,
}

/// What somebody publishes in the DNS so that the signatures can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// `mail2026._domainkey.example.com`
    pub name: String,
    /// The text of the TXT record.
    pub text: String,
}

/// Signs for one domain.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    keys: Vec<(String, Key)>,
}

impl Signer {
    /// A signer with the keys that there are.
    pub fn new(domain: &str, rsa: Option<KeyFile<'_>>, ed25519: Option<KeyFile<'_>>) -> Result<Self, DkimError> {
        let is_domain = domain.contains('.') && domain.len() <= 253 && domain.split('.').all(is_label);
        if !is_domain {
            return Err(DkimError::Domain);
        }
        let mut keys = Vec::new();
        for (file, read) in [(ed25519, Key::ed25519 as fn(&str) -> Result<Key, KeyError>), (rsa, Key::rsa)] {
            let Some(KeyFile { selector, text }) = file else { continue };
            if !is_label(selector) {
                return Err(DkimError::Selector);
            }
            keys.push((selector.to_owned(), read(text)?));
        }
        Ok(Self { domain: domain.to_lowercase(), keys })
    }

    /// Whether signing takes so long that it must not hold up anything else.
    pub fn is_slow(&self) -> bool {
        self.keys.iter().any(|(_, key)| key.is_slow())
    }

    /// The mail with its signatures in front.
    pub fn sign(&self, message: Message) -> Result<Message, DkimError> {
        let (head, body) = canonical::split(&message.bytes).ok_or(DkimError::Signing)?;
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, &canonical::body(body)));
        let headers = canonical::headers(head);
        let find = |name: &str| headers.iter().rfind(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut names = Vec::new();
        let mut signed = String::new();
        for (name, once_more) in SIGNED {
            if let Some((_, value)) = find(name) {
                names.push(name);
                signed.push_str(&canonical::line(name, value));
                signed.push_str("\r\n");
            }
            if once_more {
                names.push(name);
            }
        }
        let mut front = String::new();
        for (selector, key) in &self.keys {
            let fields = format!(
                "v=1; a={}; c=relaxed/relaxed; d={}; s={selector};\r\n h={};\r\n bh={hash};\r\n b=",
                key.algorithm(),
                self.domain,
                names.join(":\r\n  ")
            );
            let signature = key.sign(&format!("{signed}{}", canonical::line("DKIM-Signature", &fields))).ok_or(DkimError::Signing)?;
            front.extend(["DKIM-Signature: ", &fields, &folded(&STANDARD.encode(signature)), "\r\n"]);
        }
        let bytes = [front.as_bytes(), &message.bytes].concat();
        Ok(Message { bytes, ..message })
    }

    /// What the DNS has to say, one record a key.
    pub fn records(&self) -> Vec<DnsRecord> {
        let record = |(selector, key): &(String, Key)| DnsRecord {
            name: format!("{selector}._domainkey.{}", self.domain),
            text: format!("v=DKIM1; k={}; p={}", key.kind(), STANDARD.encode(key.public())),
        };
        self.keys.iter().map(record).collect()
    }
}

fn is_label(label: &str) -> bool {
    let inside = (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    inside && !label.starts_with('-') && !label.ends_with('-')
}

/// Over several lines, none of which is too long for a mail.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / LINE * 3);
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            folded.push_str("\r\n ");
        }
        folded.push(character);
    }
    folded
}

#[cfg(test)]
mod tests;
