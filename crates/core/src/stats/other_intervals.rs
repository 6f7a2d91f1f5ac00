//! Intervals of other tools and papers, so that a number seen elsewhere can be reproduced here. None is a default.

use super::{
    Confidence, Interval, Split,
    interval::{self, Adjusted, Pseudo, WALD},
    special::{beta_cdf, ln_gamma, student_quantile},
};

/// One pseudo answer in each segment.
pub const U3: Pseudo = [1.0, 1.0, 1.0];
/// Three pseudo answers at the extremes.
pub const E3: Pseudo = [1.5, 0.0, 1.5];
/// Four pseudo answers, as 1, 2, 1.
pub const T4: Pseudo = [1.0, 2.0, 1.0];
/// Half an answer per cell of the paired table (Agresti and Min).
pub const AGRESTI_MIN: Pseudo = [0.5, 1.0, 0.5];
/// One answer per discordant cell (Bonett and Price).
pub const BONETT_PRICE: Pseudo = [1.0, 0.0, 1.0];

/// Student's t on the mean of +1, 0 and -1; `None` below two answers.
pub fn mean_t(split: Split, confidence: Confidence) -> Option<Interval> {
    let error = split.standard_error_unbiased()?;
    let t = student_quantile(f64::midpoint(1.0, confidence.value()), (split.n() - 1) as f64);
    Some(Adjusted { centre: split.nps()?, error }.interval(t).clipped(100.0))
}

/// Goodman's simultaneous interval over all contrasts of the three shares; too wide for one score. `None` without answers.
pub fn goodman(split: Split, confidence: Confidence) -> Option<Interval> {
    interval::wald(split, WALD, goodman_multiplier(confidence))
}

/// Root of the chi-squared quantile with 2 degrees of freedom, which takes the place of z.
pub fn goodman_multiplier(confidence: Confidence) -> f64 {
    (-2.0 * (-confidence.value()).ln_1p()).sqrt()
}

/// Equal-tail interval of the posterior after half a prior answer per segment (Jeffreys). `None` without answers.
pub fn jeffreys(split: Split, confidence: Confidence) -> Option<Interval> {
    let posterior = Posterior::new(split)?;
    let tail = f64::midpoint(1.0, -confidence.value());
    let at = |share: f64| interval::edge(-1.0, 1.0, |score| posterior.below(score) < share);
    Some(Interval { low: at(tail), high: at(1.0 - tail) }.scaled(100.0))
}

/// The score is S (2R - 1), where S, the share of decided answers, and R, the share of promoters among them, are independent betas.
struct Posterior {
    detractors: f64,
    passives: f64,
    promoters: f64,
}

impl Posterior {
    fn new(split: Split) -> Option<Self> {
        let half = |count: u64| count as f64 + 0.5;
        (!split.is_empty()).then(|| Self {
            detractors: half(split.detractors),
            passives: half(split.passives),
            promoters: half(split.promoters),
        })
    }

    /// Probability that the score in units is below `score`: integrated over the angle whose squared sine is S,
    /// in which the density has no singular end and a width of about 1/(2 sqrt n).
    fn below(&self, score: f64) -> f64 {
        let decided = self.detractors + self.promoters;
        let total = decided + self.passives;
        let centre = (decided / total).sqrt().asin();
        let reach = 4.5 / total.sqrt();
        // Below this angle S is too small for the score to be as far out as `score`.
        let first = score.abs().min(1.0).sqrt().asin();
        let (from, to) = (first.max(centre - reach), (centre + reach).min(std::f64::consts::FRAC_PI_2));
        let too_small = if score > 0.0 { beta_cdf(decided, self.passives, score) } else { 0.0 };
        if from >= to {
            return too_small;
        }
        let norm = ln_gamma(total) - ln_gamma(decided) - ln_gamma(self.passives) + 2.0_f64.ln();
        let integrand = |angle: f64| {
            let (sine, cosine) = angle.sin_cos();
            let density = (norm + (2.0 * decided - 1.0) * sine.ln() + (2.0 * self.passives - 1.0) * cosine.max(1e-300).ln()).exp();
            density * beta_cdf(self.promoters, self.detractors, f64::midpoint(1.0, score / (sine * sine)))
        };
        too_small + integrate(from, to, integrand)
    }
}

/// Tanh-sinh quadrature: exact to about ten digits also when a derivative is infinite at an end.
fn integrate(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (half, middle) = ((to - from) / 2.0, f64::midpoint(from, to));
    let step = 1.0 / 64.0;
    let sum: f64 = (-200..=200)
        .map(|index| {
            let t = f64::from(index) * step;
            let inner = std::f64::consts::FRAC_PI_2 * t.sinh();
            let weight = std::f64::consts::FRAC_PI_2 * t.cosh() / inner.cosh().powi(2);
            let x = middle + half * inner.tanh();
            if x <= from || x >= to { 0.0 } else { weight * f(x) }
        })
        .sum();
    sum * step * half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quadrature_handles_smooth_and_steep_ends() {
        assert!((integrate(0.0, 2.0, |x| x * x) - 8.0 / 3.0).abs() < 1e-10);
        assert!((integrate(0.0, 1.0, |x| 1.0 / x.sqrt()) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_posterior_is_a_distribution() {
        for split in [Split::new(0, 0, 1), Split::new(2, 1, 2), Split::new(15_000, 15_000, 70_000)] {
            let posterior = Posterior::new(split).unwrap();
            assert!((posterior.below(1.0) - 1.0).abs() < 1e-6 && posterior.below(-1.0).abs() < 1e-6, "{split:?}");
        }
        let wide = jeffreys(Split::new(150, 150, 700), Confidence::P95).unwrap();
        let wald = interval::wald(Split::new(150, 150, 700), WALD, Confidence::P95.z()).unwrap();
        assert!((wide.low - wald.low).abs() < 0.2 && (wide.high - wald.high).abs() < 0.2, "the two agree in large samples");
    }
}
