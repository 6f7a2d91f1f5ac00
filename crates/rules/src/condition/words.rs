//! Conditions in words, for the trace ("why did I get no task?") and for people who read a rule.

use hearback_core::Word as _;
use std::fmt::{self, Display, Write};

use super::{Compare, Condition, account_property};
use crate::facts::{Facts, Property};

/// How many characters of a property's value a trace shows.
const SHOWN: usize = 40;

impl Condition {
    /// What was found and what was wanted instead. Only asked when the condition does not hold.
    pub(super) fn why_not(&self, facts: &Facts) -> String {
        let response = &facts.response;
        match self {
            Self::All(list) => match list.iter().find(|condition| !condition.holds(facts)) {
                Some(failed) => failed.why_not(facts),
                None => "nothing failed".to_owned(),
            },
            Self::Any(list) if list.is_empty() => "an empty `any` never holds".to_owned(),
            Self::Any(list) => join(list.iter().map(|condition| condition.why_not(facts)), "; and "),
            Self::Not(condition) => format!("{condition}, which is excluded"),
            Self::Segment(list) => wanted("segment", response.segment.as_str(), any_of(list.iter().map(|segment| segment.as_str()))),
            Self::Score(compare) => wanted("score", response.score, compare),
            Self::Survey(list) => wanted("survey", &response.survey, any_of(list)),
            Self::Metric(list) => wanted("metric", response.metric.as_str(), any_of(list.iter().map(|metric| metric.as_str()))),
            Self::Channel(list) => wanted("channel", &response.channel, any_of(list)),
            Self::Locale(list) => wanted("language", facts.person.locale.as_deref().unwrap_or("not known"), any_of(list)),
            Self::Person(name, compare) => wanted(&format!("person's {name}"), Shown(facts.person.properties.get(name)), compare),
            Self::Account(..) if facts.account.is_none() => format!("the person has no account, wanted {self}"),
            Self::Account(name, compare) => wanted(&format!("account's {name}"), Shown(account_property(facts, name)), compare),
            Self::HasComment(true) => "there is no comment, wanted one".to_owned(),
            Self::HasComment(false) => "there is a comment, wanted none".to_owned(),
            Self::CommentContains(_) if response.comment.is_none() => format!("there is no comment, wanted {self}"),
            Self::CommentContains(list) => format!("the comment contains none of {}", join(list.iter(), ", ")),
            Self::Tag(list) => format!("the case has no tag {}", any_of(list)),
            Self::LoopStatus(list) => {
                wanted("loop status", facts.case.loop_status.as_str(), any_of(list.iter().map(|status| status.as_str())))
            }
            Self::HasEmail(true) => "the person has no mail address, wanted one".to_owned(),
            Self::HasEmail(false) => "the person has a mail address, wanted none".to_owned(),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(list) if list.is_empty() => f.write_str("always"),
            Self::All(list) => group(f, list, " and "),
            Self::Any(list) if list.is_empty() => f.write_str("never"),
            Self::Any(list) => group(f, list, " or "),
            Self::Not(condition) => write!(f, "not ({condition})"),
            Self::Segment(list) => write!(f, "segment is {}", any_of(list.iter().map(|segment| segment.as_str()))),
            Self::Score(compare) => write!(f, "score is {compare}"),
            Self::Survey(list) => write!(f, "survey is {}", any_of(list)),
            Self::Metric(list) => write!(f, "metric is {}", any_of(list.iter().map(|metric| metric.as_str()))),
            Self::Channel(list) => write!(f, "channel is {}", any_of(list)),
            Self::Locale(list) => write!(f, "language is {}", any_of(list)),
            Self::Person(name, compare) => write!(f, "person's {name} is {compare}"),
            Self::Account(name, compare) => write!(f, "account's {name} is {compare}"),
            Self::HasComment(true) => f.write_str("there is a comment"),
            Self::HasComment(false) => f.write_str("there is no comment"),
            Self::CommentContains(list) => write!(f, "comment contains {}", any_of(list)),
            Self::Tag(list) => write!(f, "case has tag {}", any_of(list)),
            Self::LoopStatus(list) => write!(f, "loop status is {}", any_of(list.iter().map(|status| status.as_str()))),
            Self::HasEmail(true) => f.write_str("person has a mail address"),
            Self::HasEmail(false) => f.write_str("person has no mail address"),
        }
    }
}

impl Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(value) => value.fmt(f),
            Self::In(list) => f.write_str(&any_of(list)),
            Self::Lt(edge) => write!(f, "less than {edge}"),
            Self::Lte(edge) => write!(f, "at most {edge}"),
            Self::Gt(edge) => write!(f, "more than {edge}"),
            Self::Gte(edge) => write!(f, "at least {edge}"),
            Self::Exists(true) => f.write_str("present"),
            Self::Exists(false) => f.write_str("absent"),
        }
    }
}

impl Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A value as a trace shows it: cut, or `absent`.
struct Shown<'a>(Option<&'a Property>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("absent"),
            Some(Property::Text(text)) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => write!(f, "{}…", text.get(..end).unwrap_or_default()),
                None => f.write_str(text),
            },
            Some(value) => value.fmt(f),
        }
    }
}

fn wanted(subject: &str, found: impl Display, expected: impl Display) -> String {
    format!("{subject} is {found}, wanted {expected}")
}

/// `a`, `a or b`, `a, b or c`.
fn any_of<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} or {last}", items.join(", ")),
    }
}

fn join<T: Display>(items: impl Iterator<Item = T>, separator: &str) -> String {
    let mut text = String::new();
    for (index, item) in items.enumerate() {
        // Writing to a String can't fail.
        let _ = write!(text, "{}{item}", if index == 0 { "" } else { separator });
    }
    text
}

fn group(f: &mut fmt::Formatter<'_>, list: &[Condition], separator: &str) -> fmt::Result {
    match list {
        [only] => only.fmt(f),
        _ => write!(f, "({})", join(list.iter(), separator)),
    }
}
