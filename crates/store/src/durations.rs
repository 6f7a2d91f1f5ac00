//! Durations in buckets: few enough to be counted by day and added up, fine enough for a median.
//!
//! Minutes up to `EXACT` have a bucket each; above, each doubling has as many buckets as the one before, so that a bucket
//! is at most 1/128 as wide as its start. Whole hours up to 18 begin a bucket: they come back as they were.

use std::fmt::Write as _;

/// Minutes below this have a bucket each.
const EXACT: i64 = 256;
/// Buckets of one doubling above it.
const STEPS: i64 = EXACT / 2;
/// Doublings: up to 8 years, then one bucket.
const DOUBLINGS: i64 = 14;

/// The bucket of an SQL expression in whole minutes.
pub fn bucket_sql(minutes: &str) -> String {
    let mut sql = format!("CASE WHEN {minutes} < 0 THEN 0 WHEN {minutes} < {EXACT} THEN {minutes}");
    for doubling in 0..DOUBLINGS {
        let (start, width) = (EXACT << doubling, 2 << doubling);
        let first = EXACT + STEPS * doubling;
        let _ = write!(sql, " WHEN {minutes} < {} THEN {first} + ({minutes} - {start}) / {width}", start * 2);
    }
    let _ = write!(sql, " ELSE {} END", EXACT + STEPS * DOUBLINGS);
    sql
}

/// The same of a number of minutes.
pub const fn bucket(minutes: i64) -> i64 {
    if minutes < 0 {
        return 0;
    }
    if minutes < EXACT {
        return minutes;
    }
    let doubling = (minutes / EXACT).ilog2() as i64;
    if doubling >= DOUBLINGS {
        EXACT + STEPS * DOUBLINGS
    } else {
        EXACT + STEPS * doubling + (minutes - (EXACT << doubling)) / (2 << doubling)
    }
}

/// The first minute of a bucket.
fn minutes(bucket: i64) -> i64 {
    if bucket < EXACT {
        return bucket.max(0);
    }
    let (doubling, step) = ((bucket - EXACT) / STEPS, (bucket - EXACT) % STEPS);
    (EXACT << doubling.min(DOUBLINGS)) + step * (2 << doubling.min(DOUBLINGS))
}

/// How many cases took how long.
#[derive(Debug, Clone)]
pub struct Durations(Vec<i64>);

impl Default for Durations {
    fn default() -> Self {
        let buckets = EXACT + STEPS * DOUBLINGS + 1;
        Self(vec![0; usize::try_from(buckets).unwrap_or(0)])
    }
}

impl Durations {
    /// Adds cases to a bucket.
    pub fn add(&mut self, bucket: i64, cases: i64) {
        if let Some(slot) = usize::try_from(bucket).ok().and_then(|bucket| self.0.get_mut(bucket)) {
            *slot += cases;
        }
    }

    /// The minutes within which `percent` of the cases lie, by nearest rank; `None` without cases.
    pub fn percentile(&self, percent: i64) -> Option<i64> {
        let place = (self.0.iter().sum::<i64>() * percent + 99) / 100;
        let mut before = 0;
        let reaches = |cases: &i64| {
            before += cases;
            before >= place
        };
        let bucket = (place > 0).then(|| self.0.iter().position(reaches))??;
        i64::try_from(bucket).ok().map(minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_close_below_every_duration_in_it() {
        for taken in (0..20_000).chain([100_000, 1_000_000, 4_000_000]) {
            let start = minutes(bucket(taken));
            assert!(start <= taken && (taken - start) * 128 <= start, "{taken} comes back as {start}");
        }
        for hours in 0..=18 {
            assert_eq!(minutes(bucket(hours * 60)), hours * 60, "{hours} h");
        }
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let of = |cases: &[(i64, i64)]| {
            let mut all = Durations::default();
            for (bucket, cases) in cases {
                all.add(*bucket, *cases);
            }
            [50, 80, 90].map(|percent| all.percentile(percent))
        };
        assert_eq!(of(&[(10, 1), (20, 7), (30, 2)]), [Some(20), Some(20), Some(30)]);
        assert_eq!(of(&[(0, 3)]), [Some(0); 3]);
        assert_eq!(of(&[]), [None; 3]);
    }
}
