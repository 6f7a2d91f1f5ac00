//! Conditions as written: a mapping of questions; several in one mapping must all hold.

use hearback_core::{Locale, LoopStatus, Metric, Segment, Word as _, text::MAX_LINE};

use super::{
    Reader,
    tree::{Entry, Node, Value},
};
use crate::{Compare, Condition, Property, condition::has_word};

const QUESTIONS: &[&str] = &[
    "all",
    "any",
    "not",
    "segment",
    "score",
    "survey",
    "metric",
    "channel",
    "locale",
    "person",
    "account",
    "comment",
    "comment_contains",
    "tag",
    "loop_status",
    "email",
];
const COMPARISONS: &[&str] = &["equals", "in", "lt", "lte", "gt", "gte", "exists"];
/// Longest word or phrase to look for in a comment, in characters.
const MAX_PHRASE: usize = 100;

/// How one value of a comparison is read.
type ReadValue<'a> = fn(&mut Reader<'a>, &Node) -> Option<Property>;

impl<'a> Reader<'a> {
    pub fn condition(&mut self, node: &Node) -> Option<Condition> {
        match &node.value {
            Value::Map(entries) if entries.is_empty() => self.nothing_asked(node),
            Value::Nothing => self.nothing_asked(node),
            Value::List(_) => self.expected(node, "a mapping such as `segment: detractor` (put a list under `all:` or `any:`)"),
            _ => {
                let fields = self.fields(node, "a condition", QUESTIONS)?;
                let asked = self.each(fields.entries, Self::question)?;
                Some(together(asked.into_iter().flatten().collect()))
            }
        }
    }

    fn nothing_asked<T>(&mut self, node: &Node) -> Option<T> {
        self.problems.add(node.at, "nothing is asked here; leave the key out if it shall always hold");
        None
    }

    fn question(&mut self, entry: &Entry) -> Option<Vec<Condition>> {
        let node = &entry.value;
        let one = match entry.key.as_str() {
            "all" => self.conditions(node).map(Condition::All),
            "any" => self.conditions(node).map(Condition::Any),
            "not" => self.condition(node).map(|inner| Condition::Not(Box::new(inner))),
            "segment" => self.one_or_more(node, Self::segment).map(Condition::Segment),
            "score" => return Some(self.compares(node, Self::score)?.into_iter().map(Condition::Score).collect()),
            "survey" => self.one_or_more(node, Self::survey).map(Condition::Survey),
            "metric" => self.one_or_more(node, Self::metric).map(Condition::Metric),
            "channel" => self.one_or_more(node, |reader, node| reader.key(node, "a channel")).map(Condition::Channel),
            "locale" => self.one_or_more(node, Self::locale).map(Condition::Locale),
            "person" => return self.properties(node, Condition::Person),
            "account" => return self.properties(node, Condition::Account),
            "comment" => self.presence(node).map(Condition::HasComment),
            "comment_contains" => self.one_or_more(node, Self::phrase).map(Condition::CommentContains),
            "tag" => self.one_or_more(node, |reader, node| reader.key(node, "a tag")).map(Condition::Tag),
            "loop_status" => self.one_or_more(node, Self::loop_status).map(Condition::LoopStatus),
            "email" => self.presence(node).map(Condition::HasEmail),
            _ => None,
        };
        one.map(|condition| vec![condition])
    }

    fn conditions(&mut self, node: &Node) -> Option<Vec<Condition>> {
        match &node.value {
            Value::List(list) if !list.is_empty() => self.each(list, Self::condition),
            _ => self.expected(node, "a list of at least one condition (each starts with `- `)"),
        }
    }

    fn segment(&mut self, node: &Node) -> Option<Segment> {
        self.choice(node, "a segment", &Segment::ALL.map(Segment::as_str), Segment::parse)
    }

    fn metric(&mut self, node: &Node) -> Option<Metric> {
        self.choice(node, "a metric", &["nps", "csat", "ces"], Metric::parse)
    }

    fn loop_status(&mut self, node: &Node) -> Option<LoopStatus> {
        self.choice(node, "a loop status", &LoopStatus::words(), LoopStatus::parse)
    }

    fn survey(&mut self, node: &Node) -> Option<String> {
        let key = self.key(node, "the key of a survey")?;
        self.check_known(node.at, "survey", &key, self.known.surveys);
        Some(key)
    }

    fn locale(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Word { text, .. } if Locale::parse(text).is_ok() => Locale::parse(text).ok().map(|locale| locale.to_string()),
            _ => self.expected(node, "a language tag such as lt or en-gb"),
        }
    }

    fn phrase(&mut self, node: &Node) -> Option<String> {
        let phrase = self.line(node, "a word or phrase", MAX_PHRASE)?;
        if has_word(&phrase) { Some(phrase) } else { self.expected(node, "a word or phrase with at least one letter or digit") }
    }

    /// `NAME: comparison` pairs about the person or the account.
    fn properties(&mut self, node: &Node, condition: fn(String, Compare) -> Condition) -> Option<Vec<Condition>> {
        let entries = match &node.value {
            Value::Map(entries) if !entries.is_empty() => entries,
            _ => return self.expected(node, "properties to compare, such as `{ plan: gold }`"),
        };
        let read = self.each(entries, |reader, entry| {
            let name = reader.property_name(entry);
            let compares = reader.compares(&entry.value, Self::property);
            let name = name?;
            Some(compares?.into_iter().map(|compare| condition(name.clone(), compare)).collect::<Vec<_>>())
        })?;
        Some(read.into_iter().flatten().collect())
    }

    fn property_name(&mut self, entry: &Entry) -> Option<String> {
        match hearback_core::text::line(&entry.key, MAX_LINE) {
            Ok(name) => Some(name),
            Err(error) => {
                self.problems.add(entry.at, format!("the name of a property {error}"));
                None
            }
        }
    }

    /// A bare value is `equals`, a list is `in`, a mapping has comparisons that must all hold.
    fn compares(&mut self, node: &Node, read: ReadValue<'a>) -> Option<Vec<Compare>> {
        match &node.value {
            Value::List(_) => self.one_or_more(node, read).map(|list| vec![Compare::In(list)]),
            Value::Map(entries) if entries.is_empty() => self.nothing_asked(node),
            Value::Map(_) => {
                let fields = self.fields(node, "a comparison", COMPARISONS)?;
                self.each(fields.entries, |reader, entry| reader.compare(entry, read))
            }
            _ => read(self, node).map(|value| vec![Compare::Equals(value)]),
        }
    }

    fn compare(&mut self, entry: &Entry, read: ReadValue<'a>) -> Option<Compare> {
        let node = &entry.value;
        match entry.key.as_str() {
            "equals" => read(self, node).map(Compare::Equals),
            "in" => self.one_or_more(node, read).map(Compare::In),
            "lt" => self.edge(node, read).map(Compare::Lt),
            "lte" => self.edge(node, read).map(Compare::Lte),
            "gt" => self.edge(node, read).map(Compare::Gt),
            "gte" => self.edge(node, read).map(Compare::Gte),
            "exists" => self.flag(node).map(Compare::Exists),
            _ => None,
        }
    }

    fn edge(&mut self, node: &Node, read: ReadValue<'a>) -> Option<f64> {
        match read(self, node)? {
            Property::Number(edge) => Some(edge),
            Property::Flag(_) | Property::Text(_) => self.expected(node, "a number without quotes"),
        }
    }
}

fn together(conditions: Vec<Condition>) -> Condition {
    match <[Condition; 1]>::try_from(conditions) {
        Ok([only]) => only,
        Err(several) => Condition::All(several),
    }
}
