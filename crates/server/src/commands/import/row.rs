//! From a row of the file to an answer.
//!
//! Checks only what the engine can't know: that a cell is there and readable. Everything else the engine checks, and
//! [`Plan::refused`] says in which column the refused field stands.

use hearback_core::{text, token::fingerprint};
use hearback_engine::{
    EngineError,
    submit::{NewPerson, NewResponse},
};

use super::{
    mapping::{Header, Mapping, Template},
    records::Record,
    rejects::Reject,
    values::{moment, present, property, whole},
};

/// Where imported answers say they come from.
const CHANNEL: &str = "import";

/// How rows become answers.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Key of the survey.
    pub survey: String,
    /// Which column fills what.
    pub mapping: Mapping,
    /// Names of the columns.
    pub header: Header,
    /// Makes an address where the file has none.
    pub email: Option<Template>,
    /// Of `responded_at`.
    pub date_format: Option<String>,
    /// Name of the file: part of the ids that are made up for rows without one.
    pub file: String,
}

impl Plan {
    /// The answer that a row tells of.
    pub fn response(&self, record: &Record) -> Result<NewResponse, Reject> {
        if record.len() != self.header.0.len() {
            let reason = format!("has {} columns, but the header has {}", record.len(), self.header.0.len());
            return Err(Reject::new(record.line, String::new(), "", reason));
        }
        let score = self.required(record, "score")?;
        let Some(score) = whole(&score) else {
            return Err(self.reject(record, "score", &score, "score: must be a whole number"));
        };
        Ok(NewResponse {
            survey: self.survey.clone(),
            score,
            comment: self.cell(record, "comment")?.map(|comment| text::clean_block(&comment)),
            person: self.person(record)?,
            external_id: Some(match self.mapping.column("external_id") {
                Some(_) => self.required(record, "external_id")?,
                None => self.made_up_id(record),
            }),
            responded_at: match self.mapping.column("responded_at") {
                Some(_) => Some(self.date(record)?),
                None => None,
            },
            channel: Some(CHANNEL.to_owned()),
        })
    }

    fn person(&self, record: &Record) -> Result<NewPerson, Reject> {
        let line = |field| Ok(self.cell(record, field)?.map(|text| text::clean_line(&text)));
        let mut person = NewPerson {
            email: self.cell(record, "email")?,
            name: line("name")?,
            locale: line("locale")?,
            timezone: line("timezone")?,
            account: line("account")?,
            owner: line("owner")?,
            ..NewPerson::default()
        };
        if let (None, Some(template)) = (&person.email, &self.email) {
            person.email = template.fill(|column| Some(present(std::str::from_utf8(record.get(column)?).ok()?)?.to_owned()));
        }
        for (name, column) in self.mapping.properties() {
            if let Some(value) = self.text(record, column)? {
                person.properties.insert(name.to_owned(), property(text::clean_line(&value)));
            }
        }
        Ok(person)
    }

    fn date(&self, record: &Record) -> Result<chrono::DateTime<chrono::Utc>, Reject> {
        let value = self.required(record, "responded_at")?;
        moment(&value, self.date_format.as_deref()).ok_or_else(|| {
            let expected = self.date_format.as_deref().unwrap_or("2026-03-29 or 2026-03-29T10:00:00Z, or say --date-format");
            self.reject(record, "responded_at", &value, &format!("responded_at: expected a date as {expected}"))
        })
    }

    /// Without an id of its own a row is recognised by file name, place and content.
    fn made_up_id(&self, record: &Record) -> String {
        let mut whole = format!("{}\0{}", self.file, record.line);
        for cell in record.iter() {
            whole.push('\0');
            whole.push_str(&String::from_utf8_lossy(cell));
        }
        format!("row-{}", fingerprint(&whole))
    }

    fn required(&self, record: &Record, field: &'static str) -> Result<String, Reject> {
        self.cell(record, field)?.ok_or_else(|| {
            let cell = self.mapping.column(field).and_then(|column| record.get(column)).unwrap_or_default();
            self.reject(record, field, &String::from_utf8_lossy(cell), &format!("{field}: missing"))
        })
    }

    fn cell(&self, record: &Record, field: &'static str) -> Result<Option<String>, Reject> {
        self.mapping.column(field).map_or(Ok(None), |column| self.text(record, column))
    }

    fn text(&self, record: &Record, column: usize) -> Result<Option<String>, Reject> {
        let cell = record.get(column).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_err(|_| {
            let reason = "is not valid UTF-8; save the file as UTF-8, or say --encoding NAME";
            Reject::new(record.line, self.header.name(column), &String::from_utf8_lossy(cell), reason)
        })?;
        Ok(present(text).map(str::to_owned))
    }

    fn reject(&self, record: &Record, field: &'static str, value: &str, reason: &str) -> Reject {
        let column = self.mapping.column(field).map(|column| self.header.name(column)).unwrap_or_default();
        Reject::new(record.line, column, value, reason)
    }

    /// What the engine refused, in terms of the file.
    pub fn refused(&self, row: u64, sent: &NewResponse, error: &EngineError) -> Reject {
        let EngineError::Invalid(fields) = error else {
            let id = sent.external_id.clone().unwrap_or_default();
            let column = self.mapping.column("external_id").map(|column| self.header.name(column)).unwrap_or_default();
            return Reject::new(row, column, &id, error.to_string());
        };
        let first = fields.first().map(|error| error.field.trim_start_matches("person.")).unwrap_or_default();
        let (column, value) = self.source_of(first, sent);
        Reject::new(row, column, &value, error.to_string().replace("person.", ""))
    }

    fn source_of(&self, field: &str, sent: &NewResponse) -> (String, String) {
        let person = &sent.person;
        if let Some(name) = field.strip_prefix("properties.") {
            let column = self.mapping.properties().find(|(property, _)| *property == name).map(|(_, column)| column);
            return (column.map_or_else(|| field.to_owned(), |column| self.header.name(column)), String::new());
        }
        let (field, value) = match field {
            "score" => ("score", Some(sent.score.to_string())),
            "comment" => ("comment", sent.comment.clone()),
            "external_id" => ("external_id", sent.external_id.clone()),
            "responded_at" => ("responded_at", sent.responded_at.map(|at| at.to_rfc3339())),
            "email" => ("email", person.email.clone()),
            "name" => ("name", person.name.clone()),
            "locale" => ("locale", person.locale.clone()),
            "timezone" => ("timezone", person.timezone.clone()),
            "account" => ("account", person.account.clone()),
            "owner" => ("owner", person.owner.clone()),
            _ => return (field.to_owned(), String::new()),
        };
        let column = self.mapping.column(field).map_or_else(|| field.to_owned(), |column| self.header.name(column));
        (column, value.unwrap_or_default())
    }
}
