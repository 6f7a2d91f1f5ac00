//! The story of a case in plain words: each entry of the timeline as a sentence, each decision of a rule with its reason.

use hearback_core::{
    campaign::Reason,
    id::{DeliveryId, MessageId},
};
use hearback_rules::{
    Trigger,
    plan::{RuleTrace, StepVerdict},
};
use hearback_store::{deliveries, events, messages, runs};
use serde::Serialize;
use serde_json::Value;

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
    let address = |event: &events::Model| {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let id = text(&data, "delivery").parse::<DeliveryId>().ok()?;
        deliveries.iter().find(|delivery| delivery.id == id.uuid()).map(|delivery| delivery.to_address.clone())
    };
    let mut entries: Vec<Entry> = Vec::new();
    for event in events.iter().rev() {
        let entry = Entry { items: address(event).map_or_else(Vec::new, |address| vec![address]), ..Entry::of(event, owners, now) };
        match entries.last_mut() {
            Some(last) if event.kind == "mail_sent" && last.what == entry.what => last.items.extend(entry.items),
            _ if event.kind == "mail_sent" => entries.push(entry),
            _ => {
                let plain = Entry::of(event, owners, now);
                let (quote, rest) = written(event, deliveries, messages).unwrap_or_default();
                entries.push(Entry { quote: plain.quote.clone().or(quote), rest, ..plain });
            }
        }
    }
    entries
}

/// The words of a mail that came in, or that one of us wrote, and what else it brought.
fn written(event: &events::Model, deliveries: &[deliveries::Model], messages: &[messages::Model]) -> Option<(Option<String>, Rest)> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let (words, rest) = match event.kind.as_str() {
        "wrote" | "auto_reply" => {
            let id = text(&data, "message").parse::<MessageId>().ok()?;
            let message = messages.iter().find(|message| message.id == id.uuid())?;
            (message.text.clone(), Rest::of(message))
        }
        "replied" => {
            let id = text(&data, "delivery").parse::<DeliveryId>().ok()?;
            (deliveries.iter().find(|delivery| delivery.id == id.uuid())?.words.clone()?, Rest::default())
        }
        _ => return None,
    };
    Some((Some(words).filter(|words| !words.is_empty()), rest))
}

impl Entry {
    /// An event of the timeline.
    fn of(row: &events::Model, owners: &Owners, now: i64) -> Self {
        let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
        let said = Said { data: &data, owners };
        let (what, tone) = said.sentence(&row.kind);
        Self {
            what,
            who: actor(&row.actor, owners),
            quote: said.quote(),
            rest: Rest::default(),
            items: said.steps(),
            at: When::past(row.at, now),
            tone,
        }
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

/// An entry's data, read by name.
struct Said<'a> {
    data: &'a Value,
    owners: &'a Owners,
}

impl Said<'_> {
    fn text(&self, name: &str) -> &str {
        text(self.data, name)
    }

    fn sentence(&self, kind: &str) -> (String, &'static str) {
        let title = self.text("title");
        let template = words::plain(self.text("template"));
        let because = if self.text("why").is_empty() { String::new() } else { format!(": {}", words::plain(self.text("why"))) };
        match kind {
            "answered" => (format!("Answered with {} through {}", number(self.data, "score"), self.text("channel")), "plain"),
            "corrected" => (format!("Changed the answer from {} to {}", number(self.data, "from"), number(self.data, "to")), "plain"),
            "planned" => ("Rules decided what to do".to_owned(), "plain"),
            "cancelled" => (format!("Called off what was planned{because}"), "plain"),
            "step_skipped" => (format!("A step of {} was not needed any more{because}", self.text("rule")), "plain"),
            "contact" => self.contact(),
            "resolved" if self.text("why").is_empty() => ("Entered cause and resolution".to_owned(), "good"),
            "closed" if self.text("why") == "acknowledged" => {
                ("Closed: the customer was thanked and nothing is left to do".to_owned(), "good")
            }
            "closed" if self.text("why") == "task_finished" => ("Closed: the last task is done".to_owned(), "good"),
            "closed" => ("Closed the case".to_owned(), "good"),
            "reopened" => (format!("Opened the case again{because}"), "bad"),
            "assigned" => (format!("Handed the case to {}{because}", self.owners.name(self.text("owner"))), "plain"),
            "note" => ("Wrote a note".to_owned(), "plain"),
            "task_done" => (format!("Task done: {title}"), "good"),
            "task_cancelled" => (format!("Task called off: {title}"), "plain"),
            "task_reopened" => (format!("Task open again: {title}"), "plain"),
            "task_assigned" => (format!("Handed a task to {}", self.owners.name(self.text("owner"))), "plain"),
            "task_overdue" => (format!("Task overdue: {title}"), "bad"),
            "contact_overdue" => ("Nobody was in touch in time".to_owned(), "bad"),
            "contact_due_soon" => ("The first contact is due soon".to_owned(), "plain"),
            "close_due_soon" => ("Closing is due soon".to_owned(), "plain"),
            "close_overdue" => ("Not closed in time".to_owned(), "bad"),
            "waiting" => ("Waits for the customer: the clock for closing stands still".to_owned(), "plain"),
            "resumed" => (format!("Goes on after waiting for the customer{because}"), "plain"),
            "lapsed" => (format!("Given up{because}"), "bad"),
            "mail_sent" => (format!("Mail sent: {template}"), "good"),
            "mail_failed" => (format!("Mail not sent: {template}{because}"), "bad"),
            "mail_returned" => (format!("Mail came back: {template}{because}"), "bad"),
            "wrote" => ("The customer wrote by mail".to_owned(), "good"),
            "replied" => ("Wrote to the customer by mail".to_owned(), "plain"),
            "auto_reply" => ("An automatic answer came".to_owned(), "plain"),
            "complained" => (format!("The customer called the mail unwanted: {template}"), "bad"),
            "opted_out" => ("The customer wants no more mail".to_owned(), "plain"),
            "mail_suppressed" => (format!("Mail held back: {template}{because}"), "plain"),
            "mail_unknown" => (format!("Not known whether the mail arrived: {template}{because}"), "bad"),
            "webhook_called" => (format!("Called the webhook {}", self.text("webhook")), "good"),
            "webhook_failed" => (format!("Webhook not called: {}{because}", self.text("webhook")), "bad"),
            "rule_stopped" => (format!("Rule {} was not carried out{because}", self.text("rule")), "bad"),
            "incentive_given" => (format!("Gave a code from {}", self.text("pool")), "good"),
            "incentive_missing" => (format!("No code for the customer: {}", self.text("reason")), "bad"),
            "converted" => ("Somebody came through the customer's link".to_owned(), "good"),
            "testimonial_given" => ("The customer wrote words that we may use".to_owned(), "good"),
            "testimonial_withdrawn" => ("The customer took their words back".to_owned(), "plain"),
            "incentive_taken_back" => (format!("Put the code back into {}: {}", self.text("pool"), self.text("reason")), "plain"),
            "task_opened" => (format!("New task: {title}"), "plain"),
            "asking_again" => (format!("The customer is asked again{}", self.not_yet()), "plain"),
            "asked_again" => ("Asked the customer again".to_owned(), "plain"),
            "not_asked_again" => (format!("The customer was not asked again: {}", self.reason()), "plain"),
            "answered_again" => self.answered_again(),
            "brought_in" => ("Brought in from an export".to_owned(), "plain"),
            "erased" => ("The customer's data was erased".to_owned(), "plain"),
            other => (words::plain(other), "plain"),
        }
    }

    fn contact(&self) -> (String, &'static str) {
        let channel = words::plain(self.text("channel"));
        match self.text("outcome") {
            "reached" => (format!("Reached the customer by {channel}"), "good"),
            "replied" => (format!("The customer replied by {channel}"), "good"),
            "no_answer" => (format!("Tried by {channel}: no answer"), "plain"),
            "wrong_number" => (format!("Tried by {channel}: wrong number or address"), "bad"),
            other => (format!("Tried by {channel}: {}", words::plain(other)), "plain"),
        }
    }

    /// Until when a question waits, and why.
    fn not_yet(&self) -> String {
        let until = self.text("not_before").parse().map(|due| format!(", not before {}", words::exact(due))).unwrap_or_default();
        if self.text("reason").is_empty() { until } else { format!("{until}: {}", self.reason()) }
    }

    /// Why somebody is not asked, in a sentence.
    fn reason(&self) -> &str {
        Reason::parse(self.text("reason")).map_or("nobody noted why.", Reason::sentence)
    }

    fn answered_again(&self) -> (String, &'static str) {
        let (from, to) = (number(self.data, "from"), number(self.data, "to"));
        match self.data.get("recovered").and_then(Value::as_bool) {
            Some(true) => (format!("Asked again, the customer answered {to} instead of {from}: recovered"), "good"),
            _ => (format!("Asked again, the customer answered {to} after {from}"), "plain"),
        }
    }

    fn quote(&self) -> Option<String> {
        let parts = [("Cause", "root_cause"), ("Resolution", "resolution"), ("", "note"), ("Outcome", "outcome")];
        let lines: Vec<String> = parts
            .into_iter()
            .filter(|(_, name)| !self.text(name).is_empty())
            // A contact's outcome is in its sentence.
            .filter(|(_, name)| *name != "outcome" || self.text("channel").is_empty())
            .map(|(label, name)| if label.is_empty() { self.text(name).to_owned() } else { format!("{label}: {}", self.text(name)) })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn steps(&self) -> Vec<String> {
        let steps = self.data.get("steps").and_then(Value::as_array);
        steps.into_iter().flatten().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Value) -> String {
        let action = match text(step, "do") {
            "send_mail" => format!("mail {}", words::plain(text(step, "template"))),
            "open_task" => format!("task “{}” for {}", text(step, "title"), self.owners.name(text(step, "owner"))),
            "tag" => format!("tag {}", tags(step)),
            "assign" => format!("owner {}", self.owners.name(text(step, "owner"))),
            "escalate" => format!("raised to {}: {}", self.owners.name(text(step, "to")), text(step, "reason")),
            "give_incentive" => format!("a code from {}", text(step, "pool")),
            "call_webhook" => format!("message to {}", text(step, "webhook")),
            "resurvey" => "the customer is asked again".to_owned(),
            "notify_chat" => format!("message to the chat {}", text(step, "webhook")),
            "mark_not_needed" => format!("nothing to do: {}", text(step, "reason")),
            other => words::plain(other),
        };
        let waits = text(step, "title").is_empty() && !text(step, "due").is_empty();
        let later = text(step, "due").parse().ok().filter(|_| waits).map(|due| format!(", not before {}", words::exact(due)));
        let because = Some(text(step, "why")).filter(|why| !why.is_empty()).map(|why| format!(", because {why}"));
        let skipped = Some(text(step, "skipped")).filter(|why| !why.is_empty()).map(|why| format!(", skipped: {why}"));
        let rule = Some(text(step, "rule")).filter(|rule| !rule.is_empty()).map(|rule| format!(" (rule {rule})"));
        [Some(action), because, later, skipped, rule].into_iter().flatten().collect()
    }
}

fn text<'v>(data: &'v Value, name: &str) -> &'v str {
    data.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn tags(step: &Value) -> String {
    let tags = step.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn number(data: &Value, name: &str) -> String {
    data.get(name).and_then(Value::as_i64).map_or_else(|| "?".to_owned(), |number| number.to_string())
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
    /// A run with its trace.
    pub(crate) fn of(row: &runs::Model, now: i64) -> Self {
        let trace: Vec<RuleTrace> = serde_json::from_str(&row.trace).unwrap_or_default();
        Self { trigger: trigger_words(&row.trigger), at: When::past(row.at, now), rules: trace.into_iter().map(Verdict::of).collect() }
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
