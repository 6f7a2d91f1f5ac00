//! A share of answers and its Wilson interval.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Confidence, Interval};

/// `hits` of `n`, in per cent, with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Proportion {
    /// How many.
    pub hits: u64,
    /// Of how many; at least 1.
    pub n: u64,
    /// The share in per cent, 0 to 100.
    pub percent: f64,
    /// Wilson interval in per cent.
    pub interval: Interval,
}

impl Proportion {
    /// `None` when `n` is 0 or there are more hits than that.
    pub fn new(hits: u64, n: u64, confidence: Confidence) -> Option<Self> {
        if n == 0 || hits > n {
            return None;
        }
        let percent = 100.0 * hits as f64 / n as f64;
        Some(Self { hits, n, percent, interval: wilson(hits, n, confidence.z()) })
    }
}

/// Wilson's score interval in per cent. Exactly 0 or 100 at the ends of the scale.
fn wilson(hits: u64, n: u64, z: f64) -> Interval {
    let (x, n_float) = (hits as f64, n as f64);
    let share = x / n_float;
    let squared = z * z / n_float;
    let centre = share + squared / 2.0;
    let half = (squared * (share * (1.0 - share) + squared / 4.0)).sqrt();
    let low = if hits == 0 { 0.0 } else { (centre - half) / (1.0 + squared) };
    let high = if hits == n { 1.0 } else { (centre + half) / (1.0 + squared) };
    Interval { low, high }.scaled(100.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_of_nothing_has_no_share() {
        assert_eq!(Proportion::new(0, 0, Confidence::P95), None);
        assert_eq!(Proportion::new(2, 1, Confidence::P95), None);
    }

    proptest! {
        #[test]
        fn the_interval_contains_the_share_and_stays_on_the_scale(n in 1_u64..5_000, part in 0.0_f64..=1.0, c in 0.5_f64..0.999) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count")]
            let hits = (n as f64 * part) as u64;
            let found = Proportion::new(hits, n, Confidence::new(c).unwrap()).unwrap();
            prop_assert!(found.interval.contains(found.percent) && found.interval.low >= 0.0 && found.interval.high <= 100.0);
        }
    }
}
