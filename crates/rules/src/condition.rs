//! Conditions: a tree of questions about [`crate::Facts`]. Evaluation is total: a missing value makes
//! a question false, never an error.

use hearback_core::{Metric, Segment};
use serde::{Deserialize, Serialize};

use crate::facts::Property;

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
    /// The comment contains one of these words or phrases, whatever the case of the letters.
    CommentContains(Vec<String>),
    /// The case has one of these tags.
    Tag(Vec<String>),
    /// The case's loop status is one of these words.
    LoopStatus(Vec<hearback_core::LoopStatus>),
    /// The person has (or lacks) an address to write to.
    HasEmail(bool),
}

impl Default for Condition {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// How a value is compared.
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
