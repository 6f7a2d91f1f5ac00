//! What a cell says: missing, a number, a date.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use hearback_rules::Property;

/// A cell as text; `None` when it is missing: empty or `NA`.
pub fn present(cell: &str) -> Option<&str> {
    let text = cell.trim();
    (!text.is_empty() && text != "NA").then_some(text)
}

/// A whole number; `9.0` is one, since tables with missing values are often written so.
pub fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    digits.parse().ok()
}

/// A property: true and false, a number as computers write it, else text. `007` stays text.
pub fn property(text: String) -> Property {
    match text.as_str() {
        "true" => Property::Flag(true),
        "false" => Property::Flag(false),
        _ => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number.to_string() == text => Property::Number(number),
            _ => Property::Text(text),
        },
    }
}

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
    fn cells_are_read_as_people_mean_them() {
        assert_eq!(["", " ", "NA", " 7 "].map(present), [None, None, None, Some("7")]);
        assert_eq!(["7", "7.0", "7.", "7.5", "x", "-1"].map(whole), [Some(7), Some(7), None, None, None, Some(-1)]);
        let properties = ["1.5", "-3", "007", "1e3", "true", "yes", "inf"].map(|text| property(text.to_owned()));
        let text = |text: &str| Property::Text(text.to_owned());
        assert_eq!(
            properties,
            [Property::Number(1.5), Property::Number(-3.0), text("007"), text("1e3"), Property::Flag(true), text("yes"), text("inf")]
        );
    }

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
