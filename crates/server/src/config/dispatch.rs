//! `[sending]`, and `[mail]` as far as it is about how mail leaves: where bounces and replies come to, who signs, how fast.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use hearback_core::{Email, Pace, pace::WarmUp};
use hearback_engine::settings::Dispatch;
use hearback_mailer::{DkimError, KeyError, KeyFile, Signer};
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, filled};

/// Longest part before the `@` of an address that gets a mark of its own for each mail: 64 characters in all.
const MAX_LOCAL: usize = 20;

/// `[sending]`; 0 is any number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    per_second: u32,
    per_domain_minute: u32,
    per_domain_at_once: u32,
    warm_up_from: String,
    warm_up_start: u32,
    warm_up_growth: u32,
}

impl Sending {
    fn pace(&self) -> Result<Pace, ConfigError> {
        let warm_up = match self.warm_up_from.as_str() {
            "" => None,
            text => {
                let from = text
                    .parse()
                    .map_err(|_| ConfigError::new("sending.warm_up_from", format!("expected a day such as 2026-03-09, got `{text}`")))?;
                super::range("sending.warm_up_start", u64::from(self.warm_up_start), 1, 10_000_000)?;
                super::range("sending.warm_up_growth", u64::from(self.warm_up_growth), 0, 1_000)?;
                Some(WarmUp { from, start: self.warm_up_start, growth: self.warm_up_growth })
            }
        };
        super::range("sending.per_second", u64::from(self.per_second), 0, 1_000_000)?;
        super::range("sending.per_domain_minute", u64::from(self.per_domain_minute), 0, 60_000_000)?;
        let Self { per_second, per_domain_minute, per_domain_at_once, .. } = *self;
        Ok(Pace { per_second, per_domain_minute, per_domain_at_once, warm_up })
    }
}

/// `[mail.dkim]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    domain: String,
    rsa_selector: String,
    rsa_key_file: PathBuf,
    ed25519_selector: String,
    ed25519_key_file: PathBuf,
}

impl Config {
    /// The addresses that our mail is from and that is answered to.
    pub fn own_addresses(&self) -> Result<Vec<Email>, ConfigError> {
        let marked = [marked("mail.return_path", &self.mail.return_path)?, marked("mail.reply_to", &self.mail.reply_to)?];
        Ok(std::iter::once(self.mail.from.email.clone()).chain(marked.into_iter().flatten()).collect())
    }

    /// How mail leaves.
    pub fn dispatch(&self) -> Result<Dispatch, ConfigError> {
        Ok(Dispatch {
            return_path: marked("mail.return_path", &self.mail.return_path)?,
            reply_to: marked("mail.reply_to", &self.mail.reply_to)?,
            signer: self.signer()?.map(Arc::new),
            pace: self.sending.pace()?,
        })
    }

    /// Who signs; `None` when no key is set.
    pub fn signer(&self) -> Result<Option<Signer>, ConfigError> {
        let dkim = &self.mail.dkim;
        let rsa = read("mail.dkim.rsa_key_file", &dkim.rsa_key_file)?;
        let ed25519 = read("mail.dkim.ed25519_key_file", &dkim.ed25519_key_file)?;
        if rsa.is_none() && ed25519.is_none() {
            return Ok(None);
        }
        let domain = if dkim.domain.is_empty() { self.mail.from.email.domain() } else { &dkim.domain };
        let rsa = rsa.as_deref().map(|text| KeyFile { selector: &dkim.rsa_selector, text });
        let ed25519 = ed25519.as_deref().map(|text| KeyFile { selector: &dkim.ed25519_selector, text });
        Signer::new(domain, rsa, ed25519).map(Some).map_err(|error| {
            let key = match error {
                DkimError::Domain => "mail.dkim.domain",
                DkimError::Selector if rsa.is_some() && dkim.rsa_selector.is_empty() => "mail.dkim.rsa_selector",
                DkimError::Selector => "mail.dkim.ed25519_selector",
                DkimError::Key(KeyError::Rsa) => "mail.dkim.rsa_key_file",
                DkimError::Key(KeyError::Ed25519) => "mail.dkim.ed25519_key_file",
                DkimError::Signing => "mail.dkim",
            };
            ConfigError::new(key, error.to_string())
        })
    }
}

fn read(key: &str, file: &Path) -> Result<Option<String>, ConfigError> {
    let Some(path) = filled(file) else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::new(key, format!("can't read `{}`: {error}", path.display())))?;
    Ok(Some(text))
}

/// An address to which a mark is added for each mail.
fn marked(key: &str, address: &str) -> Result<Option<Email>, ConfigError> {
    if address.is_empty() {
        return Ok(None);
    }
    let email = Email::parse(address).map_err(|error| ConfigError::new(key, error.to_string()))?;
    let local = email.as_str().split('@').next().unwrap_or_default();
    if local.len() > MAX_LOCAL || local.contains('+') || !local.is_ascii() {
        let why = format!("must have at most {MAX_LOCAL} characters of ASCII before the @, and no +: `+MARK` is added for each mail");
        return Err(ConfigError::new(key, why));
    }
    Ok(Some(email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_room_for_a_mark() {
        assert_eq!(marked("k", "").unwrap(), None);
        assert_eq!(marked("k", "bounces@b.example").unwrap().unwrap().as_str(), "bounces@b.example");
        for bad in ["x", "a+b@c.example", "abcdefghijklmnopqrstu@c.example", "ž@c.example"] {
            assert_eq!(marked("k", bad).unwrap_err().key, "k", "{bad}");
        }
    }
}
