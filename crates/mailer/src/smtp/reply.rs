//! A server's reply: read leniently where servers differ, strictly where a mistake would cost a mail.
//!
//! Lines that end in a bare LF, replies without text and text that isn't UTF-8 are accepted; a code outside
//! 200-599, codes that change within a reply and anything over the limits are not.

use std::fmt;

use hearback_core::text;

use super::limits::Limits;

/// Characters of a reply's text that are kept.
const MAX_SHOWN: usize = 500;

/// A server's reply. Its text may quote the customer's address: keep it with the delivery, not in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200-599.
    pub code: u16,
    /// The text of its lines.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2xx.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx: try again later.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: don't try again.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The enhanced status code at the start of the text, such as `5.1.1`.
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split_ascii_whitespace().next()?;
        let mut numbers = word.split('.');
        let number =
            |part: Option<&str>| part.is_some_and(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
        (number(numbers.next()) && number(numbers.next()) && number(numbers.next()) && numbers.next().is_none()).then_some(word)
    }

    /// The text in one line, without control characters, at most 500 characters.
    pub fn text(&self) -> String {
        text::clean_line(&self.lines.join(" ")).chars().take(MAX_SHOWN).collect()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text())
    }
}

/// What stands in the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A whole reply, and how many bytes it took.
    Whole(Reply, usize),
    /// More bytes are needed.
    Partial,
    /// Not a reply.
    Broken(&'static str),
}

/// Reads the first reply of the buffer.
pub(super) fn parse(buffer: &[u8], limits: &Limits) -> Parsed {
    let mut code = None;
    let mut lines = Vec::new();
    let mut used = 0;
    for line in buffer.split_inclusive(|byte| *byte == b'\n') {
        used += line.len();
        if line.len() > limits.line_bytes {
            return Parsed::Broken("a line of the reply is too long");
        }
        if used > limits.reply_bytes {
            return Parsed::Broken("the reply is too long");
        }
        let Some(line) = line.strip_suffix(b"\n") else { return Parsed::Partial };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((this, last, text)) = split(line) else { return Parsed::Broken("what came is not an SMTP reply") };
        if *code.get_or_insert(this) != this {
            return Parsed::Broken("the code changes within the reply");
        }
        lines.push(String::from_utf8_lossy(text).into_owned());
        if last {
            return Parsed::Whole(Reply { code: this, lines }, used);
        }
    }
    Parsed::Partial
}

/// Code, whether it is the last line, text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    (200..600).contains(&code).then(|| (code, last, rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Parsed {
        parse(bytes, &Limits { line_bytes: 40, reply_bytes: 100, ..Limits::default() })
    }

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn replies_of_all_kinds_of_servers_are_read() {
        assert_eq!(read(b"250 OK\r\nrest"), Parsed::Whole(reply(250, &["OK"]), 8));
        assert_eq!(read(b"250-a\n250-b\n250 c\n"), Parsed::Whole(reply(250, &["a", "b", "c"]), 18));
        assert_eq!(read(b"250\r\n"), Parsed::Whole(reply(250, &[""]), 5));
        assert_eq!(read(b"250-\r\n250\n"), Parsed::Whole(reply(250, &["", ""]), 10));
        assert_eq!(read(b"550 n\xF5o\r\n"), Parsed::Whole(reply(550, &["n\u{FFFD}o"]), 9));
        for partial in ["", "2", "250", "250 OK", "250-OK\r\n", "250-OK\r\n250 "] {
            assert_eq!(read(partial.as_bytes()), Parsed::Partial, "{partial:?}");
        }
    }

    #[test]
    fn what_is_not_a_reply_is_refused() {
        for broken in ["\r\n", "hello\r\n", "25 x\r\n", "2500 x\r\n", "999 x\r\n", "100 x\r\n", "250_x\r\n", "250-a\r\n550 b\r\n"] {
            assert!(matches!(read(broken.as_bytes()), Parsed::Broken(_)), "{broken:?}");
        }
        assert_eq!(read(&[b'2'; 41]), Parsed::Broken("a line of the reply is too long"));
        assert_eq!(read("250-xxxxxxxxxxxxxxxxxxxx\r\n".repeat(4).as_bytes()), Parsed::Broken("the reply is too long"));
    }

    #[test]
    fn enhanced_codes_are_found() {
        assert_eq!(reply(550, &["5.1.1 no such user"]).enhanced(), Some("5.1.1"));
        for none in ["", "no", "5.1", "5.1.1.1 x", "5.1.x", "1234.1.1"] {
            assert_eq!(reply(550, &[none]).enhanced(), None, "{none}");
        }
        assert_eq!(reply(550, &["a\x1b[2J", "b"]).to_string(), "550 a [2J b");
    }
}
