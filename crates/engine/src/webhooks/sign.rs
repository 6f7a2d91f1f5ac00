//! Signatures of Standard Webhooks (version 1): whoever has the secret can tell that a message is ours and is fresh.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How a secret is written: this, then base64.
pub const PREFIX: &str = "whsec_";
/// Bytes of a secret, from and to.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The bytes of a secret as written; else what is wrong with it.
pub fn secret(text: &str) -> Result<Vec<u8>, &'static str> {
    let encoded = text.strip_prefix(PREFIX).ok_or("must start with whsec_")?;
    let bytes = BASE64.decode(encoded).map_err(|_| "must be base64 after whsec_")?;
    if LENGTH.contains(&bytes.len()) { Ok(bytes) } else { Err("must have 24 to 64 bytes, written in base64 after whsec_") }
}

/// A secret of these bytes, as written.
pub fn write(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", BASE64.encode(bytes))
}

/// The value of `webhook-signature`: over the message's id, the seconds since 1970 at which it is sent, and its body.
pub fn signature(secret: &[u8], id: &str, timestamp: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification, also computed with `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let key = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn secrets_are_read_back_and_bad_ones_refused() {
        assert_eq!(secret(&write(&[7; 32])), Ok(vec![7; 32]));
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!", &write(&[1; 23]), &write(&[1; 65])] {
            assert!(secret(bad).is_err(), "{bad}");
        }
    }
}
