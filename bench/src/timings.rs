//! Times of single calls, side by side: what has to be quick rather than many.

use std::time::{Duration, Instant};

use serde_json::json;

/// The calls of one kind.
#[derive(Debug)]
pub struct Timing {
    /// What was called.
    pub what: String,
    /// How long each took, in microseconds.
    pub micros: Vec<u32>,
}

/// What a benchmark of times found.
#[derive(Debug, Default)]
pub struct Timings {
    /// What was measured, on which database.
    pub title: String,
    /// In the order of measuring.
    pub all: Vec<Timing>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Timings {
    /// Keeps the times of one kind of calls.
    pub fn push(&mut self, what: impl Into<String>, micros: Vec<u32>) {
        self.all.push(Timing { what: what.into(), micros });
    }

    /// A few lines for people.
    pub fn text(&self) -> String {
        let width = self.all.iter().map(|timing| timing.what.chars().count()).max().unwrap_or(0);
        let lines = self.all.iter().map(|Timing { what, micros }| {
            let (p50, p99) = (percentile(micros, 50), percentile(micros, 99));
            format!("  {what:width$}  p50 {p50:>8.2} ms   p99 {p99:>8.2} ms   ({} calls)", micros.len())
        });
        let notes = self.notes.iter().map(|note| format!("  {note}"));
        std::iter::once(self.title.clone()).chain(lines).chain(notes).collect::<Vec<_>>().join("\n")
    }

    /// The same as one JSON object.
    pub fn json(&self) -> String {
        let of = |timing: &Timing| {
            let (p50, p99) = (percentile(&timing.micros, 50), percentile(&timing.micros, 99));
            json!({ "what": timing.what, "calls": timing.micros.len(), "p50_ms": p50, "p99_ms": p99 })
        };
        json!({ "title": self.title, "timings": self.all.iter().map(of).collect::<Vec<_>>(), "notes": self.notes }).to_string()
    }
}

/// Microseconds since then.
pub fn micros(begun: Instant) -> u32 {
    in_micros(begun.elapsed())
}

/// In microseconds.
pub fn in_micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

/// In milliseconds, by nearest rank; 0 without calls.
pub fn percentile(micros: &[u32], percent: usize) -> f64 {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}
