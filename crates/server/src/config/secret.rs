//! Text that must not be printed, and the key that signs links.

use std::{fs, io::ErrorKind, path::Path};

use hearback_core::token::{SecretKey, random_secret};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{Config, ConfigError, filled};

/// A setting that is a secret, or a URL with a password in it. Nothing prints it: it is debugged as redacted, and serialized
/// (which is how settings are shown) as far as it may be seen.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&redacted(self.expose()))
    }
}

impl Secret {
    /// Keeps a text.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

/// What may be seen of a secret: of a URL, where it leads and who logs in, without password and options; of anything else, that it
/// is set. A password may hold any letter, so a URL that can be read in two ways shows nothing.
fn redacted(text: &str) -> String {
    const HIDDEN: &str = "***";
    if text.is_empty() {
        return String::new();
    }
    let Some((scheme, rest)) = text.split_once("://") else { return HIDDEN.to_owned() };
    let plain = rest.split(['?', '#']).next().unwrap_or_default();
    if matches!(scheme, "sqlite" | "file") {
        return format!("{scheme}://{plain}");
    }
    let (authority, path) = plain.split_at(plain.find('/').unwrap_or(plain.len()));
    let beyond = rest.get(authority.len()..).unwrap_or_default();
    match authority.rsplit_once('@') {
        _ if beyond.contains('@') || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => HIDDEN.to_owned(),
        None => format!("{scheme}://{authority}{path}"),
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{HIDDEN}@{host}{path}"),
            None => format!("{scheme}://{HIDDEN}@{host}{path}"),
        },
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
        let older = self.secret_key_old.expose().split_whitespace().map(|old| long_enough("secret_key_old", old.as_bytes()));
        older.fold(long_enough(key, text.trim_ascii()), |key, old| Ok(key?.with_older(old?)))
    }

    /// The same, where none is made: nothing when there is none yet.
    pub fn existing_secret_key(&self) -> Result<Option<SecretKey>, ConfigError> {
        let is_made_at_start = filled(&self.secret_key_file).is_none() && self.secret_key.is_empty();
        if is_made_at_start && !self.data.dir.join("secret_key").exists() { Ok(None) } else { self.secret_key().map(Some) }
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

fn long_enough(key: &str, bytes: &[u8]) -> Result<SecretKey, ConfigError> {
    SecretKey::new(bytes).ok_or_else(|| {
        let hint = "`head -c 48 /dev/urandom | base64` makes a good one";
        ConfigError::new(key, format!("the secret key must have at least 32 bytes, it has {}; {hint}", bytes.len()))
    })
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

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn a_url_shows_where_it_leads_and_no_password() {
        for (url, shown) in [
            ("", ""),
            ("hunter2", "***"),
            ("smtps://me:hunter2@relay.example:465", "smtps://me:***@relay.example:465"),
            ("imaps://me%40x.example:hunter2@h.example/INBOX", "imaps://me%40x.example:***@h.example/INBOX"),
            ("postgres://db.example/x?password=hunter2", "postgres://db.example/x"),
            ("postgres://hunter2@db.example/x", "postgres://***@db.example/x"),
            ("sqlite:///srv/a@b/x.db?mode=rw", "sqlite:///srv/a@b/x.db"),
            // A password with letters that end a part of a URL.
            ("smtps://me:hunter@2@relay.example", "smtps://me:***@relay.example"),
            ("smtps://me:hunt/er2@relay.example", "***"),
            ("smtps://me:hunt?er2@relay.example", "***"),
            ("smtps://me:hunt#er2@relay.example", "***"),
            ("postgres://db.example/x?password=hun@ter2", "***"),
            ("hunter2://x", "hunter2://x"),
            ("hun ter2://x", "***"),
        ] {
            assert_eq!(redacted(url), shown, "{url}");
        }
    }
}
