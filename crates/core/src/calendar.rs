//! Business hours: when the people who answer customers are at work.
//!
//! Owns the arithmetic of work time: adding it, measuring it, finding the next opening. Hours are
//! wall-clock hours of the calendar's zone, durations are real elapsed time, so a night shift over a
//! clock change is an hour shorter or longer. Refuses to know what is due: it only counts.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::wall::{self, Weekdays};

/// How many days any search walks, about 110 years: work time that lies further off is cut there.
const HORIZON_DAYS: usize = 40_000;

/// Why these hours are no calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// No weekday.
    #[error("days: must name at least one weekday, or no due time could ever be found")]
    NoDays,
    /// Closed before it opens.
    #[error("to: must be later than from; write 00:00 for midnight at the end of the day")]
    NoHours,
}

/// Working days, working hours and holidays in one time zone. There is always work time: a calendar without any can't be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub struct Calendar {
    zone: Tz,
    days: Weekdays,
    from: NaiveTime,
    to: NaiveTime,
    holidays: BTreeSet<NaiveDate>,
}

/// The file format of a calendar: `{"zone":"UTC","days":["MON"],"from":"09:00:00","to":"17:00:00","holidays":["2026-12-24"]}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    zone: Tz,
    days: Weekdays,
    from: NaiveTime,
    to: NaiveTime,
    #[serde(default)]
    holidays: BTreeSet<NaiveDate>,
}

impl TryFrom<Plain> for Calendar {
    type Error = CalendarError;
    fn try_from(plain: Plain) -> Result<Self, CalendarError> {
        Self::new(plain.zone, plain.days, plain.from, plain.to, plain.holidays)
    }
}

impl From<Calendar> for Plain {
    fn from(Calendar { zone, days, from, to, holidays }: Calendar) -> Self {
        Self { zone, days, from, to, holidays }
    }
}

impl Default for Calendar {
    /// Monday to Friday, 9-17, UTC, no holidays.
    fn default() -> Self {
        let hour = |hour| NaiveTime::MIN + TimeDelta::hours(hour);
        Self { zone: Tz::UTC, days: Weekdays::WORK, from: hour(9), to: hour(17), holidays: BTreeSet::new() }
    }
}

/// One day's work time, from its opening up to but not including its closing.
#[derive(Debug, Clone, Copy)]
struct Shift {
    opens: DateTime<Utc>,
    closes: DateTime<Utc>,
}

impl Calendar {
    /// A calendar that is open on `days` from `from` up to `to` (`00:00` = midnight at the end of the day), except on `holidays`.
    pub fn new(zone: Tz, days: Weekdays, from: NaiveTime, to: NaiveTime, holidays: BTreeSet<NaiveDate>) -> Result<Self, CalendarError> {
        if days.0.is_empty() {
            return Err(CalendarError::NoDays);
        }
        if to <= from && to != NaiveTime::MIN {
            return Err(CalendarError::NoHours);
        }
        Ok(Self { zone, days, from, to, holidays })
    }

    /// The same hours on the clocks of another zone, such as a recipient's.
    pub fn with_zone(mut self, zone: Tz) -> Self {
        self.zone = zone;
        self
    }

    /// The zone whose clocks count.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The working days.
    pub const fn days(&self) -> Weekdays {
        self.days
    }

    /// From when to when it is open; `00:00` at the end is midnight.
    pub const fn hours(&self) -> (NaiveTime, NaiveTime) {
        (self.from, self.to)
    }

    /// The days on which it stays closed.
    pub const fn holidays(&self) -> &BTreeSet<NaiveDate> {
        &self.holidays
    }

    /// Whether the calendar is open at this moment.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.shifts(at).next().is_some_and(|shift| shift.opens <= at)
    }

    /// This moment when open, else the next opening.
    pub fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.shifts(at).next().map_or(at, |shift| shift.opens.max(at))
    }

    /// The work time from `from` up to but not including `until`, as openings with their closings, cut at both ends.
    pub fn openings(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let cut = move |shift: Shift| (shift.opens.max(from), shift.closes.min(until));
        self.shifts(from).take_while(move |shift| shift.opens < until).map(cut)
    }

    /// The earliest moment by which `minutes` of work time have passed since `start`; `start` itself for 0 or less.
    /// A Friday's 16:30 plus 60 minutes is Monday 9:30; plus 30 it is still Friday 17:00.
    pub fn add_business(&self, start: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
        let mut left = TimeDelta::try_minutes(minutes).unwrap_or(TimeDelta::MAX);
        let mut reached = start;
        if left <= TimeDelta::zero() {
            return start;
        }
        for shift in self.shifts(start) {
            let opens = shift.opens.max(start);
            let length = shift.closes - opens;
            if left <= length {
                return opens + left;
            }
            left -= length;
            reached = shift.closes;
        }
        reached
    }

    /// The same wall-clock time `days` working days later; `start` itself for 0.
    /// A start outside of work time counts as the closing before it: a Saturday plus 1 is Monday's closing.
    pub fn add_business_days(&self, start: DateTime<Utc>, days: u32) -> DateTime<Utc> {
        if days == 0 {
            return start;
        }
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        if !self.is_open(start) {
            return self.shifts(start).take(days).last().map_or(start, |shift| shift.closes);
        }
        let clock = wall::local(self.zone, start);
        let day = self.work_days(clock.date()).take(days.saturating_add(1)).last();
        day.map_or(start, |day| wall::instant(self.zone, day.and_time(clock.time())))
    }

    /// The latest moment from which `minutes` of work time pass until `end`; `end` itself for 0 or less.
    pub fn subtract_business(&self, end: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
        let mut left = TimeDelta::try_minutes(minutes).unwrap_or(TimeDelta::MAX);
        let mut reached = end;
        if left <= TimeDelta::zero() {
            return end;
        }
        for shift in self.shifts_back(end) {
            let closes = shift.closes.min(end);
            let length = closes - shift.opens;
            if left <= length {
                return closes - left;
            }
            left -= length;
            reached = shift.opens;
        }
        reached
    }

    /// The same wall-clock time `days` working days earlier; `end` itself for 0.
    /// An end outside of work time counts as the opening after it.
    pub fn subtract_business_days(&self, end: DateTime<Utc>, days: u32) -> DateTime<Utc> {
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        let Some(before) = days.checked_sub(1) else { return end };
        if !self.is_open(end) {
            return self.shifts_back(end).nth(before).map_or(end, |shift| shift.opens);
        }
        let clock = wall::local(self.zone, end);
        let day = clock.date().pred_opt().and_then(|yesterday| self.work_days_back(yesterday).nth(before));
        day.map_or(end, |day| wall::instant(self.zone, day.and_time(clock.time())))
    }

    /// How many working days lie from the day of `a` to the day of `b`, both counted; 0 when `b` is earlier.
    pub fn work_days_between(&self, a: DateTime<Utc>, b: DateTime<Utc>) -> u32 {
        let (first, last) = (wall::local(self.zone, a).date(), wall::local(self.zone, b).date());
        u32::try_from(self.work_days(first).take_while(|day| *day <= last).count()).unwrap_or(u32::MAX)
    }

    /// Whole minutes of work time from `a` to `b`; negative when `b` is earlier.
    pub fn business_between(&self, a: DateTime<Utc>, b: DateTime<Utc>) -> i64 {
        if b < a {
            return -self.business_between(b, a);
        }
        let overlap = |shift: Shift| (shift.closes.min(b) - shift.opens.max(a)).max(TimeDelta::zero());
        self.shifts(a).take_while(|shift| shift.opens < b).map(overlap).sum::<TimeDelta>().num_minutes()
    }

    /// Shifts that close after `at`, in order, as far as the horizon.
    fn shifts(&self, at: DateTime<Utc>) -> impl Iterator<Item = Shift> {
        // A closing at midnight, or one that a clock change moves, can belong to the day before.
        let today = wall::local(self.zone, at).date();
        let first = today.pred_opt().unwrap_or(today);
        self.work_days(first).filter_map(|day| self.shift(day)).skip_while(move |shift| shift.closes <= at)
    }

    /// Shifts that open before `at`, the latest first, as far as the horizon.
    fn shifts_back(&self, at: DateTime<Utc>) -> impl Iterator<Item = Shift> {
        let today = wall::local(self.zone, at).date();
        let last = today.succ_opt().unwrap_or(today);
        self.work_days_back(last).filter_map(|day| self.shift(day)).skip_while(move |shift| shift.opens >= at)
    }

    /// Working days from `first` on, not counting holidays.
    fn work_days(&self, first: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        first.iter_days().take(HORIZON_DAYS).filter(|day| self.is_work_day(*day))
    }

    /// The same backwards, from `last`.
    fn work_days_back(&self, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        std::iter::successors(Some(last), NaiveDate::pred_opt).take(HORIZON_DAYS).filter(|day| self.is_work_day(*day))
    }

    fn is_work_day(&self, day: NaiveDate) -> bool {
        self.days.contains(day.weekday()) && !self.holidays.contains(&day)
    }

    /// The work time of one day; `None` when a clock change swallows it, or at the end of the calendar's range.
    fn shift(&self, day: NaiveDate) -> Option<Shift> {
        let last = if self.to == NaiveTime::MIN { day.succ_opt()? } else { day };
        let opens = wall::instant(self.zone, day.and_time(self.from));
        let closes = wall::instant(self.zone, last.and_time(self.to));
        (opens < closes).then_some(Shift { opens, closes })
    }
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
