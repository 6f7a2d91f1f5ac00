//! Whether the score moves over waves: a weighted straight line through the adjusted scores.

use serde::Serialize;

use super::{
    Confidence, Interval, Split,
    interval::{Adjusted, T3},
    normal,
};

/// Fewest waves for a trend.
pub const FEWEST_WAVES: usize = 3;

/// The line through the scores of successive waves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// Points per wave.
    pub slope: f64,
    /// Its standard error.
    pub error: f64,
    /// Slope over error.
    pub z: f64,
    /// Two-sided p-value of the slope.
    pub p_value: f64,
    /// Range of the slope.
    pub interval: Interval,
    /// How much the waves differ from one common score: chi-squared with one degree less than waves.
    pub heterogeneity: f64,
    /// Degrees of freedom of that.
    pub degrees: u32,
    /// Its p-value.
    pub heterogeneity_p: f64,
}

/// The trend over waves in order of time, evenly spaced; an empty wave keeps its place but adds nothing.
/// `None` with fewer than three waves that have answers.
pub fn trend(waves: &[Split], confidence: Confidence) -> Option<Trend> {
    let points: Vec<Point> = waves.iter().enumerate().filter_map(|(place, wave)| Point::new(place, *wave)).collect();
    if points.len() < FEWEST_WAVES {
        return None;
    }
    let weight: f64 = points.iter().map(|point| point.weight).sum();
    let mean = |value: fn(&Point) -> f64| points.iter().map(|point| point.weight * value(point)).sum::<f64>() / weight;
    let (time, score) = (mean(|point| point.time), mean(|point| point.score));
    let spread: f64 = points.iter().map(|point| point.weight * (point.time - time).powi(2)).sum();
    let slope = points.iter().map(|point| point.weight * (point.time - time) * point.score).sum::<f64>() / spread;
    let error = (1.0 / spread).sqrt();
    let heterogeneity = points.iter().map(|point| point.weight * (point.score - score).powi(2)).sum();
    let degrees = u32::try_from(points.len() - 1).ok()?;
    Some(Trend {
        slope,
        error,
        z: slope / error,
        p_value: normal::two_sided(slope / error),
        interval: Adjusted { centre: slope, error }.interval(confidence.z()),
        heterogeneity,
        degrees,
        heterogeneity_p: normal::chi_squared_upper(heterogeneity, degrees),
    })
}

struct Point {
    time: f64,
    score: f64,
    weight: f64,
}

impl Point {
    fn new(place: usize, wave: Split) -> Option<Self> {
        if wave.is_empty() {
            return None;
        }
        let adjusted = Adjusted::new(wave, T3)?;
        Some(Self { time: place as f64, score: adjusted.centre, weight: adjusted.error.powi(-2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_waves_are_no_trend_and_a_gap_keeps_its_place() {
        let (low, high) = (Split::new(50, 30, 20), Split::new(20, 30, 50));
        assert_eq!(trend(&[low, high, Split::default()], Confidence::P95), None);
        let near = trend(&[low, low, high], Confidence::P95).unwrap();
        let far = trend(&[low, Split::default(), low, high], Confidence::P95).unwrap();
        assert!(near.slope > far.slope && far.slope > 0.0);
    }
}
