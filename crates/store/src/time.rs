//! Times as stored: milliseconds since 1970, UTC.

use chrono::{DateTime, Utc};

/// To the database.
pub fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

/// From the database. A value outside chrono's range (never written by us) reads as 1970.
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
}
