//! Whose fault it is that a mail was not taken: one judgement for what a report says and for what a relay says while sending.
//!
//! A code (RFC 3463) says less than it seems: servers put dead mailboxes behind codes about systems and networks, and refusals
//! of the sender behind codes about addresses. So the most exact code counts, wherever it stands, and words count beside it.
//! When in doubt an address is not given up: one that never takes mail is found out by counting.

use std::fmt;

/// An enhanced code (RFC 3463), `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// 2 is delivered, 4 is not yet, 5 is never.
    pub class: u16,
    /// What about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// Which case of it.
    pub detail: u16,
}

/// What a mail that came back, or was refused, says about its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// There is no such mailbox: it must not be mailed again.
    Address,
    /// It could not be delivered this time; several in a row say something.
    Passing,
    /// Somebody refuses us, not the address.
    Policy,
}

impl Blame {
    /// The word in the database and in the output of `mail explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Passing => "passing",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Status {
    /// All in a text that stand alone: `5.1.1`, `#5.1.1`, `(5.1.1)`.
    pub(crate) fn all(text: &str) -> impl Iterator<Item = Self> {
        text.split(|c: char| !(c.is_alphanumeric() || c == '.')).filter_map(Self::parse)
    }

    /// Reads one, alone in the text.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let word = word.trim_end_matches('.');
        let mut numbers = word.split('.').map(|number| number.parse::<u16>().ok().filter(|_| (1..=3).contains(&number.len())));
        let (Some(class), Some(subject), Some(detail), None) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()) else {
            return None;
        };
        (matches!(class, 2 | 4 | 5) && subject <= 7).then_some(Self { class, subject, detail })
    }

    /// The most exact of the code that a report gives and those in the words of the server; of equals the last, which the far
    /// end gave. That a mail was tried for too long says less than why.
    pub(crate) fn most_exact(given: Option<Self>, said: &str) -> Option<Self> {
        let exactness = |code: Self| match (code.subject, code.detail) {
            (0, 0) => 0,
            (_, 0) => 1,
            (4, 7) => 2,
            _ => 3,
        };
        let failed = |code: &Self| code.class != 2;
        given.into_iter().chain(Self::all(said).filter(failed)).max_by_key(|code| exactness(*code))
    }
}

/// They refuse us: for who we are, what we send, or how our server stands there.
const REFUSES_US: [&str; 62] = [
    "spam",
    "blacklist",
    "blocklist",
    "block list",
    "black list",
    "blocked",
    "reputation",
    "dmarc",
    "dkim",
    " spf",
    "spf ",
    "policy",
    "policies",
    "not authorized",
    "not authorised",
    "unauthorized",
    "not permitted",
    "not allowed",
    "permission",
    "access denied",
    "relay access",
    "relaying denied",
    "relaying not",
    "relay not",
    "unable to relay",
    "not relay",
    "to relay",
    "not local",
    "reverse dns",
    "rdns",
    "ptr record",
    "ptr)",
    "dnsbl",
    " rbl",
    "sender address rejected",
    "sender rejected",
    "sender refused",
    "sender denied",
    "sender is not",
    "sender not",
    "sender address",
    "sender domain",
    "domain of sender",
    "unauthenticated",
    "authentication",
    "client host",
    "helo ",
    "banned",
    "virus",
    "malware",
    "phishing",
    "unsolicited",
    "bulk mail",
    "content rejected",
    "message rejected",
    "message content",
    "message refused",
    "rate limit",
    "too many",
    "your ip",
    "your host",
    "your server",
];
/// There is nobody of that name, or no such place.
const NOBODY: [&str; 93] = [
    "user unknown",
    "unknown user",
    "unknown recipient",
    "recipient unknown",
    "unknown address",
    "address unknown",
    "unknown mailbox",
    "unknown local",
    "mailbox unknown",
    "unknown account",
    "unknown or illegal alias",
    "unknown or invalid",
    "no such user",
    "no such person",
    "no such recipient",
    "no such mailbox",
    "no such account",
    "no such address",
    "no such local",
    "no such email",
    "no account by that name",
    "no mailbox",
    "no valid recipient",
    "no one here",
    "nobody here",
    "not a known user",
    "not a valid",
    "not a registered",
    "mailbox not found",
    "mailbox was not found",
    "mailbox unavailable",
    "mailbox is unavailable",
    "mailbox not available",
    "user not found",
    "account not found",
    "recipient not found",
    "recipientnotfound",
    "address not found",
    "address does not exist",
    "addressee unknown",
    "recipient not exist",
    "does not exist",
    "doesn't exist",
    "not exist",
    "not listed in",
    "not in the directory",
    "doesn't have a",
    "does not have a",
    "invalid recipient",
    "invalid mailbox",
    "invalid user",
    "invalid address",
    "bad destination",
    "bad address",
    "address invalid",
    "recipient no longer",
    "no longer valid",
    "no longer with",
    "user invalid",
    "does not accept mail",
    "no smtp service",
    "dns lookup failure",
    "unable to route",
    "unrouteable",
    "unroutable",
    "nonexistent domain",
    "invalid domain",
    "domain invalid",
    "illegal host",
    "host unknown",
    "unknown host",
    "host not found",
    "domain not found",
    "domain name not found",
    "no such domain",
    "unknown domain",
    "domain unknown",
    "no mx record",
    "no such host",
    "nxdomain",
    "existiert nicht",
    "n'existe pas",
    "no existe",
    "não existe",
    "non esiste",
    "bestaat niet",
    "nie istnieje",
    "neegzistuoja",
    "не существует",
    "不存在",
    "存在しません",
    "null mx",
    "nullmx",
];
/// The mailbox is there, or may be, and takes nothing now.
const NOT_NOW: [&str; 16] = [
    "over quota",
    "overquota",
    "quota exceeded",
    "exceeded quota",
    "exceeds quota",
    "exceeded storage",
    "exceed the quota",
    "mailbox full",
    "mailbox is full",
    "mailbox has exceeded",
    "size limit",
    "too large",
    "try again",
    "temporar",
    "timed out",
    "timeout",
];
/// Nobody answered at all.
const NO_ANSWER: [&str; 8] =
    ["no answer", "timed out", "timeout", "connection refused", "unreachable", "could not connect", "unable to connect", "connect to"];

/// Judges by the code and the words; `code` is the most exact one that was said.
pub(crate) fn judge(code: Option<Status>, said: &str) -> Blame {
    let said = words_of(said);
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let refuses_us = says(&REFUSES_US);
    let Some(code) = code else {
        return if refuses_us {
            Blame::Policy
        } else if says(&NOBODY) && !says(&NOT_NOW) {
            Blame::Address
        } else {
            Blame::Passing
        };
    };
    match (code.class, code.subject, code.detail) {
        // 5.1.7 and 5.1.8 are about the sender's address.
        (_, 7, _) | (5, 1, 7 | 8) => Blame::Policy,
        (5, 2, 2..=4) | (5, 1, 5) | (5, 3 | 6, 4..) => Blame::Passing,
        // Microsoft 365 says of nobody that access is denied; by the standard nobody answered.
        (5, 4, 1) if says(&NO_ANSWER) => Blame::Passing,
        (5, 4, 1) => Blame::Address,
        (5, _, _) if refuses_us => Blame::Policy,
        // A name server that does not work says nothing about the name.
        (5, 4, 4 | 310) if says(&NOT_NOW) || says(&["malformed", "unexpected"]) => Blame::Passing,
        (5, 4, 4 | 310) => Blame::Address,
        (5, 1, _) if code.detail > 0 => Blame::Address,
        (5, _, _) if says(&NOT_NOW) => Blame::Passing,
        (5, 1, _) => Blame::Address,
        (5, _, _) if says(&NOBODY) => Blame::Address,
        _ => Blame::Passing,
    }
}

/// In lower case, on one line, without addresses and links: names of people and places say nothing.
fn words_of(said: &str) -> String {
    let lower = said.to_lowercase();
    let words = lower.split_whitespace().filter(|word| !(word.contains('@') || word.contains("://")));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(given: &str, said: &str) -> (Option<String>, Blame) {
        let code = Status::most_exact(Status::parse(given), said);
        (code.map(|code| code.to_string()), judge(code, said))
    }

    #[test]
    fn the_more_exact_code_counts() {
        for (given, said, code) in [
            ("5.0.0", "smtp; 550 5.1.1 there is no Rita here", Some("5.1.1")),
            ("5.1.1", "smtp; 550 5.7.1 refused", Some("5.7.1")),
            ("5.1.1", "smtp; 550 5.0.0 refused", Some("5.1.1")),
            ("4.4.7", "smtp; 450 4.7.1 later", Some("4.7.1")),
            ("5.0.0", "5.1.0 - Unknown address error 550-'5.2.2 full'", Some("5.2.2")),
            ("5.0.0", "host mx.example[192.0.2.9] said: 550 no", Some("5.0.0")),
            ("", "#5.1.10 (state 14)", Some("5.1.10")),
            ("", "sent on 5.12.2026 at 4.30.15 by v8.13.1", None),
        ] {
            assert_eq!(judged(given, said).0.as_deref(), code, "{given} {said}");
        }
    }

    #[test]
    fn a_dead_mailbox_is_one_whatever_its_code() {
        for (given, said) in [
            ("5.1.1", ""),
            ("5.1.10", "Recipient not found by SMTP address lookup"),
            ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied"),
            ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable"),
            ("5.2.1", "550 5.2.1 <rita@buyer.example>... User Unknown"),
            ("5.4.4", "Host or domain name not found. Name service error for name=buyer.example type=A: Host not found"),
            ("5.0.0", "550 5.1.1 nobody of that name"),
            ("5.0.0", "550 No such user here"),
            ("", "554: This user doesn't have an account at buyer.example"),
            ("", "No MX record found for domain buyer.example"),
        ] {
            assert_eq!(judged(given, said).1, Blame::Address, "{given} {said}");
        }
    }

    #[test]
    fn who_refuses_us_says_nothing_about_the_customer() {
        for (given, said) in [
            ("5.7.1", "no"),
            ("5.1.1", "550 5.7.1 connections from 192.0.2.77 are refused"),
            ("5.0.0", "550 5.7.26 unauthenticated mail is not accepted"),
            ("5.1.8", "Sender address rejected: Domain not found"),
            ("5.5.0", "550 sender refused"),
            ("5.1.0", "550 Blocked by our list"),
            ("", "554 5.7.1: Client host rejected: cannot find your hostname, Host not found"),
            ("", "550 Relaying denied"),
            ("4.7.1", "450 4.7.1 greylisted"),
        ] {
            assert_eq!(judged(given, said).1, Blame::Policy, "{given} {said}");
        }
    }

    #[test]
    fn what_may_pass_is_no_verdict() {
        for (given, said) in [
            ("5.2.2", "552 5.2.2 mailbox full"),
            ("4.4.1", "connect to mx.buyer.example: Connection timed out"),
            ("5.4.1", "No answer from host"),
            ("4.1.1", "450 4.1.1 user unknown"),
            ("5.0.0", "550 no"),
            ("", "550 unknown"),
            ("", ""),
        ] {
            assert_eq!(judged(given, said).1, Blame::Passing, "{given} {said}");
        }
    }
}
