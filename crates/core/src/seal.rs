//! Sealing: how secrets that must be read back lie in the database.
//!
//! A sealed value is `s1.KEY.BODY`: the id of the secret key that sealed it, and a random nonce, the ChaCha20-Poly1305
//! ciphertext and its tag in base64url. The cipher's key is derived for one kind of secret by HKDF-SHA-256, and the workspace
//! and the row are authenticated with the value: one that was copied to another row, column or workspace does not open.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use thiserror::Error;
use uuid::Uuid;

use crate::token::{SecretKey, hex, hmac};

/// A secret that is kept sealed. Each kind has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Where a webhook is; its path may carry a token. The row is its key.
    WebhookUrl,
    /// What signs the messages to a webhook. The row is its key.
    WebhookSecret,
    /// What proves who a visitor of a widget's page is. The row is its id.
    WidgetSecret,
    /// A code that is worth money. The row is its id.
    GiftCode,
    /// What one-time passwords of a user are made of. The row is the user's id.
    OneTimePassword,
}

impl Sealed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookUrl => "webhook_url",
            Self::WebhookSecret => "webhook_secret",
            Self::WidgetSecret => "widget_secret",
            Self::GiftCode => "gift_code",
            Self::OneTimePassword => "one_time_password",
        }
    }

    /// What is authenticated beside the secret: whose it is. The lengths are fixed or at the end, so no two are written alike.
    fn owner(workspace: Uuid, row: &[u8]) -> Aad<Vec<u8>> {
        Aad::from([workspace.as_bytes().as_slice(), row].concat())
    }
}

/// Why a sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// None of the keys that are known made it.
    #[error("was sealed with another secret key (its id is {0}): give that one as secret_key_old, or set the value anew")]
    OtherKey(String),
    /// It was changed, cut, or copied from another row.
    #[error("is damaged or was sealed for another row; set the value anew")]
    Damaged,
    /// The operating system gave no random numbers.
    #[error("can't be sealed: the system gives no random numbers")]
    NoRandomness,
}

impl SecretKey {
    /// Seals `secret` for this row.
    pub fn seal(&self, what: Sealed, workspace: Uuid, row: &[u8], secret: &str) -> Result<String, Unreadable> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| Unreadable::NoRandomness)?;
        let mut body = Vec::with_capacity(NONCE_LEN + secret.len() + MAX_TAG_LEN);
        body.extend_from_slice(secret.as_bytes());
        let owner = Sealed::owner(workspace, row);
        let cipher = cipher(self.current(), what).ok_or(Unreadable::Damaged)?;
        cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), owner, &mut body).map_err(|_| Unreadable::Damaged)?;
        body.splice(..0, nonce);
        Ok(format!("s1.{}.{}", key_id(self.current()), URL_SAFE_NO_PAD.encode(body)))
    }

    /// Opens what [`SecretKey::seal`] made for the same row, with this key or an older one beside it.
    pub fn open(&self, what: Sealed, workspace: Uuid, row: &[u8], sealed: &str) -> Result<String, Unreadable> {
        let (id, body) = parts(sealed).ok_or(Unreadable::Damaged)?;
        let key = self.all().find(|key| key_id(key) == id).ok_or_else(|| Unreadable::OtherKey(id.to_owned()))?;
        let mut body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Unreadable::Damaged)?;
        let nonce = body.get(..NONCE_LEN).and_then(|nonce| Nonce::try_assume_unique_for_key(nonce).ok()).ok_or(Unreadable::Damaged)?;
        let owner = Sealed::owner(workspace, row);
        let cipher = cipher(key, what).ok_or(Unreadable::Damaged)?;
        let secret = cipher.open_within(nonce, owner, &mut body, NONCE_LEN..).map_err(|_| Unreadable::Damaged)?;
        String::from_utf8(secret.to_vec()).map_err(|_| Unreadable::Damaged)
    }

    /// Whether a sealed value was made with an older key (or one that is not known) and should be sealed anew.
    pub fn is_outdated(&self, sealed: &str) -> bool {
        parts(sealed).is_none_or(|(id, _)| id != key_id(self.current()))
    }

    /// The id of the key that seals: says which it is and nothing of what it is.
    pub fn id(&self) -> String {
        key_id(self.current())
    }

    /// Whether this is the key with that id, or it stands beside it as an older one.
    pub fn knows(&self, id: &str) -> bool {
        self.all().any(|key| key_id(key) == id)
    }

    /// What a sealed secret is found by: the same for the same secret under the same key, and it tells nothing without the key.
    pub fn lookup(&self, what: Sealed, workspace: Uuid, secret: &str) -> String {
        lookup(self.current(), what, workspace, secret)
    }

    /// The same under each key that is known, the current one first.
    pub fn lookups(&self, what: Sealed, workspace: Uuid, secret: &str) -> Vec<String> {
        self.all().map(|key| lookup(key, what, workspace, secret)).collect()
    }
}

/// The key's id and the body of a sealed value.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix("s1.")?.split_once('.').filter(|(id, _)| id.len() == 2 * KEY_ID)
}

/// Bytes of a key's id.
const KEY_ID: usize = 4;

fn key_id(key: &[u8]) -> String {
    hex(hmac(key, b"hearback/key_id/v1").get(..KEY_ID).unwrap_or_default())
}

fn lookup(key: &[u8], what: Sealed, workspace: Uuid, secret: &str) -> String {
    let derived = hmac(key, format!("hearback/lookup/{}/v1", what.as_str()).as_bytes());
    hex(hmac(&derived, &[workspace.as_bytes().as_slice(), secret.as_bytes()].concat()).get(..16).unwrap_or_default())
}

/// The cipher of one kind of secret; never `None`: the length that is asked of HKDF is that of the cipher's key.
fn cipher(key: &[u8], what: Sealed) -> Option<LessSafeKey> {
    let info = format!("hearback/seal/{}/v1", what.as_str());
    let derived = Salt::new(HKDF_SHA256, b"hearback").extract(key);
    let key: UnboundKey = derived.expand(&[info.as_bytes()], &CHACHA20_POLY1305).ok()?.into();
    Some(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WS: Uuid = Uuid::from_u128(1);
    const ROW: &[u8] = b"slack";

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_only_where_it_belongs() {
        let key = key(7);
        let sealed = key.seal(Sealed::WebhookUrl, WS, ROW, "https://hooks.example/T0/ą").unwrap();
        assert!(!sealed.contains("hooks") && sealed.starts_with(&format!("s1.{}.", key.id())), "{sealed}");
        assert_eq!(key.open(Sealed::WebhookUrl, WS, ROW, &sealed).as_deref(), Ok("https://hooks.example/T0/ą"));
        for (what, workspace, row) in
            [(Sealed::WebhookSecret, WS, ROW), (Sealed::WebhookUrl, Uuid::from_u128(2), ROW), (Sealed::WebhookUrl, WS, b"teams".as_slice())]
        {
            assert_eq!(key.open(what, workspace, row, &sealed), Err(Unreadable::Damaged));
        }
    }

    #[test]
    fn the_same_secret_is_never_sealed_alike() {
        let key = key(7);
        assert_ne!(key.seal(Sealed::GiftCode, WS, ROW, "A").unwrap(), key.seal(Sealed::GiftCode, WS, ROW, "A").unwrap());
    }

    #[test]
    fn whatever_was_changed_does_not_open() {
        let key = key(7);
        let sealed = key.seal(Sealed::GiftCode, WS, ROW, "SAVE-10").unwrap();
        for at in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            assert!(key.open(Sealed::GiftCode, WS, ROW, std::str::from_utf8(&forged).unwrap()).is_err(), "position {at}");
        }
        for bad in ["", "SAVE-10", "s1.", "s1..", &sealed[..20], &sealed[..sealed.len() - 1]] {
            assert_eq!(key.open(Sealed::GiftCode, WS, ROW, bad), Err(Unreadable::Damaged), "{bad}");
        }
    }

    #[test]
    fn a_new_key_reads_what_the_old_one_sealed_when_it_stands_beside_it() {
        let (old, new) = (key(7), key(8));
        let sealed = old.seal(Sealed::GiftCode, WS, ROW, "SAVE-10").unwrap();
        assert_eq!(new.open(Sealed::GiftCode, WS, ROW, &sealed), Err(Unreadable::OtherKey(old.id())));
        let both = new.clone().with_older(old.clone());
        assert_eq!(both.open(Sealed::GiftCode, WS, ROW, &sealed).as_deref(), Ok("SAVE-10"));
        assert!(both.is_outdated(&sealed) && !old.is_outdated(&sealed));
        let anew = both.seal(Sealed::GiftCode, WS, ROW, "SAVE-10").unwrap();
        assert!(!both.is_outdated(&anew));
        assert_eq!(new.open(Sealed::GiftCode, WS, ROW, &anew).as_deref(), Ok("SAVE-10"));
        assert!(both.knows(&old.id()) && !new.knows(&old.id()));
    }

    #[test]
    fn a_secret_is_found_again_by_what_tells_nothing() {
        let (old, new) = (key(7), key(8));
        let found = old.lookup(Sealed::GiftCode, WS, "SAVE-10");
        assert_eq!(found, old.lookup(Sealed::GiftCode, WS, "SAVE-10"));
        assert_ne!(found, old.lookup(Sealed::GiftCode, WS, "SAVE-11"));
        assert_ne!(found, old.lookup(Sealed::GiftCode, Uuid::from_u128(2), "SAVE-10"));
        assert_ne!(found, new.lookup(Sealed::GiftCode, WS, "SAVE-10"));
        assert_eq!(new.with_older(old).lookups(Sealed::GiftCode, WS, "SAVE-10")[1], found);
    }
}
