//! A mail as its reader's program sees it: what the mail server got, parsed again.

#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a mail that can't be read must fail its test loudly")]

use mail_parser::MessageParser;

use crate::smtp_server;

/// A mail that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The envelope's recipient.
    pub to: String,
    /// The envelope's sender.
    pub from: String,
    /// The header lines in order, names as sent, values unfolded but not decoded.
    pub headers: Vec<(String, String)>,
    /// Decoded.
    pub subject: String,
    /// Decoded display name of the recipient.
    pub to_name: String,
    /// The plain text part, decoded, lines ended by `\n`.
    pub text: String,
    /// The HTML part, decoded, lines ended by `\n`.
    pub html: String,
}

impl Received {
    /// Reads what the server took over.
    pub fn read(mail: &smtp_server::Mail) -> Self {
        let parsed = MessageParser::default().parse(&mail.data).expect("a mail that can be parsed");
        let to_name = parsed.to().and_then(|to| to.first()).and_then(|to| to.name()).unwrap_or_default();
        Self {
            to: address(&mail.rcpt),
            from: address(&mail.mail),
            headers: headers(&mail.data),
            subject: parsed.subject().unwrap_or_default().to_owned(),
            to_name: to_name.to_owned(),
            text: parsed.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
            html: parsed.body_html(0).unwrap_or_default().replace("\r\n", "\n"),
        }
    }

    /// The value of a header that must be there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value.unwrap_or_else(|| panic!("there is no {name} in {:?}", self.headers))
    }

    /// The names of all headers, sorted.
    pub fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// What stands between `<` and `>` of an SMTP command.
fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// The header lines, read without any library: what a parser would forgive counts as sent here.
fn headers(data: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(data);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    unfolded.split("\r\n").map(|line| pair(line).unwrap_or_else(|| (line.to_owned(), String::new()))).collect()
}
