//! One rounding, at the end, from whole numbers: halves go away from zero and there is no minus zero.

use super::Interval;

/// `numerator / denominator` to the nearest whole number, halves away from zero. The denominator is positive.
pub fn half_away(numerator: i128, denominator: i128) -> i128 {
    let denominator = denominator.max(1);
    let doubled = numerator.saturating_abs().saturating_mul(2).saturating_add(denominator);
    numerator.signum() * (doubled / denominator.saturating_mul(2))
}

/// A float to `places` decimals, halves away from zero, never `-0.0`. For output that has no exact fraction.
pub fn decimals(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded + 0.0 } else { value + 0.0 }
}

/// Shares that add up to exactly `whole` (100 for per cent, 1000 for tenths of it): each count's part is cut,
/// and what is left goes to the largest remainders, the earlier of equals first. `None` when all counts are 0.
pub fn largest_remainder(counts: &[u64], whole: u64) -> Option<Vec<u64>> {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if total == 0 {
        return None;
    }
    let parts: Vec<(u128, u128)> =
        counts.iter().map(|count| u128::from(*count) * u128::from(whole)).map(|part| (part / total, part % total)).collect();
    let mut shares: Vec<u128> = parts.iter().map(|(cut, _)| *cut).collect();
    let mut order: Vec<(usize, u128)> = parts.iter().map(|(_, rest)| *rest).enumerate().collect();
    order.sort_by_key(|(index, rest)| (std::cmp::Reverse(*rest), *index));
    let missing = u128::from(whole).saturating_sub(shares.iter().sum());
    for (index, _) in order.into_iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares.into_iter().map(|share| u64::try_from(share).ok()).collect()
}

/// An interval's bounds as whole points, rounded outward so that the shown range never promises too much.
#[expect(clippy::cast_possible_truncation, reason = "bounds lie within -200..200")]
pub fn outward(interval: Interval) -> (i64, i64) {
    // A bound that is whole up to the noise of its computation is whole.
    let noise = 1e-9;
    ((interval.low + noise).floor() as i64, (interval.high - noise).ceil() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        let rounded: Vec<i128> = [-375, -25, -5, -4, 0, 4, 5, 25].iter().map(|tenths| half_away(*tenths, 10)).collect();
        assert_eq!(rounded, [-38, -3, -1, 0, 0, 0, 1, 3]);
        assert_eq!(format!("{}", decimals(-0.000_000_1, 6)), "0");
        assert_eq!(format!("{}", decimals(41.605_431_08, 6)), "41.605431");
    }

    #[test]
    fn bounds_go_outward() {
        assert_eq!(outward(Interval { low: 40.6, high: 67.2 }), (40, 68));
        assert_eq!(outward(Interval { low: -0.4, high: 100.0 }), (-1, 100));
        assert_eq!(outward(Interval { low: -2.999_999_999_999_9, high: 3.000_000_000_000_1 }), (-3, 3));
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(largest_remainder(&[1, 1, 1], 100), Some(vec![34, 33, 33]));
        assert_eq!(largest_remainder(&[214, 239, 547], 100), Some(vec![21, 24, 55]));
        assert_eq!(largest_remainder(&[0, 0, 0], 100), None);
        assert_eq!(largest_remainder(&[u64::MAX, u64::MAX], 1000), Some(vec![500, 500]));
    }

    proptest! {
        #[test]
        fn shares_are_within_one_of_exact(counts in prop::collection::vec(0_u64..10_000, 1..6)) {
            if let Some(shares) = largest_remainder(&counts, 1000) {
                let total: u64 = counts.iter().sum();
                prop_assert_eq!(shares.iter().sum::<u64>(), 1000);
                for (share, count) in shares.iter().zip(&counts) {
                    prop_assert!((*share as f64 - *count as f64 * 1000.0 / total as f64).abs() < 1.0);
                }
            }
        }
    }
}
