//! The normal distribution and what follows from it, to nearly the last bit.

use std::f64::consts::PI;

/// Density of the standard normal distribution.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Probability below `x`.
pub fn cdf(x: f64) -> f64 {
    upper_tail(-x)
}

/// Probability above `x`, accurate also far out.
pub fn upper_tail(x: f64) -> f64 {
    if x < 0.0 {
        1.0 - upper_tail(-x)
    } else if x < 1.0 {
        0.5 - density(x) * centre_series(x)
    } else {
        density(x) * mills_ratio(x)
    }
}

/// Two-sided p-value of a z statistic.
pub fn two_sided(z: f64) -> f64 {
    (2.0 * upper_tail(z.abs())).min(1.0)
}

/// x + x^3/3 + x^5/15 + ...: all terms of one sign, so nothing cancels.
fn centre_series(x: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    sum
}

/// Tail over density as the continued fraction 1/(x + 1/(x + 2/(x + 3/(x + ...)))), evaluated from deep inside.
fn mills_ratio(x: f64) -> f64 {
    let inside = (1..=400).rev().fold(x, |inner, step| x + f64::from(step) / inner);
    1.0 / inside
}

/// The `x` with probability `p` below it; infinite at 0 and 1, `NaN` outside.
pub fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    // A start right to about 1e-3 by the tail's leading terms, then Halley steps, each of which triples the digits.
    let t = (-2.0 * p.ln()).sqrt();
    let mut x = if t < 1.2 { (p - 0.5) * (2.0 * PI).sqrt() } else { -(t - (2.0 * PI).sqrt().ln() / t - t.ln() / t) };
    for _ in 0..12 {
        let step = (upper_tail(-x) - p) / density(x);
        let halley = step / (1.0 + 0.5 * x * step).max(0.5);
        x -= halley;
        if halley.abs() <= 1e-16 * (1.0 + x.abs()) {
            break;
        }
    }
    x
}

/// Probability that chi-squared with `degrees` of freedom exceeds `x`: a finite sum, since degrees are whole.
pub fn chi_squared_upper(x: f64, degrees: u32) -> f64 {
    if x <= 0.0 || degrees == 0 {
        return if degrees == 0 { 0.0 } else { 1.0 };
    }
    let odd = degrees % 2 == 1;
    let (mut sum, mut term, mut divisor) = if odd {
        (two_sided(x.sqrt()), 2.0 * x.sqrt() * density(x.sqrt()), 1.0)
    } else {
        ((-x / 2.0).exp(), x / 2.0 * (-x / 2.0).exp(), 2.0)
    };
    for _ in 0..(degrees - 1) / 2 {
        sum += term;
        divisor += 2.0;
        term *= x / divisor;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_to_the_last_digits() {
        let known = [(0.975, 1.959_963_984_540_054), (0.995, 2.575_829_303_548_900_4), (0.95, 1.644_853_626_951_472_2), (0.5, 0.0)];
        for (p, z) in known {
            assert!((quantile(p) - z).abs() < 2e-15, "{p}: {} {z}", quantile(p));
        }
        assert!(quantile(0.0).is_infinite() && quantile(0.0) < 0.0 && quantile(1.0).is_infinite() && quantile(1.0) > 0.0);
        assert!(quantile(1.5).is_nan() && quantile(f64::NAN).is_nan());
    }

    #[test]
    fn tails_are_right_near_and_far() {
        // Known values of the upper tail.
        let known = [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (2.0, 0.022_750_131_948_179_21),
            (3.0, 1.349_898_031_630_094_5e-3),
            (6.0, 9.865_876_450_376_98e-10),
            (10.0, 7.619_853_024_160_527e-24),
        ];
        for (x, tail) in known {
            assert!((upper_tail(x) / tail - 1.0).abs() < 1e-13, "{x}: {:e}", upper_tail(x));
            assert!((upper_tail(-x) - (1.0 - tail)).abs() < 1e-15);
        }
        assert!((upper_tail(0.999_999_999_999) - upper_tail(1.0)).abs() < 1e-11, "the two forms meet");
    }

    #[test]
    fn quantile_inverts_the_distribution() {
        for step in 1..2000 {
            let p = f64::from(step) / 2000.0;
            assert!((cdf(quantile(p)) - p).abs() < 1e-15, "{p}");
        }
        for exponent in [3, 8, 20, 100, 300] {
            let p = 10_f64.powi(-exponent);
            assert!((cdf(quantile(p)) / p - 1.0).abs() < 1e-11, "1e-{exponent}");
        }
    }

    #[test]
    fn chi_squared_has_its_known_critical_values() {
        let known = [(1, 3.841_458_820_694_124), (2, 5.991_464_547_107_979), (3, 7.814_727_903_251_179), (10, 18.307_038_053_275_146)];
        for (degrees, x) in known {
            assert!((chi_squared_upper(x, degrees) - 0.05).abs() < 1e-13, "{degrees}");
        }
        assert!((chi_squared_upper(0.0, 3) - 1.0).abs() < 1e-15);
    }
}
