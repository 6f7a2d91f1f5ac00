//! A text becomes the body of a part: seven bits, short lines.
//!
//! What is short and plain stays readable as it is, what is mostly letters of other scripts becomes base64 (both by lettre);
//! between them everything is quoted-printable (RFC 2045, 6.7). That is what nearly all mail of ours is, so it is made here, in one pass:
//! lettre's way looks at each letter five times.

use lettre::message::{Body, header::ContentTransferEncoding};

/// Longest line of quoted-printable, with the sign that it goes on.
const LONGEST: usize = 76;

/// The body that says this text, its lines ended by CRLF.
pub(super) fn body(text: &str) -> Body {
    let text = tidy(text);
    let is_short = || text.split('\n').all(|line| line.len() < LONGEST);
    let foreign = || text.bytes().fold(0, |count, byte| count + usize::from(!is_plain(byte)));
    if (text.is_ascii() && is_short()) || foreign() > text.len() / 3 {
        return Body::new(text);
    }
    Body::dangerous_pre_encoded(quoted(&text), ContentTransferEncoding::QuotedPrintable)
}

/// Every line ended by CRLF, and no control character but the tab.
fn tidy(text: &str) -> String {
    let normal = if text.contains('\r') { &text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    // 0xC2 begins the C1 controls, and a few letters that lose nothing by the slower way.
    let is_clean = normal.bytes().fold(true, |clean, byte| clean & !matches!(byte, 0..=8 | 11..=31 | 0x7F | 0xC2));
    if is_clean {
        return normal.replace('\n', "\r\n");
    }
    let visible = |c: char| if c.is_control() && !matches!(c, '\t' | '\n') { ' ' } else { c };
    normal.chars().map(visible).collect::<String>().replace('\n', "\r\n")
}

/// Whether a byte may stand for itself. White space may not at the end of a line.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~')
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8 + 64);
    for line in text.as_bytes().split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = line.strip_suffix(b"\r\n").map_or((line, &b""[..]), |line| (line, &b"\r\n"[..]));
        quote(line, &mut out);
        out.extend_from_slice(end);
    }
    out
}

/// One line, as several where it is long.
fn quote(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, byte) in line.iter().enumerate() {
        // White space at the very end of a line would be lost on the way.
        let stands = is_plain(*byte) && *byte != b'=' && (at + 1 < line.len() || !matches!(byte, b' ' | b'\t'));
        let width = if stands { 1 } else { 3 };
        if column + width > LONGEST - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        column += width;
        if stands {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'=', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}

const fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads quoted-printable as any mail program does.
    fn read(body: &str) -> String {
        let joined = body.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'=' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                rest = &after[2..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_quoted_says_the_same_in_short_lines_of_seven_bits() {
        let long = "Žąsis = plaukia ".repeat(40);
        for text in [
            "",
            "a=b",
            "Ačiū, Ona! ",
            "tab at the end\t",
            " ",
            "\r\n\r\nč",
            &long,
            &"x".repeat(75),
            &"x".repeat(76),
            &format!("{}=", "x".repeat(74)),
            &format!("{} ", "x".repeat(75)),
            &format!("{}ū\r\n.\r\n{}", "x".repeat(73), "y ".repeat(300)),
        ] {
            let quoted = String::from_utf8(quoted(text)).unwrap();
            assert_eq!(read(&quoted), text);
            for line in quoted.split("\r\n") {
                assert!(line.len() <= 76 && line.is_ascii(), "{line:?}");
                assert!(!line.ends_with([' ', '\t']), "{line:?}");
            }
        }
    }

    #[test]
    fn the_shortest_way_of_the_three_is_taken() {
        let way = |text: &str| body(text).encoding();
        assert_eq!(way("Thank you.\n"), ContentTransferEncoding::SevenBit);
        assert_eq!(way(&"x".repeat(80)), ContentTransferEncoding::QuotedPrintable);
        assert_eq!(way("Ačiū, kad atsakėte į klausimą."), ContentTransferEncoding::QuotedPrintable);
        assert_eq!(way("Спасибо за ответ"), ContentTransferEncoding::Base64);
    }

    #[test]
    fn lines_end_in_one_way_and_controls_are_gone() {
        assert_eq!(tidy("a\nb\r\nc\rd"), "a\r\nb\r\nc\r\nd");
        assert_eq!(tidy("a\u{7}b\u{85}c\td\u{a0}"), "a b c\td\u{a0}");
    }
}
