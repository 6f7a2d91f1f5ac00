//! What customers mention, and how answers that mention it score.
//!
//! The impact of a theme is the score of all minus the score without it. That is an association: say
//! "answers that mention X score lower", never "X costs points". Impacts of overlapping themes don't add up.

use serde::Serialize;

use super::{Confidence, Interval, Split, compare, interval::Adjusted, interval::T3, normal};

/// Fewest mentions, and fewest answers without, to list a theme with numbers.
pub const LIST_FROM: u64 = 5;
/// Fewest of both to rank it.
pub const RANK_FROM: u64 = 10;

/// How much of a theme may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Under 5 on either side: "few mentions", without numbers.
    FewMentions,
    /// 5 to 9: listed, not ranked.
    Listed,
    /// From 10: ranked.
    Ranked,
}

/// One theme against the answers that don't mention it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Impact {
    /// Answers that mention it.
    pub mentions: u64,
    /// Their part of all answers that have a comment, 0 to 1.
    pub share: f64,
    /// Their score.
    pub score_with: f64,
    /// The score of the others.
    pub score_without: f64,
    /// Score of all minus score without the theme, in points: below 0, it drags.
    pub impact: f64,
    /// Range of the impact, the share held fixed.
    pub interval: Interval,
    /// Range of the gap between the two scores.
    pub gap: Interval,
    /// Two-sided p-value of the gap; adjust over all themes with [`super::multiple::benjamini_hochberg`].
    pub p_value: Option<f64>,
    /// Its part of all detractors, 0 to 1; `None` when there are none.
    pub detractor_share: Option<f64>,
    /// How much likelier a detractor is among those who mention it; `None` when there are no detractors.
    pub lift: Option<f64>,
    /// How much of it may be shown.
    pub standing: Standing,
}

impl Impact {
    /// The sort key of "fix first": points to gain if these answers scored like the others.
    pub fn points_to_gain(&self) -> f64 {
        (-self.impact).max(0.0)
    }
}

/// The impact of a theme among `all` answers that have a comment. `None` when nobody or everybody mentions it, or it is no part of all.
pub fn impact(all: Split, theme: Split, confidence: Confidence) -> Option<Impact> {
    let without = all.without(theme)?;
    let (score_all, score_with, score_without) = (all.nps()?, theme.nps()?, without.nps()?);
    let share = theme.n() as f64 / all.n() as f64;
    let difference = compare::difference(Adjusted::new(without, T3)?, Adjusted::new(theme, T3)?);
    let gap = difference.interval(confidence.z());
    let detractor_share = (all.detractors > 0).then(|| theme.detractors as f64 / all.detractors as f64);
    Some(Impact {
        mentions: theme.n(),
        share,
        score_with,
        score_without,
        impact: score_all - score_without,
        interval: gap.scaled(share),
        gap,
        p_value: (difference.error > 0.0).then(|| normal::two_sided(difference.centre / difference.error)),
        detractor_share,
        lift: detractor_share.map(|part| part / share),
        standing: standing(theme.n().min(without.n())),
    })
}

const fn standing(fewest: u64) -> Standing {
    if fewest < LIST_FROM {
        Standing::FewMentions
    } else if fewest < RANK_FROM {
        Standing::Listed
    } else {
        Standing::Ranked
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_theme_of_everybody_has_no_impact() {
        let all = Split::new(3, 3, 4);
        assert_eq!(impact(all, all, Confidence::P95), None);
        assert_eq!(impact(all, Split::default(), Confidence::P95), None);
        assert_eq!(impact(all, Split::new(4, 0, 0), Confidence::P95), None);
    }

    proptest! {
        #[test]
        fn impact_is_share_times_gap(with in (0_u64..50, 0_u64..50, 1_u64..50), without in (0_u64..50, 0_u64..50, 1_u64..50)) {
            let (with, without) = (Split::new(with.0, with.1, with.2), Split::new(without.0, without.1, without.2));
            let found = impact(with + without, with, Confidence::P95).unwrap();
            prop_assert!((found.impact - found.share * (found.score_with - found.score_without)).abs() < 1e-9);
        }
    }
}
