//! Steps as written: one action by its word, what belongs to it, and for every step `after` and `if`. Read here, and written.

use hearback_core::{
    Span, Word as _,
    text::{self, MAX_LINE},
};

use super::{
    MAX_STEPS, Reader,
    tree::{Entry, Node, Value},
    value::Fields,
};
use crate::{
    Action, ActionKind, Condition, Step,
    owner::OwnerRef,
    write::{flow, owners, pair},
};

/// What belongs to some actions only.
const PARTS: &[&str] = &["to", "owner", "due"];
const EVERY_STEP: &[&str] = &["after", "if"];

impl Reader<'_> {
    pub fn steps(&mut self, node: &Node) -> Option<Vec<Step>> {
        match &node.value {
            Value::List(list) if list.len() > MAX_STEPS => {
                self.problems
                    .add(node.at, format!("a rule has at most {MAX_STEPS} steps, got {}; split it into several rules", list.len()));
                None
            }
            Value::List(list) if !list.is_empty() => self.each(list, Self::step),
            Value::List(_) => self.expected(node, "a list of at least one step"),
            _ => self.expected(node, "a list of steps (each starts with `- `)"),
        }
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let fields = self.fields(node, "a step", &[&ActionKind::words(), PARTS, EVERY_STEP].concat())?;
        let after = fields.get("after").map_or(Some(Span::ZERO), |node| self.span(node, true));
        let condition = fields.get("if").map_or(Some(Condition::default()), |node| self.condition(node));
        let named = |entry: &'_ Entry| ActionKind::parse(&entry.key);
        let actions: Vec<(&Entry, ActionKind)> = fields.entries.iter().filter_map(|entry| Some((entry, named(entry)?))).collect();
        let action = match actions.as_slice() {
            [(only, kind)] => self.action(only, *kind, &fields),
            [] => {
                // A mistyped action has been told already as an unknown key.
                if fields.entries.iter().all(|entry| PARTS.contains(&entry.key.as_str()) || EVERY_STEP.contains(&entry.key.as_str())) {
                    self.problems.add(fields.at, format!("a step needs one action ({})", ActionKind::words().join(", ")));
                }
                None
            }
            [(first, _), (second, _), ..] => {
                let message = format!("a step has one action, got `{}` and `{}`; make it two steps", first.key, second.key);
                self.problems.add(second.at, message);
                None
            }
        };
        Some(Step { action: action?, after: after?, condition: condition? })
    }

    fn action(&mut self, entry: &Entry, kind: ActionKind, fields: &Fields<'_>) -> Option<Action> {
        let node = &entry.value;
        self.only(entry, kind, fields);
        match kind {
            ActionKind::SendMail => self.send_mail(node, fields),
            ActionKind::OpenTask => self.open_task(node, fields),
            ActionKind::Assign => self.owners(node).map(|owner| Action::Assign { owner }),
            ActionKind::Tag => self.one_or_more(node, |reader, node| reader.key(node, "a tag")).map(|tags| Action::Tag { tags }),
            ActionKind::Escalate => {
                let reason = self.line(node, "the reason", MAX_LINE);
                let to = self.required(fields, "to", OwnerRef::EXPECTED).and_then(|node| self.owners(node));
                Some(Action::Escalate { to: to?, reason: reason? })
            }
            ActionKind::GiveIncentive => self.key(node, "the key of a pool of codes").map(|pool| Action::GiveIncentive { pool }),
            ActionKind::AskTestimonial => self.yes(node, Action::AskTestimonial),
            ActionKind::Resurvey => self.resurvey(node),
            ActionKind::CreateReferral => self.yes(node, Action::CreateReferral),
            ActionKind::CallWebhook => self.webhook(node).map(|webhook| Action::CallWebhook { webhook }),
            ActionKind::NotifyChat => self.webhook(node).map(|webhook| Action::NotifyChat { webhook }),
            ActionKind::InviteReview => self.review_url(node).map(|url| Action::InviteReview { url }),
            ActionKind::MarkNotNeeded => self.line(node, "the reason", MAX_LINE).map(|reason| Action::MarkNotNeeded { reason }),
            ActionKind::Close => self.yes(node, Action::Close),
        }
    }

    fn send_mail(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Action> {
        let template = self.key(node, "the name of a mail template");
        if let Some(name) = &template {
            self.check_known(node.at, "mail template", name, self.known.templates);
        }
        let to = self.required(fields, "to", "customer, owner, team:KEY or an address").and_then(|node| self.recipient(node));
        Some(Action::SendMail { template: template?, to: to? })
    }

    fn open_task(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Action> {
        let title = self.line(node, "what to do", MAX_LINE);
        let owner = self.required(fields, "owner", OwnerRef::EXPECTED).and_then(|node| self.owners(node));
        let due = self.required(fields, "due", "a time such as 48h or 2bd").and_then(|node| self.span(node, false));
        Some(Action::OpenTask { title: title?, owner: owner?, due: due? })
    }

    fn webhook(&mut self, node: &Node) -> Option<String> {
        let key = self.key(node, "the key of a webhook")?;
        self.check_known(node.at, "webhook", &key, self.known.webhooks);
        Some(key)
    }

    /// `resurvey: true` is the survey that was answered.
    fn resurvey(&mut self, node: &Node) -> Option<Action> {
        if matches!(&node.value, Value::Word { text, quoted: false } if text == "true") {
            return Some(Action::Resurvey { survey: None });
        }
        let key = self.key(node, "true (the same survey) or the key of a survey")?;
        self.check_known(node.at, "survey", &key, self.known.surveys);
        Some(Action::Resurvey { survey: Some(key) })
    }

    fn review_url(&mut self, node: &Node) -> Option<String> {
        let url = self.line(node, "the address of a review page", MAX_LINE)?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\' | b'`');
        let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        if host.is_some_and(|host| host.contains('.') && text::is_host(host)) && url.bytes().all(plain) {
            Some(url)
        } else {
            self.expected(node, "an address such as https://reviews.example/write")
        }
    }

    /// `create_referral: true`; anything else would be a step that does nothing.
    fn yes(&mut self, node: &Node, action: Action) -> Option<Action> {
        match &node.value {
            Value::Word { text, quoted: false } if text == "true" => Some(action),
            _ => self.expected(node, "true (leave the step out if it shall not happen)"),
        }
    }

    /// Reports parts that belong to other actions.
    fn only(&mut self, action: &Entry, kind: ActionKind, fields: &Fields<'_>) {
        let allowed: &[&str] = match kind {
            ActionKind::SendMail | ActionKind::Escalate => &["to"],
            ActionKind::OpenTask => &["owner", "due"],
            _ => &[],
        };
        let is_foreign = |entry: &&Entry| PARTS.contains(&entry.key.as_str()) && !allowed.contains(&entry.key.as_str());
        for entry in fields.entries.iter().filter(is_foreign) {
            let takes = [allowed, EVERY_STEP].concat().join(", ");
            self.problems.add(entry.at, format!("`{}` does not belong to `{}`, which takes {takes}", entry.key, action.key));
        }
    }
}

/// The lines of an action: what the reader above gives back.
pub(crate) fn written(action: &Action) -> Vec<String> {
    let word = action.as_str();
    match action {
        Action::SendMail { template, to } => vec![pair(word, template), pair("to", to)],
        Action::OpenTask { title, owner, due } => vec![pair(word, title), owners("owner", owner), format!("due: {due}")],
        Action::Assign { owner } => vec![owners(word, owner)],
        Action::Tag { tags } => vec![format!("{word}: {}", flow(tags))],
        Action::Escalate { to, reason } => vec![pair(word, reason), owners("to", to)],
        Action::GiveIncentive { pool } => vec![pair(word, pool)],
        Action::CallWebhook { webhook } | Action::NotifyChat { webhook } => vec![pair(word, webhook)],
        Action::InviteReview { url } => vec![pair(word, url)],
        Action::Resurvey { survey: Some(survey) } => vec![pair(word, survey)],
        Action::MarkNotNeeded { reason } => vec![pair(word, reason)],
        Action::CreateReferral | Action::AskTestimonial | Action::Resurvey { survey: None } | Action::Close => {
            vec![format!("{word}: true")]
        }
    }
}
