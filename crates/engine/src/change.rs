//! A field of a change that is laid over what is stored.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// What becomes of the stored value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays: the field is absent.
    #[default]
    Kept,
    /// It goes: the field is `null`.
    Taken,
    /// It is this from now on.
    Given(T),
}

impl<T> Change<T> {
    /// Whether the stored value goes.
    pub const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken)
    }

    /// The new value, if there is one.
    pub fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Kept | Self::Taken => None,
        }
    }

    /// The value after the change.
    pub fn over(self, stored: Option<T>) -> Option<T> {
        match self {
            Self::Kept => stored,
            Self::Taken => None,
            Self::Given(value) => Some(value),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Taken, Self::Given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sent {
        #[serde(default)]
        name: Change<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |json: &str| serde_json::from_str::<Sent>(json).unwrap().name;
        assert_eq!(read("{}"), Change::Kept);
        assert_eq!(read(r#"{"name":null}"#), Change::Taken);
        assert_eq!(read(r#"{"name":"a"}"#), Change::Given("a".to_owned()));
        assert!(serde_json::from_str::<Sent>(r#"{"name":1}"#).is_err());
        let stored = || Some("b".to_owned());
        assert_eq!((read("{}").over(stored()), read(r#"{"name":null}"#).over(stored())), (stored(), None));
    }
}
