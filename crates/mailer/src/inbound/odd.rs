//! Mail that came back from servers that send no standard report: known by their own words alone, and therefore believed
//! only when it came to the address with a mark.

use super::{
    Kind,
    head::Head,
    report::{Failure, Status},
};

/// Words that such mails begin with, in lower case.
const BOUNCED: [&str; 9] = [
    "hi. this is the qmail-send program",
    "this message was created automatically by mail delivery software",
    "your message did not reach some or all of the intended recipients",
    "the following addresses had permanent fatal errors",
    "the following address(es) failed",
    "delivery to the following recipient failed permanently",
    "delivery to the following recipients failed",
    "i'm afraid i wasn't able to deliver your message",
    "this is the mail system at host",
];
/// Words of those that only warn.
const DELAYED: [&str; 4] = [
    "this is a warning message only",
    "you do not need to resend your message",
    "no action is required on your part",
    "delivery attempts will continue to be made",
];
/// How far into the text they are looked for, in characters.
const WITHIN: usize = 2_000;

/// A bounce or a warning in no standard form.
pub(super) fn bounce(head: &Head<'_>, from: &str, subject: &str, text: &str) -> Option<Kind> {
    let (local, _) = from.rsplit_once('@').unwrap_or((from, ""));
    let no_return = head.text("return-path").is_some_and(|path| path.replace(' ', "") == "<>");
    // A person's own words never make a bounce: only a server's name or an empty return path opens this door.
    if !(no_return || matches!(local, "mailer-daemon" | "postmaster")) {
        return None;
    }
    let start: String = text.chars().take(WITHIN).collect();
    let lower = start.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if !says(&BOUNCED) {
        return None;
    }
    let failure = failure(&start);
    let delayed = says(&DELAYED) || subject.to_lowercase().contains("delayed");
    Some(if delayed { Kind::Delayed(failure) } else { Kind::Bounce(failure) })
}

/// The address and what is said about it: the lines from the first that has an address, to the next empty one.
fn failure(text: &str) -> Failure {
    let is_address = |line: &str| line.contains('@') && !line.ends_with("program at") && line.len() < 200;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // What introduces itself is not what failed.
    let from = lines
        .iter()
        .position(|line| line.starts_with('<') && is_address(line))
        .or_else(|| lines.iter().position(|line| is_address(line) && !line.contains("program at")));
    let said: Vec<&str> = lines.iter().skip(from.unwrap_or(0)).take_while(|line| !line.is_empty()).take(6).copied().collect();
    let mut diagnosis = said.join(" ");
    if said.len() < 2 {
        // The reason stands in a paragraph of its own.
        let rest: Vec<&str> = lines.iter().skip(from.unwrap_or(0) + 1).filter(|line| !line.is_empty()).take(4).copied().collect();
        diagnosis = format!("{diagnosis} {}", rest.join(" "));
    }
    let word = diagnosis.split([' ', '<', '>', ',', ';', '(', ')', '"']).find(|word| word.contains('@')).unwrap_or_default();
    Failure::new(
        word.trim_end_matches([':', '.']),
        Status::find(&diagnosis),
        diagnosis.trim(),
        "a mail server wrote it, with words of failed delivery",
    )
}
