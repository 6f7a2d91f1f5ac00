//! How pages say times, segments and statuses. English, the language of the people who work here.

use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, Metric, Segment};
use hearback_store::time::from_millis;
use serde::Serialize;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment: for machines, exactly, and as people say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct When {
    iso: String,
    exact: String,
    words: String,
}

impl When {
    /// A past moment, seen from `now`.
    pub(crate) fn past(at: i64, now: i64) -> Self {
        Self::said(at, if now - at < MINUTE { "just now".to_owned() } else { format!("{} ago", span(now - at)) })
    }

    /// A due time, seen from `now`.
    pub(crate) fn due(at: i64, now: i64) -> Self {
        Self::said(at, if at < now { format!("{} overdue", span(now - at)) } else { format!("due in {}", span(at - now)) })
    }

    /// As people say it.
    pub(crate) fn words(self) -> String {
        self.words
    }

    fn said(at: i64, words: String) -> Self {
        let time = from_millis(at);
        Self { iso: time.format("%Y-%m-%dT%H:%M:%SZ").to_string(), exact: exact(time), words }
    }
}

/// `22 Nov 2026, 14:05 UTC`
pub(crate) fn exact(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// `5 minutes`, `1 hour`, `3 days`: one unit, cut.
pub(crate) fn span(millis: i64) -> String {
    let (count, unit) = match millis.max(MINUTE) {
        short if short < HOUR => (short / MINUTE, "minute"),
        middle if middle < 2 * DAY => (middle / HOUR, "hour"),
        long => (long / DAY, "day"),
    };
    plural(count, unit)
}

/// `312 bytes`, `48 kB`, `2.1 MB`
pub(crate) fn bytes(size: u64) -> String {
    const KB: u64 = 1_000;
    const MB: u64 = 1_000 * KB;
    match size {
        0..KB => plural(i64::try_from(size).unwrap_or_default(), "byte"),
        KB..MB => format!("{} kB", size / KB),
        _ => format!("{}.{} MB", size / MB, size % MB / (MB / 10)),
    }
}

/// `1 day`, `2 days`
pub(crate) fn plural(count: i64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Hours as a person would say them: `5 h`, `3.5 days`.
pub(crate) fn hours(hours: f64) -> String {
    if hours < 48.0 { format!("{} h", tenths(hours)) } else { format!("{} days", tenths(hours / 24.0)) }
}

/// At most one decimal, none when it is zero.
fn tenths(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// A rate of 0 to 1 in whole per cent.
pub(crate) fn percent(rate: f64) -> String {
    format!("{:.0} %", rate * 100.0)
}

/// A segment as the metric's users call it, one person.
pub(crate) const fn segment(metric: Metric, segment: Segment) -> &'static str {
    match (metric, segment) {
        (Metric::Nps, Segment::Detractor) => "Detractor",
        (Metric::Nps, Segment::Passive) => "Passive",
        (Metric::Nps, Segment::Promoter) => "Promoter",
        (Metric::Csat, Segment::Detractor) => "Dissatisfied",
        (Metric::Ces, Segment::Detractor) => "Hard",
        (Metric::Csat | Metric::Ces, Segment::Passive) => "Neutral",
        (Metric::Csat, Segment::Promoter) => "Satisfied",
        (Metric::Ces, Segment::Promoter) => "Easy",
    }
}

/// The same of a group.
pub(crate) const fn segments(metric: Metric, of: Segment) -> &'static str {
    match (metric, of) {
        (Metric::Nps, Segment::Detractor) => "Detractors",
        (Metric::Nps, Segment::Passive) => "Passives",
        (Metric::Nps, Segment::Promoter) => "Promoters",
        _ => segment(metric, of),
    }
}

/// A loop status for people.
pub(crate) const fn status(status: LoopStatus) -> &'static str {
    match status {
        LoopStatus::NotNeeded => "Nothing to do",
        LoopStatus::Open => "Open",
        LoopStatus::Contacted => "Contacted",
        LoopStatus::Resolved => "Resolved",
        LoopStatus::Closed => "Closed",
        LoopStatus::Lapsed => "Given up",
    }
}

/// A stored word as people write it: `no_answer` is `no answer`.
pub(crate) fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// The first characters of a text, cut at a space, on one line.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= most {
        return flat;
    }
    let cut: String = flat.chars().take(most).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_one_unit() {
        assert_eq!(When::due(0, 3 * DAY).words, "3 days overdue");
        assert_eq!(When::due(5 * HOUR, 0).words, "due in 5 hours");
        assert_eq!(When::past(0, 1_000).words, "just now");
        assert_eq!(When::past(0, 90 * MINUTE).words, "1 hour ago");
        assert_eq!(hours(47.96), "48 h");
        assert_eq!(hours(60.0), "2.5 days");
    }

    #[test]
    fn an_excerpt_ends_at_a_word() {
        assert_eq!(excerpt("The parcel\ncame late", 12), "The parcel…");
        assert_eq!(excerpt("short", 12), "short");
    }
}
