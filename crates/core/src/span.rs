//! A length of time as people write it: `15m`, `48h`, `3d`, `2w` on the wall clock, `16bh` and `2bd` in business time.
//!
//! Owns: reading and writing it, and where it ends. Refuses to know what it is for: rules, policies and settings share it.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::calendar::Calendar;

/// A text that is no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 0 or a whole number and a unit, at most 365 days: 15m, 48h, 3d, 2w, or in business time 16bh, 2bd")]
pub struct NoSpan;

/// A length of time, zero to 365 days. Wall time runs always; business time only while a calendar is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// Minutes on the wall clock.
    Minutes(u32),
    /// Hours of work time.
    BusinessHours(u32),
    /// Working days: the same time of day that many working days later.
    BusinessDays(u32),
}

impl Default for Span {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self::Minutes(0);
    /// The longest one on the wall clock, in minutes: 365 days. In business time it is as many hours or days.
    pub const MAX_MINUTES: u32 = 365 * 1_440;
    /// Minutes per unit of wall time, the longest unit first.
    const UNITS: [(&'static str, u32); 4] = [("w", 10_080), ("d", 1_440), ("h", 60), ("m", 1)];

    /// Reads `0`, `15m`, `48h`, `3d`, `2w`, `16bh` or `2bd`.
    pub fn parse(text: &str) -> Result<Self, NoSpan> {
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at_checked(digits).ok_or(NoSpan)?;
        let count: u32 = count.parse().map_err(|_| NoSpan)?;
        let (span, most) = match unit {
            "bh" => (Self::BusinessHours(count), 365 * 24),
            "bd" => (Self::BusinessDays(count), 365),
            _ => {
                let (_, minutes) = Self::UNITS.into_iter().find(|(word, _)| *word == unit).ok_or(NoSpan)?;
                return count.checked_mul(minutes).filter(|all| *all <= Self::MAX_MINUTES).map(Self::Minutes).ok_or(NoSpan);
            }
        };
        match count {
            0 => Ok(Self::ZERO),
            _ if count <= most => Ok(span),
            _ => Err(NoSpan),
        }
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Minutes(0) | Self::BusinessHours(0) | Self::BusinessDays(0))
    }

    /// Whether it takes a calendar to say where it ends.
    pub const fn is_business(self) -> bool {
        !matches!(self, Self::Minutes(_))
    }

    /// When it has passed, counted from `start`. At the edge of the calendar's range it ends there.
    pub fn after(self, calendar: &Calendar, start: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Minutes(minutes) => start.checked_add_signed(TimeDelta::minutes(i64::from(minutes))).unwrap_or(start),
            Self::BusinessHours(hours) => calendar.add_business(start, i64::from(hours) * 60),
            Self::BusinessDays(days) => calendar.add_business_days(start, days),
        }
    }

    /// When it begins if it is to have passed at `end`: the moment to warn before something is due.
    pub fn before(self, calendar: &Calendar, end: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Minutes(minutes) => end.checked_sub_signed(TimeDelta::minutes(i64::from(minutes))).unwrap_or(end),
            Self::BusinessHours(hours) => calendar.subtract_business(end, i64::from(hours) * 60),
            Self::BusinessDays(days) => calendar.subtract_business_days(end, days),
        }
    }
}

/// The shortest way to write it: `2h` rather than `120m`. [`Span::parse`] reads it back.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            _ if self.is_zero() => f.write_str("0"),
            Self::BusinessHours(hours) => write!(f, "{hours}bh"),
            Self::BusinessDays(days) => write!(f, "{days}bd"),
            Self::Minutes(minutes) => match Self::UNITS.into_iter().find(|(_, unit)| minutes.is_multiple_of(*unit)) {
                Some((word, unit)) => write!(f, "{}{word}", minutes / unit),
                None => f.write_str("0"),
            },
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["15m", "48h", "3d", "4bh", "2bd"] })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, span) in [
            ("0", Span::ZERO),
            ("15m", Span::Minutes(15)),
            ("48h", Span::Minutes(2_880)),
            ("3d", Span::Minutes(4_320)),
            ("2w", Span::Minutes(20_160)),
            ("16bh", Span::BusinessHours(16)),
            ("2bd", Span::BusinessDays(2)),
            ("0bd", Span::ZERO),
            ("365d", Span::Minutes(Span::MAX_MINUTES)),
        ] {
            assert_eq!(Span::parse(text), Ok(span), "{text}");
        }
        for text in ["", "h", "-1h", "1", "1.5h", "2 d", "1y", "366d", "366bd", "8761bh", "99999999999h", "1H", "2bd ", "õ", "1õ"] {
            assert_eq!(Span::parse(text), Err(NoSpan), "{text}");
        }
        assert_eq!(Span::parse("120m").unwrap().to_string(), "2h");
        assert_eq!(Span::parse("14d").unwrap().to_string(), "2w");
    }

    #[test]
    fn business_time_skips_the_weekend_and_wall_time_does_not() {
        let (calendar, friday) = (Calendar::default(), at("2026-11-20T16:30:00Z"));
        let ends = ["2bd", "16bh", "1bh", "48h", "0"].map(|text| Span::parse(text).unwrap().after(&calendar, friday));
        let expected =
            ["2026-11-24T16:30:00Z", "2026-11-24T16:30:00Z", "2026-11-23T09:30:00Z", "2026-11-22T16:30:00Z", "2026-11-20T16:30:00Z"];
        assert_eq!(ends, expected.map(at));
        assert_eq!(Span::BusinessHours(4).before(&calendar, at("2026-11-23T10:00:00Z")), at("2026-11-20T14:00:00Z"));
        assert_eq!(Span::BusinessDays(1).before(&calendar, at("2026-11-23T10:00:00Z")), at("2026-11-20T10:00:00Z"));
        assert_eq!(Span::Minutes(60).before(&calendar, at("2026-11-23T10:00:00Z")), at("2026-11-23T09:00:00Z"));
    }

    fn spans() -> impl Strategy<Value = Span> {
        prop_oneof![
            (0..=Span::MAX_MINUTES).prop_map(Span::Minutes),
            (1..=365_u32 * 24).prop_map(Span::BusinessHours),
            (1..=365_u32).prop_map(Span::BusinessDays),
        ]
    }

    proptest! {
        #[test]
        fn a_span_reads_back_as_it_is_written(span in spans()) {
            prop_assert_eq!(Span::parse(&span.to_string()), Ok(span));
        }

        #[test]
        fn before_undoes_after_in_work_time(hours in 1_u32..200, start in 1_700_000_000_i64..1_900_000_000) {
            let calendar = Calendar::default().with_zone(chrono_tz::Tz::Europe__Vilnius);
            let start = DateTime::from_timestamp(start / 60 * 60, 0).unwrap();
            let span = Span::BusinessHours(hours);
            let end = span.after(&calendar, start);
            prop_assert_eq!(calendar.business_between(span.before(&calendar, end), end), i64::from(hours) * 60);
        }
    }
}
