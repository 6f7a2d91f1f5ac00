//! YAML text as a tree of nodes that know their line and column. Refuses what rule files have no use
//! for and what makes YAML dangerous: anchors and aliases (a few lines can expand to gigabytes), tags,
//! several documents, deep nesting. Knows nothing of rules.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::{MAX_FILE, problems::Problems};

/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 16;
const NO_ALIASES: &str = "anchors and aliases (`&name`, `*name`) are not supported; write the value out, or in quotes if it is text";

/// A place in the text; both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub line: u32,
    pub column: u32,
}

impl At {
    pub const START: Self = Self { line: 1, column: 1 };
}

impl From<&Marker> for At {
    fn from(marker: &Marker) -> Self {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self { line: number(marker.line().max(1)), column: number(marker.col().saturating_add(1)) }
    }
}

/// A value and where it starts.
#[derive(Debug)]
pub struct Node {
    pub at: At,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    /// Text, a number, true or false. Quoted text is never a number.
    Word {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Left empty, or `null`.
    Nothing,
    /// Already reported; not looked at again.
    Refused,
}

/// A key of a mapping with its value. Keys are unique within the mapping.
#[derive(Debug)]
pub struct Entry {
    pub at: At,
    pub key: String,
    pub value: Node,
}

/// The tree of a text; `None` when it can't be read at all. Mistakes go to `problems`.
pub fn read(text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > MAX_FILE {
        problems.add(At::START, format!("the file has {} bytes, at most {MAX_FILE} are read; split it into several files", text.len()));
        return None;
    }
    let mut builder = Builder { parser: Parser::new_from_str(text), problems };
    let root = builder.document()?;
    builder.end()?;
    Some(root)
}

struct Builder<'text, 'p> {
    parser: Parser<'text, StrInput<'text>>,
    problems: &'p mut Problems,
}

impl<'text> Builder<'text, '_> {
    fn document(&mut self) -> Option<Node> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    self.problems.add(At::START, "the file is empty; expected a rule, a list of rules, or `rules:` with a list");
                    return None;
                }
                (event, span) => return self.node(event, span, 0),
            }
        }
    }

    fn end(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Some(()),
                (Event::DocumentStart(_), span) => {
                    self.problems.add(At::from(&span.start), "a file is one document; put several rules in a list under `rules:`");
                    return None;
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Option<(Event<'text>, Span)> {
        match self.parser.next_event()? {
            Ok(event) => Some(event),
            Err(error) => {
                self.problems.add(At::from(error.marker()), explain(&error));
                None
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span, depth: usize) -> Option<Node> {
        let at = At::from(&span.start);
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(anchor) => (*anchor, false),
            _ => (0, false),
        };
        if anchor > 0 {
            self.problems.add(at, NO_ALIASES);
        }
        if tagged {
            self.problems.add(at, "tags (`!name`) are not supported; leave it out, or put the text in quotes");
        }
        if depth >= MAX_DEPTH && matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            self.problems.add(at, format!("nested more than {MAX_DEPTH} deep; make the condition simpler or write two rules"));
            return None;
        }
        let value = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            _ => Value::Refused,
        };
        Some(Node { at, value: if anchor > 0 || tagged { Value::Refused } else { value } })
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Some(list),
                (event, span) => list.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Some(entries);
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let Node { at, value: Value::Word { text, .. } } = key else {
                self.not_a_key(&key);
                continue;
            };
            if let Some(line) = lines.get(&text) {
                self.problems.add(at, format!("the key `{text}` stands on line {line} already; keep one of them"));
                continue;
            }
            lines.insert(text.clone(), at.line);
            entries.push(Entry { at, key: text, value });
        }
    }

    fn not_a_key(&mut self, key: &Node) {
        if !matches!(key.value, Value::Refused) {
            self.problems.add(key.at, "expected a word as key, before the colon");
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Nothing,
        _ => Value::Word { text: text.to_owned(), quoted: style != ScalarStyle::Plain },
    }
}

/// The reader's own words, with the next step where it is known.
fn explain(error: &ScanError) -> String {
    let info = error.info();
    let hint = match info {
        "while parsing node, found unknown anchor" => return NO_ALIASES.to_owned(),
        "recursion limit exceeded" => return format!("nested more than {MAX_DEPTH} deep; make the condition simpler or write two rules"),
        "mapping values are not allowed in this context" => "put text that contains `: ` in quotes, and check the indentation of this line",
        info if info.contains("tabs disallowed") => "indent with spaces",
        info if info.contains("Unicode character escape") => "write the character itself instead of its code",
        _ => "check indentation, brackets and quotes here",
    };
    format!("this is not valid YAML: {info}; {hint}")
}
