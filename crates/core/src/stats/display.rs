//! How little is too little: what may be shown of a small sample.

use serde::Serialize;

/// Below this many answers nothing is shown: a score of three people names them.
pub const HIDE_BELOW: u64 = 5;
/// From here on a score is shown without the word "preliminary", and trends and rankings are.
pub const FULL_FROM: u64 = 30;

/// How much of a score is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Under 5 answers: nothing but that there are too few.
    Hidden,
    /// 5 to 29: the score with its interval, marked preliminary; no trend arrow, no rank.
    Preliminary,
    /// From 30: all of it.
    Full,
}

impl Visibility {
    /// By the number of answers.
    pub const fn of(n: u64) -> Self {
        if n < HIDE_BELOW {
            Self::Hidden
        } else if n < FULL_FROM {
            Self::Preliminary
        } else {
            Self::Full
        }
    }

    /// Whether the score is shown at all.
    pub const fn shows_score(self) -> bool {
        matches!(self, Self::Preliminary | Self::Full)
    }

    /// Whether trend arrows and ranks are shown.
    pub const fn shows_trend(self) -> bool {
        matches!(self, Self::Full)
    }
}

/// Which sibling cells of a breakdown to hide: those with answers but under `floor`, and, when that hides
/// exactly one, the next smallest too, or the total minus the others would give it away.
pub fn suppress(cells: &[u64], floor: u64) -> Vec<bool> {
    let mut hidden: Vec<bool> = cells.iter().map(|n| (1..floor).contains(n)).collect();
    if hidden.iter().filter(|hidden| **hidden).count() == 1 {
        let open = cells.iter().zip(&mut hidden).filter(|(n, hidden)| **n > 0 && !**hidden);
        if let Some((_, next)) = open.min_by_key(|(n, _)| **n) {
            *next = true;
        }
    }
    hidden
}

/// How far one more or one other answer can move the score of `n`, in points. `None` without answers.
pub fn one_answer_swing(n: u64) -> Option<f64> {
    (n > 0).then(|| 200.0 / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_5_and_30() {
        use Visibility::{Full, Hidden, Preliminary};
        assert_eq!([0, 4, 5, 29, 30].map(Visibility::of), [Hidden, Hidden, Preliminary, Preliminary, Full]);
        assert!(!Hidden.shows_score() && Preliminary.shows_score() && !Preliminary.shows_trend() && Full.shows_trend());
    }

    #[test]
    fn one_hidden_cell_hides_a_second() {
        assert_eq!(suppress(&[3, 40, 9], 5), [true, false, true]);
        assert_eq!(suppress(&[3, 40, 2], 5), [true, false, true]);
        assert_eq!(suppress(&[30, 40, 9], 5), [false, false, false]);
        assert_eq!(suppress(&[3, 0], 5), [true, false]);
        assert_eq!(suppress(&[], 5), Vec::<bool>::new());
    }
}
