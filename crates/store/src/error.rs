//! What can go wrong in the database, sorted by what the caller can do about it.

use sea_orm::{DbErr, SqlErr};
use thiserror::Error;

use crate::Unreadable;

/// A failed read or write.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached or is too busy now: try again soon.
    #[error("the database is not available: {0}. Check that it runs and is reachable; the request can be sent again")]
    Unavailable(String),
    /// No room on the disk, or the database refuses to write.
    #[error("the database can't write: {0}. Free disk space or make it writable; nothing was stored, the request can be sent again")]
    CannotWrite(String),
    /// A unique key is taken: somebody else was first.
    #[error("another row with the same key exists: {0}")]
    Taken(String),
    /// The database file is damaged.
    #[error("the database is damaged: {0}. Stop the server and restore the last backup")]
    Damaged(String),
    /// The schema has changes that this version doesn't know.
    #[error(
        "a newer version of Hearback has changed this database. Run that version or a newer one, or restore a backup that was made before the update"
    )]
    NewerSchema,
    /// What is stored can't be read as what it should be.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Anything else.
    #[error("database error: {0}")]
    Other(DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let DbErr::TryIntoErr { source, .. } = &error
            && let Some(unreadable) = source.downcast_ref::<Unreadable>()
        {
            return Self::Unreadable(unreadable.clone());
        }
        if let Some(SqlErr::UniqueConstraintViolation(what)) = error.sql_err() {
            return Self::Taken(what);
        }
        let text = error.to_string();
        let has = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
        if has(&[
            "database or disk is full",
            "disk I/O error",
            "readonly database",
            "read-only transaction",
            "No space left",
            "could not extend file",
        ]) {
            return Self::CannotWrite(text);
        }
        if has(&["malformed", "file is not a database"]) {
            return Self::Damaged(text);
        }
        let unreachable = matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_));
        if unreachable
            || has(&[
                "database is locked",
                "database table is locked",
                "Connection refused",
                "connection closed",
                "Broken pipe",
                "reset by peer",
                "unexpected end of file",
                "expected to read",
                "terminating connection",
                "shutting down",
                "starting up",
                "in recovery mode",
                "too many clients",
                "could not serialize",
                "deadlock detected",
                "PoolTimedOut",
                "pool timed out",
            ])
        {
            return Self::Unavailable(text);
        }
        Self::Other(error)
    }
}

impl StoreError {
    /// Whether somebody else was first, or two writers met in opposite order: looking again settles it.
    pub fn is_race(&self) -> bool {
        match self {
            Self::Taken(_) => true,
            Self::Unavailable(text) => text.contains("deadlock detected") || text.contains("could not serialize"),
            Self::CannotWrite(_) | Self::Damaged(_) | Self::NewerSchema | Self::Unreadable(_) | Self::Other(_) => false,
        }
    }

    /// Whether the same write may succeed when it is tried again as it is.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::CannotWrite(_))
    }
}
