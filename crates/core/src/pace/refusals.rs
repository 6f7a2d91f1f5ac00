//! Whether mail is refused for what we are and not for whom it goes to: then more of it makes it worse.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// How far back is looked, in minutes.
const MINUTES: i64 = 15;
/// Of a hundred mails so many may be refused.
const PERCENT: u32 = 5;
/// Fewer refusals say nothing.
const FEW: u32 = 5;

/// The mails of the last quarter of an hour, by minute.
#[derive(Debug, Clone, Default)]
pub struct Refusals(VecDeque<Minute>);

#[derive(Debug, Clone, Copy)]
struct Minute {
    at: i64,
    ended: u32,
    refused: u32,
}

impl Refusals {
    /// Notes how a mail ended; whether too many were refused by now.
    pub fn note(&mut self, refused: bool, now: DateTime<Utc>) -> bool {
        let at = now.timestamp().div_euclid(60);
        while self.0.front().is_some_and(|minute| minute.at <= at - MINUTES) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|minute| minute.at != at) {
            self.0.push_back(Minute { at, ended: 0, refused: 0 });
        }
        if let Some(minute) = self.0.back_mut() {
            minute.ended = minute.ended.saturating_add(1);
            minute.refused = minute.refused.saturating_add(u32::from(refused));
        }
        let sum = |count: fn(&Minute) -> u32| self.0.iter().map(count).fold(0, u32::saturating_add);
        let (ended, all_refused) = (sum(|minute| minute.ended), sum(|minute| minute.refused));
        refused && all_refused >= FEW && u64::from(all_refused) * 100 > u64::from(ended) * u64::from(PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn more_than_five_in_a_hundred_within_a_quarter_of_an_hour_are_too_many() {
        let start = DateTime::UNIX_EPOCH;
        let mut few = Refusals::default();
        assert!((0..200).all(|n| !few.note(n % 20 == 19, start)), "five of a hundred");
        assert!(few.note(true, start));
        let mut many = Refusals::default();
        let told: Vec<bool> = (0..5).map(|_| many.note(true, start)).collect();
        assert_eq!(told, [false, false, false, false, true], "one by one");
        let mut old = Refusals::default();
        for n in 0..4 {
            assert!(!old.note(true, start + TimeDelta::minutes(n)));
        }
        assert!(!old.note(true, start + TimeDelta::minutes(15)), "the first is forgotten");
        assert!(old.note(true, start + TimeDelta::minutes(15)));
        assert!(!old.note(false, start + TimeDelta::minutes(15)), "nobody is stopped by what went well");
    }
}
