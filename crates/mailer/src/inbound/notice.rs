//! A server's notice that a mail was not delivered, in any shape: known by who wrote it together with what it says, so that no
//! server's own wording has to be known. It is believed only as far as the mark that it carries.

use std::borrow::Cow;

use hearback_core::text;

use super::{
    Kind,
    head::Head,
    original,
    part::Mail,
    report::{self, Failure},
    words::{DELAYED, DELIVERED, FAILED, FAILED_LOOSELY, FAILED_TOO, GIVEN_UP},
};
use crate::blame::{Blame, Status, judge};

/// How much of the notice is read, in characters.
const WITHIN: usize = 6_000;
/// Lines behind the address in which the reason is looked for.
const REASON: usize = 12;
/// Replies of mail servers by which mail is refused.
const REFUSALS: [&str; 24] = [
    "421", "450", "451", "452", "454", "455", "471", "500", "501", "502", "503", "504", "521", "523", "530", "541", "550", "551", "552",
    "553", "554", "555", "556", "571",
];
/// Whose addresses a notice names that are nobody's mailbox.
const HELPERS: [&str; 9] = ["postmaster", "mailer-daemon", "support", "abuse", "help", "helpdesk", "info-center", "noreply", "no-reply"];

/// Who seems to have written a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Writer {
    Person,
    /// A machine that wants no answer: a server, or a program that answers for a person.
    Machine,
    Server,
}

/// A notice about delivery; `None` for anything else. `whole` is the text of the mail.
pub(super) fn read(mail: &Mail<'_>, subject: &str, whole: &str) -> Option<Kind> {
    let is_report = report::is_report(&mail.parts);
    let writer = if is_report { Writer::Server } else { writer(&mail.head) };
    // A person's own words never make a bounce, whatever they quote and whatever they send along.
    if writer == Writer::Person {
        return None;
    }
    let notice = Notice::of(mail, subject, whole);
    match report::delivery(&mail.parts).or_else(|| report::in_text(whole)) {
        Some(Kind::Bounce(failure)) => return Some(Kind::Bounce(notice.complete(failure))),
        Some(Kind::Delayed(failure)) => return Some(Kind::Delayed(notice.complete(failure))),
        Some(kind) => return Some(kind),
        None => {}
    }
    match notice.known_by(writer) {
        Some(known_by) => Some(notice.kind(known_by)),
        None if is_report => Some(Kind::Unknown("a report on delivery that can't be read")),
        None => None,
    }
}

fn writer(head: &Head<'_>) -> Writer {
    let is_server = |name: &str| {
        let name = name.replace(['-', '_', '.'], "");
        name == "daemon" || ["mailerdaemon", "maildaemon", "postmaster"].iter().any(|known| name.starts_with(known))
    };
    let (address, name) = sender(&head.words("from").to_lowercase());
    let (local, _) = address.split_once('@').unwrap_or((&address, ""));
    let name = name.trim().trim_matches('"');
    let named = ["mail delivery s", "delivery subsystem"].iter().any(|word| name.contains(word)) || is_server(name);
    if address.is_empty() || is_server(local) || named || head.has("x-failed-recipients") {
        return Writer::Server;
    }
    let path = head.text("return-path").map(|path| path.to_lowercase().replace([' ', '<', '>'], ""));
    match path {
        Some(path) if path.is_empty() || is_server(&path) => Writer::Machine,
        _ => Writer::Person,
    }
}

/// Address and name of a field `From`, also where the address has no domain or is none.
fn sender(value: &str) -> (String, String) {
    if let Some((name, rest)) = value.rsplit_once('<') {
        return (rest.split('>').next().unwrap_or_default().trim().to_owned(), name.to_owned());
    }
    let (address, comment) = value.split_once('(').unwrap_or((value, ""));
    (address.trim().trim_matches('"').to_owned(), comment.to_owned())
}

/// What a notice says.
struct Notice {
    subject: String,
    /// Its own words, without the mail that it brings back.
    lines: Vec<String>,
    /// The same in lower case, on one line.
    lower: String,
    /// Who failed by the header `X-Failed-Recipients`.
    failed: Vec<String>,
    /// Whom the mail was to that came back.
    readers: Vec<String>,
    /// Addresses of whoever wrote the notice and whom it was to.
    others: Vec<String>,
}

impl Notice {
    fn of(mail: &Mail<'_>, subject: &str, whole: &str) -> Self {
        let (own, _) = original::split(whole);
        let own: String = own.chars().take(WITHIN).collect();
        let head = &mail.head;
        Self {
            subject: subject.to_lowercase(),
            lower: on_one_line(&own),
            lines: own.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(),
            failed: head.addresses("x-failed-recipients"),
            readers: original::each(mail, whole, |head| head.addresses("to")),
            others: [head.addresses("from"), head.addresses("to"), head.addresses("delivered-to")].concat(),
        }
    }

    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.lower.contains(word) || self.subject.contains(word))
    }

    fn says_failed(&self, writer: Writer) -> bool {
        self.says(&FAILED) || self.says(&FAILED_TOO) || (writer == Writer::Server && self.says(&FAILED_LOOSELY))
    }

    /// What in it makes it a notice about delivery. A program that answers for a person writes numbers and speaks of addresses and
    /// delays as well: of such only plain words and a code in its full form count.
    fn known_by(&self, writer: Writer) -> Option<&'static str> {
        if !self.failed.is_empty() {
            Some("a header names the recipients that failed")
        } else if self.says_failed(writer) || (writer == Writer::Server && self.says(&DELAYED)) {
            Some("a mail server wrote it, with words of failed delivery")
        } else if self.lines.iter().any(|line| has_full_code(line)) {
            Some("a mail server wrote it, with the code of a refusal")
        } else if writer == Writer::Server && self.lines.iter().any(|line| has_code(line)) {
            Some("a mail server wrote it, with the reply of another")
        } else if writer == Writer::Server && self.says(&DELIVERED) {
            Some("a mail server wrote it, with words of delivery")
        } else {
            None
        }
    }

    fn kind(&self, known_by: &'static str) -> Kind {
        let failure = self.failure(known_by);
        let given_up = self.says(&GIVEN_UP);
        let warns = self.says(&DELAYED) && !given_up || self.says(&["warning only", "warning message only", "do not need to resend"]);
        let is_late = ["delay", "verzögert", "retard", "задерж"].iter().any(|word| self.subject.contains(word));
        if warns || is_late && !given_up {
            Kind::Delayed(failure)
        } else if self.says(&DELIVERED) && !self.says_failed(Writer::Server) && !self.lines.iter().any(|line| has_code(line)) {
            Kind::Delivered(failure)
        } else {
            Kind::Bounce(failure)
        }
    }

    /// Fills in what the part for machines leaves out.
    fn complete(&self, failure: Failure) -> Failure {
        let says_nothing = |said: &str| !said.rsplit(';').next().unwrap_or_default().chars().any(char::is_alphabetic);
        if !failure.recipient.is_empty() && !says_nothing(&failure.diagnosis) {
            return failure;
        }
        let told = self.failure(failure.known_by);
        let recipient = if failure.recipient.is_empty() { told.recipient } else { failure.recipient };
        if says_nothing(&failure.diagnosis) {
            let status = Status::most_exact(failure.status, &told.diagnosis);
            return Failure::new(&recipient, status, &told.diagnosis, failure.known_by);
        }
        Failure { recipient, ..failure }
    }

    fn failure(&self, known_by: &'static str) -> Failure {
        let named: Vec<(usize, Cow<'_, str>)> =
            self.lines.iter().enumerate().flat_map(|(at, line)| addresses(line).into_iter().map(move |address| (at, address))).collect();
        let may_be = |address: &str| {
            let (local, _) = address.split_once('@').unwrap_or_default();
            !HELPERS.contains(&local) && !self.others.iter().any(|other| other == address)
        };
        let is_known = |address: &str| self.failed.iter().chain(&self.readers).any(|known| known == address);
        let leads = |at: usize, address: &str| {
            self.lines.get(at).is_some_and(|line| line.trim_start_matches(['<', '*', '-', '>', ' ']).to_lowercase().starts_with(address))
        };
        let found = named
            .iter()
            .find(|(_, address)| is_known(address))
            .or_else(|| named.iter().find(|(at, address)| may_be(address) && leads(*at, address)))
            .or_else(|| named.iter().find(|(at, address)| may_be(address) && self.lines.get(*at).is_some_and(|line| is_rcpt(line))))
            .or_else(|| named.iter().find(|(_, address)| may_be(address)))
            .or_else(|| named.iter().find(|(at, address)| leads(*at, address)));
        let known = || self.failed.first().or(self.readers.first()).cloned().unwrap_or_default();
        // The header that names who failed is surer than any address in the text.
        let recipient = match (self.failed.first(), found) {
            (Some(failed), _) => failed.clone(),
            (None, Some((_, address))) => address.to_string(),
            (None, None) => known(),
        };
        let diagnosis = self.reason(found.map(|(at, _)| *at), &recipient);
        Failure::new(&recipient, Status::most_exact(None, &diagnosis), &diagnosis, known_by)
    }

    /// The lines behind the address, up to the next address; where they say nothing, whatever lines say something.
    fn reason(&self, at: Option<usize>, recipient: &str) -> String {
        let is_next = |line: &&String| line.starts_with('<') && line.ends_with(':') && !line.to_lowercase().contains(recipient);
        let behind: Vec<&str> = at
            .map(|at| self.lines.iter().skip(at).take(REASON).take_while(|line| !is_next(line)).map(String::as_str).collect())
            .unwrap_or_default();
        let tells = |line: &&str| has_code(line) || judge(None, line) != Blame::Passing;
        if behind.iter().any(tells) || at.is_none() && self.lines.len() < REASON {
            return behind.join(" ");
        }
        let telling: Vec<&str> = self.lines.iter().map(String::as_str).filter(tells).take(REASON).collect();
        if telling.is_empty() { behind.join(" ") } else { telling.join(" ") }
    }
}

/// The command by which a server is told whom a mail is for.
fn is_rcpt(line: &str) -> bool {
    line.to_ascii_lowercase().contains("rcpt to:<")
}

fn on_one_line(text: &str) -> String {
    text::clean_line(&text.to_lowercase()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `550 5.1.1`, `550-5.7.1`, `#5.1.1`: nobody writes that about anything else.
fn has_full_code(line: &str) -> bool {
    let words: Vec<&str> =
        line.split([' ', '-', '(', ')', '<', '>', ':', ';', ',', '[', ']', '"', '\'']).filter(|word| !word.is_empty()).collect();
    let is_pair = |pair: &[&str]| match pair {
        [reply, code] => {
            REFUSALS.contains(reply) && Status::parse(code).is_some_and(|code| reply.starts_with(if code.class == 4 { '4' } else { '5' }))
        }
        _ => false,
    };
    words.windows(2).any(is_pair) || words.iter().filter_map(|word| word.strip_prefix('#')).any(|word| Status::parse(word).is_some())
}

/// The reply of a mail server at the beginning of a line or behind a mark, or a code in its full form.
fn has_code(line: &str) -> bool {
    if has_full_code(line) {
        return true;
    }
    REFUSALS.iter().any(|reply| {
        line.match_indices(reply).any(|(at, _)| {
            let (before, rest) = line.split_at_checked(at).unwrap_or_default();
            let after = rest.get(reply.len()..).unwrap_or_default();
            let opens = before.is_empty() || before.ends_with([' ', ':', '<', '(', '[', '\'', '"']);
            opens && (after.is_empty() || after.starts_with([' ', '-', ':', ']', ')']))
        })
    })
}

/// What looks like a mail address, in lower case.
fn addresses(line: &str) -> Vec<Cow<'_, str>> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | '"' | '\'' | ':' | '|');
    let plain = |word: &&str| {
        word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
    };
    line.split(is_end)
        .map(|word| word.trim_matches(['.', '!', '?', '*', '`', '«', '»', '“', '”']))
        .filter(plain)
        .map(|word| if word.chars().any(char::is_uppercase) { Cow::Owned(word.to_lowercase()) } else { Cow::Borrowed(word) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_no_number_of_a_telephone() {
        for line in ["550 5.1.1 no", "said: 550-5.7.26 x", "(#5.1.1)", "smtp;554 5.4.6 loop", "[554 5.4.6 Hop count]"] {
            assert!(has_full_code(line), "{line}");
        }
        for line in ["550 no", "<<< 421 later", "said: 550 no", "554: dd no account"] {
            assert!(has_code(line) && !has_full_code(line), "{line}");
        }
        for line in ["5.12.26", "call 5501234", "room 212", "1550 x", "552a"] {
            assert!(!has_code(line), "{line}");
        }
    }

    #[test]
    fn whoever_calls_himself_a_server_is_one() {
        let of = |fields: &str| writer(&Head::split(fields.as_bytes()).unwrap().0);
        for server in [
            "From: MAILER-DAEMON <>\n",
            "From: <>\n",
            "From: mailer-daemon\n",
            "From: Mail Delivery Subsystem <MAILER-DAEMON>\n",
            "From: MAILER-DAEMON@x.lt (Mail Delivery System)\n",
            "From: postmaster@x.lt\n",
            "From: \"Mail Delivery System\" <robot@x.lt>\n",
            "X-Failed-Recipients: a@b.lt\nFrom: a@x.lt\n",
            "To: x@y.lt\n",
        ] {
            assert_eq!(of(server), Writer::Server, "{server}");
        }
        assert_eq!(of("Return-Path: <>\nFrom: Anna <anna@x.lt>\n"), Writer::Machine);
        assert_eq!(of("Return-Path: <anna@x.lt>\nFrom: Anna <anna@x.lt>\n"), Writer::Person);
        assert_eq!(of("Return-Path: <MAILER-DAEMON@x.lt>\nFrom: Anna <anna@x.lt>\n"), Writer::Machine);
        for person in ["From: Anna Post <anna@master.lt>\n", "From: Daemon Lewis <daemon.lewis@x.lt>\n"] {
            assert_eq!(of(person), Writer::Person);
        }
    }
}
