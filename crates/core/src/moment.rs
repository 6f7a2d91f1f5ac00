//! Moments as files of other programs write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A moment in this format, or in one of the usual ones. Without an offset it is UTC, without a time it is noon.
pub fn moment(text: &str, format: Option<&str>) -> Option<DateTime<Utc>> {
    match format {
        Some(format) => in_format(text, format),
        None => ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d"]
            .iter()
            .find_map(|format| in_format(text, format))
            .or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())),
    }
}

fn in_format(text: &str, format: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_str(text, format) {
        return Some(at.to_utc());
    }
    let local = match NaiveDateTime::parse_from_str(text, format) {
        Ok(local) => local,
        Err(_) => NaiveDate::parse_from_str(text, format).ok()?.and_time(NaiveTime::from_hms_opt(12, 0, 0)?),
    };
    Some(local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_without_time_are_noon_utc() {
        let shown = |text: &str, format: Option<&str>| moment(text, format).map(|at| at.to_rfc3339());
        assert_eq!(shown("01/09/21", Some("%d/%m/%y")).as_deref(), Some("2021-09-01T12:00:00+00:00"));
        assert_eq!(shown("2021-09-01", None).as_deref(), Some("2021-09-01T12:00:00+00:00"));
        assert_eq!(shown("2021-09-01T02:00:00+02:00", None).as_deref(), Some("2021-09-01T00:00:00+00:00"));
        assert_eq!(shown("2021-09-01 02:00:00", None).as_deref(), Some("2021-09-01T02:00:00+00:00"));
        assert_eq!(shown("01.09.2021 10:30 +0300", Some("%d.%m.%Y %H:%M %z")).as_deref(), Some("2021-09-01T07:30:00+00:00"));
        assert_eq!(shown("31/02/21", Some("%d/%m/%y")), None);
    }
}
