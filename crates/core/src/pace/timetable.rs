//! The moment of each mail, evenly spaced: in its domain's line first, then in the line of all.
//!
//! A mail that has to wait is given its moment once and keeps it; when it comes back then, it goes. Mails that answer a
//! customer do not wait behind those that ask: these make room afterwards.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Pace;

/// From so many entries on, those of the past are forgotten.
const MANY: usize = 4_096;
/// How long a moment is kept that nobody came back for.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// How long a mail waits that finds its domain full.
const FULL: TimeDelta = TimeDelta::seconds(1);

/// A mail that would like to leave.
#[derive(Debug, Clone, Copy)]
pub struct SlotRequest<'a> {
    /// Which.
    pub mail: Uuid,
    /// Where to.
    pub domain: &'a str,
    /// Whether it answers somebody, and goes before those that ask.
    pub urgent: bool,
}

/// What was promised to whom.
#[derive(Debug, Default)]
pub struct Timetable {
    all: Line,
    domains: HashMap<String, Line>,
    places: HashMap<Uuid, Place>,
    under_way: HashMap<String, u32>,
}

/// A moment in one of the lines.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: DateTime<Utc>,
    /// Whether the line of all is still ahead.
    in_domain: bool,
}

/// The next free moments of a line.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    next: DateTime<Utc>,
    next_urgent: DateTime<Utc>,
}

impl Line {
    /// The next free moment, which is taken now.
    fn take(&mut self, every: TimeDelta, urgent: bool, now: DateTime<Utc>) -> DateTime<Utc> {
        let at = if urgent { self.next_urgent.max(now) } else { self.next.max(now) };
        if urgent {
            self.next_urgent = at + every;
            self.next = self.next.max(now) + every;
        } else {
            self.next = at + every;
        }
        at
    }
}

impl Timetable {
    /// Whether a mail may leave now, and is under way from now on; else when it should come back.
    pub fn enter(&mut self, pace: &Pace, ask: SlotRequest<'_>, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        if pace.per_domain_at_once > 0 && self.under_way.get(ask.domain).is_some_and(|mails| *mails >= pace.per_domain_at_once) {
            return Err(now + FULL);
        }
        self.turn(pace, ask, now)?;
        if pace.per_domain_at_once > 0 {
            *self.under_way.entry(ask.domain.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    /// A mail to this domain is not under way any more.
    pub fn leave(&mut self, domain: &str) {
        if let Some(mails) = self.under_way.get_mut(domain) {
            *mails -= 1;
            if *mails == 0 {
                self.under_way.remove(domain);
            }
        }
    }

    fn turn(&mut self, pace: &Pace, ask: SlotRequest<'_>, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let place = self.places.get(&ask.mail).copied();
        if let Some(place) = place.filter(|place| place.at > now) {
            return Err(place.at);
        }
        self.places.remove(&ask.mail);
        if place.is_none() && pace.per_domain_minute > 0 {
            let every = TimeDelta::microseconds(60_000_000 / i64::from(pace.per_domain_minute));
            let line = self.domains.entry(ask.domain.to_owned()).or_default();
            let at = line.take(every, ask.urgent, now);
            self.wait(ask.mail, Place { at, in_domain: true }, now)?;
        }
        if place.is_none_or(|place| place.in_domain) && pace.per_second > 0 {
            let every = TimeDelta::microseconds(1_000_000 / i64::from(pace.per_second));
            let at = self.all.take(every, ask.urgent, now);
            self.wait(ask.mail, Place { at, in_domain: false }, now)?;
        }
        Ok(())
    }

    fn wait(&mut self, mail: Uuid, place: Place, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        if place.at <= now {
            return Ok(());
        }
        if self.places.len() >= MANY {
            self.places.retain(|_, place| place.at + KEPT > now);
        }
        if self.domains.len() >= MANY {
            self.domains.retain(|_, line| line.next > now);
        }
        self.places.insert(mail, place);
        Err(place.at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// When each mail leaves that is there from the beginning: it comes back whenever it is told to.
    fn run(pace: &Pace, mails: &[(&str, bool)]) -> BTreeMap<usize, i64> {
        let mut table = Timetable::default();
        let mut waiting: BTreeMap<(i64, usize), usize> = (0..mails.len()).map(|n| ((0, n), n)).collect();
        let mut left = BTreeMap::new();
        while let Some(((millis, _), n)) = waiting.pop_first() {
            let now = DateTime::from_timestamp_millis(millis).unwrap();
            let (domain, urgent) = mails[n];
            match table.enter(pace, SlotRequest { mail: Uuid::from_u128(n as u128), domain, urgent }, now) {
                Ok(()) => {
                    table.leave(domain);
                    left.insert(n, millis);
                }
                // The queue knows milliseconds.
                Err(at) => {
                    assert!(at > now);
                    waiting.insert(((at.timestamp_micros() + 999).div_euclid(1_000), n), n);
                }
            }
        }
        left
    }

    #[test]
    fn mails_leave_evenly_and_no_faster_than_allowed() {
        let left = run(&Pace { per_second: 10, ..Pace::default() }, &[("a", false); 100]);
        let times: Vec<i64> = left.into_values().collect();
        assert_eq!(times, (0..100).map(|n| n * 100).collect::<Vec<_>>());
    }

    #[test]
    fn a_slow_domain_holds_up_no_other() {
        let mails: Vec<(&str, bool)> =
            (0..60).map(|n| if n % 2 == 0 { ("slow.example", false) } else { ("fast.example", false) }).collect();
        let pace = Pace { per_domain_minute: 60, per_second: 100, ..Pace::default() };
        let left = run(&pace, &mails);
        assert_eq!(left[&58], 29_000, "the thirtieth of a domain");
        assert!(left[&59] <= 29_010);
        let one = run(&pace, &[&[("slow.example", false); 50][..], &[("other.example", false)][..]].concat());
        assert!(one[&50] < 1_000, "{one:?}");
    }

    #[test]
    fn who_is_answered_does_not_wait_behind_who_is_asked() {
        let mails = [&[("a", false); 50][..], &[("a", true)][..], &[("a", false)][..]].concat();
        let left = run(&Pace { per_second: 10, ..Pace::default() }, &mails);
        assert_eq!((left[&50], left[&49], left[&51]), (0, 4_900, 5_100));
    }

    #[test]
    fn a_full_domain_is_left_alone() {
        let mut table = Timetable::default();
        let pace = Pace { per_domain_at_once: 2, ..Pace::default() };
        let now = DateTime::UNIX_EPOCH;
        let mut enter = |n: u128, domain| table.enter(&pace, SlotRequest { mail: Uuid::from_u128(n), domain, urgent: false }, now).is_ok();
        assert_eq!([enter(1, "a"), enter(2, "a"), enter(3, "a"), enter(4, "b")], [true, true, false, true]);
        table.leave("a");
        assert!(table.enter(&pace, SlotRequest { mail: Uuid::from_u128(3), domain: "a", urgent: false }, now).is_ok());
    }
}
