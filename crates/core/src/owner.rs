//! Who answers for a case or a task: one of our users, or a team.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{Email, TextError};

/// The owner of a case or a task. Written as `team:KEY` or as a user's mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// Everybody in the team sees it; whoever takes it becomes the owner.
    Team(String),
    /// One user, by mail address.
    User(Email),
}

impl Owner {
    /// Reads `team:KEY` or an address.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        match text.strip_prefix("team:") {
            Some(key) => crate::text::key(key).map(Self::Team),
            None => Email::parse(text).map(Self::User),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(key) => write!(f, "team:{key}"),
            Self::User(email) => email.fmt(f),
        }
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
