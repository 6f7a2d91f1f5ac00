//! A small picture of a workspace, shown to customers on pages and in mails.
//!
//! Owns: what can be one. Refuses to know: where it is shown and how it is stored.

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

/// Largest picture as it is written down, in bytes: pages for customers stay small.
pub const MAX_LOGO: usize = 12 * 1024;

/// A text that is no picture for customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be a picture as data:image/png;base64,... (or jpeg, webp) of at most 12 kB")]
pub struct NoLogo;

/// Checks a small picture: a data URI of a kind that mail programs and browsers show, and that is what it says.
pub fn check(text: &str) -> Result<String, NoLogo> {
    /// Kind, where its mark stands, the mark.
    const KINDS: [(&str, usize, &[u8]); 3] = [("png", 0, b"\x89PNG\r\n\x1a\n"), ("jpeg", 0, b"\xff\xd8\xff"), ("webp", 8, b"WEBP")];
    let text = text.trim();
    let (kind, data) = text.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,")).ok_or(NoLogo)?;
    let bytes = STANDARD.decode(data).map_err(|_| NoLogo)?;
    let is_one = KINDS.iter().any(|(known, at, mark)| *known == kind && bytes.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
    if is_one && text.len() <= MAX_LOGO { Ok(text.to_owned()) } else { Err(NoLogo) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_what_it_says() {
        let uri = |kind: &str, bytes: &[u8]| format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
        assert!(check(&uri("png", b"\x89PNG\r\n\x1a\nrest")).is_ok());
        assert!(check(&uri("webp", b"RIFF1234WEBPVP8 ")).is_ok());
        for bad in
            [uri("png", b"<svg onload=x>"), uri("svg+xml", b"<svg/>"), uri("jpeg", b"\x89PNG\r\n\x1a\n"), "https://x/y.png".to_owned()]
        {
            assert_eq!(check(&bad), Err(NoLogo), "{bad}");
        }
        assert_eq!(check(&uri("png", &[b"\x89PNG\r\n\x1a\n".as_slice(), &[0; MAX_LOGO]].concat())), Err(NoLogo));
    }
}
