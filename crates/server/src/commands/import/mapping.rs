//! `--map field=COLUMN,...`: which column of the file fills which field.
//!
//! Refuses to know what a field's value may be.

use std::collections::BTreeMap;

use hearback_tables::Header;

use crate::output::usage;

/// What a column can fill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// One of the fixed fields, by its name.
    Fixed(&'static str),
    /// A free property, by its name.
    Property(String),
}

/// Fields of a person.
pub const PERSON_FIELDS: &[&str] = &["email", "name", "locale", "timezone", "account", "owner"];

impl Field {
    /// As it is written in `--map` and in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Fixed(name) => (*name).to_owned(),
            Self::Property(name) => format!("property.{name}"),
        }
    }

    fn parse(text: &str, fixed: &[&'static str]) -> Option<Self> {
        match text.strip_prefix("property.") {
            Some(name) if !name.is_empty() => Some(Self::Property(name.to_owned())),
            _ => fixed.iter().find(|name| **name == text).map(|name| Self::Fixed(name)),
        }
    }

    /// The field that a column with this name fills by itself: one that is called like it, in any case, or a usual name of `email`.
    fn called(name: &str, fixed: &[&'static str]) -> Option<Self> {
        let word = name.trim().to_lowercase().replace([' ', '-'], "_");
        match word.as_str() {
            _ if name.starts_with("property.") => Self::parse(name, fixed),
            "e_mail" | "email_address" | "e_mail_address" | "mail" => Self::parse("email", fixed),
            word => Self::parse(word, fixed),
        }
    }
}

/// Fields and the columns that fill them, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<Field, usize>);

impl Mapping {
    /// The column of a fixed field.
    pub fn column(&self, field: &'static str) -> Option<usize> {
        self.0.get(&Field::Fixed(field)).copied()
    }

    /// The same of a field that somebody else names.
    pub fn column_of(&self, name: &str) -> Option<usize> {
        let is_it = |field: &Field| match field {
            Field::Fixed(field) => *field == name,
            Field::Property(property) => name.strip_prefix("properties.") == Some(property),
        };
        self.0.iter().find(|(field, _)| is_it(field)).map(|(_, column)| *column)
    }

    /// Whether this column fills anything.
    pub fn uses(&self, column: usize) -> bool {
        self.0.values().any(|used| *used == column)
    }

    /// Whether this column fills one of the fixed fields.
    pub fn fills_a_field(&self, column: usize) -> bool {
        self.0.iter().any(|(field, used)| *used == column && matches!(field, Field::Fixed(_)))
    }

    /// Fills a field by a column that fills nothing yet; a field that is filled stays.
    pub fn add(&mut self, field: &'static str, column: usize) {
        if !self.uses(column) {
            self.0.entry(Field::Fixed(field)).or_insert(column);
        }
    }

    /// Names of properties and their columns.
    pub fn properties(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|(field, column)| match field {
            Field::Property(name) => Some((name.as_str(), *column)),
            Field::Fixed(_) => None,
        })
    }

    /// Reads the arguments against the header. `fixed` are the fields that this import knows. Without arguments each field
    /// is filled by the column that is called like it, as in a file that was exported.
    pub fn parse(arguments: &[String], fixed: &[&'static str], header: &Header) -> anyhow::Result<Self> {
        if arguments.is_empty() {
            let mut mapping = BTreeMap::new();
            for (column, name) in header.names() {
                if let Some(field) = Field::called(name, fixed) {
                    mapping.entry(field).or_insert(column);
                }
            }
            return Ok(Self(mapping));
        }
        let mut mapping = BTreeMap::new();
        for pair in arguments.iter().flat_map(|argument| pairs(argument, fixed)) {
            let known = || format!("{}, property.NAME", fixed.join(", "));
            let (field, column) =
                pair.split_once('=').ok_or_else(|| usage(format!("--map: expected field=COLUMN, got `{pair}`; fields: {}", known())))?;
            let field = Field::parse(field.trim(), fixed)
                .ok_or_else(|| usage(format!("--map: there is no field `{}`; fields: {}", field.trim(), known())))?;
            let column = header.find(column.trim()).map_err(|error| usage(error.to_string()))?;
            if mapping.insert(field.clone(), column).is_some() {
                return Err(usage(format!("--map: `{}` is given twice", field.name())));
            }
        }
        Ok(Self(mapping))
    }
}

/// Splits at commas, but not at those inside a column's name: a new pair starts with a field.
fn pairs(argument: &str, fixed: &[&'static str]) -> Vec<String> {
    let mut pairs: Vec<String> = Vec::new();
    for piece in argument.split(',') {
        let starts_a_pair = piece.split_once('=').is_some_and(|(field, _)| Field::parse(field.trim(), fixed).is_some());
        match pairs.last_mut() {
            Some(last) if !starts_a_pair && !piece.contains('=') => {
                last.push(',');
                last.push_str(piece);
            }
            _ => pairs.push(piece.to_owned()),
        }
    }
    pairs
}

/// Text with `{COLUMN}` in it, to be filled from each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(usize),
}

impl Template {
    /// Reads the template against the header.
    pub fn parse(text: &str, header: &Header) -> anyhow::Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (column, after) = behind
                .split_once('}')
                .ok_or_else(|| usage(format!("--email-template: a {{ is not closed in `{text}`; write {{COLUMN}}@example.com")))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Column(header.find(column.trim()).map_err(|error| usage(error.to_string()))?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text for one row; `None` when a column has no value there.
    pub fn fill(&self, value: impl Fn(usize) -> Option<String>) -> Option<String> {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.clone()),
                Part::Column(column) => value(*column),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["external_id", "score", "comment"];

    fn header(names: &[&str]) -> Header {
        names.iter().copied().collect()
    }

    fn parse(text: &str, names: &[&str]) -> Result<Mapping, String> {
        Mapping::parse(&[text.to_owned()], FIELDS, &header(names)).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name_or_number() {
        let mapping =
            parse("external_id=1, score=nps,comment=why, exactly?,property.visits=3", &["", "nps", "n", "why, exactly?"]).unwrap();
        assert_eq!((mapping.column("external_id"), mapping.column("score"), mapping.column("comment")), (Some(0), Some(1), Some(3)));
        assert_eq!(mapping.properties().collect::<Vec<_>>(), [("visits", 2)]);
        assert_eq!(parse("score=2", &["2", "x"]).unwrap().column("score"), Some(0), "a name wins over a number");
    }

    #[test]
    fn mistakes_name_what_is_there() {
        for (map, expected) in [
            ("score=npss", "no column `npss`; the table has `id`, `nps`, `id`"),
            ("external_id=id", "columns 1 and 3 are both called `id`"),
            ("scor=nps", "no field `scor`"),
            ("score", "expected field=COLUMN"),
            ("score=nps,score=2", "`score` is given twice"),
            ("score=4", "no column `4`"),
        ] {
            let error = parse(map, &["id", "nps", "id"]).unwrap_err();
            assert!(error.contains(expected), "{map}: {error}");
        }
    }

    #[test]
    fn templates_fill_from_a_row_or_not_at_all() {
        let template = Template::parse("c{ID}@x.example", &header(&["ID"])).unwrap();
        assert_eq!(template.fill(|_| Some("7".to_owned())).as_deref(), Some("c7@x.example"));
        assert_eq!(template.fill(|_| None), None);
        assert!(Template::parse("{ID", &header(&["ID"])).is_err());
    }
}
