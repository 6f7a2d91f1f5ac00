//! Parameters of an address: each known by name, read once, refused by name.

use axum::{
    extract::Query,
    http::{StatusCode, Uri},
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use hearback_core::{LoopStatus, Segment, Word};
use hearback_store::cursor::{Cursor, Page};

use crate::error::Problem;

/// Most rows of one page.
pub const MAX_LIMIT: u64 = 500;
/// Rows of one page when nothing is asked.
const DEFAULT_LIMIT: u64 = 50;

/// The parameters of one request.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query; a parameter that is not in `known` or stands twice is refused. Empty values count as absent.
    pub fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the parameters of the address can't be read; encode them as UTF-8"))?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "there are none here".to_owned() } else { format!("known are {}", known.join(", ")) };
                return Err(Problem::field(name, format!("is not a parameter here; {known}")));
            }
            if pairs.iter().skip(index + 1).any(|(other, _)| other == name) {
                return Err(Problem::field(name, "stands twice; send it once"));
            }
        }
        Ok(Self(pairs))
    }

    /// The value as sent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The value read by `parse`; what it can't read is refused with `expected`.
    pub fn parse<T>(&self, name: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| Problem::field(name, format!("must be {expected}, got `{}`", shown(text)))),
        }
    }

    /// A word of a closed set.
    pub fn word<T: Word>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.parse(name, &T::list(), T::parse)
    }

    /// A time: RFC 3339, or a date, which means its first moment in UTC.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.parse(name, "a time such as 2026-11-22T08:00:00Z or a date such as 2026-11-22", |text| {
            let date = || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
            DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(date)
        })
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.parse(name, "true or false", |text| text.parse().ok())
    }

    /// An id.
    pub fn id<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.parse(name, "an id", |text| text.parse().ok())
    }

    /// One of detractor, passive, promoter.
    pub fn segment(&self) -> Result<Option<Segment>, Problem> {
        self.parse("segment", "detractor, passive or promoter", Segment::parse)
    }

    /// One of the loop statuses.
    pub fn loop_status(&self) -> Result<Option<LoopStatus>, Problem> {
        self.word("loop_status")
    }

    /// `limit`: how many rows at most.
    pub fn limit(&self) -> Result<u64, Problem> {
        let limit =
            self.parse("limit", "a whole number from 1 to 500", |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)))?;
        Ok(limit.unwrap_or(DEFAULT_LIMIT))
    }

    /// `limit` and `cursor`.
    pub fn page(&self) -> Result<Page, Problem> {
        let after = self.parse("cursor", "what `next` of the page before gave", Cursor::decode)?;
        Ok(Page { limit: self.limit()?, after })
    }
}

/// What was sent, short enough for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
