//! Moments as they are written on the command line and in exported files.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use hearback_store::time::from_millis;

/// A bound: a moment with its offset, or a day, which begins at midnight UTC.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| "expected 2026-03-01 or 2026-03-01T10:00:00Z".to_owned())?;
    Ok(day.and_time(NaiveTime::MIN).and_utc())
}

/// Milliseconds since 1970 as RFC 3339, in UTC.
pub fn time_text(millis: i64) -> String {
    from_millis(millis).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
