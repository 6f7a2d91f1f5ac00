//! The roll-up state: 13 signed counters that merge by addition.
//!
//! Owns merging and what follows from the bins alone. Windows are differences and sums of counters; a
//! score is always computed from merged counts, never averaged over buckets. Refuses to know buckets.

use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::{
    metric::{Scale, Score, Segment},
    stats::Split,
};

/// Answers counted by value. Merging is vector addition: associative, commutative, with inverses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// How many answers had the value of the index.
    pub bins: [i64; 11],
    /// Answers without a score.
    pub no_score: i64,
    /// Answers with a comment.
    pub with_comment: i64,
}

impl Counts {
    /// The contribution of one answer.
    pub fn of(score: Option<Score>, has_comment: bool) -> Self {
        let mut counts = Self::default();
        match score.and_then(|score| counts.bins.get_mut(usize::from(score.value()))) {
            Some(bin) => *bin = 1,
            None => counts.no_score = 1,
        }
        counts.with_comment = i64::from(has_comment);
        counts
    }

    /// Scored answers; negative only in a difference.
    pub fn n(&self) -> i64 {
        self.bins.iter().sum()
    }

    /// Answers of one segment, by the scale they were given on.
    pub fn segment(&self, scale: Scale, segment: Segment) -> i64 {
        (0_u8..)
            .zip(self.bins)
            .filter(|(value, _)| Score::new(scale, i64::from(*value)).is_ok_and(|score| score.segment() == segment))
            .map(|(_, count)| count)
            .sum()
    }

    /// Detractors, passives and promoters, from which every score and interval follows. A negative count, which no valid
    /// history has, reads as 0.
    pub fn split(&self, scale: Scale) -> Split {
        let [detractors, passives, promoters] = Segment::ALL.map(|segment| not_negative(self.segment(scale, segment)));
        Split::new(detractors, passives, promoters)
    }

    /// Scored answers as a plain count; a negative one reads as 0.
    pub fn scored(&self) -> u64 {
        not_negative(self.n())
    }

    /// Answers from `low` to `high`, both included; none when `low` is above `high`.
    pub fn between(&self, low: u8, high: u8) -> u64 {
        not_negative((0_u8..).zip(self.bins).filter(|(value, _)| (low..=high).contains(value)).map(|(_, count)| count).sum())
    }

    /// Mean of the answers. `None` without any.
    pub fn mean(&self) -> Option<f64> {
        let sum: i128 = (0_i128..).zip(self.bins).map(|(value, count)| value * i128::from(count)).sum();
        (self.n() > 0).then(|| sum as f64 / self.n() as f64)
    }

    /// Standard deviation of one answer, with n-1. `None` below two answers.
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: f64 = (0_u8..).zip(self.bins).map(|(value, count)| count as f64 * (f64::from(value) - mean).powi(2)).sum();
        (self.n() > 1).then(|| (squares / (self.n() - 1) as f64).max(0.0).sqrt())
    }

    /// The scale turned round: an answer of `min` becomes `max` and so on. Bins outside of it stay.
    pub fn flipped(mut self, min: u8, max: u8) -> Self {
        if let Some(scale) = self.bins.get_mut(usize::from(min)..=usize::from(max)) {
            scale.reverse();
        }
        self
    }

    fn zip_with(self, other: Self, f: impl Fn(i64, i64) -> i64) -> Self {
        let mut bins = self.bins;
        for (bin, other) in bins.iter_mut().zip(other.bins) {
            *bin = f(*bin, other);
        }
        Self { bins, no_score: f(self.no_score, other.no_score), with_comment: f(self.with_comment, other.with_comment) }
    }
}

fn not_negative(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip_with(other, |a, b| a + b)
    }
}
impl Sub for Counts {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.zip_with(other, |a, b| a - b)
    }
}
impl Neg for Counts {
    type Output = Self;
    fn neg(self) -> Self {
        Self::default() - self
    }
}
impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |a, b| a + b)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers as they come: a score or none, a comment or none.
    fn answers() -> impl Strategy<Value = Vec<(Option<Score>, bool)>> {
        let score = prop::option::of((0_i64..=10).prop_map(|value| Score::new(Scale::NPS, value).unwrap()));
        prop::collection::vec((score, any::<bool>()), 0..60)
    }

    fn counted(answers: &[(Option<Score>, bool)]) -> Counts {
        answers.iter().map(|(score, comment)| Counts::of(*score, *comment)).sum()
    }

    fn score_of(answers: &[(Option<Score>, bool)]) -> Option<f64> {
        let values: Vec<f64> = answers
            .iter()
            .filter_map(|(score, _)| *score)
            .map(|score| match score.segment() {
                Segment::Detractor => -100.0,
                Segment::Passive => 0.0,
                Segment::Promoter => 100.0,
            })
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    proptest! {
        #[test]
        fn counters_are_a_group(a in answers(), b in answers(), c in answers()) {
            let (a, b, c) = (counted(&a), counted(&b), counted(&c));
            prop_assert_eq!((a + b) + c, a + (b + c));
            prop_assert_eq!(a + b, b + a);
            prop_assert_eq!(a + b - b, a);
            prop_assert_eq!(a + Counts::default(), a);
            prop_assert_eq!(a + -a, Counts::default());
        }

        #[test]
        fn merged_counters_score_as_all_answers_together(a in answers(), b in answers()) {
            let together: Vec<_> = a.iter().chain(&b).copied().collect();
            let merged = counted(&a) + counted(&b);
            prop_assert_eq!(merged, counted(&together));
            match (merged.split(Scale::NPS).nps(), score_of(&together)) {
                (Some(ours), Some(plain)) => prop_assert!((ours - plain).abs() < 1e-9),
                (ours, plain) => prop_assert_eq!(ours, plain),
            }
            prop_assert_eq!(merged.split(Scale::NPS).n(), merged.scored());
        }

        #[test]
        fn no_valid_history_makes_a_counter_negative(history in answers(), edits in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..=10, any::<bool>()), 0..40)) {
            let mut alive = history.clone();
            let mut counts = counted(&history);
            for (which, value, erase) in edits {
                if alive.is_empty() { break; }
                let index = which.index(alive.len());
                let old = Counts::of(alive[index].0, alive[index].1);
                if erase {
                    counts = counts - old;
                    alive.remove(index);
                } else {
                    alive[index].0 = Some(Score::new(Scale::NPS, value).unwrap());
                    counts = counts + Counts::of(alive[index].0, alive[index].1) - old;
                }
                prop_assert!(counts.bins.iter().all(|bin| *bin >= 0) && counts.no_score >= 0 && counts.with_comment >= 0);
            }
            prop_assert_eq!(counts, counted(&alive));
        }
    }

    #[test]
    fn a_scale_can_be_turned_round() {
        let counts = Counts { bins: [9, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0], ..Counts::default() };
        assert_eq!(counts.flipped(1, 5).bins, [9, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0]);
        assert_eq!((counts.between(4, 5), counts.between(5, 4)), (9, 0));
    }
}
