//! Time in the shell. Decisions take `now` as a value; only what starts them asks a [`Clock`].

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use chrono::{DateTime, Duration, Utc};

/// Where the shell gets the present moment from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;

    /// How long this process has been running, by a clock that nobody can set; `None` where time is moved by hand.
    fn steady(&self) -> Option<std::time::Duration> {
        None
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

    fn steady(&self) -> Option<std::time::Duration> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Some(START.elapsed())
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
/// How long a clock that jumped must go on without another jump before it is believed.
const SETTLES: Duration = Duration::minutes(10);

/// Whether a wall clock can be believed, by a steady one beside it. What starts by itself and can't be taken back asks this
/// first: a clock that shows next quarter for ten seconds must not send next quarter's wave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steadiness {
    /// Wall time minus steady time at the last look.
    offset: Option<Duration>,
    /// Steady time from which on the clock is believed again.
    believed_from: Option<Duration>,
}

/// What a look at the clock found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It goes as it should.
    Steady,
    /// It was set since the last look, by this much.
    Jumped(Duration),
    /// It was set not long ago.
    Settling,
}

impl Steadiness {
    /// Compares the clocks.
    pub fn look(&mut self, wall: DateTime<Utc>, steady: std::time::Duration) -> Look {
        let steady = Duration::from_std(steady).unwrap_or(Duration::MAX);
        let offset = wall.signed_duration_since(DateTime::UNIX_EPOCH) - steady;
        let moved = self.offset.replace(offset).map_or(Duration::zero(), |before| offset - before);
        if moved.abs() > JUMP {
            self.believed_from = Some(steady + SETTLES);
            return Look::Jumped(moved);
        }
        if self.believed_from.is_some_and(|from| steady < from) {
            return Look::Settling;
        }
        self.believed_from = None;
        Look::Steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_believed_after_ten_quiet_minutes() {
        let start = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let mut clock = Steadiness::default();
        let mut look = |seconds: u64, jumped: Duration| {
            let steady = std::time::Duration::from_secs(seconds);
            clock.look(start + Duration::from_std(steady).unwrap() + jumped, steady)
        };
        let none = Duration::zero();
        assert_eq!(look(0, none), Look::Steady);
        assert_eq!(look(5, Duration::seconds(120)), Look::Steady, "a correction by the network's time");
        assert_eq!(look(10, Duration::days(90)), Look::Jumped(Duration::days(90) - Duration::seconds(120)));
        assert_eq!(look(15, Duration::days(90)), Look::Settling);
        assert_eq!(look(20, none), Look::Jumped(-Duration::days(90)));
        assert_eq!(look(619, none), Look::Settling);
        assert_eq!(look(620, none), Look::Steady);
        assert_eq!(look(630, -Duration::hours(2)), Look::Jumped(-Duration::hours(2)));
    }
}
