//! Log-ins: how one begins and ends, and what of that stands in the audit log.
//!
//! An address may have a user in several workspaces, each with a password of its own. Which one is meant follows from the
//! password, or is asked when it fits more than one: whoever does not know a password learns of no workspace.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    Email,
    id::{UserId, WorkspaceId},
    text::MAX_LINE,
    token::fingerprint,
};
use hearback_store::{StoreError, known_addresses, sessions, time::millis, users, workspaces};
use serde_json::json;

use super::{password::Side, second, sessions::begin};
use crate::{Actor, Ctx, EngineError, access::Access, audit};

/// Places that one user is known to log in from, at most.
const PLACES: u64 = 20;
/// A place that was not used for so long is a stranger's again.
const PLACE_KEPT: Duration = Duration::days(90);
/// Failed log-ins of one account that are noted within [`NOTED_PER`]; the next entry says how many more there were.
const NOTED: u32 = 10;
/// See [`NOTED`].
const NOTED_PER: Duration = Duration::minutes(1);
/// Most accounts whose failed log-ins are counted at the same time.
const ACCOUNTS: usize = 10_000;

/// Where somebody comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// As limits count it: an address of IPv4, the network of one of IPv6 ([`hearback_core::one_caller`]).
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
}

impl Visit {
    /// The address as people read it: `203.0.113.7`, `2001:db8:1:2::/64`.
    pub fn place(&self) -> String {
        match self.address {
            IpAddr::V4(four) => four.to_string(),
            IpAddr::V6(six) => format!("{six}/64"),
        }
    }
}

/// What came of an address and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogIn {
    /// The user and a fresh session token.
    In(Box<users::Model>, String),
    /// One of the two is wrong.
    Wrong,
    /// They are right, and a code of the second factor has to be given, with this token, within some minutes.
    Code(String),
    /// They fit users in several workspaces: the key and name of each, by key.
    Several(Vec<(String, String)>),
}

/// Checks a password, in the workspace with this key or in all of them. After five wrong ones from the same place it is
/// [`EngineError::Wait`] for that place, whether the account exists or not; from elsewhere its owner comes in.
pub async fn log_in(cx: &Access, visit: &Visit, workspace: Option<&str>, email: &str, password: &str) -> Result<LogIn, EngineError> {
    let address = Email::parse(email).map_or_else(|_| email.chars().take(MAX_LINE).collect(), |email| email.to_string());
    let mut candidates = users::by_address(cx.db.read(), &address).await?;
    if let Some(key) = workspace {
        let named = workspaces::by_key(cx.db.read(), key).await?.map(|row| row.id);
        candidates.retain(|user| Some(user.workspace_id) == named);
    }
    let fits = check(cx, visit, &address, &candidates, password).await?;
    let Some(((user, better_hash), others)) = fits.split_first() else { return Ok(LogIn::Wrong) };
    if !others.is_empty() {
        let rows = workspaces::by_ids(cx.db.read(), fits.iter().map(|(user, _)| user.workspace_id)).await?;
        return Ok(LogIn::Several(rows.into_iter().map(|row| (row.key, row.name)).collect()));
    }
    if let Some(token) = second::ask(cx, user).await? {
        return Ok(LogIn::Code(token));
    }
    enter(cx, user, visit, better_hash.as_deref(), Proof::Password).await
}

/// By what somebody proved who they are, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    Password,
    Code,
    RecoveryCode,
}

impl Proof {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "password and code",
            Self::RecoveryCode => "password and recovery code",
        }
    }
}

/// The users whose password this is and who may come in, each with a new hash if the stored one should be replaced. The try is counted
/// before it is checked; one that was wrong is noted for each user whom it was about.
async fn check<'u>(
    cx: &Access,
    visit: &Visit,
    address: &str,
    candidates: &'u [users::Model],
    password: &str,
) -> Result<Vec<(&'u users::Model, Option<String>)>, EngineError> {
    let (now, who) = (cx.now(), (visit.address, address.to_owned()));
    if let Err(seconds) = cx.auth.guesses.begin(who.clone(), now) {
        note_failure(cx, visit, candidates, "too many wrong passwords");
        let message = format!("too many wrong passwords for this account from where you are; try again in {seconds} seconds");
        return Err(EngineError::Wait { message, seconds });
    }
    let known = known_addresses::any(cx.db.read(), candidates, &visit.place()).await?;
    let side = if known { Side::Known(visit.address) } else { Side::Stranger(visit.address) };
    let active: Vec<&users::Model> = candidates.iter().filter(|user| user.disabled_at.is_none()).collect();
    let stored = active.iter().map(|user| user.password_hash.clone()).collect();
    let fits = match cx.auth.passwords.check(side, password, stored).await {
        Ok(fits) => fits,
        Err(error) => {
            cx.auth.guesses.take_back(&who);
            return Err(error);
        }
    };
    if fits.is_empty() {
        let disabled = !candidates.is_empty() && active.is_empty();
        note_failure(cx, visit, candidates, if disabled { "disabled" } else { "wrong password" });
    } else {
        cx.auth.guesses.right(&who);
    }
    Ok(fits.into_iter().filter_map(|fit| Some((*active.get(fit.place)?, fit.better))).collect())
}

/// Begins a session for a user who has proved who they are.
pub(super) async fn enter(
    cx: &Ctx,
    user: &users::Model,
    visit: &Visit,
    better_hash: Option<&str>,
    by: Proof,
) -> Result<LogIn, EngineError> {
    let (now, ws, id) = (cx.now(), WorkspaceId::from_uuid(user.workspace_id), UserId::from_uuid(user.id));
    let tx = cx.db.write().await?;
    // They may have been changed while the password was checked.
    let current = users::lock(&tx, ws, id).await?.filter(|row| row.disabled_at.is_none() && row.password_hash == user.password_hash);
    let Some(user) = current else { return Ok(LogIn::Wrong) };
    if let Some(hash) = better_hash {
        users::set_password_hash(&tx, ws, id, hash).await?;
    }
    let token = begin(cx, &tx, &user, visit).await?;
    let place = known_addresses::Model { workspace_id: user.workspace_id, user_id: user.id, address: visit.place(), seen_at: millis(now) };
    known_addresses::note(&tx, &place, PLACES, millis(now - PLACE_KEPT)).await?;
    let data = json!({ "from": visit.place(), "by": by.as_str() });
    audit::note(&tx, ws, &Actor::User(user.email.clone()), "user.logged_in", &user.email, data, now);
    tx.commit().await?;
    Ok(LogIn::In(Box::new(user), token))
}

/// A new session for somebody whose sessions were just ended by what they did themselves.
pub(super) async fn begin_again(cx: &Ctx, ws: WorkspaceId, id: UserId, visit: &Visit) -> Result<LogIn, EngineError> {
    match users::by_id(cx.db.read(), ws, id).await? {
        Some(user) => enter(cx, &user, visit, None, Proof::Password).await,
        None => Ok(LogIn::Wrong),
    }
}

/// Refuses what takes the password of a user who is inside, unless this is it.
pub async fn confirm_password(cx: &Access, user: &users::Model, visit: &Visit, password: &str) -> Result<(), EngineError> {
    match check(cx, visit, &user.email, std::slice::from_ref(user), password).await?.as_slice() {
        [] => Err(EngineError::field("present_password", "is not your password")),
        _ => Ok(()),
    }
}

/// Ends a session.
pub async fn log_out(cx: &Ctx, token: &str) -> Result<(), EngineError> {
    let hash = fingerprint(token);
    let tx = cx.db.write().await?;
    if let Some(session) = sessions::by_hash(&*tx, &hash).await? {
        let ws = WorkspaceId::from_uuid(session.workspace_id);
        sessions::delete(&tx, &hash).await?;
        if let Some(user) = users::by_id(&*tx, ws, UserId::from_uuid(session.user_id)).await? {
            audit::note(&tx, ws, &Actor::User(user.email.clone()), "user.logged_out", &user.email, json!({}), cx.now());
        }
    }
    Ok(tx.commit().await?)
}

/// How many failed log-ins of each account were noted lately.
#[derive(Debug, Default)]
pub struct Noted(Mutex<HashMap<String, Recent>>);

#[derive(Debug, Clone, Copy)]
struct Recent {
    since: DateTime<Utc>,
    noted: u32,
    more: u32,
}

impl Noted {
    /// Whether to note one more failure of this account, and how many were not noted before it. Guesses from many places must not fill
    /// the disk.
    fn admit(&self, account: &str, now: DateTime<Utc>) -> Option<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ACCOUNTS {
            all.retain(|_, recent| now - recent.since < NOTED_PER);
        }
        let recent = all.entry(account.to_owned()).or_insert(Recent { since: now, noted: 0, more: 0 });
        if now - recent.since >= NOTED_PER || now < recent.since {
            (recent.since, recent.noted) = (now, 0);
        }
        if recent.noted >= NOTED {
            recent.more += 1;
            return None;
        }
        recent.noted += 1;
        Some(std::mem::take(&mut recent.more))
    }
}

/// Notes that somebody did not get in, for each user whom it was about. Not waited for: the time until the answer must not tell whether
/// there was anything to note.
pub(super) fn note_failure(cx: &Access, visit: &Visit, users: &[users::Model], why: &'static str) {
    let place = visit.place();
    tracing::info!(from = place, why, "a log-in failed");
    let Some(first) = users.first() else { return };
    let Some(more) = cx.auth.noted.admit(&first.email, cx.now()) else { return };
    let data =
        if more == 0 { json!({ "from": place, "why": why }) } else { json!({ "from": place, "why": why, "not_noted_before": more }) };
    let (cx, about) = (cx.clone(), users.iter().map(|user| (WorkspaceId::from_uuid(user.workspace_id), user.email.clone())).collect());
    tokio::spawn(async move {
        if let Err(error) = write_failure(&cx, about, &data).await {
            tracing::warn!(%error, "a failed log-in could not be noted in the audit log");
        }
    });
}

async fn write_failure(cx: &Ctx, about: Vec<(WorkspaceId, String)>, data: &serde_json::Value) -> Result<(), StoreError> {
    let tx = cx.db.write().await?;
    for (ws, email) in about {
        audit::note(&tx, ws, &Actor::System, "user.log_in_failed", &email, data.clone(), cx.now());
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_from_many_places_leave_a_bounded_number_of_entries_and_none_is_uncounted() {
        let (noted, start) = (Noted::default(), DateTime::UNIX_EPOCH);
        let entries = (0..500).filter(|_| noted.admit("anna@example.com", start).is_some()).count();
        assert_eq!(entries, 10);
        assert_eq!(noted.admit("ben@example.com", start), Some(0));
        assert_eq!(noted.admit("anna@example.com", start + NOTED_PER), Some(490));
        assert_eq!(noted.admit("anna@example.com", start + NOTED_PER), Some(0));
    }

    #[test]
    fn a_place_reads_as_what_is_counted() {
        let of = |address: &str| Visit { address: address.parse().unwrap(), agent: String::new() }.place();
        assert_eq!((of("203.0.113.7"), of("2001:db8:1:2::")), ("203.0.113.7".to_owned(), "2001:db8:1:2::/64".to_owned()));
    }
}
