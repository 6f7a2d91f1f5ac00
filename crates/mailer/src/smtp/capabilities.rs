//! What a server can do, as it says in its reply to EHLO.

use super::reply::Reply;

/// What the server said it can do.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a server can or can't do")]
pub(super) struct Capabilities {
    pub(super) pipelining: bool,
    pub(super) smtputf8: bool,
    pub(super) eight_bit: bool,
    pub(super) starttls: bool,
    pub(super) plain: bool,
    pub(super) login: bool,
    pub(super) size: Option<usize>,
}

impl Capabilities {
    /// Reads the reply to EHLO.
    pub(super) fn of(reply: &Reply) -> Self {
        let mut capabilities = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("PIPELINING") => capabilities.pipelining = true,
                Some("SMTPUTF8") => capabilities.smtputf8 = true,
                Some("8BITMIME") => capabilities.eight_bit = true,
                Some("STARTTLS") => capabilities.starttls = true,
                Some("SIZE") => capabilities.size = words.next().and_then(|size| size.parse().ok()),
                Some("AUTH") => words.for_each(|word| {
                    capabilities.plain |= word == "PLAIN";
                    capabilities.login |= word == "LOGIN";
                }),
                _ => {}
            }
        }
        capabilities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_are_read_from_the_lines_behind_the_first() {
        let lines = ["PIPELINING", "size 1000", "AUTH=LOGIN PLAIN", "auth xoauth2", "8bitmime", "STARTTLS"];
        let reply = Reply { code: 250, lines: lines.iter().map(|line| (*line).to_owned()).collect() };
        let capabilities = Capabilities::of(&reply);
        assert!(!capabilities.pipelining && capabilities.plain && capabilities.login && capabilities.eight_bit && capabilities.starttls);
        assert_eq!(capabilities.size, Some(1000));
    }
}
