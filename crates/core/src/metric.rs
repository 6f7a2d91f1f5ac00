//! What a score is: the metric, its scale, and the segment that follows from the value.
//!
//! Scores are integers. A value that is not on its metric's scale can't be constructed, and
//! [`Score::segment`] is total: there is no score without a segment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a survey measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Net Promoter Score: would you recommend us, 0-10.
    Nps,
    /// Customer satisfaction, 1-5 or 1-10.
    Csat,
    /// Customer effort (CES 2.0 statement), 1-7 or 1-5; high is easy.
    Ces,
}

impl Metric {
    /// The word used in files, URLs and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nps => "nps",
            Self::Csat => "csat",
            Self::Ces => "ces",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Nps, Self::Csat, Self::Ces].into_iter().find(|metric| metric.as_str() == word)
    }
}

/// A metric together with the range its answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scale {
    /// What is measured.
    pub metric: Metric,
    /// The highest answer: NPS 10; CSAT 5 or 10; CES 7 or 5.
    pub max: u8,
}

/// Why a value is not a score.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScoreError {
    /// Outside the scale.
    #[error("must be a whole number from {min} to {max}, got {got}")]
    OffScale {
        /// Lowest answer.
        min: u8,
        /// Highest answer.
        max: u8,
        /// What came.
        got: i64,
    },
    /// The metric has no such scale.
    #[error("{metric} has no scale that ends at {max}; choose one of {allowed}")]
    NoSuchScale {
        /// The metric's word.
        metric: &'static str,
        /// The asked maximum.
        max: u8,
        /// The maxima that exist.
        allowed: &'static str,
    },
}

impl Scale {
    /// The NPS scale, 0-10.
    pub const NPS: Self = Self { metric: Metric::Nps, max: 10 };

    /// Checks that the metric has a scale with this maximum.
    pub const fn new(metric: Metric, max: u8) -> Result<Self, ScoreError> {
        let allowed = match metric {
            Metric::Nps => "10",
            Metric::Csat => "5, 10",
            Metric::Ces => "7, 5",
        };
        match (metric, max) {
            (Metric::Nps, 10) | (Metric::Csat, 5 | 10) | (Metric::Ces, 5 | 7) => Ok(Self { metric, max }),
            _ => Err(ScoreError::NoSuchScale { metric: metric.as_str(), max, allowed }),
        }
    }

    /// The lowest answer: 0 for NPS, 1 for the others.
    pub const fn min(self) -> u8 {
        match self.metric {
            Metric::Nps => 0,
            Metric::Csat | Metric::Ces => 1,
        }
    }

    /// First value that counts as promoter (satisfied, easy) and first that counts as passive (neutral).
    const fn edges(self) -> (u8, u8) {
        match (self.metric, self.max) {
            // Of satisfaction: the top two boxes are satisfied, and neutral lies between them and the low ones.
            (Metric::Nps, _) | (Metric::Csat, 10) => (9, 7),
            (Metric::Csat, _) | (Metric::Ces, 5) => (4, 3),
            (Metric::Ces, _) => (5, 4),
        }
    }
}

/// One answer on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Score {
    scale: Scale,
    value: u8,
}

impl Score {
    /// Checks the value against the scale.
    pub fn new(scale: Scale, value: i64) -> Result<Self, ScoreError> {
        match u8::try_from(value) {
            Ok(small) if small >= scale.min() && small <= scale.max => Ok(Self { scale, value: small }),
            _ => Err(ScoreError::OffScale { min: scale.min(), max: scale.max, got: value }),
        }
    }

    /// The answer, within the scale.
    pub const fn value(self) -> u8 {
        self.value
    }

    /// The scale it is on.
    pub const fn scale(self) -> Scale {
        self.scale
    }

    /// The segment: NPS 9-10 promoter, 7-8 passive, 0-6 detractor; CSAT and CES are mapped to the same three.
    pub const fn segment(self) -> Segment {
        let (promoter, passive) = self.scale.edges();
        if self.value >= promoter {
            Segment::Promoter
        } else if self.value >= passive {
            Segment::Passive
        } else {
            Segment::Detractor
        }
    }
}

/// What kind of customer an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Segment {
    /// Unhappy: NPS 0-6, dissatisfied, hard.
    Detractor,
    /// In between: NPS 7-8, neutral.
    Passive,
    /// Happy: NPS 9-10, satisfied, easy.
    Promoter,
}

impl Segment {
    /// All three, from worst to best.
    pub const ALL: [Self; 3] = [Self::Detractor, Self::Passive, Self::Promoter];

    /// The word used in files, URLs and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detractor => "detractor",
            Self::Passive => "passive",
            Self::Promoter => "promoter",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|segment| segment.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_partition_every_scale_in_order() {
        for (metric, max) in [(Metric::Nps, 10), (Metric::Csat, 5), (Metric::Csat, 10), (Metric::Ces, 7), (Metric::Ces, 5)] {
            let scale = Scale::new(metric, max).unwrap();
            let segments: Vec<Segment> = (scale.min()..=max).map(|value| Score::new(scale, i64::from(value)).unwrap().segment()).collect();
            assert!(segments.is_sorted(), "{metric:?} {max}: {segments:?}");
            for segment in Segment::ALL {
                assert!(segments.contains(&segment), "{metric:?} {max} has no {segment:?}");
            }
        }
    }

    #[test]
    fn values_off_the_scale_are_refused_with_the_range() {
        for bad in [-1, 11, 256, i64::MAX] {
            let error = Score::new(Scale::NPS, bad).unwrap_err();
            assert!(error.to_string().contains("from 0 to 10"), "{error}");
        }
        let csat = Scale::new(Metric::Csat, 5).unwrap();
        assert!(Score::new(csat, 0).is_err() && Score::new(csat, 6).is_err());
        assert!(Scale::new(Metric::Nps, 9).is_err());
    }
}
