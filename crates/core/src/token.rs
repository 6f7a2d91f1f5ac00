//! Secrets and signed tokens: the keys behind links that act without a log-in.
//!
//! A token names its purpose inside the signed part and is signed with a key derived for that
//! purpose, so a link made for one thing never opens another. It carries ids, never an address.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a signed link may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Stop mail to a person. Never expires.
    Unsubscribe,
    /// Name a promoter's referral link.
    Referral,
    /// Give, change or take back words about us. The subject is a case.
    Testimonial,
    /// Answer a survey. The subject is an invitation.
    Survey,
    /// Look at a survey as customers will see it; nothing is stored. The subject is a survey version.
    Preview,
    /// Prove that a page was shown before its form came back. The subject is what the page was about.
    Page,
    /// Get or delete everything about a person, for a short time.
    OwnData,
    /// Where a bounce of a mail comes to. The subject is a delivery.
    Bounce,
    /// Where a reply to a mail comes to. The subject is a delivery.
    Reply,
    /// Go on with a log-in whose password was right, by a code. The subject is a user.
    LogIn,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsub",
            Self::Referral => "referral",
            Self::Testimonial => "testimonial",
            Self::Survey => "survey",
            Self::Preview => "preview",
            Self::Page => "page",
            Self::OwnData => "own_data",
            Self::Bounce => "verp",
            Self::Reply => "reply",
            Self::LogIn => "log_in",
        }
    }
}

/// The workspace-independent master key, 32 bytes or more: everything that is signed here or sealed ([`crate::seal`]) is
/// derived from it. Beside it may stand older ones, with which nothing is made any more, but what was made is still read.
#[derive(Clone)]
pub struct SecretKey {
    current: Vec<u8>,
    older: Vec<Vec<u8>>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Wraps key material; shorter than 32 bytes is refused.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 32).then(|| Self { current: bytes.to_vec(), older: Vec::new() })
    }

    /// The same key, which also reads what another one made.
    #[must_use]
    pub fn with_older(mut self, other: Self) -> Self {
        self.older.push(other.current);
        self.older.extend(other.older);
        self
    }

    /// The key that makes things.
    pub(crate) fn current(&self) -> &[u8] {
        &self.current
    }

    /// All that read, the current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.current()).chain(self.older.iter().map(Vec::as_slice))
    }

    fn mac(&self, purpose: Purpose, subject: &[u8]) -> [u8; MAC] {
        mac(self.current(), purpose, subject)
    }

    /// Whether one of the keys made these first bytes of a code over `subject`.
    fn made(&self, given: &[u8], purpose: Purpose, subject: &[u8]) -> bool {
        self.all().any(|key| same(given, mac(key, purpose, subject).get(..given.len()).unwrap_or_default()))
    }

    /// A token for `subject` in `workspace`: `v1.` and 48 bytes in base64url.
    pub fn sign(&self, purpose: Purpose, workspace: Uuid, subject: Uuid) -> String {
        let mut bytes = [workspace.as_bytes().as_slice(), subject.as_bytes()].concat();
        let mac = self.mac(purpose, &bytes);
        bytes.extend_from_slice(&mac);
        format!("v1.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The workspace and subject of a genuine token for this purpose; `None` for anything else.
    pub fn verify(&self, purpose: Purpose, token: &str) -> Option<(Uuid, Uuid)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("v1.")?).ok()?;
        let (signed, mac) = bytes.split_at_checked(32)?;
        let is_genuine = mac.len() == MAC && self.made(mac, purpose, signed);
        let (workspace, subject) = signed.split_at_checked(16)?;
        if is_genuine { Some((Uuid::from_slice(workspace).ok()?, Uuid::from_slice(subject).ok()?)) } else { None }
    }

    /// A token that also carries a moment: when it was made, or until when it holds. `v2.` and 56 bytes in base64url.
    pub fn sign_at(&self, purpose: Purpose, workspace: Uuid, subject: Uuid, at: DateTime<Utc>) -> String {
        let mut bytes = [workspace.as_bytes().as_slice(), subject.as_bytes(), &at.timestamp_millis().to_be_bytes()].concat();
        let mac = self.mac(purpose, &bytes);
        bytes.extend_from_slice(&mac);
        format!("v2.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The workspace, the subject and the moment of a genuine token of [`SecretKey::sign_at`]; `None` for anything else.
    pub fn verify_at(&self, purpose: Purpose, token: &str) -> Option<(Uuid, Uuid, DateTime<Utc>)> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("v2.")?).ok()?;
        let (signed, mac) = bytes.split_at_checked(40)?;
        if mac.len() != MAC || !self.made(mac, purpose, signed) {
            return None;
        }
        let (workspace, rest) = signed.split_at_checked(16)?;
        let (subject, at) = rest.split_at_checked(16)?;
        let at = DateTime::from_timestamp_millis(i64::from_be_bytes(at.try_into().ok()?))?;
        Some((Uuid::from_slice(workspace).ok()?, Uuid::from_slice(subject).ok()?, at))
    }

    /// A token that fits into the local part of a mail address: 42 characters of `a-z 2-7`, the same in any case of letters.
    /// It carries the subject and 80 bits that only this key can make; the workspace is known by trying.
    pub fn mark(&self, purpose: Purpose, workspace: Uuid, subject: Uuid) -> String {
        let mac = self.mac(purpose, &[workspace.as_bytes().as_slice(), subject.as_bytes()].concat());
        base32([subject.as_bytes().as_slice(), mac.get(..10).unwrap_or_default()].concat())
    }

    /// The workspace (one of these) and the subject of a genuine token of [`SecretKey::mark`]; `None` for anything else.
    pub fn read_mark(&self, purpose: Purpose, token: &str, workspaces: impl IntoIterator<Item = Uuid>) -> Option<(Uuid, Uuid)> {
        let bytes = unbase32(token)?;
        let (subject, mac) = bytes.split_at_checked(16)?;
        let subject = Uuid::from_slice(subject).ok()?;
        let signed = |workspace: &Uuid| [workspace.as_bytes().as_slice(), subject.as_bytes()].concat();
        let found = workspaces.into_iter().find(|workspace| self.made(mac, purpose, &signed(workspace)))?;
        Some((found, subject))
    }
}

/// Bytes of a code at the end of a token.
const MAC: usize = 16;

fn mac(key: &[u8], purpose: Purpose, subject: &[u8]) -> [u8; MAC] {
    let derived = hmac(key, format!("hearback/{}/v1", purpose.as_str()).as_bytes());
    let full = hmac(&derived, subject);
    let mut short = [0; MAC];
    short.copy_from_slice(full.get(..MAC).unwrap_or(&[0; MAC]));
    short
}

/// Compares every byte whatever the first difference: the time taken tells nothing.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// RFC 4648, lower case, without padding.
fn base32(bytes: Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes.into_iter().chain([0]) {
        held = (held << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32.get((held >> bits) as usize & 31).copied().unwrap_or(b'a')));
        }
        held &= (1 << bits) - 1;
    }
    // The byte of zeros above only filled up the last letter.
    text.truncate(MARK);
    text
}

/// Letters of a mark: 26 bytes.
const MARK: usize = 42;

fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(26);
    let (mut held, mut bits) = (0_u32, 0);
    if text.len() != MARK {
        return None;
    }
    for letter in text.bytes() {
        let value = BASE32.iter().position(|known| *known == letter.to_ascii_lowercase())?;
        held = (held << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    // Two letters must not stand for one token.
    (held == 0).then_some(bytes)
}

pub(crate) fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length, so the error case is empty; an empty key is still no panic.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

/// Whether `signature` is HMAC-SHA-256 of `text` under `secret`, in hexadecimal: how others prove to us who somebody is.
pub fn is_signed(secret: &str, text: &str, signature: &str) -> bool {
    same(signature_of(secret, text).as_bytes(), signature.to_ascii_lowercase().as_bytes())
}

/// The signature that [`is_signed`] takes.
pub fn signature_of(secret: &str, text: &str) -> String {
    hex(&hmac(secret.as_bytes(), text.as_bytes()))
}

/// SHA-256 of a secret that has enough entropy of its own (API keys, session tokens): what the database keeps.
pub fn fingerprint(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    })
}

/// 256 random bits in base64url, from the operating system's generator.
pub fn random_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_open_only_what_they_were_made_for() {
        let key = SecretKey::new(&[7; 32]).unwrap();
        let other = SecretKey::new(&[8; 32]).unwrap();
        let (workspace, person) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = key.sign(Purpose::Unsubscribe, workspace, person);
        assert_eq!(key.verify(Purpose::Unsubscribe, &token), Some((workspace, person)));
        assert_eq!(other.verify(Purpose::Unsubscribe, &token), None);
        for index in 3..token.len() {
            let mut forged: Vec<char> = token.chars().collect();
            forged[index] = if forged[index] == 'A' { 'B' } else { 'A' };
            let forged: String = forged.into_iter().collect();
            assert_eq!(key.verify(Purpose::Unsubscribe, &forged), None, "position {index}");
        }
        assert!(SecretKey::new(&[0; 31]).is_none());
    }

    #[test]
    fn an_older_key_reads_and_makes_nothing() {
        let (old, new) = (SecretKey::new(&[7; 32]).unwrap(), SecretKey::new(&[8; 32]).unwrap());
        let both = new.clone().with_older(old.clone());
        let (workspace, person) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = old.sign(Purpose::Unsubscribe, workspace, person);
        assert_eq!(
            (both.verify(Purpose::Unsubscribe, &token), new.verify(Purpose::Unsubscribe, &token)),
            (Some((workspace, person)), None)
        );
        assert_eq!(both.read_mark(Purpose::Reply, &old.mark(Purpose::Reply, workspace, person), [workspace]), Some((workspace, person)));
        assert_eq!(both.sign(Purpose::Unsubscribe, workspace, person), new.sign(Purpose::Unsubscribe, workspace, person));
        assert_eq!(both.verify(Purpose::Unsubscribe, &token[..token.len() - 2]), None);
    }

    #[test]
    fn a_token_with_a_moment_carries_it() {
        let key = SecretKey::new(&[7; 32]).unwrap();
        let (workspace, person) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = DateTime::from_timestamp_millis(1_760_000_000_123).unwrap();
        let token = key.sign_at(Purpose::OwnData, workspace, person, at);
        assert_eq!(key.verify_at(Purpose::OwnData, &token), Some((workspace, person, at)));
        assert_eq!(key.verify_at(Purpose::Page, &token), None);
        assert_eq!(key.verify(Purpose::OwnData, &token), None);
        assert_eq!(key.verify_at(Purpose::OwnData, &format!("{}A", &token[..token.len() - 1])), None);
    }

    const PURPOSES: [Purpose; 9] = [
        Purpose::Unsubscribe,
        Purpose::Referral,
        Purpose::Testimonial,
        Purpose::Survey,
        Purpose::Preview,
        Purpose::Page,
        Purpose::OwnData,
        Purpose::Bounce,
        Purpose::Reply,
    ];

    /// Every text that differs from `token` in one character out of `alphabet`, and every one that is cut short or too long.
    fn forgeries<'a>(token: &'a str, alphabet: &'a str) -> impl Iterator<Item = String> + 'a {
        let changed = (0..token.len()).flat_map(move |at| {
            let others = alphabet.chars().filter(move |letter| !token[at..].starts_with(*letter));
            others.map(move |letter| format!("{}{letter}{}", &token[..at], &token[at + 1..]))
        });
        let cut = (0..token.len()).map(|end| token[..end].to_owned());
        changed.chain(cut).chain(alphabet.chars().map(move |letter| format!("{token}{letter}")))
    }

    #[test]
    fn no_change_of_a_token_is_taken_and_none_for_another_purpose() {
        let key = SecretKey::new(&[7; 32]).unwrap();
        let (workspace, subject) = (Uuid::from_u128(0x1111), Uuid::from_u128(0x2222));
        let at = DateTime::from_timestamp_millis(1_760_000_000_123).unwrap();
        let url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
        for purpose in PURPOSES {
            let (token, dated, mark) = (
                key.sign(purpose, workspace, subject),
                key.sign_at(purpose, workspace, subject, at),
                key.mark(purpose, workspace, subject),
            );
            for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
                assert_eq!(key.verify(other, &token), None, "{purpose:?} as {other:?}");
                assert_eq!(key.verify_at(other, &dated), None, "{purpose:?} as {other:?}");
                assert_eq!(key.read_mark(other, &mark, [workspace]), None, "{purpose:?} as {other:?}");
            }
            for forged in forgeries(&token, url) {
                assert!(key.verify(purpose, &forged).is_none() && key.verify_at(purpose, &forged).is_none(), "{forged}");
            }
            for forged in forgeries(&dated, url) {
                assert!(key.verify(purpose, &forged).is_none() && key.verify_at(purpose, &forged).is_none(), "{forged}");
            }
            for forged in forgeries(&mark, "abcdefghijklmnopqrstuvwxyz234567=") {
                assert_eq!(key.read_mark(purpose, &forged, [workspace]), None, "{forged}");
            }
        }
    }

    #[test]
    fn a_genuine_signature_is_of_no_use_for_another_workspace_or_subject() {
        let key = SecretKey::new(&[7; 32]).unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = key.sign(Purpose::Survey, one, one);
        let moved = |workspace: Uuid, subject: Uuid| {
            let genuine = URL_SAFE_NO_PAD.decode(&token[3..]).unwrap();
            let bytes = [workspace.as_bytes(), subject.as_bytes(), &genuine[32..]].concat();
            key.verify(Purpose::Survey, &format!("v1.{}", URL_SAFE_NO_PAD.encode(bytes)))
        };
        assert_eq!(moved(one, one), Some((one, one)));
        assert_eq!((moved(other, one), moved(one, other), moved(other, other)), (None, None, None));
        assert_eq!(key.read_mark(Purpose::Reply, &key.mark(Purpose::Reply, one, one), [other]), None);
    }

    /// Computed with `openssl dgst -sha256 -hmac`.
    #[test]
    fn what_others_sign_is_checked() {
        let signature = "062f348d85b72234fd22f45df2de75f6258b83e441d9a9a11a49cb8dc76d13f0";
        assert!(is_signed("secret", "email:anna@example.com", signature));
        assert!(is_signed("secret", "email:anna@example.com", &signature.to_uppercase()));
        for (secret, text, signature) in [
            ("other", "email:anna@example.com", signature),
            ("secret", "id:anna@example.com", signature),
            ("secret", "email:anna@example.com", ""),
        ] {
            assert!(!is_signed(secret, text, signature));
        }
    }

    #[test]
    fn a_mark_fits_an_address_in_any_case() {
        let key = SecretKey::new(&[7; 32]).unwrap();
        let (workspace, mail) = (Uuid::from_u128(1), Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003));
        let mark = key.mark(Purpose::Bounce, workspace, mail);
        assert_eq!(mark.len(), 42);
        let all = [Uuid::nil(), workspace];
        assert_eq!(key.read_mark(Purpose::Bounce, &mark, all), Some((workspace, mail)));
        assert_eq!(key.read_mark(Purpose::Bounce, &mark.to_uppercase(), all), Some((workspace, mail)));
        assert_eq!(key.read_mark(Purpose::Reply, &mark, all), None);
        assert_eq!(key.read_mark(Purpose::Bounce, &mark, [Uuid::nil()]), None);
        for index in 0..mark.len() {
            let mut forged: Vec<u8> = mark.clone().into_bytes();
            forged[index] = if forged[index] == b'a' { b'b' } else { b'a' };
            assert_eq!(key.read_mark(Purpose::Bounce, std::str::from_utf8(&forged).unwrap(), all), None, "letter {index}");
        }
        assert_eq!(key.read_mark(Purpose::Bounce, "", all), None);
    }
}
