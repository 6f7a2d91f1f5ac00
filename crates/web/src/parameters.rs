//! Parameters of a call, as the fields of a struct: read by name, refused by name, described by the same fields.
//!
//! A field is absent when its parameter is missing or empty. A parameter that is no field, or stands twice, is refused.

use std::{borrow::Cow, fmt};

use axum::http::Uri;
use chrono::{DateTime, Utc};
use hearback_store::cursor::{Cursor, Page};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Error as _, IntoDeserializer, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};

use crate::{
    error::Problem,
    query::{self, DEFAULT_LIMIT, MAX_LIMIT},
};

/// Reads the parameters of an address.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let pairs = query::pairs(uri)?;
    let entries = pairs.iter().map(|(name, text)| (name.as_str(), Value { name, text }));
    T::deserialize(MapDeserializer::new(entries)).map_err(|Refused { field, message }| Problem::field(field, message))
}

/// Of a call that has none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Of a list that has no others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paged {
    #[serde(default)]
    pub(crate) limit: Limit,
    #[serde(default)]
    pub(crate) cursor: Option<After>,
}

/// How many rows at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) u64);

impl Limit {
    /// The page behind a cursor.
    pub(crate) fn after(self, cursor: Option<After>) -> Page {
        Page { limit: self.0, after: cursor.map(|After(cursor)| cursor) }
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).map(Self);
        let limit = |text: &str| if text.is_empty() { Some(Self::default()) } else { limit(text) };
        written(from, "a whole number from 1 to 500", limit)
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT })
    }
}

/// `next` of the page before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After(pub(crate) Cursor);

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        written(from, "what `next` of the page before gave", |text| Cursor::decode(text).map(Self))
    }
}

impl JsonSchema for After {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "`next` of the page before." })
    }
}

/// A time, or a date, which means its first moment in UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        written(from, query::MOMENT, |text| query::moment(text).map(Self))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "RFC 3339, or a date, which means its first moment in UTC." })
    }
}

/// Reads what is written in its own way; what can't be read is refused with `expected`.
pub(crate) fn written<'de, D: Deserializer<'de>, T>(from: D, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, D::Error> {
    from.deserialize_str(Written { expected, read })
}

struct Written<'e, F> {
    expected: &'e str,
    read: F,
}

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Written<'_, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::custom(format!("must be {}", self.expected)))
    }
}

/// Which parameter is refused, and why.
#[derive(Debug)]
struct Refused {
    field: String,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for Refused {}

impl Refused {
    fn field(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::field("", message.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::field("", format!("must be {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let known = if known.is_empty() { "there are none here".to_owned() } else { format!("known are {}", known.join(", ")) };
        Self::field(field, format!("is not a parameter here; {known}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::field(field, "is required")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::field(field, "stands twice; send it once")
    }
}

/// The value of one parameter.
#[derive(Clone, Copy)]
struct Value<'v> {
    name: &'v str,
    text: &'v str,
}

impl Value<'_> {
    fn refused(&self, error: &Refused) -> Refused {
        // Ids are read by a library that has words of its own.
        let message = if error.message.starts_with("UUID") { "must be an id" } else { &error.message };
        Refused::field(self.name, format!("{message}, got `{}`", query::shown(self.text)))
    }
}

impl<'v> IntoDeserializer<'v, Refused> for Value<'v> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'v> Deserializer<'v> for Value<'v> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_borrowed_str(self.text).map_err(|error| self.refused(&error))
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Refused> {
        let flag = self.text.parse().map_err(|_| self.refused(&Refused::custom("must be true or false")))?;
        visitor.visit_bool(flag)
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.text.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'v>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_enum(self.text.into_deserializer()).map_err(|error: Refused| self.refused(&error))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'v>>
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use hearback_core::{Segment, id::PersonId};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        segment: Option<Segment>,
        person: Option<PersonId>,
        open: Option<bool>,
        since: Option<Moment>,
        #[serde(default)]
        limit: Limit,
    }

    fn refusal(query: &str) -> String {
        let problem = read::<Asked>(&format!("/x?{query}").parse().unwrap()).unwrap_err();
        problem.errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_absent_or_empty_is_none() {
        let asked: Asked = read(&"/x?segment=&limit=&since=&open=true".parse().unwrap()).unwrap();
        assert!(asked.segment.is_none() && asked.person.is_none() && asked.since.is_none());
        assert_eq!((asked.open, asked.limit.0), (Some(true), DEFAULT_LIMIT));
    }

    #[test]
    fn a_refusal_names_the_parameter_and_what_it_must_be() {
        assert_eq!(refusal("segment=x"), "segment must be detractor, passive, promoter, got `x`");
        assert_eq!(refusal("person=7"), "person must be an id, got `7`");
        assert_eq!(refusal("open=yes"), "open must be true or false, got `yes`");
        assert_eq!(refusal("limit=501"), "limit must be a whole number from 1 to 500, got `501`");
        assert_eq!(refusal("limit=1&limit=2"), "limit stands twice; send it once");
        assert_eq!(refusal("since=today"), format!("since must be {}, got `today`", query::MOMENT));
        assert_eq!(refusal("seg=x"), "seg is not a parameter here; known are segment, person, open, since, limit");
    }
}
