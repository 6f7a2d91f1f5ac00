//! One-time passwords from the clock (RFC 6238, as authenticator apps make them: HMAC-SHA-1, 30 seconds, six digits).
//!
//! Owns: which code belongs to a moment, and which is still taken. What must stay true: a code opens once, so whoever checks one
//! remembers its step and gives it as `used` the next time. Refuses to know: where secrets are kept.

use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use ring::hmac;

/// Seconds for which a code holds.
const STEP: i64 = 30;
/// Clocks may differ by so many steps.
const TOLERANCE: i64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Bytes of a secret: as long as the hash (RFC 4226).
const SECRET: usize = 20;

/// A new secret in base32: 32 letters.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; SECRET];
    getrandom::fill(&mut bytes)?;
    Ok(BASE32_NOPAD.encode(&bytes))
}

/// What an app reads, as a picture or a link: `otpauth://totp/ISSUER:ACCOUNT?secret=..`.
pub fn address(secret: &str, issuer: &str, account: &str) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}")
}

/// Everything but letters, digits and `-._~` in percent form: apps read neither `+` nor raw letters of other alphabets.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        let _ = if plain(byte) {
            std::fmt::Write::write_char(&mut out, char::from(byte))
        } else {
            std::fmt::Write::write_fmt(&mut out, format_args!("%{byte:02X}"))
        };
        out
    })
}

/// The code that an app shows at this moment; `None` for what is no secret.
pub fn code(secret: &str, at: DateTime<Utc>) -> Option<String> {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    Some(format!("{:06}", code_of(&key, at.timestamp().div_euclid(STEP))))
}

/// The step whose code this is, if it is taken at this moment: that of the clock or one beside it, and later than `used`, the step of
/// the last code that was taken. Spaces between the digits do not matter.
pub fn accepted(secret: &str, code: &str, now: DateTime<Utc>, used: i64) -> Option<i64> {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let given: u32 = digits.parse().ok()?;
    let present = now.timestamp().div_euclid(STEP);
    (present - TOLERANCE..=present + TOLERANCE).find(|step| *step > used && code_of(&key, *step) == given)
}

/// The code of a step.
fn code_of(key: &[u8], step: i64) -> u32 {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = bytes.last().map_or(0, |byte| usize::from(byte & 0xf));
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    (word & 0x7fff_ffff) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// Appendix B of RFC 6238, its last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(accepted(&secret, code, at(seconds), 0), Some(seconds / 30), "{seconds}");
        }
        assert_eq!(code(&secret, at(1_111_111_109)).as_deref(), Some("081804"));
        assert_eq!(accepted(&secret, "353130", at(20_000_000_000), 0), Some(20_000_000_000 / 30));
    }

    #[test]
    fn a_code_opens_once_and_one_step_to_each_side() {
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        let (code, step) = ("287082", 1);
        for (seconds, wanted) in [(0, Some(step)), (59, Some(step)), (60, Some(step)), (89, Some(step)), (90, None), (-1, None)] {
            assert_eq!(accepted(&secret, code, at(seconds), -9), wanted, "{seconds}");
        }
        assert_eq!(accepted(&secret, code, at(59), step), None, "it was used");
        assert_eq!(accepted(&secret, code, at(59), step + 1), None, "a later one was used");
        assert_eq!(accepted(&secret, " 287 082 ", at(59), 0), Some(step));
        for wrong in ["", "28708", "2870820", "28708a", "287083", "+87082", "٢٨٧٠٨٢"] {
            assert_eq!(accepted(&secret, wrong, at(59), 0), None, "{wrong}");
        }
        assert_eq!(accepted("not base32!", code, at(59), 0), None);
    }

    #[test]
    fn an_app_reads_the_address() {
        let secret = new_secret().unwrap();
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, new_secret().unwrap());
        let address = address("ABC", "Rida Bikes: ąžuolas", "anna+1@rida.example");
        assert_eq!(
            address,
            "otpauth://totp/Rida%20Bikes%3A%20%C4%85%C5%BEuolas:anna%2B1%40rida.example?secret=ABC&issuer=Rida%20Bikes%3A%20%C4%85%C5%BEuolas&algorithm=SHA1&digits=6&period=30"
        );
    }
}
