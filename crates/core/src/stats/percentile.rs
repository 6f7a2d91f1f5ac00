//! Percentiles of durations. Don't average them over groups: merge the durations.

/// The smallest observed value that at least `percent` of them don't exceed; always one that happened.
/// Sorts the slice. `None` when it is empty or the per cent are not 0 to 100.
pub fn nearest_rank<T: Ord + Copy>(values: &mut [T], percent: f64) -> Option<T> {
    values.sort_unstable();
    let rank = position(values.len() as f64 * percent / 100.0, percent)?.0;
    values.get(rank.saturating_sub(1)).copied()
}

/// The interpolated percentile that spreadsheets and most statistics programs show. Sorts the slice.
pub fn interpolated(values: &mut [f64], percent: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let (above, place) = position(values.len().checked_sub(1)? as f64 * percent / 100.0, percent)?;
    let high = *values.get(above)?;
    let low = *values.get(above.saturating_sub(1)).unwrap_or(&high);
    Some(high - (above as f64 - place) * (high - low))
}

/// Share of values that don't exceed a limit, in per cent. `None` without values.
pub fn within_percent<T: PartialOrd>(values: &[T], limit: &T) -> Option<f64> {
    let within = values.iter().filter(|value| *value <= limit).count();
    (!values.is_empty()).then(|| 100.0 * within as f64 / values.len() as f64)
}

/// A place and the next whole number, past the noise of computing it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and within the length of a slice")]
fn position(place: f64, percent: f64) -> Option<(usize, f64)> {
    (0.0..=100.0).contains(&percent).then(|| ((place - 1e-9).ceil().max(0.0) as usize, place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_are_the_extremes() {
        let mut values = [7, 1, 5];
        assert_eq!([0.0, 1.0, 50.0, 100.0].map(|p| nearest_rank(&mut values, p)), [Some(1), Some(1), Some(5), Some(7)]);
        assert_eq!(nearest_rank::<u8>(&mut [], 50.0), None);
        assert_eq!(nearest_rank(&mut values, 101.0), None);
        assert_eq!(interpolated(&mut [1.0, 2.0], 50.0), Some(1.5));
        assert_eq!(interpolated(&mut [], 50.0), None);
        assert_eq!(within_percent(&[1, 2, 3, 4], &3), Some(75.0));
    }

    proptest! {
        #[test]
        fn at_least_that_many_lie_at_or_below(mut values in prop::collection::vec(0_u32..1_000, 1..50), percent in 1.0_f64..=100.0) {
            let found = nearest_rank(&mut values, percent).unwrap();
            prop_assert!(within_percent(&values, &found).unwrap() >= percent - 1e-6);
            prop_assert!(values.contains(&found));
        }
    }
}
