//! Wall-clock time in a zone, with daylight saving: the one place that says what a local time means.
//!
//! Owns the policy for times that a clock change skips or repeats, and the names of zones and
//! weekdays. Refuses to know why somebody asks: schedules, calendars and send windows all come here.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc, Weekday, WeekdaySet};
use chrono_tz::GapInfo;
pub use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A zone that the tz database doesn't have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a time zone; use an IANA name such as Europe/Vilnius or UTC")]
pub struct UnknownZone(String);

/// Reads an IANA zone name such as `Europe/Vilnius`.
pub fn zone(name: &str) -> Result<Tz, UnknownZone> {
    name.trim().parse().map_err(|_| UnknownZone(name.trim().chars().take(64).collect()))
}

/// The moment a wall clock in `zone` shows `local`. Total and monotone:
/// a time that a clock change skips is the first instant after the gap, a repeated one is its first pass.
pub fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    if let Some(found) = zone.from_local_datetime(&local).earliest() {
        return found.to_utc();
    }
    // Only a gap at the very edge of the known transitions has no end; reading it as UTC keeps this total.
    GapInfo::new(&local, &zone).and_then(|gap| gap.end).map_or_else(|| local.and_utc(), |end| end.to_utc())
}

/// What a wall clock in `zone` shows at `at`.
pub fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    // An offset applied at the very edge of chrono's range would overflow; the nearest representable time stands in.
    at.naive_utc().checked_add_offset(chrono::Offset::fix(&zone.offset_from_utc_datetime(&at.naive_utc()))).unwrap_or(at.naive_utc())
}

/// The three capitals that stand for a weekday in files, forms and JSON.
pub const fn weekday_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "MON",
        Weekday::Tue => "TUE",
        Weekday::Wed => "WED",
        Weekday::Thu => "THU",
        Weekday::Fri => "FRI",
        Weekday::Sat => "SAT",
        Weekday::Sun => "SUN",
    }
}

/// A set of weekdays, in JSON `["MON","TUE"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(pub WeekdaySet);

impl Weekdays {
    /// Monday to Friday.
    pub const WORK: Self = Self(WeekdaySet::from_array([Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]));
    /// All seven.
    pub const ALL: Self = Self(WeekdaySet::ALL);

    /// Whether the day is in the set.
    pub const fn contains(self, day: Weekday) -> bool {
        self.0.contains(day)
    }

    /// The days in the set, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        self.0.iter(Weekday::Mon)
    }
}

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(weekday_word))
    }
}

impl JsonSchema for Weekdays {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Weekdays".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Self::ALL.iter().map(weekday_word).collect();
        json_schema!({ "type": "array", "items": { "type": "string", "enum": words } })
    }
}

impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let mut days = WeekdaySet::EMPTY;
        for word in words {
            let day = word.parse::<Weekday>().map_err(|_| serde::de::Error::custom("must be weekdays such as MON, TUE, SUN"))?;
            days.insert(day);
        }
        Ok(Self(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_skipped_time_is_the_end_of_the_gap_and_a_repeated_one_its_first_pass() {
        for zone in [Tz::Europe__Vilnius, Tz::Europe__Riga, Tz::Europe__Helsinki] {
            assert_eq!(instant(zone, at("2027-03-28T03:30:00")).to_rfc3339(), "2027-03-28T01:00:00+00:00");
            assert_eq!(instant(zone, at("2026-10-25T03:30:00")).to_rfc3339(), "2026-10-25T00:30:00+00:00");
            assert_eq!(instant(zone, at("2026-07-01T09:00:00")).to_rfc3339(), "2026-07-01T06:00:00+00:00");
        }
    }

    #[test]
    fn zones_and_weekdays_are_read_by_name() {
        assert_eq!(zone(" Europe/Vilnius ").unwrap(), Tz::Europe__Vilnius);
        assert!(zone("Europe/Wilno").unwrap_err().to_string().contains("IANA"));
        assert_eq!(serde_json::to_string(&Weekdays::WORK).unwrap(), r#"["MON","TUE","WED","THU","FRI"]"#);
        assert_eq!(serde_json::from_str::<Weekdays>(r#"["FRI","mon","Tuesday","WED","THU"]"#).unwrap(), Weekdays::WORK);
        assert!(serde_json::from_str::<Weekdays>(r#"["funday"]"#).is_err());
    }

    #[test]
    fn the_edges_of_time_do_not_panic() {
        for moment in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            for zone in [Tz::Pacific__Kiritimati, Tz::America__Los_Angeles] {
                let _ = instant(zone, local(zone, moment));
            }
        }
    }
}
