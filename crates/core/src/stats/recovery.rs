//! Recovery: former detractors who were asked again and have come up.
//!
//! Always shown with its coverage, and beside the same rate of detractors whom nobody contacted: scores
//! drift to the middle by themselves. The comparison is observed, not an experiment; label it so.

use serde::Serialize;

use super::{Confidence, Split, proportion::Proportion};

/// What became of detractors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recovery {
    /// Asked again and now 7 or more, of those asked again.
    pub recovered: Proportion,
    /// Now 9 or 10, of those asked again.
    pub fully: Proportion,
    /// Asked again and answered, of those who could have been.
    pub coverage: Proportion,
}

/// Recovery from the newest answers of former detractors (`now`) and how many were eligible. `None` when nobody
/// answered again, or more did than were eligible.
pub fn recovery(now: Split, eligible: u64, confidence: Confidence) -> Option<Recovery> {
    let asked = now.n();
    Some(Recovery {
        recovered: Proportion::new(now.passives.saturating_add(now.promoters), asked, confidence)?,
        fully: Proportion::new(now.promoters, asked, confidence)?,
        coverage: Proportion::new(asked, eligible, confidence)?,
    })
}
