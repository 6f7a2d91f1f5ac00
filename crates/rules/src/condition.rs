//! Conditions: a tree of questions about [`Facts`]. Evaluation is total: a missing value makes a
//! question false, never an error. What a condition says in words is in `condition/words.rs`.

mod phrase;
mod words;

use hearback_core::{LoopStatus, Metric, Segment};
use serde::{Deserialize, Serialize};

use crate::facts::{AccountFacts, Facts, PersonFacts, Property};

pub(crate) use phrase::has_word;

/// One question, or several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of them; an empty list is true.
    All(Vec<Condition>),
    /// At least one of them; an empty list is false.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The segment is one of these.
    Segment(Vec<Segment>),
    /// The score compares.
    Score(Compare),
    /// The survey's key is one of these.
    Survey(Vec<String>),
    /// The metric is one of these.
    Metric(Vec<Metric>),
    /// The channel is one of these.
    Channel(Vec<String>),
    /// The person's language is one of these (`en` also matches `en-gb`).
    Locale(Vec<String>),
    /// A property of the person compares.
    Person(String, Compare),
    /// A property of the account compares.
    Account(String, Compare),
    /// There is a comment (or there is none).
    HasComment(bool),
    /// The comment contains one of these words or phrases: whole words, whatever the case of the
    /// letters and whatever stands between the words. `late` matches "Late!" but not "lately";
    /// `late*` matches both. Only letters and digits count.
    CommentContains(Vec<String>),
    /// The case has one of these tags.
    Tag(Vec<String>),
    /// The case's loop status is one of these words.
    LoopStatus(Vec<LoopStatus>),
    /// The person has (or lacks) an address to write to.
    HasEmail(bool),
}

impl Default for Condition {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// How a value is compared. Text that is written as a number compares as that number wherever a number
/// is asked for: an imported column is text throughout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Equal; text without regard to upper and lower case.
    Equals(Property),
    /// One of these.
    In(Vec<Property>),
    /// Less than.
    Lt(f64),
    /// At most.
    Lte(f64),
    /// More than.
    Gt(f64),
    /// At least.
    Gte(f64),
    /// Present (or absent).
    Exists(bool),
}

impl Condition {
    /// Whether it holds. Allocates only to look into a comment.
    pub fn holds(&self, facts: &Facts) -> bool {
        let response = &facts.response;
        match self {
            Self::All(list) => list.iter().all(|condition| condition.holds(facts)),
            Self::Any(list) => list.iter().any(|condition| condition.holds(facts)),
            Self::Not(condition) => !condition.holds(facts),
            Self::Segment(list) => list.contains(&response.segment),
            Self::Score(compare) => compare.holds(Some(&Property::Number(f64::from(response.score)))),
            Self::Survey(list) => list.contains(&response.survey),
            Self::Metric(list) => list.contains(&response.metric),
            Self::Channel(list) => list.contains(&response.channel),
            Self::Locale(_) | Self::Person(..) | Self::Account(..) | Self::HasEmail(_) => {
                self.holds_for(&facts.person, facts.account.as_ref())
            }
            Self::HasComment(wanted) => response.comment.is_some() == *wanted,
            Self::CommentContains(list) => response.comment.as_deref().is_some_and(|comment| phrase::contains_any(comment, list)),
            Self::Tag(list) => list.iter().any(|tag| facts.case.tags.contains(tag)),
            Self::LoopStatus(list) => list.contains(&facts.case.loop_status),
        }
    }

    /// Whether it holds of somebody who has not answered; a question about an answer has no answer then.
    pub(crate) fn holds_for(&self, person: &PersonFacts, account: Option<&AccountFacts>) -> bool {
        match self {
            Self::All(list) => list.iter().all(|condition| condition.holds_for(person, account)),
            Self::Any(list) => list.iter().any(|condition| condition.holds_for(person, account)),
            Self::Not(condition) => !condition.holds_for(person, account),
            Self::Locale(list) => person.locale.as_deref().is_some_and(|tag| list.iter().any(|wanted| speaks(tag, wanted))),
            Self::Person(name, compare) => compare.holds(person.properties.get(name)),
            Self::Account(name, compare) => compare.holds(account.and_then(|account| account.properties.get(name))),
            Self::HasEmail(wanted) => person.email.is_some() == *wanted,
            Self::Segment(_)
            | Self::Score(_)
            | Self::Survey(_)
            | Self::Metric(_)
            | Self::Channel(_)
            | Self::HasComment(_)
            | Self::CommentContains(_)
            | Self::Tag(_)
            | Self::LoopStatus(_) => false,
        }
    }

    /// `Ok` when it holds; else in words the first question that was answered with no, with what was found
    /// and what was wanted. Never quotes a comment; does quote (the start of) a property's value.
    pub fn explain(&self, facts: &Facts) -> Result<(), String> {
        if self.holds(facts) { Ok(()) } else { Err(self.why_not(facts)) }
    }
}

impl Compare {
    /// Whether `value` compares; an absent value only satisfies `Exists(false)`.
    pub fn holds(&self, value: Option<&Property>) -> bool {
        match self {
            Self::Exists(wanted) => value.is_some() == *wanted,
            Self::Equals(wanted) => value.is_some_and(|value| value.equals(wanted)),
            Self::In(list) => value.is_some_and(|value| list.iter().any(|wanted| value.equals(wanted))),
            Self::Lt(edge) => number(value).is_some_and(|value| value < *edge),
            Self::Lte(edge) => number(value).is_some_and(|value| value <= *edge),
            Self::Gt(edge) => number(value).is_some_and(|value| value > *edge),
            Self::Gte(edge) => number(value).is_some_and(|value| value >= *edge),
        }
    }
}

impl Property {
    /// The finite number that this is or that its text spells.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Flag(_) => None,
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
        .filter(|number: &f64| number.is_finite())
    }

    /// Text against text without regard to case; against a number or a flag as what the text spells.
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => same_text(a, b),
            (Self::Flag(a), Self::Flag(b)) => a == b,
            (Self::Flag(flag), Self::Text(text)) | (Self::Text(text), Self::Flag(flag)) => {
                same_text(text, if *flag { "true" } else { "false" })
            }
            (Self::Flag(_), Self::Number(_)) | (Self::Number(_), Self::Flag(_)) => false,
            (Self::Number(_), _) | (_, Self::Number(_)) => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
                _ => false,
            },
        }
    }
}

fn number(value: Option<&Property>) -> Option<f64> {
    value.and_then(Property::number)
}

fn account_property<'a>(facts: &'a Facts, name: &str) -> Option<&'a Property> {
    facts.account.as_ref().and_then(|account| account.properties.get(name))
}

fn same_text(a: &str, b: &str) -> bool {
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// Whether the language `tag` is `wanted` or a regional form of it.
fn speaks(tag: &str, wanted: &str) -> bool {
    match tag.split_at_checked(wanted.len()) {
        Some((start, rest)) => start.eq_ignore_ascii_case(wanted) && (rest.is_empty() || rest.starts_with(['-', '_'])),
        None => false,
    }
}
