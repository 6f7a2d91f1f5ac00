//! How a password is kept and checked.
//!
//! Argon2id with 46 MiB: few at a time, off the async threads. However many workspaces know an address, a password is put through it
//! once: all hashes of one address have the same salt. So whether there is an account, and how many, shows neither in the answer nor
//! in the time it takes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use hearback_core::token::random_secret;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::strength::MOST;
use crate::EngineError;

/// Memory in KiB, passes and lanes of one hash.
const COST: (u32, u32, u32) = (47_104, 1, 1);
/// Hashes computed at the same time in one line.
const AT_ONCE: usize = 2;
/// Hashes computed or waiting in one line; more are refused.
const WAITING: usize = 54;
/// The same of one address: strangers who fill the line have to be many.
const OF_ONE: usize = 3;

/// Whose password is checked: places are kept for those who logged in from where they are now, so that strangers can't keep them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This address has logged in to this account before.
    Known(IpAddr),
    /// This one has not.
    Stranger(IpAddr),
    /// Nobody is waited for: the server's own command line, or somebody who is inside.
    Inside,
}

/// Limits how many passwords are hashed at once in the process.
#[derive(Debug, Default)]
pub struct Lines {
    known: Line,
    strangers: Line,
}

/// One of the lines.
#[derive(Debug)]
struct Line {
    computing: Semaphore,
    waiting: Semaphore,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Default for Line {
    fn default() -> Self {
        Self { computing: Semaphore::new(AT_ONCE), waiting: Semaphore::new(WAITING), held: Mutex::default() }
    }
}

/// A place in a line that an address holds.
struct Held<'a>(&'a Line, IpAddr);

impl Line {
    fn hold(&self, address: IpAddr) -> Option<Held<'_>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let places = held.entry(address).or_insert(0);
        if *places >= OF_ONE {
            return None;
        }
        *places += 1;
        Some(Held(self, address))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = held.get_mut(&self.1) {
            *places -= 1;
            if *places == 0 {
                held.remove(&self.1);
            }
        }
    }
}

/// Which of some hashes are of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Place among the hashes that were given.
    pub place: usize,
    /// A new hash in place of one that was made with other parameters.
    pub better: Option<String>,
}

/// A password to be shown once: 120 random bits.
pub fn made_up() -> Result<String, impl ToString> {
    random_secret().map(|secret| secret.chars().take(20).collect::<String>())
}

impl Lines {
    /// The hash of a new password, with its parameters and salt: that of `beside`, the hash of the same address in another
    /// workspace, or a new one.
    pub async fn hash(&self, password: String, beside: Option<String>) -> Result<String, EngineError> {
        self.compute(Side::Inside, move || hash(&password, beside.as_deref())).await?
    }

    /// Which of the hashes are of this password. Takes the same time whether there are none, one or many.
    pub async fn check(&self, side: Side, password: &str, stored: Vec<String>) -> Result<Vec<Checked>, EngineError> {
        let password: String = if password.chars().count() > MOST { String::new() } else { password.to_owned() };
        self.compute(side, move || check(&password, &stored)).await?
    }

    async fn compute<T: Send + 'static>(&self, side: Side, work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
        let (line, address) = match side {
            Side::Known(address) => (&self.known, Some(address)),
            Side::Stranger(address) => (&self.strangers, Some(address)),
            Side::Inside => (&self.known, None),
        };
        let _held = match address {
            Some(address) => Some(line.hold(address).ok_or(EngineError::Busy)?),
            None => None,
        };
        let _place = line.waiting.try_acquire().map_err(|_| EngineError::Busy)?;
        let _turn = line.computing.acquire().await.map_err(|_| EngineError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Busy)
    }
}

fn argon() -> Result<Argon2<'static>, EngineError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(unusable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str, beside: Option<&str>) -> Result<String, EngineError> {
    let salt = beside.filter(|stored| is_current(stored)).and_then(|stored| PasswordHash::new(stored).ok()?.salt);
    let made = match salt {
        Some(salt) => argon()?.hash_password_with_salt(password.as_bytes(), &salt),
        None => argon()?.hash_password(password.as_bytes()),
    };
    Ok(made.map_err(unusable)?.to_string())
}

fn check(password: &str, stored: &[String]) -> Result<Vec<Checked>, EngineError> {
    if stored.is_empty() {
        hash(password, Some(&stand_in()?))?;
        return Ok(Vec::new());
    }
    // One entry, unless two nodes made the first two hashes of an address at once.
    let mut computed: HashMap<&str, String> = HashMap::new();
    let mut fits = Vec::new();
    for (place, stored) in stored.iter().enumerate() {
        if !is_current(stored) {
            if PasswordHash::new(stored).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()) {
                fits.push(Checked { place, better: Some(hash(password, None)?) });
            }
            continue;
        }
        let salted = stored.rsplit_once('$').map_or("", |(salted, _)| salted);
        if !computed.contains_key(salted) {
            computed.insert(salted, hash(password, Some(stored))?);
        }
        let same = computed.get(salted).is_some_and(|made| bool::from(made.as_bytes().ct_eq(stored.as_bytes())));
        fits.extend(same.then_some(Checked { place, better: None }));
    }
    Ok(fits)
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
    let made = hash("nobody has this password", None)?;
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn places(fits: &[Checked]) -> Vec<usize> {
        fits.iter().map(|fit| fit.place).collect()
    }

    #[tokio::test]
    async fn only_the_right_password_opens_and_old_hashes_are_renewed() {
        let lines = Lines::default();
        let check = async |password, stored| lines.check(Side::Stranger(HERE), password, stored).await.unwrap();
        let one = lines.hash("correct horse".to_owned(), None).await.unwrap();
        assert!(is_current(&one), "{one}");
        assert_eq!(check("correct horse", vec![one.clone()]).await, [Checked { place: 0, better: None }]);
        assert!(check("wrong horse", vec![one.clone()]).await.is_empty());
        assert!(check("nobody has this password", Vec::new()).await.is_empty(), "the stand-in opens nothing");
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let old = weak.hash_password(b"correct horse").unwrap().to_string();
        let fits = check("correct horse", vec![one, old]).await;
        assert_eq!(places(&fits), [0, 1]);
        assert!(is_current(fits[1].better.as_deref().unwrap()));
        assert!(check("x", vec!["not a hash".to_owned(), String::new()]).await.is_empty());
    }

    #[tokio::test]
    async fn the_hashes_of_one_address_share_a_salt_and_are_told_apart() {
        let lines = Lines::default();
        let one = lines.hash("the first of them".to_owned(), None).await.unwrap();
        let two = lines.hash("the second of them".to_owned(), Some(one.clone())).await.unwrap();
        let salt = |hash: &str| hash.rsplit_once('$').unwrap().0.to_owned();
        assert_eq!(salt(&one), salt(&two));
        assert_ne!(salt(&one), salt(&lines.hash("the first of them".to_owned(), None).await.unwrap()));
        let both = vec![one, two];
        assert_eq!(places(&lines.check(Side::Known(HERE), "the second of them", both.clone()).await.unwrap()), [1]);
        assert_eq!(places(&lines.check(Side::Inside, "the third of them", both).await.unwrap()), Vec::<usize>::new());
    }

    #[tokio::test]
    async fn strangers_can_not_fill_the_line_of_those_who_are_known() {
        let lines = Lines::default();
        let stranger = |n: u8| Side::Stranger(IpAddr::from([10, 0, 0, n]));
        let mut waits: Vec<_> =
            (0..18).flat_map(|n| (0..3).map(move |_| n)).map(|n| Box::pin(lines.check(stranger(n), "x", Vec::new()))).collect();
        for wait in &mut waits {
            assert!(futures::poll!(wait.as_mut()).is_pending());
        }
        assert!(matches!(lines.check(stranger(0), "x", Vec::new()).await, Err(EngineError::Busy)), "one address has its share");
        assert!(matches!(lines.check(stranger(99), "x", Vec::new()).await, Err(EngineError::Busy)), "the line is full");
        assert!(lines.check(Side::Known(HERE), "x", Vec::new()).await.is_ok());
        drop(waits);
        assert!(lines.check(stranger(0), "x", Vec::new()).await.is_ok(), "who gave up makes room");
    }
}
