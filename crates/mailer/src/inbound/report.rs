//! What mail servers and providers report: delivery (RFC 3464), complaints (RFC 5965).

use std::fmt;

use super::{Kind, head::Head, part::Part};

/// Longest diagnosis that is kept, in characters.
const MAX_DIAGNOSIS: usize = 500;

/// What a server says about a mail of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The address that it is about, as the report writes it.
    pub recipient: String,
    /// The enhanced code, when there is one.
    pub status: Option<Status>,
    /// What the server said; it may quote the customer's address.
    pub diagnosis: String,
    /// What in the mail makes it a report on delivery.
    pub known_by: &'static str,
}

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

/// What a mail that came back says about its address.
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

impl Status {
    /// The first one in a text that stands alone: `5.1.1`, `#5.1.1`, `(5.1.1)`.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let mut numbers = word.trim_end_matches('.').split('.').map(|number| number.parse::<u16>().ok().filter(|_| number.len() <= 3));
        let (Some(class), Some(subject), Some(detail), None) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()) else {
            return None;
        };
        matches!(class, 2 | 4 | 5).then_some(Self { class, subject, detail })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Failure {
    /// Whom it speaks about. Of the codes about addresses, 5.1.7 and 5.1.8 are about ours.
    pub fn blame(&self) -> Blame {
        let Some(status) = self.status else {
            return if self.names_nobody() { Blame::Address } else { Blame::Passing };
        };
        match (status.class, status.subject, status.detail) {
            (5, 7, _) | (5, 1, 7 | 8) => Blame::Policy,
            (5, 1, _) => Blame::Address,
            (5, 0, 0) if self.names_nobody() => Blame::Address,
            _ => Blame::Passing,
        }
    }

    /// Servers that give no code say it in words.
    fn names_nobody(&self) -> bool {
        const WORDS: [&str; 12] = [
            "user unknown",
            "unknown user",
            "no such user",
            "no such recipient",
            "no mailbox here by that name",
            "mailbox not found",
            "mailbox unavailable or does not exist",
            "user not found",
            "recipient not found",
            "does not exist",
            "doesn't exist",
            "unrouteable address",
        ];
        let said = self.diagnosis.to_lowercase();
        WORDS.iter().any(|word| said.contains(word))
    }

    /// For the ledger and the timeline: the code alone, without a word of the server.
    pub fn summary(&self) -> String {
        self.status.map_or_else(|| "it gave no code".to_owned(), |status| status.to_string())
    }

    pub(super) fn new(recipient: &str, status: Option<Status>, diagnosis: &str, known_by: &'static str) -> Self {
        Self { recipient: recipient.to_owned(), status, diagnosis: diagnosis.chars().take(MAX_DIAGNOSIS).collect(), known_by }
    }
}

/// A report on delivery; only one that says of itself what it is.
pub(super) fn delivery(parts: &[Part<'_>]) -> Option<Kind> {
    if !parts.iter().any(|part| part.report == "delivery-status") {
        return None;
    }
    let is_status = |part: &&Part<'_>| matches!(part.media.kind.as_str(), "message/delivery-status" | "message/global-delivery-status");
    let Some(part) = parts.iter().find(|part| part.report == "delivery-status" && is_status(part)) else {
        return Some(Kind::Unknown("a report on delivery without its machine-readable part"));
    };
    let bytes = part.bytes();
    let about = groups(&bytes);
    let of = |wanted: &[Action]| about.iter().find(|(action, _)| wanted.contains(action)).map(|(_, failure)| failure.clone());
    Some(if let Some(failure) = of(&[Action::Failed]) {
        Kind::Bounce(failure)
    } else if let Some(failure) = of(&[Action::Delayed]) {
        Kind::Delayed(failure)
    } else if of(&[Action::Arrived]).is_some() {
        Kind::AutoReply("a mail server says that the mail went on")
    } else {
        Kind::Unknown("a report on delivery that can't be read")
    })
}

/// What a server did with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Failed,
    Delayed,
    Arrived,
}

/// The groups of fields about recipients.
fn groups(report: &[u8]) -> Vec<(Action, Failure)> {
    let mut found = Vec::new();
    let mut rest = report;
    while !rest.is_empty() {
        let Ok((head, after)) = Head::split(rest) else { break };
        found.extend(group(&head));
        // A line that is no field ends a group as well; it must not end the reading.
        let skipped = after.iter().position(|byte| *byte == b'\n').map_or(after.len(), |end| end + 1);
        rest = if after.len() < rest.len() { after } else { after.get(skipped..).unwrap_or_default() };
        if found.len() >= 100 {
            break;
        }
    }
    found
}

fn group(head: &Head<'_>) -> Option<(Action, Failure)> {
    let diagnosis = head.text("diagnostic-code").unwrap_or_default();
    let status = head.text("status").as_deref().and_then(Status::find).or_else(|| Status::find(&diagnosis));
    let class = status.map(|status| status.class);
    let action = match head.word("action").as_deref()? {
        "failed" if class != Some(2) => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" | "relayed" | "expanded" => Action::Arrived,
        _ => return None,
    };
    let recipient = head.text("final-recipient").or_else(|| head.text("original-recipient")).unwrap_or_default();
    let recipient = recipient.split_once(';').map_or(recipient.as_str(), |(_, address)| address).trim().trim_matches(['<', '>']);
    Some((action, Failure::new(recipient, status, &diagnosis, "a report on delivery in the standard form")))
}

/// A report that a mail of ours was called unwanted. One provider sends no report but the mail, under a subject of its own.
pub(super) fn complaint(parts: &[Part<'_>], from: &str, subject: &str) -> Option<Kind> {
    if let Some(part) = parts.iter().find(|part| part.report == "feedback-report" && part.media.kind == "message/feedback-report") {
        let bytes = part.bytes();
        let word = Head::split(&bytes).ok().and_then(|(head, _)| head.word("feedback-type")).unwrap_or_default();
        return Some(match word.as_str() {
            "" => Kind::Unknown("a report that does not say what it is about"),
            "not-spam" | "auth-failure" | "dmarc" => Kind::AutoReply("a report that is no complaint"),
            _ => Kind::Complaint(word.chars().take(40).collect()),
        });
    }
    let brings_mail = parts.iter().any(|part| part.media.kind == "message/rfc822");
    let is_known = from == "staff@hotmail.com" && subject.to_ascii_lowercase().starts_with("complaint about message from");
    (brings_mail && is_known).then(|| Kind::Complaint("abuse".to_owned()))
}
