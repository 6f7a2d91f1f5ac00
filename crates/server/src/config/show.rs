//! The effective settings for people: redacted, each with its source.

use figment::{Metadata, Source, value::Value};
use serde::Serialize;

use super::{Config, environment::PREFIX, filled};

/// One setting as `check-config` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// The effective value; secrets as `***`.
    pub value: String,
    /// `default`, the file, or the environment variable.
    pub source: String,
}

impl Config {
    /// All settings in alphabetical order.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        if let Ok(root) = self.sources.0.find_value("") {
            self.collect(String::new(), &root, &mut settings);
        }
        settings
    }

    fn collect(&self, name: String, value: &Value, settings: &mut Vec<Setting>) {
        let Value::Dict(_, section) = value else { return settings.push(self.setting(name, value)) };
        for (key, value) in section {
            self.collect(if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value, settings);
        }
    }

    fn setting(&self, key: String, value: &Value) -> Setting {
        let source = self.sources.0.get_metadata(value.tag()).map_or_else(|| "default".to_owned(), |found| source_name(found, Some(&key)));
        let source = match key.as_str() {
            _ if self.is_in_twin(&key) => format!("{key}_file"),
            "mail.from_name" if self.mail.from.name.is_some() => "mail.from".to_owned(),
            _ => source,
        };
        // What was worked out from other settings is shown as it came out, not as it was left empty.
        let value = match key.as_str() {
            "secret_key" => self.secret_key_origin(),
            "database.url" => self.database.url.redacted_url(),
            "mail.url" => self.mail.url.redacted_url(),
            "mail.from" => self.mail.from.email.to_string(),
            "mail.from_name" => self.mail.sender_name().to_owned(),
            "server.public_url" => self.server.public_url.clone(),
            "data.dir" => self.data.dir.display().to_string(),
            _ => plain(value),
        };
        Setting { key, value, source }
    }
}

impl Config {
    /// Whether the value comes from the file that the twin names.
    fn is_in_twin(&self, key: &str) -> bool {
        let twin = match key {
            "database.url" => &self.database.url_file,
            "mail.url" => &self.mail.url_file,
            "secret_key" => &self.secret_key_file,
            _ => return false,
        };
        filled(twin).is_some()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, flag) => flag.to_string(),
        other => other.to_i128().map_or_else(|| other.to_u128().map_or_else(String::new, |n| n.to_string()), |n| n.to_string()),
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
