//! How often somebody may guess.
//!
//! A try is counted before it is checked, so that many at once are no more than many in a row. What is counted is who guesses at what
//! (an address at an account), never the account alone: whoever guesses waits, its owner does not. Owns the counts of this process.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};

/// Wrong tries in a row before there is a pause.
const TRIES: u32 = 5;
/// The first pause, counted from the first of the tries; each further one is twice as long.
const PAUSE: Duration = Duration::minutes(1);
/// Pauses grow so many times: to 16 minutes.
const GROWTH: u32 = 4;
/// After so long without a try everything is forgotten.
const FORGET: Duration = Duration::hours(1);
/// Most guessers remembered; a flood of others makes room by forgetting those that need not wait.
const GUESSERS: usize = 10_000;

/// What one guesser has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Guesser {
    left: u32,
    /// How many pauses there were.
    pauses: u32,
    /// When the first of these tries was made.
    since: DateTime<Utc>,
}

impl Guesser {
    const fn new(now: DateTime<Utc>) -> Self {
        Self { left: TRIES, pauses: 0, since: now }
    }

    fn pause(self) -> Duration {
        PAUSE * 2_i32.pow(self.pauses.min(GROWTH))
    }

    /// One more try: what is left then, or how long to wait. A clock that went back does not prolong the wait.
    fn step(self, now: DateTime<Utc>) -> Result<Self, Duration> {
        let passed = now - self.since;
        let next = if passed >= FORGET || passed < Duration::zero() {
            Self::new(now)
        } else if passed < self.pause() {
            self
        } else {
            Self { left: TRIES, pauses: self.pauses + u32::from(self.left == 0), since: now }
        };
        if next.left == 0 { Err(self.pause() - passed) } else { Ok(Self { left: next.left - 1, ..next }) }
    }
}

/// The counts. `K` says who guesses at what.
#[derive(Debug)]
pub struct Tries<K>(Mutex<HashMap<K, Guesser>>);

impl<K> Default for Tries<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Tries<K> {
    /// Counts a try as a wrong one. Too many: the seconds to wait, and nothing is counted.
    pub fn begin(&self, who: K, now: DateTime<Utc>) -> Result<(), u64> {
        let mut guessers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guessers.len() >= GUESSERS && !guessers.contains_key(&who) {
            guessers.retain(|_, guesser| now - guesser.since < guesser.pause());
            if guessers.len() >= GUESSERS {
                guessers.retain(|_, guesser| guesser.left == 0);
            }
            if guessers.len() >= GUESSERS {
                guessers.clear();
            }
        }
        let guesser = guessers.entry(who).or_insert(Guesser::new(now));
        match guesser.step(now) {
            Ok(next) => {
                *guesser = next;
                Ok(())
            }
            Err(wait) => Err(u64::try_from(wait.num_milliseconds()).unwrap_or(0).div_ceil(1_000).max(1)),
        }
    }

    /// The try was right: nothing is held against them any more.
    pub fn right(&self, who: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }

    /// The try was not checked after all.
    pub fn take_back(&self, who: &K) {
        if let Some(guesser) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(who) {
            guesser.left = (guesser.left + 1).min(TRIES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_tries_make_a_guesser_wait_longer_each_time() {
        let (tries, start) = (Tries::<&str>::default(), DateTime::UNIX_EPOCH);
        let at = |who, seconds| tries.begin(who, start + Duration::seconds(seconds));
        for second in 0..5 {
            assert_eq!(at("anna", second), Ok(()));
        }
        assert_eq!(at("anna", 20), Err(40));
        assert_eq!(at("ben", 20), Ok(()), "others do not wait");
        for second in 60..65 {
            assert_eq!(at("anna", second), Ok(()));
        }
        assert_eq!(at("anna", 70), Err(110), "two minutes now");
        let mut now = 60;
        for minutes in [2, 4, 8, 16, 16] {
            now += minutes * 60;
            for _ in 0..5 {
                assert_eq!(at("anna", now), Ok(()));
            }
            assert!(at("anna", now).is_err());
        }
        assert_eq!(at("anna", now + 3_600), Ok(()));
        tries.right(&"anna");
        for _ in 0..5 {
            assert_eq!(at("anna", now + 3_601), Ok(()));
        }
        tries.take_back(&"anna");
        assert_eq!(at("anna", now + 3_602), Ok(()), "one was not checked");
        assert_eq!(at("anna", now + 3_603), Err(58), "and is not counted");
        assert_eq!(at("anna", 0), Ok(()), "a clock that was set back does not lock anybody out");
    }

    #[test]
    fn many_at_once_are_no_more_than_many_in_a_row() {
        let (tries, now) = (Tries::<u8>::default(), DateTime::UNIX_EPOCH);
        let count = |_: usize| usize::from(tries.begin(1, now).is_ok());
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..50).map(|n| scope.spawn(move || count(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 5);
    }

    #[test]
    fn a_flood_of_guessers_makes_room_and_those_who_wait_stay() {
        let (tries, now) = (Tries::<usize>::default(), DateTime::UNIX_EPOCH);
        for _ in 0..5 {
            tries.begin(0, now).unwrap();
        }
        for other in 1..2 * GUESSERS {
            tries.begin(other, now).unwrap();
        }
        assert!(tries.begin(0, now).is_err());
        assert!(tries.0.lock().unwrap().len() <= GUESSERS);
    }
}
