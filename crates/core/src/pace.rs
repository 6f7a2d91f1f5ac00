//! How fast mail may leave: so many a second, so many a minute to one domain, more each day when a sender is new.
//!
//! Owns: the limits, and the timetable that gives each mail its moment. Time is always a value. Refuses to know: queues,
//! mails and mail servers.

mod refusals;
mod timetable;

use chrono::NaiveDate;

pub use refusals::Refusals;
pub use timetable::{SlotRequest, Timetable};

/// From so many a day on, a sender is known.
const KNOWN: f64 = 10_000_000.0;

/// The limits; 0 is any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Mails a second.
    pub per_second: u32,
    /// Mails a minute to one domain.
    pub per_domain_minute: u32,
    /// Mails under way at once to one domain.
    pub per_domain_at_once: u32,
    /// A new sender's first days.
    pub warm_up: Option<WarmUp>,
}

/// How much a sender may ask while it is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    /// The first day.
    pub from: NaiveDate,
    /// Invitations on that day.
    pub start: u32,
    /// How much more each day, in percent.
    pub growth: u32,
}

impl WarmUp {
    /// Most invitations on a day; `None` when the sender is known by then. Before the first day it is as on the first.
    pub fn allowance(&self, day: NaiveDate) -> Option<u64> {
        let days = i32::try_from(day.signed_duration_since(self.from).num_days().clamp(0, 10_000)).unwrap_or_default();
        let allowed = f64::from(self.start) * (1.0 + f64::from(self.growth) / 100.0).powi(days);
        // Between 0 and ten million: nothing is lost.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by KNOWN, never negative")]
        (allowed < KNOWN).then_some(allowed as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sender_may_ask_more_each_day() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let warm_up = WarmUp { from: day(10), start: 50, growth: 50 };
        let allowed: Vec<_> = (9..=13).map(|at| warm_up.allowance(day(at)).unwrap()).collect();
        assert_eq!(allowed, [50, 50, 75, 112, 168]);
        assert_eq!(warm_up.allowance(NaiveDate::from_ymd_opt(2026, 6, 1).unwrap()), None);
        assert_eq!(WarmUp { growth: 0, ..warm_up }.allowance(NaiveDate::MAX), Some(50));
    }
}
