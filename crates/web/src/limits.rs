//! How often somebody may call: a bucket of permissions for each key and each address, refilled by the minute.
//!
//! Owns the buckets of this process. Refuses to know: who may do what. Keys that bring answers are unlimited unless the settings
//! say otherwise: the queue of the intake already says when it is full.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use hearback_core::{id::ApiKeyId, one_caller};
use hearback_engine::{access::ApiKey, role::Scope};
use uuid::Uuid;

use crate::error::Problem;

/// Calls a minute; 0 is any number. A bucket holds as many as come in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// With a key of the scope `read`.
    pub read_key: u32,
    /// With a key of the scope `write` or `admin`.
    pub write_key: u32,
    /// Log-ins tried from one address.
    pub log_in: u32,
    /// Of all visitors of one widget.
    pub widget: u32,
    /// Of widgets from one address.
    pub visitor: u32,
    /// Forms of the survey page from one address.
    pub survey: u32,
    /// Forms of the survey page by one link.
    pub survey_link: u32,
    /// Forms of other pages for customers from one address.
    pub form: u32,
    /// Forms of other pages for customers by one link.
    pub form_link: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { read_key: 6_000, write_key: 0, log_in: 60, survey: 60, survey_link: 20, widget: 1_200, visitor: 60, form: 60, form_link: 20 }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    Key(ApiKeyId),
    LogIn(IpAddr),
    Widget(Uuid),
    Visitor(IpAddr),
    Answers(IpAddr),
    /// A fingerprint of the link.
    Link(u64),
    Form(IpAddr),
    FormLink(u64),
}

/// What is left, and when that was counted.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Most callers remembered; a flood of others makes room by forgetting those that are full again.
const CALLERS: usize = 10_000;
const MINUTE: f64 = 60.0;

/// The buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<Caller, Bucket>>);

impl Buckets {
    /// One call with this key.
    pub(crate) fn call(&self, rates: Rates, key: &ApiKey) -> Result<(), Problem> {
        let rate = match key.scope {
            Scope::Read => rates.read_key,
            Scope::Write | Scope::Admin => rates.write_key,
        };
        self.take(Caller::Key(key.id), rate, Instant::now(), "this key called too often")
    }

    /// One log-in tried from this address.
    pub(crate) fn log_in(&self, rates: Rates, address: IpAddr) -> Result<(), Problem> {
        self.take(Caller::LogIn(one_caller(address)), rates.log_in, Instant::now(), "too many log-ins were tried from your address")
    }

    /// One call of a widget's script from this address.
    pub(crate) fn visit(&self, rates: Rates, address: IpAddr) -> Result<(), Problem> {
        self.take(Caller::Visitor(one_caller(address)), rates.visitor, Instant::now(), "your address called too often")
    }

    /// One call of a script of this widget, whoever visits.
    pub(crate) fn widget(&self, rates: Rates, widget: Uuid) -> Result<(), Problem> {
        self.take(Caller::Widget(widget), rates.widget, Instant::now(), "this widget was called too often")
    }

    /// One form of the survey page from this address.
    pub(crate) fn answer(&self, rates: Rates, address: IpAddr) -> Result<(), Problem> {
        self.take(Caller::Answers(one_caller(address)), rates.survey, Instant::now(), "too many answers came from your address")
    }

    /// One form of the survey page by this link.
    pub(crate) fn link(&self, rates: Rates, token: &str) -> Result<(), Problem> {
        self.take(Caller::Link(fingerprint(token)), rates.survey_link, Instant::now(), "too many answers came by this link")
    }

    /// One form of another page for customers, from this address.
    pub(crate) fn form(&self, rates: Rates, address: IpAddr) -> Result<(), Problem> {
        self.take(Caller::Form(one_caller(address)), rates.form, Instant::now(), "too many forms came from your address")
    }

    /// One form of another page for customers, by this link.
    pub(crate) fn form_link(&self, rates: Rates, link: &str) -> Result<(), Problem> {
        self.take(Caller::FormLink(fingerprint(link)), rates.form_link, Instant::now(), "too many forms came by this link")
    }

    fn take(&self, caller: Caller, rate: u32, now: Instant, what: &str) -> Result<(), Problem> {
        if rate == 0 {
            return Ok(());
        }
        let most = f64::from(rate);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS && !buckets.contains_key(&caller) {
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < Duration::from_mins(1));
        }
        let bucket = buckets.entry(caller).or_insert(Bucket { left: most, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed * most / MINUTE).min(most);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - bucket.left) * MINUTE / most).ceil().clamp(1.0, MINUTE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 1 to 60")]
        let seconds = wait as u64;
        let detail = format!("{what}: at most {rate} a minute; try again in {seconds} seconds");
        Err(Problem { retry_after: Some(seconds), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, detail) })
    }
}

fn fingerprint(link: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    link.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_refilled_and_says_how_long_to_wait() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        let caller = Caller::LogIn(IpAddr::from([127, 0, 0, 1]));
        let take = |caller, seconds| {
            buckets.take(caller, 6, start + Duration::from_secs(seconds), "too often").map_err(|problem| problem.retry_after)
        };
        for _ in 0..6 {
            assert_eq!(take(caller, 0), Ok(()));
        }
        assert_eq!(take(caller, 0), Err(Some(10)));
        assert_eq!(take(caller, 4), Err(Some(6)));
        assert_eq!(take(caller, 10), Ok(()));
        assert_eq!(take(caller, 10), Err(Some(10)));
        assert_eq!(take(Caller::LogIn(IpAddr::from([127, 0, 0, 2])), 10), Ok(()), "others do not wait");
        assert_eq!(buckets.take(caller, 0, start, ""), Ok(()), "0 is any number");
        assert_eq!(take(caller, 600), Ok(()));
    }
}
