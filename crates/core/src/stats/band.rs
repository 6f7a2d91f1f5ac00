//! Names for ranges of the score. An edge is decided on the exact fraction, not on the shown number:
//! 69.6 shows as 70 and is still in the band below.

use serde::Serialize;

/// The bands of the guides: below 0, `[0,30)`, `[30,50)`, `[50,70]`, above 70.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Band {
    /// Below 0: more detractors than promoters.
    #[serde(rename = "below_0")]
    BelowZero,
    /// From 0 to under 30.
    #[serde(rename = "0_30")]
    UpTo30,
    /// From 30 to under 50.
    #[serde(rename = "30_50")]
    UpTo50,
    /// From 50 to 70, both included.
    #[serde(rename = "50_70")]
    UpTo70,
    /// Above 70.
    #[serde(rename = "above_70")]
    Above70,
}

impl Band {
    /// All of them, worst first.
    pub const ALL: [Self; 5] = [Self::BelowZero, Self::UpTo30, Self::UpTo50, Self::UpTo70, Self::Above70];

    /// The band of `numerator / denominator` points; the denominator is positive.
    pub fn of_ratio(numerator: i128, denominator: i128) -> Self {
        let points = |edge: i128| denominator.saturating_mul(edge);
        if numerator < 0 {
            Self::BelowZero
        } else if numerator < points(30) {
            Self::UpTo30
        } else if numerator < points(50) {
            Self::UpTo50
        } else if numerator <= points(70) {
            Self::UpTo70
        } else {
            Self::Above70
        }
    }

    /// The word used in JSON and templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BelowZero => "below_0",
            Self::UpTo30 => "0_30",
            Self::UpTo50 => "30_50",
            Self::UpTo70 => "50_70",
            Self::Above70 => "above_70",
        }
    }

    /// The range in mathematical notation.
    pub const fn range(self) -> &'static str {
        match self {
            Self::BelowZero => "< 0",
            Self::UpTo30 => "[0, 30)",
            Self::UpTo50 => "[30, 50)",
            Self::UpTo70 => "[50, 70]",
            Self::Above70 => "> 70",
        }
    }
}

/// The word of the other common division: below 0, `[0,20)`, `[20,50)`, `[50,80)`, 80 and above.
pub fn bain_word(numerator: i128, denominator: i128) -> &'static str {
    let below = |edge: i128| numerator < denominator.saturating_mul(edge);
    if below(0) {
        "below_0"
    } else if below(20) {
        "0_20"
    } else if below(50) {
        "20_50"
    } else if below(80) {
        "50_80"
    } else {
        "above_80"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_where_they_are_stated() {
        let bands: Vec<&str> =
            [-1, 0, 299, 300, 499, 500, 696, 700, 701].iter().map(|tenths| Band::of_ratio(*tenths, 10).as_str()).collect();
        assert_eq!(bands, ["below_0", "0_30", "0_30", "30_50", "30_50", "50_70", "50_70", "50_70", "above_70"]);
        for band in Band::ALL {
            assert_eq!(serde_json::to_value(band).unwrap(), band.as_str());
        }
    }
}
