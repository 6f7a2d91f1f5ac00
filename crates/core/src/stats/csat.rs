//! Customer satisfaction: the share of the top boxes, with mean and spread beside it.
//!
//! Top boxes of scales of different length are not comparable; the mean on 0-100 is for display on one axis only.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Confidence, proportion::Proportion};
use crate::counts::Counts;

/// What some satisfaction answers say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Csat {
    /// Answers in the top boxes.
    pub satisfied: Proportion,
    /// Mean answer.
    pub mean: f64,
    /// Standard deviation of one answer (n-1); `None` for a single one.
    pub sd: Option<f64>,
    /// Mean stretched to 0-100.
    pub mean_0_100: f64,
}

/// Satisfaction on a scale from 1 to `max`, of which the highest `top_boxes` count as satisfied (2 is usual). `None` without answers.
pub fn csat(counts: &Counts, max: u8, top_boxes: u8, confidence: Confidence) -> Option<Csat> {
    let satisfied = counts.between(max.saturating_sub(top_boxes).saturating_add(1), max);
    let mean = counts.mean()?;
    Some(Csat {
        satisfied: Proportion::new(satisfied, counts.scored(), confidence)?,
        mean,
        sd: counts.sd(),
        mean_0_100: 100.0 * (mean - 1.0) / f64::from(max.saturating_sub(1).max(1)),
    })
}

/// The other way to count: 100 % minus the share of the lowest `low_boxes`, as Nicereply does. `None` without answers.
pub fn not_unhappy_percent(counts: &Counts, low_boxes: u8) -> Option<f64> {
    let n = counts.scored();
    (n > 0).then(|| 100.0 - 100.0 * counts.between(1, low_boxes) as f64 / n as f64)
}
