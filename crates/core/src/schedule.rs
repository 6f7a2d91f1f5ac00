//! When a campaign fires: cron expressions on the wall clock of a zone.
//!
//! Owns what an expression means. The `cron` crate parses and enumerates *naive* local times only;
//! [`wall::instant`] turns each into a moment, so a skipped time fires once at the end of the gap and a
//! repeated one once, on its first pass. Refuses to know what fires and what was missed.
//!
//! The dialect is one and the same for 5 fields (`minute hour day month weekday`), 6 (a leading
//! `second`) and 7 (a trailing `year`):
//! - weekdays are crontab's: 0 and 7 are Sunday, 1 is Monday, names are allowed and safer; a range may
//!   wrap (`FRI-MON`). (The `cron` crate alone reads 1 as Sunday.)
//! - when day and weekday are both restricted (neither starts with `*` or `?`), either one is enough,
//!   as in crontab. (The `cron` crate alone wants both.)
//! - `L` as the day is the last day of the month; `@hourly @daily @weekly @monthly @yearly` are known.

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use thiserror::Error;

use crate::wall;

mod fields;

/// Why an expression is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Too few or too many fields.
    #[error("cron: must have 5 fields (minute hour day month weekday), or 6-7 with seconds first and a year last; got {0}")]
    FieldCount(usize),
    /// A field that can't be read.
    #[error("cron: the {field} {got:?} is not valid; expected {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What stands there.
        got: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// No such day within five years, such as February 30.
    #[error("cron: {0:?} never fires: no day within 5 years matches; change its day, month or year")]
    Never(String),
}

/// A cron expression bound to a time zone; it fires at least once.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: String,
    zone: Tz,
    /// Fires whenever any of them does.
    rules: Vec<Rule>,
}

/// One set of local times that the `cron` crate can enumerate.
#[derive(Debug, Clone)]
struct Rule {
    times: cron::Schedule,
    /// Of the days that `times` names, only the last of each month.
    last_day_only: bool,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression && self.zone == other.zone
    }
}

impl Schedule {
    /// Reads an expression. Refuses one that can't be read, naming the field, and one that never fires:
    /// without a year field, that means not once in five years.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, ScheduleError> {
        let rules = fields::rules(expression)?;
        let schedule = Self { expression: expression.split_whitespace().collect::<Vec<_>>().join(" "), zone, rules };
        let dated = expression.split_whitespace().count() == 7;
        let first = schedule.local_times(DateTime::UNIX_EPOCH.naive_utc()).next();
        if first.is_some_and(|first| dated || first.year() <= 1975) { Ok(schedule) } else { Err(ScheduleError::Never(schedule.expression)) }
    }

    /// As [`Schedule::parse`], and refuses an expression whose next fire is not within five years of `now`,
    /// such as one for a year that has passed. For saving.
    pub fn parse_live(expression: &str, zone: Tz, now: DateTime<Utc>) -> Result<Self, ScheduleError> {
        let schedule = Self::parse(expression, zone)?;
        let soon = schedule.after(now).next().is_some_and(|next| next.year() - now.year() <= 5);
        if soon { Ok(schedule) } else { Err(ScheduleError::Never(schedule.expression)) }
    }

    /// The expression, with single spaces.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone whose wall clock it follows.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The fires strictly after `from`, in order, no moment twice, up to the year 2100.
    pub fn after(&self, from: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let mut last = from;
        self.local_times(wall::local(self.zone, from)).map(|time| wall::instant(self.zone, time)).filter(move |fire| {
            // Local times in the second pass of an overlap map to the past; several in a gap map to one moment.
            let later = *fire > last;
            last = last.max(*fire);
            later
        })
    }

    /// Matching local times strictly after `from`, in order and without doubles.
    fn local_times(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        let mut sources: Vec<_> = self.rules.iter().map(|rule| rule.after(from).peekable()).collect();
        std::iter::from_fn(move || {
            let next = sources.iter_mut().filter_map(|source| source.peek().copied()).min()?;
            for source in &mut sources {
                source.next_if_eq(&next);
            }
            Some(next)
        })
    }
}

impl Rule {
    fn after(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        // The crate enumerates 1970-2100 and adds a second to where it starts: keep clear of both ends.
        let earliest = DateTime::UNIX_EPOCH.naive_utc() - TimeDelta::seconds(1);
        let latest = NaiveDateTime::new(chrono::NaiveDate::MAX, NaiveTime::MIN) - TimeDelta::days(1);
        let from = Utc.from_utc_datetime(&from.clamp(earliest, latest));
        self.times.after_owned(from).map(|time| time.naive_utc()).filter(|time| !self.last_day_only || is_last_of_month(*time))
    }
}

fn is_last_of_month(time: NaiveDateTime) -> bool {
    time.date().succ_opt().is_none_or(|next| next.day() == 1)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
