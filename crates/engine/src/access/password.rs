//! How a password is kept, checked, and how often one may be tried.
//!
//! Argon2id with 46 MiB: few at a time, off the async threads. Whether an account exists shows neither in the
//! answer nor in the time it takes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use chrono::{DateTime, Duration, Utc};
use hearback_core::token::random_secret;
use tokio::sync::Semaphore;

use crate::EngineError;

/// Memory in KiB, passes and lanes of one hash.
const COST: (u32, u32, u32) = (47_104, 1, 1);
/// Hashes computed at the same time.
const AT_ONCE: usize = 4;
/// Hashes computed or waiting; more are refused.
const WAITING: usize = 54;
/// Shortest password, in characters.
const MIN: usize = 8;
/// Longest password, in bytes.
const MAX: usize = 1_024;
/// Wrong passwords for one account within [`WINDOW`] before it has to wait.
const TRIES: usize = 5;
/// See [`TRIES`].
const WINDOW: Duration = Duration::minutes(1);
/// Most accounts remembered.
const ACCOUNTS: usize = 10_000;

/// An address as it was asked for, whether it has a user or not; one for all workspaces.
pub type Account = String;

/// Limits how many passwords are tried: at once in the process, and in a row for one account.
#[derive(Debug)]
pub struct Guard {
    computing: Semaphore,
    waiting: Semaphore,
    failures: Mutex<HashMap<Account, Vec<DateTime<Utc>>>>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { computing: Semaphore::new(AT_ONCE), waiting: Semaphore::new(WAITING), failures: Mutex::default() }
    }
}

/// Whether a new password is acceptable: long enough, no rules about its characters.
pub fn check(password: &str) -> Result<(), String> {
    if password.chars().count() < MIN {
        Err(format!("must have at least {MIN} characters"))
    } else if password.len() > MAX {
        Err(format!("must have at most {MAX} bytes"))
    } else {
        Ok(())
    }
}

/// A password to be shown once: 120 random bits.
pub fn made_up() -> Result<String, impl ToString> {
    random_secret().map(|secret| secret.chars().take(20).collect::<String>())
}

impl Guard {
    /// The hash of a new password, with its parameters and salt.
    pub async fn hash(&self, password: String) -> Result<String, EngineError> {
        self.compute(move || hash(&password)).await?
    }

    /// `None` when the password is wrong or there is no hash; else `Some`, with a new hash if the stored one was made with
    /// other parameters. Takes the same time in each case.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<Option<Option<String>>, EngineError> {
        let password: String = if password.len() > MAX { String::new() } else { password.to_owned() };
        self.compute(move || {
            let known = stored.is_some();
            let stored = match stored {
                Some(stored) => stored,
                None => stand_in()?,
            };
            if !verify(&password, &stored) || !known {
                return Ok(None);
            }
            Ok(Some(if is_current(&stored) { None } else { Some(hash(&password)?) }))
        })
        .await?
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
        let _place = self.waiting.try_acquire().map_err(|_| EngineError::Busy)?;
        let _turn = self.computing.acquire().await.map_err(|_| EngineError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Busy)
    }

    /// How many seconds this account has to wait before the next try; `None` when it may try now.
    pub fn must_wait(&self, account: &str, now: DateTime<Utc>) -> Option<i64> {
        let failures = self.failures();
        let recent: Vec<_> = failures.get(account)?.iter().filter(|at| now - **at < WINDOW).collect();
        let first = recent.first().filter(|_| recent.len() >= TRIES)?;
        Some((WINDOW - (now - **first)).num_seconds().clamp(1, WINDOW.num_seconds()))
    }

    /// Counts a wrong password.
    pub fn note_failure(&self, account: Account, now: DateTime<Utc>) {
        let mut failures = self.failures();
        if failures.len() >= ACCOUNTS {
            failures.retain(|_, times| times.iter().any(|at| now - *at < WINDOW));
        }
        let times = failures.entry(account).or_default();
        times.retain(|at| now - *at < WINDOW);
        times.push(now);
    }

    /// A right password ends the count.
    pub fn forget(&self, account: &str) {
        self.failures().remove(account);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<Account, Vec<DateTime<Utc>>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn argon() -> Result<Argon2<'static>, EngineError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(unusable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, EngineError> {
    Ok(argon()?.hash_password(password.as_bytes()).map_err(unusable)?.to_string())
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

fn is_current(stored: &str) -> bool {
    let (memory, passes, lanes) = COST;
    stored.starts_with(&format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$"))
}

/// The hash that is checked when there is no account.
fn stand_in() -> Result<String, EngineError> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(hash) = HASH.get() {
        return Ok(hash.clone());
    }
    let made = hash("nobody has this password")?;
    Ok(HASH.get_or_init(|| made).clone())
}

/// Neither parameters nor input can cause it; without random bytes or memory it does happen.
#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
fn unusable(error: impl ToString) -> EngineError {
    tracing::error!(error = error.to_string(), "a password could not be hashed");
    EngineError::Busy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens_and_old_hashes_are_renewed() {
        let guard = Guard::default();
        let stored = guard.hash("correct horse".to_owned()).await.unwrap();
        assert!(is_current(&stored), "{stored}");
        assert_eq!(guard.verify("correct horse", Some(stored.clone())).await.unwrap(), Some(None));
        assert_eq!(guard.verify("wrong horse", Some(stored)).await.unwrap(), None);
        assert_eq!(guard.verify("nobody has this password", None).await.unwrap(), None, "the stand-in opens nothing");
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let old = weak.hash_password(b"correct horse").unwrap().to_string();
        assert!(matches!(guard.verify("correct horse", Some(old)).await.unwrap(), Some(Some(new)) if is_current(&new)));
        assert_eq!(guard.verify("x", Some("not a hash".to_owned())).await.unwrap(), None);
    }

    #[test]
    fn five_wrong_passwords_in_a_minute_make_an_account_wait() {
        let (guard, now) = (Guard::default(), DateTime::UNIX_EPOCH);
        let account = "anna@example.com".to_owned();
        for _ in 0..TRIES {
            assert_eq!(guard.must_wait(&account, now), None);
            guard.note_failure(account.clone(), now);
        }
        assert_eq!(guard.must_wait(&account, now + Duration::seconds(20)), Some(40));
        assert_eq!(guard.must_wait(&account, now + WINDOW), None);
        assert_eq!(guard.must_wait("else@example.com", now), None);
        guard.forget(&account);
        assert_eq!(guard.must_wait(&account, now), None);
    }
}
