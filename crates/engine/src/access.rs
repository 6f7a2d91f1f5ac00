//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: what one process remembers of those who come in. Users, log-ins, sessions, passwords, keys and roles have files of their own.
//! Refuses to know: cookies and headers, and what a role may do.

mod keys;
mod login;
mod password;
mod second;
mod sessions;
mod strength;
mod tries;
mod users;

use std::{net::IpAddr, ops::Deref, sync::Arc};

use chrono::Duration;
use hearback_core::id::UserId;

use crate::{Ctx, EngineError};

pub use keys::{ApiKey, KEY_PREFIX, authenticate, create_api_key, create_api_key_until, revoke_api_key};
pub use login::{LogIn, Visit, confirm_password, log_in, log_out};
pub use second::{
    RecoveryCodes, SecondFactor, begin_second, confirm_second, give_code, lacks_second, new_recovery_codes, remove_second, reset_second,
    second_factor,
};
pub use sessions::{OwnSession, Which, end_own, own_sessions, session};
pub use strength::LEAST as SHORTEST_PASSWORD;
pub use users::{UserChange, add_user, change_own_password, change_user, end_sessions, has_users, made_up_password};

/// What changes each time something is used is written at most this often.
const NOTE_USE_EVERY: Duration = Duration::minutes(1);

/// The context with what is remembered of those who come in.
#[derive(Debug, Clone)]
pub struct Access {
    inner: Ctx,
    pub(crate) auth: Arc<AuthCache>,
}

impl Access {
    pub(crate) fn new(inner: Ctx) -> Self {
        Self { inner, auth: Arc::default() }
    }
}

impl Deref for Access {
    type Target = Ctx;

    fn deref(&self) -> &Ctx {
        &self.inner
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
