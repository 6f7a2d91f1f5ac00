//! The interval of one score.
//!
//! The default is Tango's score interval: of all methods compared at 5 to 200 answers it has the best floor of
//! coverage, always contains the score, and never leaves the scale. The others are for parity with other tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Split, normal};

/// How sure an interval is, between 0 and 1, both excluded.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

/// Not a confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("confidence: must lie between 0 and 1, such as 0.95")]
pub struct ConfidenceError;

impl Confidence {
    /// The default, 95 %.
    pub const P95: Self = Self(0.95);

    /// Checks that it lies between 0 and 1.
    pub fn new(value: f64) -> Result<Self, ConfidenceError> {
        // Closer to 1 than this the quantile is infinite.
        if value > 0.0 && value <= 1.0 - 1e-12 { Ok(Self(value)) } else { Err(ConfidenceError) }
    }

    /// The share, 0.95.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// How many standard errors to each side.
    pub fn z(self) -> f64 {
        normal::quantile(f64::midpoint(1.0, self.0))
    }
}

impl Default for Confidence {
    fn default() -> Self {
        Self::P95
    }
}

impl TryFrom<f64> for Confidence {
    type Error = ConfidenceError;
    fn try_from(value: f64) -> Result<Self, ConfidenceError> {
        Self::new(value)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

/// A range in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// The same range times a factor, such as from units to points.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        Self { low: a.min(b), high: a.max(b) }
    }

    pub(super) const fn clipped(self, limit: f64) -> Self {
        Self { low: self.low.clamp(-limit, limit), high: self.high.clamp(-limit, limit) }
    }

    /// Whether the value lies in the range.
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// How an interval is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Tango's score interval.
    #[default]
    Tango,
    /// Wald after adding 3/4, 3/2 and 3/4 pseudo answers.
    AdjustedWald,
    /// The textbook interval; too narrow in small samples, here to compare with other tools.
    Wald,
}

impl Method {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Tango, Self::AdjustedWald, Self::Wald];

    /// The word used on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tango => "tango",
            Self::AdjustedWald => "adjusted_wald",
            Self::Wald => "wald",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// Answers that nobody gave, added to detractors, passives and promoters to steady small samples.
pub type Pseudo = [f64; 3];
/// None added.
pub const WALD: Pseudo = [0.0, 0.0, 0.0];
/// The recommended three.
pub const T3: Pseudo = [0.75, 1.5, 0.75];

/// Centre and standard error of a score with pseudo answers, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjusted {
    /// Centre of the interval; the score itself when nothing was added.
    pub centre: f64,
    /// Standard error.
    pub error: f64,
}

impl Adjusted {
    /// `None` when there are neither answers nor pseudo answers.
    pub fn new(split: Split, pseudo: Pseudo) -> Option<Self> {
        let [d, q, p] = pseudo;
        let (d, q, p) = (d + split.detractors as f64, q + split.passives as f64, p + split.promoters as f64);
        let n = d + q + p;
        if n <= 0.0 {
            return None;
        }
        let mean = (p - d) / n;
        let variance = ((p + d) / n - mean * mean).max(0.0);
        Some(Self { centre: 100.0 * mean, error: 100.0 * (variance / n).sqrt() })
    }

    /// `z` standard errors to each side, not clipped to the scale.
    pub fn interval(self, z: f64) -> Interval {
        Interval { low: self.centre - z * self.error, high: self.centre + z * self.error }
    }
}

/// The interval of one score in points; `None` without answers.
pub(super) fn score(split: Split, method: Method, confidence: Confidence) -> Option<Interval> {
    if split.is_empty() {
        return None;
    }
    match method {
        Method::Tango => tango(split, confidence.z()),
        Method::AdjustedWald => wald(split, T3, confidence.z()),
        Method::Wald => wald(split, WALD, confidence.z()),
    }
}

/// Wald with any pseudo answers, clipped to the scale; `None` when there is nothing at all.
pub fn wald(split: Split, pseudo: Pseudo, z: f64) -> Option<Interval> {
    Some(Adjusted::new(split, pseudo)?.interval(z).clipped(100.0))
}

/// Tango's score interval with `z` standard errors: the scores that a score test doesn't reject. `None` without answers.
pub fn tango(split: Split, z: f64) -> Option<Interval> {
    let score = split.mean_unit()?;
    let [d, q, p] = [split.detractors, split.passives, split.promoters];
    let high = if d == 0 && q == 0 { 1.0 } else { edge(score, 1.0, |truth| tango_z(split, truth).abs() <= z) };
    let low = if p == 0 && q == 0 { -1.0 } else { edge(score, -1.0, |truth| tango_z(split, truth).abs() <= z) };
    Some(Interval { low, high }.scaled(100.0))
}

/// The last point on the way from `inside` to `outside` that is still accepted, by halving.
pub(super) fn edge(inside: f64, outside: f64, accepted: impl Fn(f64) -> bool) -> f64 {
    if accepted(outside) {
        return outside;
    }
    let (mut inside, mut outside) = (inside, outside);
    for _ in 0..60 {
        let middle = f64::midpoint(inside, outside);
        if accepted(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    f64::midpoint(inside, outside)
}

/// The score test's statistic for a true score of `truth` units.
fn tango_z(split: Split, truth: f64) -> f64 {
    let n = split.n() as f64;
    let (down, up) = (split.detractors as f64 / n, split.promoters as f64 / n);
    let distance = up - down - truth;
    // The most likely share of detractors, given the true score: the larger root of 2 x^2 + b x + c.
    let (b, c) = ((2.0 - up + down) * truth - (down + up), -down * truth * (1.0 - truth));
    let root = (b * b - 8.0 * c).max(0.0).sqrt();
    // Of the two forms of the root, the one that subtracts nothing.
    let likely = if b > 0.0 { -2.0 * c / (b + root) } else { (root - b) / 4.0 };
    let variance = (2.0 * likely + truth * (1.0 - truth)).max(0.0) / n;
    if distance == 0.0 { 0.0 } else { distance / variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_confidences_are_read() {
        for method in Method::ALL {
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
        for bad in [0.0, 1.0, 95.0, -0.5, f64::NAN] {
            assert!(Confidence::new(bad).is_err(), "{bad}");
        }
        assert!((Confidence::P95.z() - 1.959_963_984_540_054).abs() < 2e-15);
    }

    proptest! {
        #[test]
        fn tango_contains_the_score_stays_on_the_scale_and_mirrors(d in 0_u64..300, q in 0_u64..300, p in 1_u64..300, c in 0.5_f64..0.999) {
            let confidence = Confidence::new(c).unwrap();
            let split = Split::new(d, q, p);
            let found = split.interval(Method::Tango, confidence).unwrap();
            prop_assert!(found.contains(split.nps().unwrap()), "{found:?}");
            prop_assert!(found.low >= -100.0 && found.high <= 100.0 && found.low < found.high);
            let mirror = Split::new(p, q, d).interval(Method::Tango, confidence).unwrap();
            prop_assert!((mirror.low + found.high).abs() < 1e-7 && (mirror.high + found.low).abs() < 1e-7, "{found:?} {mirror:?}");
        }

        #[test]
        fn every_method_widens_with_confidence_and_narrows_with_answers(d in 1_u64..60, q in 1_u64..60, p in 1_u64..60) {
            let split = Split::new(d, q, p);
            let many = Split::new(100 * d, 100 * q, 100 * p);
            for method in Method::ALL {
                let width = |split: Split, c| { let i = split.interval(method, Confidence::new(c).unwrap()).unwrap(); i.high - i.low };
                prop_assert!(width(split, 0.99) >= width(split, 0.9));
                prop_assert!(width(many, 0.95) < width(split, 0.95));
            }
        }
    }
}
