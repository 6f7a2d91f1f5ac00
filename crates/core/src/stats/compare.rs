//! Whether two scores differ, and by how much: independent groups of customers, such as two waves or two segments.
//!
//! Not for the same customers asked twice, nor for windows that overlap.

use serde::Serialize;

use super::{
    Confidence, Interval, Method, Split,
    interval::{self, Adjusted, Pseudo, T3, WALD},
    normal,
};

/// Beyond this many standard errors a p-value is 0 in double precision.
const FARTHEST_Z: f64 = 38.0;

/// What may be said about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// The interval lies above 0.
    #[serde(rename = "clearly higher")]
    Higher,
    /// The interval lies below 0.
    #[serde(rename = "clearly lower")]
    Lower,
    /// The interval contains 0: the difference is within chance.
    #[serde(rename = "no clear change")]
    NoClearChange,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Higher => "clearly higher",
            Self::Lower => "clearly lower",
            Self::NoClearChange => "no clear change",
        }
    }

    fn of(interval: Interval) -> Self {
        if interval.low > 0.0 {
            Self::Higher
        } else if interval.high < 0.0 {
            Self::Lower
        } else {
            Self::NoClearChange
        }
    }
}

/// The difference of two scores in points, -200 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The raw difference, later minus earlier; never a shrunken one.
    pub delta: f64,
    /// Lower bound of the difference.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Two-sided p-value; `None` when the method has none (Wald on two unanimous samples).
    pub p_value: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
}

/// Compares two scores; `None` when either is empty.
pub fn compare(before: Split, after: Split, method: Method, confidence: Confidence) -> Option<Comparison> {
    let (earlier, later) = (before.ratio()?, after.ratio()?);
    let delta = later.0 as f64 / later.1 as f64 - earlier.0 as f64 / earlier.1 as f64;
    let (interval, p_value) = match method {
        Method::Tango => {
            let interval = mover(before, after, confidence.z())?;
            (interval, Some(mover_p(before, after, delta)))
        }
        Method::AdjustedWald => adjusted(before, after, T3, confidence.z())?,
        Method::Wald => adjusted(before, after, WALD, confidence.z())?,
    };
    Some(Comparison { delta, low: interval.low, high: interval.high, p_value, verdict: Verdict::of(interval) })
}

/// Interval around the difference of two adjusted scores, and the p-value of its z.
fn adjusted(before: Split, after: Split, pseudo: Pseudo, z: f64) -> Option<(Interval, Option<f64>)> {
    let difference = difference(Adjusted::new(before, pseudo)?, Adjusted::new(after, pseudo)?);
    let p_value = (difference.error > 0.0).then(|| normal::two_sided(difference.centre / difference.error));
    Some((difference.interval(z).clipped(200.0), p_value))
}

/// Centre and standard error of the difference of two independent scores.
pub fn difference(before: Adjusted, after: Adjusted) -> Adjusted {
    Adjusted { centre: after.centre - before.centre, error: after.error.hypot(before.error) }
}

/// Recovers the variance of each score from its own Tango interval (the MOVER construction); `None` when either is empty.
pub fn mover(before: Split, after: Split, z: f64) -> Option<Interval> {
    let (s1, s2) = (before.nps()?, after.nps()?);
    let (i1, i2) = (interval::tango(before, z)?, interval::tango(after, z)?);
    let delta = s2 - s1;
    Some(Interval { low: delta - (s2 - i2.low).hypot(i1.high - s1), high: delta + (i2.high - s2).hypot(s1 - i1.low) })
}

/// The p-value at which the interval just touches 0: the smallest z that lets it, by halving.
fn mover_p(before: Split, after: Split, delta: f64) -> f64 {
    if delta == 0.0 {
        return 1.0;
    }
    let excludes_zero =
        |z| mover(before, after, z).is_some_and(|interval| if delta > 0.0 { interval.low > 0.0 } else { interval.high < 0.0 });
    normal::two_sided(interval::edge(0.0, FARTHEST_Z, excludes_zero))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_clear_rise_is_named_and_a_vague_one_is_not() {
        let rise = Split::new(15, 15, 70).against(Split::new(20, 30, 50), Method::Tango, Confidence::P95).unwrap();
        assert_eq!((rise.delta, rise.verdict), (25.0, Verdict::Higher));
        assert!(
            (rise.p_value.unwrap() - 0.024).abs() < 5e-4 && (rise.low - 3.4).abs() < 0.05 && (rise.high - 45.4).abs() < 0.05,
            "{rise:?}"
        );
        let vague = Split::new(1, 2, 7).against(Split::new(4, 3, 3), Method::Tango, Confidence::P95).unwrap();
        assert_eq!((vague.delta, vague.verdict.as_str()), (70.0, "no clear change"));
        assert_eq!(Split::default().against(Split::new(1, 1, 1), Method::Tango, Confidence::P95), None);
    }

    proptest! {
        #[test]
        fn swapping_the_groups_mirrors_and_the_p_value_agrees_with_the_verdict(
            a in (0_u64..60, 0_u64..60, 1_u64..60), b in (0_u64..60, 0_u64..60, 1_u64..60),
        ) {
            let (a, b) = (Split::new(a.0, a.1, a.2), Split::new(b.0, b.1, b.2));
            for method in Method::ALL {
                let there = a.against(b, method, Confidence::P95).unwrap();
                let back = b.against(a, method, Confidence::P95).unwrap();
                prop_assert!((there.delta + back.delta).abs() < 1e-9);
                prop_assert!((there.low + back.high).abs() < 1e-6 && (there.high + back.low).abs() < 1e-6);
                if let Some(p) = there.p_value && (p - 0.05).abs() > 1e-6 {
                    prop_assert_eq!(p < 0.05, there.verdict != Verdict::NoClearChange, "{:?} {:?}", method, there);
                }
            }
            let tango = a.against(b, Method::Tango, Confidence::P95).unwrap();
            prop_assert!(tango.low <= tango.delta && tango.delta <= tango.high);
        }
    }
}
