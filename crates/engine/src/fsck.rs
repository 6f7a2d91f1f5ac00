//! Recomputes what must be true of the stored rows and says what is not.

use chrono::{DateTime, Utc};
use hearback_store::{Db, StoreError};
use serde::Serialize;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// Which row, and what was expected.
    pub what: String,
}

/// All violations; empty when the database is sound. Reads only; needs little memory whatever the size of the database.
pub async fn check(_db: &Db, _now: DateTime<Utc>) -> Result<Vec<Violation>, StoreError> {
    todo!()
}
