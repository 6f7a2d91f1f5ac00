//! Languages: the tag a person has, and which form of a word goes with a number.
//!
//! Refuses to know any language: its words, months and rules are files of the templates.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::TextError;

mod plural;

pub use plural::{Number, PluralRules};

/// A language tag such as `lt` or `en-gb`, lower case. A language without a file falls back to English.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locale(String);

impl Locale {
    /// Reads a tag of 2-35 letters, digits and hyphens; `_` is read as `-`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let tag = text.trim().replace('_', "-").to_lowercase();
        let language = tag.split('-').next().unwrap_or_default();
        let fits = (2..=35).contains(&tag.len())
            && (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fits { Ok(Self(tag)) } else { Err(TextError::NotAKey) }
    }

    /// The language alone: `en` of `en-gb`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or("en")
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|_| serde::de::Error::custom("must be a language tag such as lt or en-GB"))
    }
}
