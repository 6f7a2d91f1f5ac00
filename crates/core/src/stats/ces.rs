//! Customer effort: how easy it was, on 1-7 (or 1-5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Confidence, Split, proportion::Proportion};
use crate::counts::Counts;

/// What the high end of the scale means. It is part of the survey: turning it round is a new survey, not an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// "It was easy": the highest answer is full agreement.
    #[default]
    HighIsEasy,
    /// "How much effort": the highest answer is the hardest.
    HighIsHard,
}

/// What some effort answers say, read so that high is easy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Ces {
    /// Mean answer.
    pub mean: f64,
    /// Answers that agree: 5-7 of 7, 4-5 of 5.
    pub agree: Proportion,
    /// Answers that found it hard: 1-3 of 7, 1-2 of 5.
    pub difficult_percent: f64,
    /// Hard, in between and clearly easy (6-7 of 7, 4-5 of 5): its score is the net index.
    pub net: Split,
}

/// Effort on a scale from 1 to `max` (5 or 7). `None` without answers.
pub fn ces(counts: &Counts, max: u8, orientation: Orientation, confidence: Confidence) -> Option<Ces> {
    let counts = match orientation {
        Orientation::HighIsEasy => *counts,
        Orientation::HighIsHard => counts.flipped(1, max),
    };
    let (hard_to, agree_from, easy_from) = if max > 5 { (3, 5, 6) } else { (2, 4, 4) };
    let n = counts.scored();
    let (hard, easy) = (counts.between(1, hard_to), counts.between(easy_from, max));
    Some(Ces {
        mean: counts.mean()?,
        agree: Proportion::new(counts.between(agree_from, max), n, confidence)?,
        difficult_percent: 100.0 * hard as f64 / n as f64,
        net: Split::new(hard, n.saturating_sub(hard).saturating_sub(easy), easy),
    })
}
