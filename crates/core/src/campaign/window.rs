//! The hours in which people may be written to, on their own clocks.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Calendar, survey::Refusal, wall::Weekdays};

/// First and last year of a date that somebody writes into a plan.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;
/// Most holidays of one plan.
const MAX_HOLIDAYS: usize = 500;

/// Hours, days and holidays without a zone: that is the recipient's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "SendWindow")]
pub struct Window {
    /// From when on, `09:00`.
    #[serde(with = "clock")]
    #[schemars(with = "String")]
    pub from: NaiveTime,
    /// Up to when; `00:00` is midnight at the end of the day.
    #[serde(with = "clock")]
    #[schemars(with = "String")]
    pub to: NaiveTime,
    /// On which days.
    pub days: Weekdays,
    /// On which of those not.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Default for Window {
    fn default() -> Self {
        let usual = Calendar::default();
        let (from, to) = usual.hours();
        Self { from, to, days: usual.days(), holidays: BTreeSet::new() }
    }
}

impl Window {
    /// What is wrong with it.
    pub(super) fn wrong(&self) -> Vec<Refusal> {
        let mut wrong: Vec<Refusal> = Vec::new();
        if let Err(error) = Calendar::new(Tz::UTC, self.days, self.from, self.to, BTreeSet::new()) {
            let told = error.to_string();
            let (field, why) = told.split_once(": ").unwrap_or(("from", &told));
            wrong.push((format!("window.{field}"), why.to_owned()));
        }
        if self.holidays.len() > MAX_HOLIDAYS {
            wrong.push(("window.holidays".to_owned(), format!("at most {MAX_HOLIDAYS}, got {}", self.holidays.len())));
        }
        if let Some(day) = self.holidays.iter().find(|day| !YEARS.contains(&day.year())) {
            let why = format!("{day} is out of range: dates go from {}-01-01 to {}-12-31", YEARS.start(), YEARS.end());
            wrong.push(("window.holidays".to_owned(), why));
        }
        wrong
    }

    /// The same hours on the clocks of a zone. A window that was checked always has some.
    pub fn at(&self, zone: Tz) -> Calendar {
        let hours = Calendar::new(zone, self.days, self.from, self.to, self.holidays.clone());
        hours.unwrap_or_else(|_| Calendar::default().with_zone(zone))
    }
}

/// `09:00`, or with seconds when there are any.
mod clock {
    use chrono::{NaiveTime, Timelike};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub fn serialize<S: Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
        let form = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        serializer.collect_str(&time.format(form))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let read = |form| NaiveTime::parse_from_str(&text, form);
        read("%H:%M").or_else(|_| read("%H:%M:%S")).map_err(|_| D::Error::custom("must be a time such as 09:00"))
    }
}
