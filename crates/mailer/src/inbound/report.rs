//! What mail servers and providers report: delivery (RFC 3464), complaints (RFC 5965).

use super::{Kind, head::Head, part::Part};
use crate::blame::{Blame, Status, judge};

/// Longest diagnosis that is kept, in characters.
const MAX_DIAGNOSIS: usize = 500;
/// Most recipients that are read of one report.
const MAX_GROUPS: usize = 100;
/// Parts from the first on that are looked into although their type does not say that they are a report.
const MAX_UNTYPED: usize = 10;
/// How much of a text is searched for the fields of a report, in bytes.
const MAX_TEXT: usize = 50_000;

/// What a server says about a mail of ours. Of several recipients it is about the first that counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The address that it is about, as the report writes it.
    pub recipient: String,
    /// The most exact code that it gives, when there is one.
    pub status: Option<Status>,
    /// What the server said; it may quote the customer's address.
    pub diagnosis: String,
    /// What in the mail makes it a report on delivery.
    pub known_by: &'static str,
}

impl Failure {
    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        judge(self.status, &self.diagnosis)
    }

    /// For the ledger and the timeline: the code alone, without a word of the server.
    pub fn summary(&self) -> String {
        self.status.map_or_else(|| "it gave no code".to_owned(), |status| status.to_string())
    }

    pub(super) fn new(recipient: &str, status: Option<Status>, diagnosis: &str, known_by: &'static str) -> Self {
        Self { recipient: recipient.to_owned(), status, diagnosis: diagnosis.chars().take(MAX_DIAGNOSIS).collect(), known_by }
    }
}

/// What the part for machines says, wherever it stands; `None` when there is none, or none that can be read.
pub(super) fn delivery(parts: &[Part<'_>]) -> Option<Kind> {
    let is_status = |(at, part): &(usize, &Part<'_>)| is_status(part) || (*at < MAX_UNTYPED && is_untyped_status(part));
    let about: Vec<_> = parts.iter().enumerate().filter(is_status).flat_map(|(_, part)| groups(&part.bytes())).take(MAX_GROUPS).collect();
    first(&about)
}

/// The same from the text of a notice whose parts were lost on the way.
pub(super) fn in_text(text: &str) -> Option<Kind> {
    let (_, fields) = text.split_once("Reporting-MTA:")?;
    first(&groups(fields.get(..MAX_TEXT).unwrap_or(fields).as_bytes()))
}

/// What failed counts before what is late, and that before what arrived.
fn first(about: &[(Action, Failure)]) -> Option<Kind> {
    let of = |wanted: Action| about.iter().find(|(action, _)| *action == wanted).map(|(_, failure)| failure.clone());
    let failed = of(Action::Failed).map(Kind::Bounce);
    failed.or_else(|| of(Action::Delayed).map(Kind::Delayed)).or_else(|| of(Action::Delivered).map(Kind::Delivered))
}

/// The part of a report that is for machines.
fn is_status(part: &Part<'_>) -> bool {
    matches!(part.media.kind.as_str(), "message/delivery-status" | "message/global-delivery-status")
}

/// The same where a program gave it no type of its own: it is known by its fields.
fn is_untyped_status(part: &Part<'_>) -> bool {
    let may_be = matches!(part.media.kind.as_str(), "text/plain" | "application/octet-stream");
    may_be && Head::split(part.bytes().trim_ascii_start()).is_ok_and(|(head, _)| head.has("reporting-mta"))
}

/// Whether it calls itself a report on delivery.
pub(super) fn is_report(parts: &[Part<'_>]) -> bool {
    parts.iter().any(|part| part.report == "delivery-status")
}

/// What a server did with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Failed,
    Delayed,
    Delivered,
}

/// The groups of fields about recipients.
fn groups(report: &[u8]) -> Vec<(Action, Failure)> {
    let mut found = Vec::new();
    let mut rest = report;
    while !rest.is_empty() && found.len() < MAX_GROUPS {
        let Ok((head, after)) = Head::split(rest) else { break };
        found.extend(group(&head));
        // A line that is no field ends a group as well; it must not end the reading.
        let skipped = after.iter().position(|byte| *byte == b'\n').map_or(after.len(), |end| end + 1);
        rest = if after.len() < rest.len() { after } else { after.get(skipped..).unwrap_or_default() };
    }
    found
}

fn group(head: &Head<'_>) -> Option<(Action, Failure)> {
    let recipient = ["final-recipient", "original-recipient", "x-actual-recipient"].into_iter().find_map(|name| recipient(head, name));
    let action = head.word("action").unwrap_or_default();
    if recipient.is_none() && action.is_empty() {
        return None;
    }
    let diagnosis = head.text("diagnostic-code").unwrap_or_default();
    let given = head.text("status").as_deref().and_then(|text| Status::all(text).next());
    let class = given.map(|status| status.class);
    let action = match action.split_ascii_whitespace().next().unwrap_or_default() {
        "failed" | "failure" | "expired" if class != Some(2) => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" | "relayed" | "expanded" | "deliverable" => Action::Delivered,
        // Something else, or nothing: then the code has to say it.
        _ => match class? {
            5 => Action::Failed,
            4 => Action::Delayed,
            _ => Action::Delivered,
        },
    };
    let status = if action == Action::Delivered { given } else { Status::most_exact(given.filter(|code| code.class != 2), &diagnosis) };
    Some((
        action,
        Failure::new(&recipient.unwrap_or_default(), status, &diagnosis, "it brings the part of a report on delivery that is for machines"),
    ))
}

/// `rfc822; anna@example.com`
fn recipient(head: &Head<'_>, name: &'static str) -> Option<String> {
    let value = head.text(name)?;
    let address = value.split_once(';').map_or(value.as_str(), |(_, address)| address).trim().trim_matches(['<', '>']);
    let (local, domain) = address.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then(|| address.to_owned())
}

/// A report that a mail of ours was called unwanted. One provider sends no report but the mail, under a subject of its own.
pub(super) fn complaint(parts: &[Part<'_>], from: &str, subject: &str) -> Option<Kind> {
    if let Some(part) = parts.iter().find(|part| part.media.kind == "message/feedback-report") {
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
