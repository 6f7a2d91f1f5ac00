//! Customer retention: who of the customers at the start is still one at the end.

use serde::Serialize;
use thiserror::Error;

use super::{Confidence, proportion::Proportion};

/// Why three head counts give no retention rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RetentionError {
    /// Nobody to retain.
    #[error("start: must be at least 1; with no customer at the start the rate is undefined")]
    NoStart,
    /// More new customers than customers.
    #[error("new: must not exceed end; new customers are part of those at the end")]
    NewExceedsEnd,
    /// More retained than there were.
    #[error("end: minus new must not exceed start; count reactivated customers as new")]
    RetainedExceedsStart,
}

impl RetentionError {
    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoStart => "undefined_no_starting_customers",
            Self::NewExceedsEnd => "invalid_new_exceeds_end",
            Self::RetainedExceedsStart => "invalid_retained_exceeds_start",
        }
    }
}

/// Share of customers kept and lost over one period, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Retention {
    /// Kept, of those at the start.
    pub kept: Proportion,
    /// Lost, in per cent.
    pub churn_percent: f64,
}

/// Retention from customers at the start, at the end, and those of the end that are new.
pub fn retention(start: u64, end: u64, new: u64, confidence: Confidence) -> Result<Retention, RetentionError> {
    if start == 0 {
        return Err(RetentionError::NoStart);
    }
    let kept = end.checked_sub(new).ok_or(RetentionError::NewExceedsEnd)?;
    let kept = Proportion::new(kept, start, confidence).ok_or(RetentionError::RetainedExceedsStart)?;
    Ok(Retention { kept, churn_percent: 100.0 - kept.percent })
}

/// A rate over `months` as the yearly rate it would compound to, in per cent. Label it as such.
pub fn annualised(percent: f64, months: f64) -> Option<f64> {
    (months > 0.0 && (0.0..=100.0).contains(&percent)).then(|| 100.0 * (percent / 100.0).powf(12.0 / months))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_compounds_to_a_year() {
        assert!((annualised(90.0, 1.0).unwrap() - 28.242_953_648_1).abs() < 1e-9);
        assert_eq!(annualised(90.0, 12.0), Some(90.0));
        assert_eq!(annualised(90.0, 0.0), None);
    }
}
