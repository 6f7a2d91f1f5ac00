//! Secrets and signed tokens: the keys behind links that act without a log-in.
//!
//! A token names its purpose inside the signed part and is signed with a key derived for that
//! purpose, so a link made for one thing never opens another. It carries ids, never an address.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsub",
            Self::Referral => "referral",
            Self::Testimonial => "testimonial",
        }
    }
}

/// The workspace-independent master key; everything signed is derived from it. 32 bytes or more.
#[derive(Clone)]
pub struct SecretKey(Vec<u8>);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Wraps key material; shorter than 32 bytes is refused.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 32).then(|| Self(bytes.to_vec()))
    }

    fn mac(&self, purpose: Purpose, subject: &[u8]) -> [u8; 16] {
        let derived = hmac(&self.0, format!("hearback/{}/v1", purpose.as_str()).as_bytes());
        let full = hmac(&derived, subject);
        let mut short = [0; 16];
        short.copy_from_slice(full.get(..16).unwrap_or(&[0; 16]));
        short
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
        let genuine = self.mac(purpose, signed);
        // Compare every byte whatever the first difference: the time taken tells nothing.
        let differs = mac.len() != genuine.len() || mac.iter().zip(genuine).fold(0, |acc, (a, b)| acc | (a ^ b)) != 0;
        let (workspace, subject) = signed.split_at_checked(16)?;
        if differs { None } else { Some((Uuid::from_slice(workspace).ok()?, Uuid::from_slice(subject).ok()?)) }
    }
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length, so the error case is empty; an empty key is still no panic.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

/// SHA-256 of a secret that has enough entropy of its own (API keys, session tokens): what the database keeps.
pub fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
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
}
