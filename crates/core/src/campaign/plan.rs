//! When one person is asked in a wave, or why not.
//!
//! Pure: the same people in the same order give the same verdicts, on any node, at any time. What was decided so far is in
//! the [`Planner`]; somebody who goes on with a wave fills it again from what was written ([`Planner::seat`]).
//!
//! What must stay true: nobody is asked outside of the window of their own zone, within the gap after they were asked, on a
//! day that is full, or when enough others of their account are; and everybody has exactly one verdict.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Channel, Mode, Plan, Reason};
use crate::{Calendar, wall};

/// What is decided about one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Asked at this moment.
    At(DateTime<Utc>),
    /// Asked later than the wave would have it, and why.
    Later(DateTime<Utc>, Reason),
    /// Not asked, and why.
    Not(Reason),
}

/// One person, as far as planning looks at them.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who.
    pub id: Uuid,
    /// Where their clocks are, if known.
    pub zone: Option<Tz>,
    /// Key of their account.
    pub account: Option<&'a str>,
    /// Whether there is an address to write to.
    pub has_address: bool,
    /// Why they must not be written to, if so.
    pub blocked: Option<Reason>,
    /// When they were asked last, about anything.
    pub last_asked: Option<DateTime<Utc>>,
}

/// Decides about the people of one wave, one after the other.
#[derive(Debug)]
pub struct Planner<'p> {
    plan: &'p Plan,
    seed: u64,
    wave_seed: u64,
    fire: DateTime<Utc>,
    /// When the next wave begins.
    until: Option<DateTime<Utc>>,
    zone: Tz,
    zones: HashMap<Tz, Hours>,
    days: Days,
    accounts: HashMap<u64, u32>,
}

/// The hours of one zone.
#[derive(Debug)]
struct Hours {
    calendar: Calendar,
    /// Where a spread wave has room.
    openings: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl<'p> Planner<'p> {
    /// A planner of the wave of `campaign` that begins at `fire`; the next one begins `until`. `usual` is the zone of people
    /// whose own is not known, where the plan does not say.
    pub fn new(plan: &'p Plan, campaign: &str, fire: DateTime<Utc>, until: Option<DateTime<Utc>>, usual: Tz) -> Self {
        let seed = campaign.bytes().fold(0xcbf2_9ce4_8422_2325, |seed, byte| mix(seed ^ u64::from(byte)));
        let zone = plan.zone(usual);
        Self {
            plan,
            seed,
            wave_seed: mix(seed ^ fire.timestamp_millis().cast_unsigned()),
            fire,
            until,
            zone,
            zones: HashMap::new(),
            days: Days { most: plan.daily_cap, ..Days::default() },
            accounts: HashMap::new(),
        }
    }

    /// Notes somebody who was given a place before: `at` this moment, of this account.
    pub fn seat(&mut self, at: DateTime<Utc>, account: Option<&str>) {
        self.seat_many(at, 1);
        self.seat_account(account, 1);
    }

    /// Notes `people` who were given a place at this moment.
    pub fn seat_many(&mut self, at: DateTime<Utc>, people: u32) {
        self.days.take(wall::local(self.zone, at).date(), people);
    }

    /// Notes `people` of this account who were given a place.
    pub fn seat_account(&mut self, account: Option<&str>, people: u32) {
        if let Some(key) = account.filter(|_| self.plan.account_cap.is_some()).map(hash) {
            *self.accounts.entry(key).or_default() += people;
        }
    }

    /// The verdict about one person, who is given a place if there is one.
    pub fn verdict(&mut self, who: &Asked<'_>) -> Verdict {
        if let Some(reason) = who.blocked {
            return Verdict::Not(reason);
        }
        if self.plan.channel == Channel::Email && !who.has_address {
            return Verdict::Not(Reason::NoAddress);
        }
        if self.plan.sample < 1.0 && unit(mix(self.wave_seed ^ low(who.id))) >= self.plan.sample {
            return Verdict::Not(Reason::NotInSample);
        }
        if self.account_is_full(who.account) {
            return Verdict::Not(Reason::AccountCap);
        }
        let placed = self.place(who);
        if let Verdict::At(at) | Verdict::Later(at, _) = placed {
            self.seat(at, who.account);
        }
        placed
    }

    fn account_is_full(&self, account: Option<&str>) -> bool {
        match (self.plan.account_cap, account) {
            (Some(most), Some(key)) => self.accounts.get(&hash(key)).is_some_and(|asked| *asked >= most),
            _ => false,
        }
    }

    /// The first moment that everything allows.
    fn place(&mut self, who: &Asked<'_>) -> Verdict {
        let zone = who.zone.unwrap_or(self.zone);
        let wanted = self.wanted(who, zone);
        let free = self.plan.free_at(who.last_asked);
        let (start, mut reason) = match free {
            Some(free) if free > wanted => (free, Some(Reason::AskedLately)),
            _ => (wanted, None),
        };
        let mut at = self.hours(zone).calendar.next_open(start);
        if at > start && reason.is_none() {
            reason = Some(Reason::OutsideWindow);
        }
        while let Some(day) = self.days.next_if_full(wall::local(self.zone, at).date()) {
            let room = wall::instant(self.zone, day.and_time(NaiveTime::MIN));
            at = self.hours(zone).calendar.next_open(room.max(at));
            reason = reason.filter(|reason| *reason == Reason::AskedLately).or(Some(Reason::DailyCap));
        }
        match reason {
            Some(Reason::AskedLately) if self.until.is_some_and(|until| at >= until) => Verdict::Not(Reason::NextWave),
            Some(reason) => Verdict::Later(at, reason),
            None => Verdict::At(at),
        }
    }

    /// When the wave would ask them if nothing stood in the way.
    fn wanted(&mut self, who: &Asked<'_>, zone: Tz) -> DateTime<Utc> {
        if self.plan.mode == Mode::Calendar {
            return self.fire;
        }
        let (fire, share) = (self.fire, unit(mix(self.seed ^ low(who.id))));
        let openings = &self.hours(zone).openings;
        let place = share * openings.len() as f64;
        let Some((opens, closes)) = openings.get(floor(place)) else { return fire };
        let within = (*closes - *opens).num_seconds() as f64 * place.fract();
        *opens + TimeDelta::seconds(i64::try_from(floor(within)).unwrap_or(0))
    }

    fn hours(&mut self, zone: Tz) -> &Hours {
        let (plan, fire, until) = (self.plan, self.fire, self.until);
        self.zones.entry(zone).or_insert_with(|| {
            let calendar = plan.window.at(zone);
            let openings = match (plan.mode, until) {
                (Mode::Spread, Some(until)) => calendar.openings(fire, until).collect(),
                _ => Vec::new(),
            };
            Hours { calendar, openings }
        })
    }
}

impl Plan {
    /// From when on somebody may be asked again.
    pub fn free_at(&self, last_asked: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        free_at(last_asked, self.recontact_days)
    }

    /// Whether chance chooses the one with this id, where only a part is asked.
    pub fn chooses(&self, id: Uuid) -> bool {
        self.sample >= 1.0 || unit(mix(low(id))) < self.sample
    }
}

/// From when on somebody may be asked again who was asked before.
pub fn free_at(last_asked: Option<DateTime<Utc>>, recontact_days: u16) -> Option<DateTime<Utc>> {
    last_asked?.checked_add_signed(TimeDelta::days(i64::from(recontact_days)))
}

/// How many are asked on each day, and where the next one with room is.
#[derive(Debug, Default)]
struct Days {
    most: Option<u32>,
    taken: HashMap<NaiveDate, u32>,
    /// From a full day to a later one that may have room; paths grow shorter as they are walked.
    full: HashMap<NaiveDate, NaiveDate>,
}

impl Days {
    fn take(&mut self, day: NaiveDate, people: u32) {
        let Some(most) = self.most else { return };
        let taken = self.taken.entry(day).or_default();
        *taken = taken.saturating_add(people);
        if let (true, Some(next)) = (*taken >= most, day.succ_opt()) {
            self.full.entry(day).or_insert(next);
        }
    }

    /// `None` when the day has room, else the next one that has.
    fn next_if_full(&mut self, day: NaiveDate) -> Option<NaiveDate> {
        let mut free = *self.full.get(&day)?;
        while let Some(next) = self.full.get(&free) {
            free = *next;
        }
        let mut walked = day;
        while let Some(next) = self.full.insert(walked, free).filter(|next| *next != free) {
            walked = next;
        }
        Some(free)
    }
}

/// The random half of an id.
fn low(id: Uuid) -> u64 {
    id.as_u64_pair().1
}

fn hash(key: &str) -> u64 {
    key.bytes().fold(0x9e37_79b9_7f4a_7c15, |seed, byte| mix(seed ^ u64::from(byte)))
}

/// Spreads the bits of a number (the finalizer of splitmix64). Must never change: places in spread waves depend on it.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A number from 0 up to but not including 1.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates at both ends")]
const fn floor(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
