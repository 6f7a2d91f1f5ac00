//! A mail's bytes as they go over the wire: no line of it can end it, and no bare line end can be misread.

use memchr::memchr2;

/// Makes every line end CRLF and doubles a dot at its start, so that no line of a mail can end it.
pub(super) fn stuff(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + message.len() / 64 + 16);
    let mut rest = message;
    while !rest.is_empty() {
        let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_mail_can_end_it() {
        for (raw, stuffed) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\r\n", "a\r\n"),
            (".", "..\r\n"),
            ("..\r\n.\r\n", "...\r\n..\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n"),
            ("a\r\n.\r\nMAIL FROM:<x@y.z>\r\n", "a\r\n..\r\nMAIL FROM:<x@y.z>\r\n"),
            ("a\n\r.\r\n", "a\r\n\r\n..\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n"),
        ] {
            let got = stuff(raw.as_bytes());
            assert_eq!(String::from_utf8(got).unwrap(), stuffed, "{raw:?}");
        }
    }
}
