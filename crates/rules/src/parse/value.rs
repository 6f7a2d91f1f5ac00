//! Single values and the fields of a mapping: what rules, steps and conditions are read with.

use hearback_core::{
    Span, TextError,
    text::{self, MAX_PROPERTY},
};

use super::{
    Reader,
    problems::{closest, cut},
    tree::{At, Entry, Node, Value},
};
use crate::{OwnerRef, Owners, Property, Recipient};

/// A mapping whose keys have been checked.
pub struct Fields<'n> {
    pub at: At,
    pub what: &'static str,
    pub entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}

impl Reader<'_> {
    /// Reports that something else was expected here.
    pub fn expected<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        let got = match &node.value {
            Value::Word { text, .. } => format!("`{}`", cut(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Nothing => "nothing".to_owned(),
            Value::Refused => return None,
        };
        self.problems.add(node.at, format!("expected {wanted}, got {got}"));
        None
    }

    /// The fields of a mapping, after reporting the keys that it must not have.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &'static str, allowed: &[&str]) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            return self.expected(node, &format!("{what}: a mapping with {}", allowed.join(", ")));
        };
        for entry in entries.iter().filter(|entry| !allowed.contains(&entry.key.as_str())) {
            self.problems.unknown(entry.at, &entry.key, what, allowed);
        }
        Some(Fields { at: node.at, what, entries })
    }

    /// A field that must be there.
    pub fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, wanted: &str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.problems.add(fields.at, format!("{} needs `{key}:` with {wanted}", fields.what));
        }
        node
    }

    /// Reads every item, also after one has failed.
    pub fn each<I, T>(&mut self, items: &[I], mut read: impl FnMut(&mut Self, &I) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = items.iter().map(|item| read(self, item)).collect();
        read.into_iter().collect()
    }

    /// One value, or a list of at least one.
    pub fn one_or_more<T>(&mut self, node: &Node, mut read: impl FnMut(&mut Self, &Node) -> Option<T>) -> Option<Vec<T>> {
        match &node.value {
            Value::List(list) if list.is_empty() => {
                self.problems.add(node.at, "the list is empty; expected at least one value");
                None
            }
            Value::List(list) => self.each(list, read),
            _ => read(self, node).map(|value| vec![value]),
        }
    }

    /// One of a closed set of words.
    pub fn choice<T>(&mut self, node: &Node, what: &str, words: &[&str], read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Value::Word { text, .. } = &node.value else {
            return self.expected(node, &format!("{what} ({})", words.join(", ")));
        };
        let value = read(text);
        if value.is_none() {
            let guess = closest(text, words).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
            self.problems.add(node.at, format!("expected {what} ({}), got `{}`{guess}", words.join(", "), cut(text)));
        }
        value
    }

    /// Text that `read` accepts; `words` are those that it knows by heart.
    pub fn text<T>(&mut self, node: &Node, what: &str, words: &[&str], read: impl Fn(&str) -> Result<T, TextError>) -> Option<T> {
        let Value::Word { text, .. } = &node.value else {
            return self.expected(node, what);
        };
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let guess = closest(text, words).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
                self.problems.add(node.at, format!("expected {what}, got `{}`: it {error}{guess}", cut(text)));
                None
            }
        }
    }

    /// A key such as a survey's.
    pub fn key(&mut self, node: &Node, what: &str) -> Option<String> {
        self.text(node, what, &[], text::key)
    }

    /// One line of text.
    pub fn line(&mut self, node: &Node, what: &str, max: usize) -> Option<String> {
        self.text(node, what, &[], |text| text::line(text, max))
    }

    /// Reports a name that is not on the list of what exists.
    pub fn check_known(&mut self, at: At, what: &str, name: &str, known: Option<&[&str]>) {
        let Some(known) = known.filter(|known| !known.contains(&name)) else { return };
        let guess = closest(name, known).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
        let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        self.problems.add(at, format!("there is no {what} `{name}`{guess} (there is: {there})"));
    }

    pub fn flag(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Word { text, quoted: false } if text == "true" => Some(true),
            Value::Word { text, quoted: false } if text == "false" => Some(false),
            _ => self.expected(node, "true or false"),
        }
    }

    /// `present` or `absent`.
    pub fn presence(&mut self, node: &Node) -> Option<bool> {
        self.choice(node, "one of two words", &["present", "absent"], |word| match word {
            "present" => Some(true),
            "absent" => Some(false),
            _ => None,
        })
    }

    /// A span longer than zero, or of zero where that makes sense.
    pub fn span(&mut self, node: &Node, zero: bool) -> Option<Span> {
        let wanted = if zero {
            "a delay such as 15m, 48h, 3d, 2w, 16bh or 2bd (0 is at once), at most 365d"
        } else {
            "a time such as 15m, 48h, 3d, 2w, 16bh or 2bd, at most 365d"
        };
        let Value::Word { text, .. } = &node.value else { return self.expected(node, wanted) };
        match Span::parse(text).ok().filter(|span| zero || !span.is_zero()) {
            Some(span) => Some(span),
            None => self.expected(node, wanted),
        }
    }

    /// One way to find an owner, or a list of them, tried in order.
    pub fn owners(&mut self, node: &Node) -> Option<Owners> {
        self.one_or_more(node, Self::owner).map(Owners)
    }

    fn owner(&mut self, node: &Node) -> Option<OwnerRef> {
        let wanted = format!("an owner ({})", OwnerRef::EXPECTED);
        let owner = self.text(node, &wanted, &OwnerRef::WORDS, OwnerRef::parse)?;
        if let Some(team) = owner.team() {
            self.check_known(node.at, "team", team, self.known.teams);
        }
        Some(owner)
    }

    pub fn recipient(&mut self, node: &Node) -> Option<Recipient> {
        let recipient =
            self.text(node, "a recipient (customer, owner, team:KEY or an address)", &["customer", "owner"], Recipient::parse)?;
        if let Recipient::Team(key) = &recipient {
            self.check_known(node.at, "team", key, self.known.teams);
        }
        Some(recipient)
    }

    /// What a property may be compared with.
    pub fn property(&mut self, node: &Node) -> Option<Property> {
        let Value::Word { text, quoted } = &node.value else {
            return self.expected(node, "a number, a text, true or false");
        };
        match (text.as_str(), number(text)) {
            ("true", _) if !quoted => Some(Property::Flag(true)),
            ("false", _) if !quoted => Some(Property::Flag(false)),
            (_, Some(number)) if !quoted => Some(Property::Number(number)),
            _ => self.line(node, "a text", MAX_PROPERTY).map(Property::Text),
        }
    }

    /// A score on any of the scales.
    pub fn score(&mut self, node: &Node) -> Option<Property> {
        let value = match &node.value {
            Value::Word { text, quoted: false } => text.parse::<u8>().ok().filter(|value| *value <= 10),
            _ => None,
        };
        match value {
            Some(value) => Some(Property::Number(f64::from(value))),
            None => self.expected(node, "a score (a whole number from 0 to 10)"),
        }
    }
}

/// The finite number that a word spells; `inf` and `nan` are words.
pub fn number(text: &str) -> Option<f64> {
    let digits_first = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|number: &f64| digits_first && number.is_finite())
}
