//! From a row of the file to an answer, and from what the engine refused back to a column of the file.

use hearback_core::{text, token::fingerprint};
use hearback_engine::{EngineError, submit::NewResponse};

use super::{
    columns::Columns,
    mapping::Template,
    records::Record,
    rejects::Reject,
    values::{moment, whole},
};

/// Where imported answers say they come from.
const CHANNEL: &str = "import";

/// How rows become answers.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Key of the survey.
    pub survey: String,
    /// Which column fills what.
    pub columns: Columns,
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
        let columns = &self.columns;
        columns.check_width(record)?;
        let score = columns.required(record, "score")?;
        let Some(score) = whole(&score) else {
            return Err(columns.reject(record, "score", &score, "score: must be a whole number"));
        };
        Ok(NewResponse {
            survey: self.survey.clone(),
            score,
            comment: columns.cell(record, "comment")?.map(|comment| text::clean_block(&comment)),
            person: columns.person(record, self.email.as_ref())?,
            external_id: Some(match columns.mapping.column("external_id") {
                Some(_) => columns.required(record, "external_id")?,
                None => self.made_up_id(record),
            }),
            responded_at: match columns.mapping.column("responded_at") {
                Some(_) => Some(self.date(record)?),
                None => None,
            },
            channel: Some(CHANNEL.to_owned()),
            ..NewResponse::default()
        })
    }

    fn date(&self, record: &Record) -> Result<chrono::DateTime<chrono::Utc>, Reject> {
        let value = self.columns.required(record, "responded_at")?;
        moment(&value, self.date_format.as_deref()).ok_or_else(|| {
            let expected = self.date_format.as_deref().unwrap_or("2026-03-29 or 2026-03-29T10:00:00Z, or say --date-format");
            self.columns.reject(record, "responded_at", &value, &format!("responded_at: expected a date as {expected}"))
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

    /// What the engine refused, in terms of the file.
    pub fn refused(&self, row: u64, sent: &NewResponse, error: &EngineError) -> Reject {
        let EngineError::Invalid(fields) = error else {
            let id = sent.external_id.clone().unwrap_or_default();
            return Reject::new(row, self.columns.name("external_id").unwrap_or_default(), &id, error.to_string());
        };
        let first = fields.first().map(|error| error.field.trim_start_matches("person.")).unwrap_or_default();
        let (column, value) = self.source_of(first, sent);
        Reject::new(row, column, &value, error.to_string().replace("person.", ""))
    }

    fn source_of(&self, field: &str, sent: &NewResponse) -> (String, String) {
        let person = &sent.person;
        if let Some(name) = field.strip_prefix("properties.") {
            let column = self.columns.mapping.properties().find(|(property, _)| *property == name).map(|(_, column)| column);
            return (column.map_or_else(|| field.to_owned(), |column| self.columns.header.name(column)), String::new());
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
        (self.columns.name(field).unwrap_or_else(|| field.to_owned()), value.unwrap_or_default())
    }
}
