//! Reading the cells of a row by what they are mapped to.
//!
//! Checks only what the engine can't know: that a cell is there and readable.

use hearback_core::text;
use hearback_engine::submit::NewPerson;

use super::{
    mapping::{Header, Mapping, Template},
    records::Record,
    rejects::Reject,
    values::{present, property},
};
use crate::commands::safe_cell;

/// The columns of a file, and which of them fills what.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Names of the columns.
    pub header: Header,
    /// Which column fills what.
    pub mapping: Mapping,
}

impl Columns {
    /// A row has as many columns as the header.
    pub fn check_width(&self, record: &Record) -> Result<(), Reject> {
        if record.len() == self.header.0.len() {
            return Ok(());
        }
        let reason = format!("has {} columns, but the header has {}", record.len(), self.header.0.len());
        Err(Reject::new(record.line, String::new(), "", reason))
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
            ..NewPerson::default()
        };
        if let (None, Some(template)) = (&person.email, address) {
            person.email = template.fill(|column| Some(present(std::str::from_utf8(record.get(column)?).ok()?)?.to_owned()));
        }
        for (name, column) in self.mapping.properties() {
            if let Some(value) = self.text(record, column)? {
                person.properties.insert(name.to_owned(), property(text::clean_line(&value)));
            }
        }
        Ok(person)
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
        self.mapping.column(field).map_or(Ok(None), |column| self.text(record, column))
    }

    /// The same as one clean line.
    pub fn line(&self, record: &Record, field: &'static str) -> Result<Option<String>, Reject> {
        Ok(self.cell(record, field)?.map(|text| text::clean_line(&text)))
    }

    fn text(&self, record: &Record, column: usize) -> Result<Option<String>, Reject> {
        let cell = record.get(column).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_err(|_| {
            let reason = "is not valid UTF-8; save the file as UTF-8, or say --encoding NAME";
            Reject::new(record.line, self.header.name(column), &String::from_utf8_lossy(cell), reason)
        })?;
        Ok(present(text).map(|text| safe_cell::read(text).to_owned()))
    }

    /// A reject for the cell of this field.
    pub fn reject(&self, record: &Record, field: &'static str, value: &str, reason: &str) -> Reject {
        Reject::new(record.line, self.name(field).unwrap_or_default(), value, reason)
    }

    /// The name of the column that fills a field.
    pub fn name(&self, field: &'static str) -> Option<String> {
        self.mapping.column(field).map(|column| self.header.name(column))
    }
}
