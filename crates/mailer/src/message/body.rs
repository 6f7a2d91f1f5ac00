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
    if text.is_ascii() && text.split('\n').all(|line| line.len() < LONGEST) {
        return Body::new(text);
    }
    let quoted = quoted(&text);
    if is_long_for(quoted.len(), &text) {
        return Body::new(text);
    }
    Body::dangerous_pre_encoded(quoted, ContentTransferEncoding::QuotedPrintable)
}

const fn is_long_for(quoted: usize, text: &str) -> bool {
    quoted > text.len() * 7 / 4
}

/// A text in quoted-printable, or a piece of one: what many mails have in common is put into it only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted(Vec<u8>);

impl Quoted {
    pub(crate) fn of(text: &str) -> Self {
        Self(quoted(&tidy(text)))
    }

    /// One text out of its pieces, each of which begins on a line of its own that goes on from the one before.
    pub(crate) fn join<'p>(pieces: impl Iterator<Item = &'p Self> + Clone) -> Self {
        let mut joined = Vec::with_capacity(pieces.clone().map(|piece| piece.0.len() + 3).sum());
        for piece in pieces.filter(|piece| !piece.0.is_empty()) {
            if joined.last().is_some_and(|last| *last != b'\n') {
                joined.extend_from_slice(b"=\r\n");
            }
            joined.extend_from_slice(&piece.0);
        }
        Self(joined)
    }

    /// Whether another way would say this text in far fewer letters.
    pub(crate) const fn is_long_for(&self, text: &str) -> bool {
        is_long_for(self.0.len(), text)
    }

    pub(super) fn body(&self) -> Body {
        Body::dangerous_pre_encoded(self.0.clone(), ContentTransferEncoding::QuotedPrintable)
    }
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

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8 + LONGEST);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix("\r\n").map_or((line, ""), |line| (line, "\r\n"));
        quote(line.as_bytes(), &mut out);
        out.extend_from_slice(end.as_bytes());
    }
    out
}

/// One line, as several where it is long.
fn quote(line: &[u8], out: &mut Vec<u8>) {
    let stands = |byte: &u8| matches!(byte, b'\t' | b' '..=b'<' | b'>'..=b'~');
    let (mut column, mut rest) = (0, line);
    while let Some((first, after)) = rest.split_first() {
        let room = LONGEST - 1 - column;
        let reach = rest.get(..room).unwrap_or(rest);
        let run = reach.iter().position(|byte| !stands(byte)).unwrap_or(reach.len());
        // White space at the very end of a line would be lost on the way.
        let ends_blank = run == rest.len() && matches!(rest.last(), Some(b' ' | b'\t'));
        let (plain, left) = rest.split_at(run - usize::from(ends_blank));
        if !plain.is_empty() {
            out.extend_from_slice(plain);
            (column, rest) = (column + plain.len(), left);
        } else if room >= 3 {
            out.extend_from_slice(&[b'=', hex(first >> 4), hex(first & 15)]);
            (column, rest) = (column + 3, after);
        } else {
            out.extend_from_slice(b"=\r\n");
            column = 0;
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
    fn pieces_say_together_what_the_whole_says() {
        let long = "Žąsis = plaukia ".repeat(9);
        for pieces in [&["a", "b"][..], &["", "https://x/?a=b", "\n", ""], &["č ", &long, "\r\n\n", &long, " ", "z"], &["x\n", "y"]] {
            let each: Vec<Quoted> = pieces.iter().map(|piece| Quoted::of(piece)).collect();
            let joined = String::from_utf8(Quoted::join(each.iter()).0).unwrap();
            assert_eq!(read(&joined), tidy(&pieces.concat()));
            assert!(joined.split("\r\n").all(|line| line.len() <= 76 && !line.ends_with([' ', '\t'])), "{joined:?}");
            assert!(!joined.ends_with("=\r\n"));
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
