//! Reading the cells of a row by what they are mapped to.
//!
//! Checks only what the engine can't know: that a cell is there and readable. Empty cells are missing values, and so is `NA`, as
//! statistics programs write them; but not where it can be a word: in names, accounts and properties whose column holds no numbers,
//! and nowhere in a file of ours.

use std::collections::BTreeMap;

use hearback_core::{moment::moment, text};
use hearback_engine::customers::people::NewPerson;
use hearback_rules::Property;
use hearback_tables::{Header, Record, Table, cell};

use super::{
    mapping::{Mapping, Template},
    rejects::Reject,
    values::property,
};
use crate::output::complain;

/// Fields in which `NA` is a word.
const WORDS: [&str; 2] = ["name", "account"];

/// The columns of a file, and which of them fills what.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Names of the columns.
    pub header: Header,
    /// Which column fills what.
    pub mapping: Mapping,
    /// Whether the file is an export of ours.
    pub is_ours: bool,
    /// Of each column whether it holds numbers, as far as its first rows tell.
    numbers: Vec<bool>,
}

impl Columns {
    /// The columns of a table.
    pub fn of(table: &Table, mapping: Mapping, is_ours: bool) -> Self {
        let rows = table.first_rows();
        let holds_numbers = |column: usize| {
            let mut cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty() && *cell != "NA").peekable();
            cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
        };
        let numbers = (0..table.header.len()).map(holds_numbers).collect();
        Self { header: table.header.clone(), mapping, is_ours, numbers }
    }

    /// A row has no more columns than the header; cells that are left out at its end are empty.
    pub fn check_width(&self, record: &Record) -> Result<(), Reject> {
        if !record.is_wider_than(self.header.len()) {
            return Ok(());
        }
        let reason = format!("has {} columns, but the header has {}", record.len(), self.header.len());
        Err(Reject::new(record.line, String::new(), "", reason))
    }

    /// Says which columns fill nothing. Those of a file of ours that do were computed from others.
    pub fn tell_left_out(&self, taken: &[usize]) {
        let is_left_out = |(column, name): &(usize, &str)| !name.is_empty() && !self.mapping.uses(*column) && !taken.contains(column);
        let unused = self.header.names().filter(is_left_out);
        let names: Vec<String> = unused.map(|(_, name)| format!("`{name}`")).collect();
        if !self.is_ours && !names.is_empty() {
            complain(&format!("columns that are not imported: {}; --map FIELD=COLUMN takes one", names.join(", ")));
        }
    }

    /// The customer that a row tells of; the address from the template where the file has none.
    pub fn person(&self, record: &Record, address: Option<&Template>) -> Result<NewPerson, Reject> {
        let mut person = NewPerson {
            email: self.cell(record, "email")?,
            name: self.line(record, "name")?,
            locale: self.line(record, "locale")?,
            timezone: self.line(record, "timezone")?,
            account: self.line(record, "account")?,
            owner: self.line(record, "owner")?,
            properties: self.properties(record)?,
            ..NewPerson::default()
        };
        if let (None, Some(template)) = (&person.email, address) {
            let filled = |column| Some(std::str::from_utf8(record.get(column)?).ok()?.trim().to_owned());
            person.email = template.fill(|column| filled(column).filter(|text| !text.is_empty() && text != "NA"));
        }
        Ok(person)
    }

    /// The free properties that a row has.
    pub fn properties(&self, record: &Record) -> Result<BTreeMap<String, Property>, Reject> {
        let mut properties = BTreeMap::new();
        for (name, column) in self.mapping.properties() {
            let is_word = self.is_ours || !self.numbers.get(column).copied().unwrap_or_default();
            if let Some(found) = self.text(record, column, is_word)? {
                let value = match cell::read_value(found) {
                    Ok(cell) => property(text::clean_block(cell)),
                    Err(text) => Property::Text(text::clean_block(text)),
                };
                properties.insert(name.to_owned(), value);
            }
        }
        Ok(properties)
    }

    /// The cell of a field that must be there.
    pub fn required(&self, record: &Record, field: &'static str) -> Result<String, Reject> {
        self.cell(record, field)?.ok_or_else(|| {
            let cell = self.mapping.column(field).and_then(|column| record.get(column)).unwrap_or_default();
            self.reject(record, field, &String::from_utf8_lossy(cell), &format!("{field}: missing"))
        })
    }

    /// The cell of a field; `None` when it is missing or the field is not mapped.
    pub fn cell(&self, record: &Record, field: &'static str) -> Result<Option<String>, Reject> {
        let Some(column) = self.mapping.column(field) else { return Ok(None) };
        let found = self.text(record, column, self.is_ours || WORDS.contains(&field))?;
        Ok(found.map(|text| cell::read(text).to_owned()))
    }

    /// The same as one clean line.
    pub fn line(&self, record: &Record, field: &'static str) -> Result<Option<String>, Reject> {
        Ok(self.cell(record, field)?.map(|text| text::clean_line(&text)))
    }

    /// The moment that the cell of a field names, in this format or one of the usual ones.
    pub fn moment(
        &self,
        record: &Record,
        field: &'static str,
        format: Option<&str>,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, Reject> {
        let Some(value) = self.cell(record, field)? else { return Ok(None) };
        let at = moment(&value, format).ok_or_else(|| {
            let expected = format.unwrap_or("2026-03-29 or 2026-03-29T10:00:00Z, or say --date-format");
            self.reject(record, field, &value, &format!("{field}: expected a date as {expected}"))
        })?;
        Ok(Some(at))
    }

    /// What the JSON in the cell of a field says.
    pub fn json<T: serde::de::DeserializeOwned>(&self, record: &Record, field: &'static str, expected: &str) -> Result<Option<T>, Reject> {
        let Some(json) = self.cell(record, field)? else { return Ok(None) };
        let parsed = serde_json::from_str(&json);
        parsed.map(Some).map_err(|_| self.reject(record, field, &json, &format!("{field}: expected {expected}")))
    }

    /// What the cell of a field reads as.
    pub fn parsed<T: std::str::FromStr>(&self, record: &Record, field: &'static str, expected: &str) -> Result<Option<T>, Reject> {
        let Some(value) = self.cell(record, field)? else { return Ok(None) };
        let parsed = value.parse().map_err(|_| self.reject(record, field, &value, &format!("{field}: expected {expected}")))?;
        Ok(Some(parsed))
    }

    fn text<'r>(&self, record: &'r Record, column: usize, na_is_a_word: bool) -> Result<Option<&'r str>, Reject> {
        let found = record.get(column).unwrap_or_default();
        let text = std::str::from_utf8(found).map_err(|_| {
            let reason = "is not valid UTF-8; save the file as UTF-8, or say --encoding NAME";
            Reject::new(record.line, self.header.name(column), &String::from_utf8_lossy(found), reason)
        })?;
        let text = text.trim();
        Ok((!text.is_empty() && (na_is_a_word || text != "NA")).then_some(text))
    }

    /// A reject for the cell of this field.
    pub fn reject(&self, record: &Record, field: &'static str, value: &str, reason: &str) -> Reject {
        Reject::new(record.line, self.name(field).unwrap_or_default(), value, reason)
    }

    /// Where a field of the customer stands that the engine refused, and what was read there.
    pub fn source_of(&self, field: &str, person: &NewPerson) -> (String, String) {
        let field = field.trim_start_matches("person.");
        let value = match field {
            "email" => &person.email,
            "external_id" => &person.external_id,
            "name" => &person.name,
            "locale" => &person.locale,
            "timezone" => &person.timezone,
            "account" => &person.account,
            "owner" => &person.owner,
            _ => &None,
        };
        let column = self.mapping.column_of(field).map_or_else(|| field.to_owned(), |column| self.header.name(column));
        (column, value.clone().unwrap_or_default())
    }

    /// The name of the column that fills a field.
    pub fn name(&self, field: &'static str) -> Option<String> {
        self.mapping.column(field).map(|column| self.header.name(column))
    }
}
