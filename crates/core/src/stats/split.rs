//! Three counts and the score they give, exactly.

use std::ops::Add;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Band, Comparison, Confidence, Interval, Method, Visibility, compare, interval, rounding};

/// Detractors, passives and promoters of some answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// Unhappy: NPS 0-6.
    pub detractors: u64,
    /// In between: NPS 7-8. They count in the denominator.
    pub passives: u64,
    /// Happy: NPS 9-10.
    pub promoters: u64,
}

impl Split {
    /// In the order of the scale.
    pub const fn new(detractors: u64, passives: u64, promoters: u64) -> Self {
        Self { detractors, passives, promoters }
    }

    /// Scored answers.
    pub const fn n(self) -> u64 {
        self.detractors.saturating_add(self.passives).saturating_add(self.promoters)
    }

    /// Whether there is nothing to score.
    pub const fn is_empty(self) -> bool {
        self.n() == 0
    }

    /// The score as an exact fraction of points: 100 (promoters - detractors) over n. `None` without answers.
    pub fn ratio(self) -> Option<(i128, i128)> {
        let [detractors, passives, promoters] = [self.detractors, self.passives, self.promoters].map(i128::from);
        let n = detractors + passives + promoters;
        (n > 0).then_some((100 * (promoters - detractors), n))
    }

    /// The score in points. `None` without answers.
    pub fn nps(self) -> Option<f64> {
        self.ratio().map(|(numerator, n)| numerator as f64 / n as f64)
    }

    /// The score as shown: a whole number of points, rounded once, half away from zero.
    pub fn nps_rounded(self) -> Option<i64> {
        let (numerator, n) = self.ratio()?;
        i64::try_from(rounding::half_away(numerator, n)).ok()
    }

    /// The score in tenths of a point, rounded once: 333 is 33.3.
    pub fn nps_tenths(self) -> Option<i64> {
        let (numerator, n) = self.ratio()?;
        i64::try_from(rounding::half_away(10 * numerator, n)).ok()
    }

    /// Where the exact score lies, whatever its rounded form says.
    pub fn band(self) -> Option<Band> {
        self.ratio().map(|(numerator, n)| Band::of_ratio(numerator, n))
    }

    /// Detractors, passives and promoters in whole per cent that add up to 100.
    pub fn shares(self) -> Option<[u64; 3]> {
        let shares = rounding::largest_remainder(&[self.detractors, self.passives, self.promoters], 100)?;
        shares.try_into().ok()
    }

    /// Mean of one answer's +1, 0 or -1: the score in units.
    pub(super) fn mean_unit(self) -> Option<f64> {
        self.nps().map(|points| points / 100.0)
    }

    /// Variance of one answer's +1, 0 or -1, from 0 to 1.
    pub fn variance_unit(self) -> Option<f64> {
        let mean = self.mean_unit()?;
        let decided = self.detractors as f64 + self.promoters as f64;
        Some((decided / self.n() as f64 - mean * mean).max(0.0))
    }

    /// Standard error of the score in points.
    pub fn standard_error(self) -> Option<f64> {
        Some(100.0 * (self.variance_unit()? / self.n() as f64).sqrt())
    }

    /// Standard error with n-1 in the denominator, in points; `None` below two answers.
    pub fn standard_error_unbiased(self) -> Option<f64> {
        let degrees = self.n().checked_sub(1).filter(|degrees| *degrees > 0)?;
        Some(100.0 * (self.variance_unit()? / degrees as f64).sqrt())
    }

    /// The range in which the score of all such customers lies. `None` without answers.
    pub fn interval(self, method: Method, confidence: Confidence) -> Option<Interval> {
        interval::score(self, method, confidence)
    }

    /// This score against an earlier (or another) one: the difference is this minus that. `None` when either is empty.
    pub fn against(self, earlier: Self, method: Method, confidence: Confidence) -> Option<Comparison> {
        compare::compare(earlier, self, method, confidence)
    }

    /// How much of the score may be shown, by the number of answers.
    pub const fn visibility(self) -> Visibility {
        Visibility::of(self.n())
    }

    /// The answers of `self` that are not in `part`; `None` when `part` has more of any kind.
    pub fn without(self, part: Self) -> Option<Self> {
        Some(Self {
            detractors: self.detractors.checked_sub(part.detractors)?,
            passives: self.passives.checked_sub(part.passives)?,
            promoters: self.promoters.checked_sub(part.promoters)?,
        })
    }
}

impl Add for Split {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            detractors: self.detractors.saturating_add(other.detractors),
            passives: self.passives.saturating_add(other.passives),
            promoters: self.promoters.saturating_add(other.promoters),
        }
    }
}

impl std::iter::Sum for Split {
    fn sum<I: Iterator<Item = Self>>(splits: I) -> Self {
        splits.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_guides_example_is_55() {
        let split = Split::new(15, 15, 70);
        assert_eq!((split.n(), split.nps(), split.nps_rounded()), (100, Some(55.0), Some(55)));
        assert_eq!(Split::default().nps(), None);
        assert_eq!(Split::default().interval(Method::Tango, Confidence::P95), None);
        assert_eq!(Split::new(u64::MAX, 0, u64::MAX).nps_rounded(), Some(0));
    }

    proptest! {
        #[test]
        fn scores_stay_on_the_scale_and_mirror(d in 0_u64..2_000, q in 0_u64..2_000, p in 1_u64..2_000) {
            let (split, mirror) = (Split::new(d, q, p), Split::new(p, q, d));
            let nps = split.nps().unwrap();
            prop_assert!((-100.0..=100.0).contains(&nps));
            prop_assert_eq!(split.nps_rounded().unwrap(), -mirror.nps_rounded().unwrap());
            prop_assert!((split.nps_rounded().unwrap() as f64 - nps).abs() <= 0.5);
            prop_assert_eq!(split.shares().unwrap().iter().sum::<u64>(), 100);
            prop_assert_eq!((split + mirror).nps(), Some(0.0));
            prop_assert_eq!((split + mirror).without(mirror), Some(split));
        }
    }
}
