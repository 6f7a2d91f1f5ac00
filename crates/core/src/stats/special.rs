//! The incomplete beta function and Student's t, for the few methods that need them.

use std::f64::consts::PI;

/// Natural logarithm of the gamma function for `x > 0`: Stirling's series after stepping up to 15.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut steps) = (x, 1.0);
    while x < 15.0 {
        steps *= x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let tail = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y * (1.0 / 1188.0 - y * 691.0 / 360_360.0))))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + tail - steps.ln()
}

/// Regularised incomplete beta function: the probability that Beta(a, b) lies below `x`. `a` and `b` are positive.
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on one side of the mean; the other side is its mirror.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_cdf(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    front * beta_fraction(a, b, x)
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let safe = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut numerator, mut denominator) = (1.0, 1.0 / safe(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = denominator;
    for step in 1..20_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            denominator = 1.0 / safe(1.0 + term * denominator);
            numerator = safe(1.0 + term / numerator);
            fraction *= numerator * denominator;
        }
        if (numerator * denominator - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The `t` with probability `p` below it, for Student's distribution; `p` from 0.5 to under 1, degrees positive.
pub fn student_quantile(p: f64, degrees: f64) -> f64 {
    let tail = |t: f64| 0.5 * beta_cdf(degrees / 2.0, 0.5, degrees / (degrees + t * t));
    let mut high = 1.0;
    while tail(high) > 1.0 - p && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if tail(middle) > 1.0 - p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_gives_factorials_and_the_root_of_pi() {
        let mut factorial = 1.0_f64;
        for n in 1..40 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-12 * (1.0 + factorial.ln()), "{n}");
            factorial *= f64::from(n);
        }
        assert!((ln_gamma(0.5) - 0.5 * PI.ln()).abs() < 1e-13);
    }

    #[test]
    fn beta_has_its_closed_forms_and_mirrors() {
        for x in [0.0, 0.1, 0.37, 0.5, 0.9, 1.0] {
            assert!((beta_cdf(1.0, 1.0, x) - x).abs() < 1e-14);
            assert!((beta_cdf(3.0, 1.0, x) - x.powi(3)).abs() < 1e-14);
            assert!((beta_cdf(0.5, 0.5, x) - 2.0 / PI * x.sqrt().asin()).abs() < 1e-13);
            assert!((beta_cdf(40.5, 7.5, x) + beta_cdf(7.5, 40.5, 1.0 - x) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn student_has_its_table_values() {
        for (degrees, t) in [(1.0, 12.706_204_736), (2.0, 4.302_652_730), (10.0, 2.228_138_852), (100.0, 1.983_971_519)] {
            assert!((student_quantile(0.975, degrees) - t).abs() < 1e-8, "{degrees}");
        }
    }
}
