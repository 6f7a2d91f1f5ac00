//! Text that must not be printed, and the key that signs links.

use std::{fs, io::ErrorKind, path::Path};

use hearback_core::token::{SecretKey, random_secret};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError, filled};

/// A setting that may hold a password; it prints as `***`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// A URL as it may be shown: without the password, and without options, which may hold one.
    pub(super) fn redacted_url(&self) -> String {
        let url = self.expose().split('?').next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
        match rest.rsplit_once('@') {
            Some((login, host)) => format!("{scheme}://{}:***@{host}", login.split(':').next().unwrap_or_default()),
            None => url.to_owned(),
        }
    }
}

impl Config {
    /// The key that signs links: as configured, else the one in the data folder, which is made if there is none.
    pub fn secret_key(&self) -> Result<SecretKey, ConfigError> {
        let (key, text) = if let Some(path) = filled(&self.secret_key_file) {
            ("secret_key_file", read_key("secret_key_file", path)?)
        } else if !self.secret_key.is_empty() {
            ("secret_key", self.secret_key.expose().as_bytes().to_vec())
        } else {
            ("data.dir", read_or_make_key(&self.data.dir.join("secret_key"))?)
        };
        let bytes = text.trim_ascii();
        SecretKey::new(bytes).ok_or_else(|| {
            ConfigError::new(
                key,
                format!(
                    "the secret key must have at least 32 bytes, it has {}; `head -c 48 /dev/urandom | base64` makes a good one",
                    bytes.len()
                ),
            )
        })
    }

    /// The same check without making a key.
    pub fn check_secret_key(&self) -> Result<(), ConfigError> {
        let is_made_at_start = filled(&self.secret_key_file).is_none() && self.secret_key.is_empty();
        if is_made_at_start && !self.data.dir.join("secret_key").exists() { Ok(()) } else { self.secret_key().map(|_| ()) }
    }

    /// How the key will be found, for people.
    pub(crate) fn secret_key_origin(&self) -> String {
        if filled(&self.secret_key_file).is_some() {
            "(in secret_key_file)".to_owned()
        } else if !self.secret_key.is_empty() {
            "***".to_owned()
        } else {
            format!("(in {}, made at the first start)", self.data.dir.join("secret_key").display())
        }
    }
}

fn read_key(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| ConfigError::new(key, format!("can't read `{}`: {error}", path.display())))
}

/// Two processes may start at once: only one of them makes the file, and the other reads what it wrote.
fn read_or_make_key(path: &Path) -> Result<Vec<u8>, ConfigError> {
    if path.exists() {
        return read_key("data.dir", path);
    }
    let fail = |error: std::io::Error| ConfigError::new("data.dir", format!("can't write the secret key to `{}`: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::open::private_folder(folder).map_err(fail)?;
    let secret = random_secret().map_err(|error| ConfigError::new("secret_key", format!("the system has no random numbers: {error}")))?;
    // Written aside and linked into place: nobody ever reads half a key.
    let aside = folder.join(format!("secret_key.{}", std::process::id()));
    crate::open::private_file(&aside, secret.as_bytes()).map_err(fail)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).map_err(fail)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(fail(error)),
        _ => read_key("data.dir", path),
    }
}
