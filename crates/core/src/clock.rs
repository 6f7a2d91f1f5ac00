//! Time in the shell. Decisions take `now` as a value; only what starts them asks a [`Clock`].

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, Duration, Utc};

/// Where the shell gets the present moment from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;

    /// Whether the present moment can be believed. What starts by itself and can't be taken back asks this *after* it asked for the
    /// moment: a clock that shows next quarter for ten seconds must not send next quarter's wave.
    fn look(&self) -> Look {
        Look::Steady
    }

    /// The present moment as far as it can be believed: while the clock was set not long ago, what it would show had nobody set it.
    /// Work that was begun before ends by this: what was sent a moment ago was not sent next quarter, and what waits a minute does
    /// not wait until then.
    fn guarded_now(&self) -> DateTime<Utc> {
        self.now()
    }
}

/// The machine's clock: the only place in the workspace that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one exemption: this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The machine's clock with another beside it that nobody can set: whoever sets the first is found out.
#[derive(Debug)]
pub struct WatchedClock {
    started: Instant,
    seen: Mutex<Steadiness>,
}

impl WatchedClock {
    /// A clock that was set must go on for `settles` without another jump before it is believed.
    pub fn new(settles: std::time::Duration) -> Self {
        let settles = Duration::from_std(settles).unwrap_or(Duration::MAX);
        Self { started: Instant::now(), seen: Mutex::new(Steadiness::new(settles)) }
    }

    fn compare(&self) -> (Look, DateTime<Utc>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.look(SystemClock.now(), self.started.elapsed())
    }
}

impl Clock for WatchedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn look(&self) -> Look {
        self.compare().0
    }

    fn guarded_now(&self) -> DateTime<Utc> {
        self.compare().1
    }
}

/// A clock that stands still until it is told to move; shared by cloning.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Starts at `now`, kept to the millisecond.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(now.timestamp_millis())))
    }

    /// Moves the clock; a negative step moves it back.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// A wall clock that is set by more than this has jumped.
const JUMP: Duration = Duration::minutes(5);

/// What a look at the clock found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It goes as it should.
    Steady,
    /// It was set not long ago.
    Set {
        /// By how much, the last time.
        by: Duration,
        /// How often it was set since the process began.
        times: u32,
    },
}

impl Look {
    /// Whether it goes as it should.
    pub const fn is_steady(self) -> bool {
        matches!(self, Self::Steady)
    }
}

/// Whether a wall clock can be believed, by a steady one beside it.
#[derive(Debug, Clone, Copy)]
struct Steadiness {
    settles: Duration,
    /// Wall time minus steady time at the last look.
    offset: Option<Duration>,
    /// The same at the last look that found it steady.
    believed: Option<Duration>,
    /// The last jump, and the steady time from which on the clock is believed again.
    set: Option<(Duration, Duration)>,
    /// How many jumps there were.
    times: u32,
}

impl Steadiness {
    const fn new(settles: Duration) -> Self {
        Self { settles, offset: None, believed: None, set: None, times: 0 }
    }

    /// Compares the clocks; what was found, and the moment that can be believed.
    fn look(&mut self, wall: DateTime<Utc>, steady: std::time::Duration) -> (Look, DateTime<Utc>) {
        let steady = Duration::from_std(steady).unwrap_or(Duration::MAX);
        let offset = wall.signed_duration_since(DateTime::UNIX_EPOCH) - steady;
        let moved = self.offset.replace(offset).map_or(Duration::zero(), |before| offset - before);
        if moved.abs() > JUMP {
            self.times = self.times.saturating_add(1);
            self.set = Some((moved, steady.checked_add(&self.settles).unwrap_or(Duration::MAX)));
        }
        self.set = self.set.filter(|(_, believed_from)| steady < *believed_from);
        let Some((by, _)) = self.set else {
            self.believed = Some(offset);
            return (Look::Steady, wall);
        };
        let before = self.believed.unwrap_or(offset);
        (Look::Set { by, times: self.times }, DateTime::UNIX_EPOCH + before + steady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_believed_after_ten_quiet_minutes() {
        let start = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let mut clock = Steadiness::new(Duration::minutes(10));
        let mut look = |seconds: u64, jumped: Duration| {
            let steady = std::time::Duration::from_secs(seconds);
            let undisturbed = start + Duration::from_std(steady).unwrap();
            let (look, believed) = clock.look(undisturbed + jumped, steady);
            (look, believed - undisturbed)
        };
        let (none, corrected) = (Duration::zero(), Duration::seconds(120));
        let ahead = Look::Set { by: Duration::days(90) - corrected, times: 1 };
        let back = Look::Set { by: -Duration::days(90), times: 2 };
        assert_eq!(look(0, none), (Look::Steady, none));
        assert_eq!(look(5, corrected), (Look::Steady, corrected), "a correction by the network's time");
        assert_eq!(look(10, Duration::days(90)), (ahead, corrected), "the clock of before goes on");
        assert_eq!(look(15, Duration::days(90)), (ahead, corrected), "however often one looks");
        assert_eq!(look(20, none), (back, corrected));
        assert_eq!(look(619, none), (back, corrected));
        assert_eq!(look(620, none), (Look::Steady, none));
        let behind = -Duration::hours(2);
        assert_eq!(look(630, behind), (Look::Set { by: behind, times: 3 }, none));
        assert_eq!(look(1230, behind), (Look::Steady, behind), "a clock that stays where it was set is right in the end");
    }

    #[test]
    fn a_clock_that_goes_on_is_believed() {
        let clock = WatchedClock::new(std::time::Duration::from_mins(10));
        assert!(clock.look().is_steady() && clock.look().is_steady());
    }
}
