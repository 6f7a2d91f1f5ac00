//! The story of a case in plain words: each entry of the timeline as a sentence, each decision of a rule with its reason.

use hearback_core::{
    Word as _,
    campaign::Reason,
    case::ContactOutcome,
    id::DeliveryId,
    timeline::{ClosedBy, Entry as Told, Question, Step},
};
use hearback_rules::{
    ActionKind, Trigger,
    plan::{Plan, RuleTrace, StepVerdict},
};
use hearback_store::{deliveries, events, messages, runs};
use serde::Serialize;

use super::{
    cases::Owners,
    messages::Rest,
    words::{self, When},
};

/// One entry.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    what: String,
    who: String,
    /// What was written by hand.
    quote: Option<String>,
    /// Of a mail that came in: what is not shown of it.
    rest: Rest,
    /// What was decided, line by line.
    items: Vec<String>,
    at: When,
    /// `good`, `bad` or `plain`.
    tone: &'static str,
}

/// The story, the newest entry first. Mails of one kind that went out together are one entry, with their addresses.
/// What was written, by either side, stands with its entry.
pub(crate) fn entries(
    events: &[events::Model],
    deliveries: &[deliveries::Model],
    messages: &[messages::Model],
    owners: &Owners,
    now: i64,
) -> Vec<Entry> {
    let address = |id: DeliveryId| Some(deliveries.iter().find(|delivery| delivery.id == id.uuid())?.to_address.clone());
    let mut entries: Vec<Entry> = Vec::new();
    for event in events.iter().rev() {
        // Of a newer version: its kind is all that can be said of it.
        let Ok(told) = event.entry() else {
            entries.push(Entry::of(event, (words::plain(&event.kind), "plain"), owners, now));
            continue;
        };
        let entry = Entry::of(event, sentence(&told, owners), owners, now);
        match (&told, entries.last_mut()) {
            (Told::MailSent { delivery, .. }, Some(last)) if last.what == entry.what => last.items.extend(address(*delivery)),
            (Told::MailSent { delivery, .. }, _) => entries.push(Entry { items: address(*delivery).into_iter().collect(), ..entry }),
            _ => {
                let (words, rest) = written(&told, deliveries, messages).unwrap_or_default();
                entries.push(Entry { quote: quote(&told).or(words), rest, items: steps(&told, owners), ..entry });
            }
        }
    }
    entries
}

/// The words of a mail that came in, or that one of us wrote, and what else it brought.
fn written(told: &Told, deliveries: &[deliveries::Model], messages: &[messages::Model]) -> Option<(Option<String>, Rest)> {
    let (words, rest) = match told {
        Told::Wrote { message: id, .. } | Told::AutoReply { message: id } => {
            let message = messages.iter().find(|message| message.id == id.uuid())?;
            (message.text.clone(), Rest::of(message))
        }
        Told::Replied { delivery: id, .. } => {
            (deliveries.iter().find(|delivery| delivery.id == id.uuid())?.words.clone()?, Rest::default())
        }
        _ => return None,
    };
    Some((Some(words).filter(|words| !words.is_empty()), rest))
}

impl Entry {
    fn of(row: &events::Model, (what, tone): (String, &'static str), owners: &Owners, now: i64) -> Self {
        let (who, at) = (actor(&row.actor, owners), When::past(row.at, now));
        Self { what, who, quote: None, rest: Rest::default(), items: Vec::new(), at, tone }
    }
}

/// `user:EMAIL`, `api:NAME`, `rule:KEY`, `customer`, `system`, for people.
fn actor(actor: &str, owners: &Owners) -> String {
    match actor.split_once(':') {
        Some(("user", email)) => owners.name(email),
        Some(("api", name)) => format!("{name} (API key)"),
        Some(("rule", key)) => format!("rule {key}"),
        _ if actor == "customer" => "Customer".to_owned(),
        _ => "Hearback".to_owned(),
    }
}

/// `: WHY`, where there is one.
fn because(why: Option<&str>) -> String {
    why.filter(|why| !why.is_empty()).map(|why| format!(": {}", words::plain(why))).unwrap_or_default()
}

/// What happened, and whether it is `good`, `bad` or `plain`.
fn sentence(told: &Told, owners: &Owners) -> (String, &'static str) {
    let mail = |what: &str, template: &str| format!("{what}: {}", words::plain(template));
    match told {
        Told::Answered { score, channel, .. } => (format!("Answered with {score} through {channel}"), "plain"),
        Told::Corrected { from, to, .. } => (format!("Changed the answer from {from} to {to}"), "plain"),
        Told::AnsweredAgain { from, to, recovered: true, .. } => {
            (format!("Asked again, the customer answered {to} instead of {from}: recovered"), "good")
        }
        Told::AnsweredAgain { from, to, .. } => (format!("Asked again, the customer answered {to} after {from}"), "plain"),
        Told::AskingAgain(question) => (format!("The customer is asked again{}", not_yet(question)), "plain"),
        Told::AskedAgain(_) => ("Asked the customer again".to_owned(), "plain"),
        Told::NotAskedAgain(question) => (format!("The customer was not asked again: {}", not_asked(question)), "plain"),
        Told::Planned { .. } => ("Rules decided what to do".to_owned(), "plain"),
        Told::Cancelled { why, .. } => (format!("Called off what was planned{}", because(Some(why))), "plain"),
        Told::StepSkipped { rule, why } => (format!("A step of {rule} was not needed any more{}", because(Some(why))), "plain"),
        Told::RuleStopped { rule, why } => (format!("Rule {rule} was not carried out{}", because(Some(why))), "bad"),
        Told::Contact { channel, outcome, .. } => contact(&words::plain(channel), *outcome),
        Told::Wrote { .. } => ("The customer wrote by mail".to_owned(), "good"),
        Told::AutoReply { .. } => ("An automatic answer came".to_owned(), "plain"),
        Told::Replied { .. } => ("Wrote to the customer by mail".to_owned(), "plain"),
        Told::Note { .. } => ("Wrote a note".to_owned(), "plain"),
        Told::Resolved { .. } => ("Entered cause and resolution".to_owned(), "good"),
        Told::Closed { why: Some(ClosedBy::Acknowledged), .. } => {
            ("Closed: the customer was thanked and nothing is left to do".to_owned(), "good")
        }
        Told::Closed { why: Some(ClosedBy::TaskFinished), .. } => ("Closed: the last task is done".to_owned(), "good"),
        Told::Closed { why: None, .. } => ("Closed the case".to_owned(), "good"),
        Told::Reopened { why, .. } => (format!("Opened the case again{}", because(why.as_deref())), "bad"),
        Told::Waiting { .. } => ("Waits for the customer: the clock for closing stands still".to_owned(), "plain"),
        Told::Resumed { why, .. } => (format!("Goes on after waiting for the customer{}", because(why.as_deref())), "plain"),
        Told::Lapsed { why, .. } => (format!("Given up{}", because(why.as_deref())), "bad"),
        Told::Assigned { owner, why, .. } => {
            (format!("Handed the case to {}{}", owners.name(&owner.to_string()), because(why.as_deref())), "plain")
        }
        Told::TaskOpened { title, .. } => (format!("New task: {title}"), "plain"),
        Told::TaskDone { title, .. } => (format!("Task done: {title}"), "good"),
        Told::TaskCancelled { title, .. } => (format!("Task called off: {title}"), "plain"),
        Told::TaskReopened { title, .. } => (format!("Task open again: {title}"), "plain"),
        Told::TaskAssigned { owner, .. } => (format!("Handed a task to {}", owners.name(&owner.to_string())), "plain"),
        Told::TaskOverdue { title, .. } => (format!("Task overdue: {title}"), "bad"),
        Told::ContactDueSoon { .. } => ("The first contact is due soon".to_owned(), "plain"),
        Told::ContactOverdue { .. } => ("Nobody was in touch in time".to_owned(), "bad"),
        Told::CloseDueSoon { .. } => ("Closing is due soon".to_owned(), "plain"),
        Told::CloseOverdue { .. } => ("Not closed in time".to_owned(), "bad"),
        Told::MailSent { template, .. } => (mail("Mail sent", template), "good"),
        Told::MailFailed { template, why } => (mail("Mail not sent", template) + &because(Some(why)), "bad"),
        Told::MailSuppressed { template, why } => (mail("Mail held back", template) + &because(Some(why)), "plain"),
        Told::MailUnknown { template, why, .. } => (mail("Not known whether the mail arrived", template) + &because(Some(why)), "bad"),
        Told::MailReturned { template, why, .. } => (mail("Mail came back", template) + &because(Some(why)), "bad"),
        Told::Complained { template } => (mail("The customer called the mail unwanted", template), "bad"),
        Told::OptedOut {} => ("The customer wants no more mail".to_owned(), "plain"),
        Told::WebhookCalled { webhook, .. } => (format!("Called the webhook {webhook}"), "good"),
        Told::WebhookFailed { webhook, why } => (format!("Webhook not called: {webhook}{}", because(Some(why))), "bad"),
        Told::IncentiveGiven { pool } => (format!("Gave a code from {pool}"), "good"),
        Told::IncentiveMissing { reason, .. } => (format!("No code for the customer: {reason}"), "bad"),
        Told::IncentiveTakenBack { pool, reason } => (format!("Put the code back into {pool}: {reason}"), "plain"),
        Told::Converted { .. } => ("Somebody came through the customer's link".to_owned(), "good"),
        Told::TestimonialGiven { .. } => ("The customer wrote words that we may use".to_owned(), "good"),
        Told::TestimonialWithdrawn {} => ("The customer took their words back".to_owned(), "plain"),
        Told::BroughtIn {} => ("Brought in from an export".to_owned(), "plain"),
        Told::Erased {} => ("The customer's data was erased".to_owned(), "plain"),
    }
}

fn contact(channel: &str, outcome: ContactOutcome) -> (String, &'static str) {
    match outcome {
        ContactOutcome::Reached => (format!("Reached the customer by {channel}"), "good"),
        ContactOutcome::Replied => (format!("The customer replied by {channel}"), "good"),
        ContactOutcome::NoAnswer => (format!("Tried by {channel}: no answer"), "plain"),
        ContactOutcome::WrongNumber => (format!("Tried by {channel}: wrong number or address"), "bad"),
    }
}

/// Until when a question waits, and why.
fn not_yet(question: &Question) -> String {
    let until = question.not_before.map(|due| format!(", not before {}", words::exact(due))).unwrap_or_default();
    if question.reason.is_none() { until } else { format!("{until}: {}", not_asked(question)) }
}

/// Why somebody is not asked, in a sentence.
fn not_asked(question: &Question) -> &'static str {
    question.reason.as_deref().and_then(Reason::parse).map_or("nobody noted why.", Reason::sentence)
}

/// What was written by hand.
fn quote(told: &Told) -> Option<String> {
    let lines: Vec<String> = match told {
        Told::Resolved { root_cause, resolution, note } | Told::Closed { root_cause, resolution, note, .. } => {
            let cause = root_cause.as_ref().map(|cause| format!("Cause: {cause}"));
            let resolution = resolution.as_ref().map(|resolution| format!("Resolution: {resolution}"));
            [cause, resolution, note.clone()].into_iter().flatten().collect()
        }
        Told::Contact { note, .. }
        | Told::Reopened { note, .. }
        | Told::Waiting { note }
        | Told::Resumed { note, .. }
        | Told::Lapsed { note, .. } => note.iter().cloned().collect(),
        Told::Note { note } => vec![note.clone()],
        Told::TaskDone { outcome, .. } | Told::TaskCancelled { outcome, .. } | Told::TaskReopened { outcome, .. } => {
            outcome.iter().map(|outcome| format!("Outcome: {outcome}")).collect()
        }
        _ => Vec::new(),
    };
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What was decided, line by line.
fn steps(told: &Told, owners: &Owners) -> Vec<String> {
    match told {
        Told::Planned { steps } | Told::Cancelled { steps, .. } => steps.iter().map(|one| step(one, owners)).collect(),
        _ => Vec::new(),
    }
}

fn step(step: &Step, owners: &Owners) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let owner = || step.owner.as_ref().map(|owner| owners.name(&owner.to_string())).unwrap_or_default();
    let action = match ActionKind::parse(&step.action) {
        Some(ActionKind::SendMail | ActionKind::InviteReview | ActionKind::AskTestimonial) => {
            format!("mail {}", words::plain(&text(&step.template)))
        }
        Some(ActionKind::OpenTask) => format!("task “{}” for {}", text(&step.title), owner()),
        Some(ActionKind::Tag) => format!("tag {}", step.tags.join(", ")),
        Some(ActionKind::Assign) => format!("owner {}", owner()),
        Some(ActionKind::Escalate) => format!("raised to {}: {}", owners.name(&text(&step.to)), text(&step.reason)),
        Some(ActionKind::GiveIncentive) => format!("a code from {}", text(&step.pool)),
        Some(ActionKind::CallWebhook) => format!("message to {}", text(&step.webhook)),
        Some(ActionKind::NotifyChat) => format!("message to the chat {}", text(&step.webhook)),
        Some(ActionKind::Resurvey) => "the customer is asked again".to_owned(),
        Some(ActionKind::MarkNotNeeded) => format!("nothing to do: {}", text(&step.reason)),
        Some(ActionKind::CreateReferral | ActionKind::Close) | None => words::plain(&step.action),
    };
    let later = step.due.filter(|_| step.title.is_none()).map(|due| format!(", not before {}", words::exact(due)));
    let because = step.why.as_ref().map(|why| format!(", because {why}"));
    let skipped = step.skipped.as_ref().map(|why| format!(", skipped: {why}"));
    let rule = step.rule.as_ref().map(|rule| format!(" (rule {rule})"));
    [Some(action), because, later, skipped, rule].into_iter().flatten().collect()
}

/// One time that the rules were asked, with what became of each.
#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    trigger: &'static str,
    at: When,
    rules: Vec<Verdict>,
}

/// What became of one rule.
#[derive(Debug, Serialize)]
struct Verdict {
    rule: String,
    matched: bool,
    why: String,
}

impl Asked {
    /// A run with what it decided.
    pub(crate) fn of(row: &runs::Model, plan: Plan, now: i64) -> Self {
        Self { trigger: trigger_words(&row.trigger), at: When::past(row.at, now), rules: plan.trace.into_iter().map(Verdict::of).collect() }
    }
}

/// What made the rules look.
pub(crate) fn trigger_words(trigger: &str) -> &'static str {
    match Trigger::parse(trigger) {
        Some(Trigger::ResponseSettled) => "The answer came in",
        Some(Trigger::ResponseCorrected) => "The answer was changed",
        Some(Trigger::TaskOverdue) => "A task was overdue",
        Some(Trigger::NoFirstContact) => "Nobody had been in touch in time",
        Some(Trigger::DueSoon) => "Something was due soon",
        Some(Trigger::NotClosedInTime) => "The case was not closed in time",
        Some(Trigger::CaseResolved) => "The case was resolved",
        Some(Trigger::CaseClosed) => "The case was closed",
        Some(Trigger::MailBounced) => "A mail came back",
        Some(Trigger::InvitationUnanswered) => "An invitation was not answered",
        Some(Trigger::ReferralConverted) => "A recommendation led somewhere",
        // Written by a newer version.
        None => "Something happened",
    }
}

impl Verdict {
    fn of(trace: RuleTrace) -> Self {
        let why = match &trace.failed {
            Some(failed) => failed.clone(),
            None => trace.steps.iter().zip(1..).map(|(verdict, number)| step_words(verdict, number)).collect::<Vec<_>>().join("; "),
        };
        Self { rule: trace.rule, matched: trace.failed.is_none(), why }
    }
}

/// What became of a step.
pub(crate) fn step_words(verdict: &StepVerdict, number: usize) -> String {
    match verdict {
        StepVerdict::Now => format!("step {number} done at once"),
        StepVerdict::At(due) => format!("step {number} waits until {}", words::exact(*due)),
        StepVerdict::Skipped(why) => format!("step {number} skipped: {why}"),
    }
}
