//! Keys that sign, in the forms in which people have them.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{self, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use thiserror::Error;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem::PemObject};

/// Why a key can't be used. Never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not a key of RSA.
    #[error("is not an RSA key of 2048 to 4096 bits in PEM; make one with `openssl genrsa -out FILE 2048`")]
    Rsa,
    /// Not a key of Ed25519.
    #[error("is neither an Ed25519 key in PEM nor 32 bytes in base64; make one with `openssl genpkey -algorithm ed25519 -out FILE`")]
    Ed25519,
}

/// A private key.
pub(super) enum Key {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Key {
    /// From PKCS#1 or PKCS#8 in PEM.
    pub(super) fn rsa(text: &str) -> Result<Self, KeyError> {
        let pair = match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            Ok(PrivateKeyDer::Pkcs8(key)) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(KeyError::Rsa),
        };
        pair.map(Self::Rsa).map_err(|_| KeyError::Rsa)
    }

    /// From PKCS#8 in PEM, or from the 32 bytes themselves in base64.
    pub(super) fn ed25519(text: &str) -> Result<Self, KeyError> {
        let pair = if let Ok(PrivateKeyDer::Pkcs8(key)) = PrivateKeyDer::from_pem_slice(text.as_bytes()) {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der())
        } else {
            Ed25519KeyPair::from_seed_unchecked(&STANDARD.decode(text.trim()).map_err(|_| KeyError::Ed25519)?)
        };
        pair.map(Self::Ed25519).map_err(|_| KeyError::Ed25519)
    }

    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519-sha256",
            Self::Rsa(_) => "rsa-sha256",
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::Rsa(_) => "rsa",
        }
    }

    pub(super) const fn is_slow(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }

    /// The signature; `None` when the machine gives no random bytes.
    pub(super) fn sign(&self, text: &str) -> Option<Vec<u8>> {
        match self {
            // RFC 8463: what is signed is the hash.
            Self::Ed25519(pair) => Some(pair.sign(digest::digest(&digest::SHA256, text.as_bytes()).as_ref()).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    /// The public key as the DNS says it: SubjectPublicKeyInfo for RSA, the plain bytes for Ed25519.
    pub(super) fn public(&self) -> Vec<u8> {
        /// The sequence of rsaEncryption (1.2.840.113549.1.1.1) and NULL.
        const RSA: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
        match self {
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let bits = [&[0], pair.public_key().as_ref()].concat();
                der(0x30, &[RSA.as_slice(), &der(0x03, &bits)].concat())
            }
        }
    }
}

/// A value of ASN.1 with its tag and its length in two bytes, which is enough for every key.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[tag, 0x82, high, low], value].concat()
}
