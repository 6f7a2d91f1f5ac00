//! The effective settings for people, each with its source. What may be seen of one is the matter of its type: they are shown as
//! they serialize, and a [`super::Secret`] serializes without what is secret.

use figment::{Metadata, Source};
use serde::Serialize;
use serde_json::Value;

use super::{Config, environment::PREFIX};

/// One setting as `check-config` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// The effective value, also where it was worked out from other settings; of secrets, what may be seen.
    pub value: String,
    /// `default`, the file, or the environment variable.
    pub source: String,
}

impl Config {
    /// All settings in alphabetical order.
    pub fn settings(&self) -> Vec<Setting> {
        let mut values = Vec::new();
        collect(String::new(), &serde_json::to_value(self).unwrap_or_default(), &mut values, &|_| true);
        values.sort();
        let shown = |key: &str| values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let setting = |(key, value): &(String, String)| {
            let twin = format!("{key}_file");
            let is_in_twin = shown(&twin).is_some_and(|path| !path.is_empty());
            let source = match key.as_str() {
                _ if is_in_twin => twin,
                "mail.from_name" if self.mail.from.name.is_some() => "mail.from".to_owned(),
                _ => self.source(key),
            };
            let value = match key.as_str() {
                "secret_key" => self.secret_key_origin(),
                "mail.from_name" => self.mail.sender_name().to_owned(),
                _ => value.clone(),
            };
            Setting { key: key.clone(), value, source }
        };
        values.iter().map(setting).collect()
    }

    fn source(&self, key: &str) -> String {
        self.sources.0.find_metadata(key).map_or_else(|| "default".to_owned(), |found| source_name(found, Some(key)))
    }
}

/// The values that are `wanted`, as text, with their names.
pub(super) fn collect(name: String, value: &Value, values: &mut Vec<(String, String)>, wanted: &dyn Fn(&Value) -> bool) {
    match value {
        Value::Object(section) => {
            for (key, value) in section {
                collect(if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value, values, wanted);
            }
        }
        other if !wanted(other) => {}
        Value::String(text) => values.push((name, text.clone())),
        other => values.push((name, other.to_string())),
    }
}

/// Where a value came from, in words.
pub(super) fn source_name(metadata: &Metadata, key: Option<&str>) -> String {
    match (&metadata.source, key) {
        (Some(Source::File(path)), _) => path.display().to_string(),
        (_, Some(key)) if metadata.name == "environment" => format!("{PREFIX}{}", key.replace('.', "__").to_uppercase()),
        (_, None) if metadata.name == "environment" => "the environment".to_owned(),
        _ => "default".to_owned(),
    }
}
