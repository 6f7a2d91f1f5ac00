//! The roll-up state: 13 signed counters that merge by addition.

use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::metric::{Scale, Score, Segment};

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

    /// Scored answers.
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

    fn zip_with(self, other: Self, f: impl Fn(i64, i64) -> i64) -> Self {
        let mut bins = self.bins;
        for (bin, other) in bins.iter_mut().zip(other.bins) {
            *bin = f(*bin, other);
        }
        Self { bins, no_score: f(self.no_score, other.no_score), with_comment: f(self.with_comment, other.with_comment) }
    }
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
