//! Who gets in: users with passwords and log-ins, programs with keys.
//!
//! Owns: password hashes, log-ins, API keys and their cache. Refuses to know: cookies and headers, and what a role may do.

use hearback_core::id::{ApiKeyId, WorkspaceId};
use hearback_store::users;
use serde::{Deserialize, Serialize};

use crate::{Ctx, EngineError};

/// What a user may do; each may do what the next ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Works on cases.
    Agent,
    /// Sets up surveys and rules.
    Manager,
    /// Everything, users and keys included.
    Admin,
}

/// What an API key may do; each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// GET.
    Read,
    /// Answers, people, cases.
    Write,
    /// Rules, surveys and the rest.
    Admin,
}

impl Role {
    /// All, from least to most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Manager, Self::Admin];

    /// The word used on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl Scope {
    /// All, from least to most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The word used on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// Who calls the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The workspace that it opens.
    pub ws: WorkspaceId,
    /// Which key.
    pub id: ApiKeyId,
    /// What it was called when it was made.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
}

/// Adds a user, also to the workspace's default team. Without a password one is made up and returned, once.
pub async fn add_user(
    _cx: &Ctx,
    _ws: WorkspaceId,
    _email: &str,
    _name: &str,
    _role: Role,
    _password: Option<&str>,
) -> Result<(users::Model, Option<String>), EngineError> {
    todo!()
}

/// Checks a password: the user and a fresh session token, or `None` when address or password is wrong.
pub async fn log_in(_cx: &Ctx, _ws: WorkspaceId, _email: &str, _password: &str) -> Result<Option<(users::Model, String)>, EngineError> {
    todo!()
}

/// Who a session token belongs to, while it lives: 8 hours without use, 12 hours in all.
pub async fn session(_cx: &Ctx, _token: &str) -> Result<Option<(WorkspaceId, users::Model)>, EngineError> {
    todo!()
}

/// Ends a session.
pub async fn log_out(_cx: &Ctx, _token: &str) -> Result<(), EngineError> {
    todo!()
}

/// Makes a key; what it returns is shown once and stored only as a hash.
pub async fn create_api_key(_cx: &Ctx, _ws: WorkspaceId, _name: &str, _scope: Scope) -> Result<String, EngineError> {
    todo!()
}

/// Who a bearer key belongs to; `None` for a wrong or revoked one. A revoked key may pass for up to 30 seconds more.
pub async fn authenticate(_cx: &Ctx, _bearer: &str) -> Result<Option<ApiKey>, EngineError> {
    todo!()
}

/// Whether anybody can log in yet; the first-run page is shown until then.
pub async fn has_users(_cx: &Ctx, _ws: WorkspaceId) -> Result<bool, EngineError> {
    todo!()
}
