//! A rule as YAML text: the inverse of [`crate::parse`]. Each function gives the lines of a block
//! without indentation; the block that contains it indents them.

use hearback_core::Word as _;
use std::fmt::Display;

use crate::{
    Compare, Condition, Owners, Property, Rule, Step,
    parse::{number, written},
};

impl Rule {
    /// The rule as a YAML file. [`crate::parse_yaml`] gives the same rule back, provided that this one came
    /// from a file (a rule made in code may hold what no file can say, such as an empty `any`).
    pub fn to_yaml(&self) -> String {
        let triggers: Vec<&str> = self.on.iter().map(|trigger| trigger.as_str()).collect();
        let mut lines =
            vec![format!("key: {}", scalar(&self.key)), format!("name: {}", scalar(&self.name)), format!("on: [{}]", triggers.join(", "))];
        if self.when != Condition::default() {
            lines.extend(block("when", condition(&self.when)));
        }
        lines.extend(block("then", self.then.iter().flat_map(|one| item(step(one))).collect()));
        lines.push(String::new());
        lines.join("\n")
    }
}

fn step(step: &Step) -> Vec<String> {
    let mut lines = written(&step.action);
    if !step.after.is_zero() {
        lines.push(format!("after: {}", step.after));
    }
    if step.condition != Condition::default() {
        lines.extend(block("if", condition(&step.condition)));
    }
    lines
}

fn condition(asked: &Condition) -> Vec<String> {
    let list = |conditions: &[Condition]| conditions.iter().flat_map(|one| item(condition(one))).collect();
    let presence = |wanted: &bool| if *wanted { "present" } else { "absent" };
    match asked {
        Condition::All(conditions) => block("all", list(conditions)),
        Condition::Any(conditions) => block("any", list(conditions)),
        Condition::Not(inner) => block("not", condition(inner)),
        Condition::Segment(list) => vec![format!("segment: {}", flow(list.iter().map(|segment| segment.as_str())))],
        Condition::Score(compare) => vec![format!("score: {}", comparison(compare))],
        Condition::Survey(list) => vec![format!("survey: {}", flow(list))],
        Condition::Metric(list) => vec![format!("metric: {}", flow(list.iter().map(|metric| metric.as_str())))],
        Condition::Channel(list) => vec![format!("channel: {}", flow(list))],
        Condition::Locale(list) => vec![format!("locale: {}", flow(list))],
        Condition::Person(name, compare) => block("person", vec![format!("{}: {}", scalar(name), comparison(compare))]),
        Condition::Account(name, compare) => block("account", vec![format!("{}: {}", scalar(name), comparison(compare))]),
        Condition::HasComment(wanted) => vec![format!("comment: {}", presence(wanted))],
        Condition::CommentContains(list) => vec![format!("comment_contains: {}", flow(list))],
        Condition::Tag(list) => vec![format!("tag: {}", flow(list))],
        Condition::LoopStatus(list) => vec![format!("loop_status: {}", flow(list.iter().map(|status| status.as_str())))],
        Condition::HasEmail(wanted) => vec![format!("email: {}", presence(wanted))],
    }
}

fn comparison(compare: &Compare) -> String {
    match compare {
        Compare::Equals(value) => property(value),
        Compare::In(list) => format!("[{}]", list.iter().map(property).collect::<Vec<_>>().join(", ")),
        Compare::Lt(edge) => format!("{{ lt: {edge} }}"),
        Compare::Lte(edge) => format!("{{ lte: {edge} }}"),
        Compare::Gt(edge) => format!("{{ gt: {edge} }}"),
        Compare::Gte(edge) => format!("{{ gte: {edge} }}"),
        Compare::Exists(wanted) => format!("{{ exists: {wanted} }}"),
    }
}

fn property(value: &Property) -> String {
    match value {
        Property::Flag(flag) => flag.to_string(),
        Property::Number(number) => number.to_string(),
        Property::Text(text) => scalar(text),
    }
}

pub(crate) fn pair(key: &str, value: impl Display) -> String {
    format!("{key}: {}", scalar(&value.to_string()))
}

pub(crate) fn owners(key: &str, owners: &Owners) -> String {
    match owners.0.as_slice() {
        [only] => pair(key, only),
        several => format!("{key}: {}", flow(several.iter().map(ToString::to_string))),
    }
}

pub(crate) fn flow<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    format!("[{}]", items.into_iter().map(|item| scalar(item.as_ref())).collect::<Vec<_>>().join(", "))
}

/// Text as a YAML scalar: bare where nobody can mistake it for anything else, else in quotes.
fn scalar(text: &str) -> String {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str());
    let starts_as_word = text.starts_with(char::is_alphabetic) && !text.ends_with([' ', ':']);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '@' | ':' | '\'');
    if starts_as_word && !reserved && number(text).is_none() && text.chars().all(plain) && !text.contains(": ") {
        return text.to_owned();
    }
    // A JSON string is a YAML scalar in double quotes.
    serde_json::Value::from(text).to_string()
}

fn block(key: &str, lines: Vec<String>) -> Vec<String> {
    let indented = lines.into_iter().map(|line| format!("  {line}"));
    std::iter::once(format!("{key}:")).chain(indented).collect()
}

fn item(lines: Vec<String>) -> Vec<String> {
    let mark = |(index, line): (usize, String)| format!("{} {line}", if index == 0 { "-" } else { " " });
    lines.into_iter().enumerate().map(mark).collect()
}
