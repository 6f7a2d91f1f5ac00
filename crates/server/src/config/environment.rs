//! `HEARBACK_SECTION__KEY` as a source of settings.
//!
//! Values stay text until the setting's type is known, so that a password of digits remains a password.

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::ConfigError;

/// What all our variables start with.
pub(super) const PREFIX: &str = "HEARBACK_";

/// Settings by path: `["mail", "url"]`.
#[derive(Debug, Default)]
pub(super) struct Environment(Vec<(Vec<String>, String)>);

impl Environment {
    /// The variables of this process.
    pub(super) fn of_process() -> Result<Self, ConfigError> {
        let mut pairs = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let value = value.to_str().ok_or_else(|| ConfigError::new(name, "is not UTF-8 text"))?;
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self::from_pairs(pairs))
    }

    /// From names and values; `HEARBACK_TEST_*` belongs to the test suite.
    pub(super) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let path = |name: &str| {
            let key = name.strip_prefix(PREFIX)?.to_lowercase();
            (!key.starts_with("test_")).then(|| key.split("__").map(str::to_owned).collect::<Vec<_>>())
        };
        Self(pairs.into_iter().filter_map(|(name, value)| Some((path(&name)?, value))).collect())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut root = Dict::new();
        for (path, value) in &self.0 {
            insert(&mut root, path, value);
        }
        Ok(Map::from([(Profile::Default, root)]))
    }
}

fn insert(dict: &mut Dict, path: &[String], value: &str) {
    match path {
        [] => {}
        [key] => {
            dict.insert(key.clone(), Value::from(value));
        }
        [section, rest @ ..] => {
            let entry = dict.entry(section.clone()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}
