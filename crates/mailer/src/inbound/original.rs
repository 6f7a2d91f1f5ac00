//! The mail of ours that a notice brings back: as a part of its own, or as text below the notice.

use super::{
    head::Head,
    part::{Mail, Part},
};

/// Fields that a block must have some of to be the head of a mail, and not a list of facts in a notice.
const OF_MAILS: [&str; 7] = ["message-id", "received", "return-path", "mime-version", "content-type", "dkim-signature", "x-mailer"];
/// Least fields one below the other that are the head of a mail.
const LEAST: usize = 3;

/// What stands in a text before a mail that was returned in it, and that mail.
pub(super) fn split(text: &str) -> (&str, &str) {
    let mut block: Option<Block> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = field_name(line);
        block = match (block, name) {
            (None, Some(name)) => Some(Block { start: at, fields: 1, is_of_mail: is_of_mail(name) }),
            (Some(block), Some(name)) => {
                Some(Block { fields: block.fields + 1, is_of_mail: block.is_of_mail || is_of_mail(name), ..block })
            }
            (Some(block), None) if line.starts_with([' ', '\t']) && !line.trim().is_empty() => Some(block),
            (_, None) => None,
        };
        if let Some(block) = block.as_ref().filter(|block| block.fields >= LEAST && block.is_of_mail) {
            return text.split_at_checked(block.start).unwrap_or((text, ""));
        }
        at += line.len();
    }
    (text, "")
}

struct Block {
    start: usize,
    fields: usize,
    is_of_mail: bool,
}

fn is_of_mail(name: &str) -> bool {
    OF_MAILS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The name of a header field, `Message-ID: ...`.
fn field_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    let plain = name.len() > 1 && name.len() < 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then_some(name)
}

/// Whether a part is a mail, or the head of one.
pub(super) fn is_original(part: &Part<'_>) -> bool {
    matches!(
        part.media.kind.as_str(),
        "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/rfc822-headers" | "message/partial"
    )
}

/// Does something with the head of each mail that was returned.
pub(super) fn each<T>(mail: &Mail<'_>, text: &str, with: impl Fn(&Head<'_>) -> Vec<T>) -> Vec<T> {
    let mut found = Vec::new();
    for part in mail.parts.iter().filter(|part| is_original(part)) {
        let bytes = part.bytes();
        if let Ok((head, _)) = Head::split(bytes.trim_ascii_start()) {
            found.extend(with(&head));
        }
    }
    let (_, below) = split(text);
    if let Ok((head, _)) = Head::split(below.as_bytes()) {
        found.extend(with(&head));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_mail_begins_with_its_head() {
        let below = "From: a@b.lt\nTo: c@d.lt\nReceived: x\n\ty\nMessage-ID: <1@b.lt>\n\nhello\n";
        let notice = "Sorry.\nReason: no\nCode: 550\nTo: c@d.lt\n\n--- copy ---\n";
        assert_eq!(split(&format!("{notice}{below}")), (notice, below));
        for whole in ["", "Sorry.\nTo: c@d.lt\nSubject: x\nSent: today\n", "Message-ID: 1\nTo: x\n\nFrom: y\n"] {
            assert_eq!(split(whole), (whole, ""));
        }
    }
}
