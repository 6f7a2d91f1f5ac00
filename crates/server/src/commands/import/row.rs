//! From a row of the file to an answer, and from what the engine refused back to a column of the file.

use std::collections::BTreeMap;

use hearback_core::{text, token::fingerprint};
use hearback_engine::{
    EngineError,
    customers::people::PastPerson,
    responses::submit::{NewResponse, Past},
};
use hearback_tables::Record;

use super::{
    columns::Columns,
    mapping::Template,
    rejects::Reject,
    values::{flag, whole},
};

/// Where imported answers say they come from, unless the file says it.
const CHANNEL: &str = "import";

/// How rows become answers.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Key of the survey of rows that name none.
    pub survey: Option<String>,
    /// Keys of the surveys that there are, by what a file may call them: key or name, in small letters.
    pub surveys: BTreeMap<String, String>,
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
        let survey = self.survey(record)?;
        let score = columns.required(record, "score")?;
        let Some(score) = whole(&score) else {
            return Err(columns.reject(record, "score", &score, "score: must be a whole number"));
        };
        let mut person = columns.person(record, self.email.as_ref())?;
        person.external_id = columns.line(record, "person_external_id")?;
        person.past = columns.parsed(record, "person_id", "an id")?.map(|id| PastPerson { id, created_at: None });
        let past = self.past(record)?;
        Ok(NewResponse {
            survey,
            score,
            comment: columns.cell(record, "comment")?.map(|comment| text::clean_block(&comment)),
            person,
            external_id: match (columns.mapping.column("external_id"), &past) {
                (Some(_), Some(_)) => columns.cell(record, "external_id")?,
                (Some(_), None) => Some(columns.required(record, "external_id")?),
                (None, _) => Some(self.made_up_id(record)),
            },
            responded_at: match columns.mapping.column("responded_at") {
                Some(_) => {
                    columns.required(record, "responded_at")?;
                    columns.moment(record, "responded_at", self.date_format.as_deref())?
                }
                None => None,
            },
            channel: Some(columns.line(record, "channel")?.map_or_else(|| CHANNEL.to_owned(), |channel| word(&channel))),
            answers: columns.json(record, "answers", "the answers by the keys of their questions, as in {\"reason\":\"price\"}")?,
            may_contact: self.may_contact(record)?,
            past,
        })
    }

    /// The survey that a row answers: its own, where it names one.
    fn survey(&self, record: &Record) -> Result<String, Reject> {
        let columns = &self.columns;
        match (columns.line(record, "survey")?, &self.survey) {
            (Some(named), _) => self.surveys.get(&named.to_lowercase()).cloned().ok_or_else(|| {
                let known: Vec<&str> =
                    self.surveys.values().map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
                let reason = format!(
                    "survey: there is no published survey `{named}`, there are {}; make it first, or say with --map property.survey=COLUMN \
                     that the column means something else",
                    known.join(", ")
                );
                columns.reject(record, "survey", &named, &reason)
            }),
            (None, Some(survey)) => Ok(survey.clone()),
            (None, None) => Err(columns.reject(record, "survey", "", "survey: missing; say --survey KEY for rows that name none")),
        }
    }

    fn may_contact(&self, record: &Record) -> Result<Option<bool>, Reject> {
        let Some(word) = self.columns.line(record, "may_contact")? else { return Ok(None) };
        let said = flag(&word).ok_or_else(|| self.columns.reject(record, "may_contact", &word, "may_contact: expected true or false"))?;
        Ok(Some(said))
    }

    /// What a file of ours says besides.
    fn past(&self, record: &Record) -> Result<Option<Past>, Reject> {
        let columns = &self.columns;
        let moment = |field| columns.moment(record, field, None);
        let (Some(id), Some(received_at)) = (columns.parsed(record, "id", "an id")?, moment("received_at")?) else { return Ok(None) };
        Ok(Some(Past {
            id,
            case: columns.parsed(record, "case_id", "an id")?,
            received_at,
            updated_at: moment("updated_at")?.unwrap_or(received_at),
            settled_at: moment("settled_at")?,
            revision: columns.parsed(record, "revision", "a whole number")?.unwrap_or(1),
            first_score: columns.parsed(record, "first_score", "a whole number")?,
            locale: columns.line(record, "locale")?,
            properties: columns.properties(record)?,
        }))
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
        let first = fields.first().map(|error| error.field.as_str()).unwrap_or_default();
        let (column, value) = self.source_of(first, sent);
        Reject::new(row, column, &value, error.to_string().replace("person.", ""))
    }

    fn source_of(&self, field: &str, sent: &NewResponse) -> (String, String) {
        let (field, value) = match field {
            "score" => ("score", Some(sent.score.to_string())),
            "comment" => ("comment", sent.comment.clone()),
            "external_id" => ("external_id", sent.external_id.clone()),
            "responded_at" => ("responded_at", sent.responded_at.map(|at| at.to_rfc3339())),
            "channel" => ("channel", sent.channel.clone()),
            "person.external_id" => ("person_external_id", sent.person.external_id.clone()),
            field if field.starts_with("answers") => {
                ("answers", sent.answers.as_ref().and_then(|answers| serde_json::to_string(answers).ok()))
            }
            field => return self.columns.source_of(field, &sent.person),
        };
        (self.columns.name(field).unwrap_or_else(|| field.to_owned()), value.unwrap_or_default())
    }
}

/// A channel as other programs write it: `Web Form` is `web-form`.
fn word(channel: &str) -> String {
    channel.to_lowercase().replace(' ', "-")
}
