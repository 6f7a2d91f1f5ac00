//! How many answers a statement takes.

use super::{Confidence, normal};

/// Answers needed for a margin of `points` to each side, given the variance of one answer (1 at worst, 0.61 is typical).
/// At least 1; `None` when the margin is not positive.
pub fn for_margin(points: f64, variance_unit: f64, confidence: Confidence) -> Option<u64> {
    needed(variance_unit * confidence.z().powi(2), points)
}

/// The margin to each side, in points, that this many answers give: the other way round of [`for_margin`].
pub fn margin(answers: u64, variance_unit: f64, confidence: Confidence) -> f64 {
    100.0 * confidence.z() * (variance_unit / (answers as f64 + 3.0)).sqrt()
}

/// Answers needed in each of two groups to find a difference of `points` with probability `power`, both variances given.
pub fn for_difference(points: f64, variances_unit: (f64, f64), confidence: Confidence, power: Confidence) -> Option<u64> {
    let z = confidence.z() + normal::quantile(power.value());
    needed((variances_unit.0 + variances_unit.1) * z.powi(2), points)
}

/// Invitations to send, given how many answer them, as a share above 0 up to 1.
pub fn invitations(answers: u64, response_rate: f64) -> Option<u64> {
    let valid = response_rate > 0.0 && response_rate <= 1.0;
    valid.then(|| whole((answers as f64 / response_rate).ceil()))
}

/// Three answers are taken off because the adjusted interval brings three of its own.
fn needed(scaled_variance: f64, points: f64) -> Option<u64> {
    let unit = points / 100.0;
    (unit > 0.0 && scaled_variance >= 0.0).then(|| whole((scaled_variance / (unit * unit) - 3.0).ceil()).max(1))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates at both ends of u64")]
const fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_has_no_size() {
        assert_eq!(for_margin(0.0, 1.0, Confidence::P95), None);
        assert_eq!(for_margin(f64::NAN, 1.0, Confidence::P95), None);
        assert_eq!(for_margin(100.0, 0.1, Confidence::P95), Some(1));
        assert_eq!(invitations(382, 0.2), Some(1910));
        let enough = for_margin(5.0, 0.61, Confidence::P95).unwrap();
        assert!(margin(enough, 0.61, Confidence::P95) <= 5.0 && margin(enough - 1, 0.61, Confidence::P95) > 5.0);
        assert_eq!(invitations(382, 0.0), None);
    }
}
