//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: what one process remembers of those who come in. Users, log-ins, sessions, passwords, keys and roles have files of their own.
//! Refuses to know: cookies and headers, and what a role may do.

mod keys;
mod login;
mod password;
mod role;
mod second;
mod sessions;
mod strength;
mod tries;
mod users;

use std::net::IpAddr;

use chrono::Duration;
use hearback_core::id::UserId;

use crate::EngineError;

pub use keys::{ApiKey, KEY_PREFIX, authenticate, create_api_key, create_api_key_until, revoke_api_key};
pub use login::{LogIn, Visit, confirm_password, log_in, log_out};
pub use role::{Role, Scope};
pub use second::{
    RecoveryCodes, SecondFactor, begin_second, confirm_second, give_code, lacks_second, new_recovery_codes, remove_second, reset_second,
    second_factor,
};
pub use sessions::{OwnSession, Which, end_own, own_sessions, session};
pub use strength::LEAST as SHORTEST_PASSWORD;
pub use users::{UserChange, add_user, change_own_password, change_user, end_sessions, has_users, made_up_password};

/// What changes each time something is used is written at most this often.
const NOTE_USE_EVERY: Duration = Duration::minutes(1);

/// What log-ins take and how long they last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogInRules {
    /// An admin's ends when it is not used for this long.
    pub idle_admin: Duration,
    /// Anybody else's.
    pub idle: Duration,
    /// Each ends this long after it began, whatever happens.
    pub length: Duration,
    /// Of one user at the same time; one more ends the oldest.
    pub most: u64,
    /// Whoever has this role or a larger one must have a second factor; `None` leaves it to everybody.
    pub second_factor: Option<Role>,
}

impl Default for LogInRules {
    fn default() -> Self {
        Self { idle_admin: Duration::minutes(30), idle: Duration::hours(8), length: Duration::hours(12), most: 20, second_factor: None }
    }
}

impl LogInRules {
    /// How long a user of this role may be idle. A role that this version does not know is no admin's.
    fn idle_of(self, role: &str) -> Duration {
        if Role::parse(role) == Some(Role::Admin) { self.idle_admin } else { self.idle }
    }
}

/// What one process remembers of those who come in: keys it has seen, how many passwords are hashed, who guesses.
#[derive(Debug, Default)]
pub struct AuthCache {
    keys: keys::Keys,
    passwords: password::Lines,
    /// An address at the address that somebody logs in by.
    guesses: tries::Tries<(IpAddr, String)>,
    /// At the code of a user, whose password is known to whoever tries.
    codes: tries::Tries<UserId>,
    noted: login::Noted,
}

/// The operating system gave no random bytes: nothing that has to be secret can be made now.
#[expect(clippy::needless_pass_by_value, reason = "an error converter for map_err")]
pub(crate) fn no_randomness(error: impl ToString) -> EngineError {
    tracing::error!(error = error.to_string(), "the operating system gave no random bytes");
    EngineError::Busy
}
