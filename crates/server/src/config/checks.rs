//! Checks of single settings, and how a mistake in one is told.

use std::path::Path;

use figment::error::Kind;
use hearback_core::Span;

use super::{ConfigError, Secret, show};

/// An answer rests on the wall clock: business time is refused here.
pub(super) fn wall_minutes(text: &str) -> Option<u32> {
    match Span::parse(text) {
        Ok(Span::Minutes(minutes)) => Some(minutes),
        _ => None,
    }
}

pub(super) fn filled(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

/// The value in the twin file, when one is named.
pub(super) fn twin(key: &str, file: &Path, value: &mut Secret) -> Result<(), ConfigError> {
    if let Some(path) = filled(file) {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::new(key, format!("can't read `{}`: {error}", path.display())))?;
        *value = Secret::new(text.trim().to_owned());
    }
    Ok(())
}

/// The database driver decodes `%` and splits at `?`, so a path must not contain either as it is.
pub(crate) fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23"))
}

pub(super) fn scheme(key: &str, value: &Secret, allowed: &[&str]) -> Result<(), ConfigError> {
    if allowed.iter().any(|start| value.expose().starts_with(start)) {
        return Ok(());
    }
    Err(ConfigError::new(key, format!("must start with one of {}", allowed.join(", "))))
}

/// The start of links. What was given is not quoted when it may hold a password.
pub(super) fn site(key: &str, value: &str) -> Result<(), ConfigError> {
    let host = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
    if host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@'])) {
        return Ok(());
    }
    let got = if value.contains('@') { "one with a log-in".to_owned() } else { format!("`{value}`") };
    Err(ConfigError::new(key, format!("expected http://HOST or https://HOST without a path, got {got}")))
}

pub(super) fn address(key: &str, value: &str) -> Result<(), ConfigError> {
    let port = value.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
    match port {
        Some(_) => Ok(()),
        None => Err(ConfigError::new(key, format!("expected ADDRESS:PORT such as 127.0.0.1:8080, got `{value}`"))),
    }
}

pub(super) fn range(key: &str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(key, format!("must be from {min} to {max}, got {value}")))
}

/// Figment's error in our words: which setting, what is wrong, where it was set. Never the value: it may be a secret.
pub(super) fn explain(error: figment::Error) -> ConfigError {
    let source = error.metadata.as_ref().map_or_else(String::new, |metadata| format!(" (set in {})", show::source_name(metadata, None)));
    let mut path = error.path.join(".");
    let problem = match error.kind {
        Kind::UnknownField(field, expected) => {
            if !path.ends_with(&field) {
                path = if path.is_empty() { field } else { format!("{path}.{field}") };
            }
            let expected = if expected.is_empty() { String::new() } else { format!("; known here: {}", expected.join(", ")) };
            format!("there is no such setting{source}{expected}")
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("expected {expected}{source}"),
        Kind::UnknownVariant(got, expected) => format!("expected one of {}, got `{got}`{source}", expected.join(", ")),
        other => format!("{other}{source}"),
    };
    ConfigError { key: if path.is_empty() { "configuration".to_owned() } else { path }, problem }
}
