//! Rule files: YAML and the same shape as JSON, with errors that name line, column and what was expected.
//!
//! Text becomes a small tree in which every node knows its place (`tree`), and the tree becomes rules
//! (`rule`, `step`, `condition`). Nothing stops at the first mistake: a decoder that fails reports why
//! and goes on with its neighbour. Refuses to know where files come from and what is stored.

mod condition;
mod gating;
mod problems;
mod rule;
mod step;
mod tree;
mod value;

use std::collections::BTreeMap;

use thiserror::Error;

use self::{
    problems::Problems,
    tree::{At, Node, Value},
};
pub(crate) use self::{step::written, value::number};
use crate::rule::Rule;

/// Largest accepted file, in bytes.
pub const MAX_FILE: usize = 256 * 1024;
/// Most steps of one rule.
pub const MAX_STEPS: usize = 50;

/// One mistake in a rule file. Shown as `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RuleError {
    /// The file as the caller named it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong and what was expected.
    pub message: String,
}

/// What exists outside a rule file. A list that is left out (`None`) is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownNames<'a> {
    /// Names of mail templates.
    pub templates: Option<&'a [&'a str]>,
    /// Keys of surveys.
    pub surveys: Option<&'a [&'a str]>,
    /// Keys of teams, without `team:`.
    pub teams: Option<&'a [&'a str]>,
    /// Keys of webhooks and chat rooms.
    pub webhooks: Option<&'a [&'a str]>,
}

/// All rules of a YAML file, or every mistake in it, in the order of the file (at most 100 and a last
/// line that counts the rest).
///
/// A file is one rule, a list of rules, or `rules:` with a list. At most [`MAX_FILE`] bytes.
pub fn parse_yaml(file: &str, text: &str) -> Result<Vec<Rule>, Vec<RuleError>> {
    parse_yaml_with(file, text, &KnownNames::default())
}

/// The same shape as JSON.
pub fn parse_json(file: &str, text: &str) -> Result<Vec<Rule>, Vec<RuleError>> {
    // JSON is the flow style of YAML, so lines and columns come out right by themselves.
    parse_yaml(file, text)
}

/// As [`parse_yaml`]; templates, surveys and teams that do not exist are mistakes as well.
pub fn parse_yaml_with(file: &str, text: &str, known: &KnownNames<'_>) -> Result<Vec<Rule>, Vec<RuleError>> {
    let mut reader = Reader { problems: Problems::default(), known, rules: BTreeMap::new() };
    let rules = tree::read(text, &mut reader.problems).and_then(|root| reader.file(&root));
    match (rules, reader.problems.is_empty()) {
        (Some(rules), true) => Ok(rules),
        _ => Err(reader.problems.into_errors(file)),
    }
}

/// The condition of an audience, or every mistake in it.
pub(crate) fn condition_of(json: &str) -> Result<crate::Condition, Vec<String>> {
    let mut reader = Reader { problems: Problems::default(), known: &KnownNames::default(), rules: BTreeMap::new() };
    let condition = tree::read(json, &mut reader.problems).and_then(|root| reader.condition(&root));
    match (condition, reader.problems.is_empty()) {
        (Some(condition), true) => Ok(condition),
        _ => Err(reader.problems.into_errors("").into_iter().map(|error| error.message).collect()),
    }
}

/// Turns nodes into rules. Its methods give `None` after they have reported why.
struct Reader<'a> {
    problems: Problems,
    known: &'a KnownNames<'a>,
    /// Keys of the rules so far, and where they stand.
    rules: BTreeMap<String, At>,
}

impl Reader<'_> {
    fn file(&mut self, root: &Node) -> Option<Vec<Rule>> {
        match &root.value {
            Value::List(list) => self.each(list, Self::rule),
            Value::Map(entries) => match entries.as_slice() {
                [only] if only.key == "rules" => self.rules(&only.value),
                [only] if problems::closest(&only.key, &["rules"]).is_some() => {
                    self.problems.unknown(only.at, &only.key, "a file with several rules", &["rules"]);
                    None
                }
                entries => match entries.iter().find(|entry| entry.key == "rules") {
                    Some(entry) => {
                        self.fields(root, "a file with several rules", &["rules"]);
                        self.rules(&entry.value)
                    }
                    None => self.rule(root).map(|rule| vec![rule]),
                },
            },
            Value::Word { .. } | Value::Nothing => self.expected(root, "a rule, a list of rules, or `rules:` with a list"),
            Value::Refused => None,
        }
    }

    fn rules(&mut self, node: &Node) -> Option<Vec<Rule>> {
        match &node.value {
            Value::List(list) => self.each(list, Self::rule),
            _ => self.expected(node, "a list of rules (each starts with `- key: ...`)"),
        }
    }
}
