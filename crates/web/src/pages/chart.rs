//! The trend as a drawing and as a table: each span's score with its interval, spans with too few answers left out.
//!
//! Owns: where on the drawing a number lies, and how a score is rounded for people.

use hearback_core::{
    Metric,
    stats::{Interval, Split, Visibility, rounding},
};
use hearback_engine::metrics::{BucketLine, ScoreLine};
use serde::Serialize;

/// Size of the drawing in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
/// Room for the labels of the axes.
const LEFT: f64 = 50.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 24.0;
/// Labels that fit under the drawing.
const MOST_LABELS: usize = 6;
/// Spans that fit into it.
const MOST_SPANS: usize = 36;

/// A drawing with its table.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    grid: Vec<GridLine>,
    labels: Vec<Label>,
    points: Vec<Point>,
    /// The line through the points, in pieces where spans are missing.
    lines: Vec<String>,
    /// The area of the intervals, in the same pieces.
    areas: Vec<String>,
    rows: Vec<Row>,
    unit: &'static str,
}

#[derive(Debug, Serialize)]
struct GridLine {
    y: f64,
    label: i64,
    zero: bool,
}

#[derive(Debug, Serialize)]
struct Label {
    x: f64,
    text: String,
}

#[derive(Debug, Serialize)]
struct Point {
    x: f64,
    y: f64,
    low_y: f64,
    high_y: f64,
    title: String,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    n: u64,
    score: Option<String>,
    interval: Option<String>,
    preliminary: bool,
}

/// The metric's number rounded once, from whole counts: NPS as points, the others as per cent.
pub(crate) fn shown(metric: Metric, line: &ScoreLine) -> Option<String> {
    value(metric, line).map(|value| if metric == Metric::Nps { value.to_string() } else { format!("{value} %") })
}

fn value(metric: Metric, line: &ScoreLine) -> Option<i64> {
    match metric {
        Metric::Nps => Split::new(line.detractors, line.passives, line.promoters).nps_rounded(),
        Metric::Csat | Metric::Ces if line.n > 0 => {
            i64::try_from(rounding::half_away(i128::from(line.promoters) * 100, i128::from(line.n))).ok()
        }
        Metric::Csat | Metric::Ces => None,
    }
}

/// The interval as whole points, rounded outward.
pub(crate) fn bounds(line: &ScoreLine) -> Option<(i64, i64)> {
    line.interval.map(|interval| rounding::outward(Interval { low: interval.low, high: interval.high }))
}

/// The drawing; `None` when fewer than two spans have enough answers to be shown.
pub(crate) fn trend(metric: Metric, months: bool, buckets: &[BucketLine]) -> Option<Chart> {
    let buckets = buckets.get(buckets.len().saturating_sub(MOST_SPANS)..).unwrap_or_default();
    let spans: Vec<Span> = buckets.iter().map(|bucket| Span::of(metric, months, bucket)).collect();
    if spans.iter().filter(|span| span.seen.is_some()).count() < 2 {
        return None;
    }
    let axes = Axes::around(&spans);
    let places: Vec<(usize, Seen)> = spans.iter().enumerate().filter_map(|(index, span)| Some((index, span.seen?))).collect();
    let runs = runs(&places);
    Some(Chart {
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: WIDTH - RIGHT,
        grid: axes.grid(),
        labels: labels(&spans, &axes),
        points: places.iter().map(|(index, seen)| point(&spans, &axes, *index, *seen)).collect(),
        lines: runs.iter().map(|run| line(&axes, run)).collect(),
        areas: runs.iter().filter(|run| run.len() > 1).map(|run| area(&axes, run)).collect(),
        rows: spans.into_iter().map(Span::row).collect(),
        unit: if metric == Metric::Nps { "Score" } else { "Per cent" },
    })
}

/// One span of time.
struct Span {
    label: String,
    n: u64,
    seen: Option<Seen>,
    shown: Option<String>,
    preliminary: bool,
}

/// What may be shown of it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    value: f64,
    low: f64,
    high: f64,
}

impl Span {
    fn of(metric: Metric, months: bool, bucket: &BucketLine) -> Self {
        let line = &bucket.score;
        let visibility = Visibility::of(line.n);
        let seen = value(metric, line).zip(line.interval).filter(|_| visibility.shows_score());
        #[expect(clippy::cast_precision_loss, reason = "points between -100 and 100")]
        let seen = seen.map(|(value, interval)| Seen { value: value as f64, low: interval.low, high: interval.high });
        let label = bucket.start.format(if months { "%b %Y" } else { "%-d %b" }).to_string();
        Self {
            label,
            n: line.n,
            shown: shown(metric, line).filter(|_| seen.is_some()),
            seen,
            preliminary: visibility == Visibility::Preliminary,
        }
    }

    fn row(self) -> Row {
        let interval = self.seen.map(|seen| rounding::outward(Interval { low: seen.low, high: seen.high }));
        Row {
            interval: interval.map(|(low, high)| format!("{low} to {high}")),
            label: self.label,
            n: self.n,
            score: self.shown,
            preliminary: self.preliminary,
        }
    }
}

/// Where numbers lie on the drawing.
struct Axes {
    count: usize,
    low: i64,
    high: i64,
    step: i64,
}

impl Axes {
    #[expect(clippy::cast_possible_truncation, reason = "points between -100 and 100")]
    fn around(spans: &[Span]) -> Self {
        let seen = || spans.iter().filter_map(|span| span.seen);
        let low = seen().map(|seen| seen.low).fold(f64::INFINITY, f64::min).floor() as i64;
        let high = seen().map(|seen| seen.high).fold(f64::NEG_INFINITY, f64::max).ceil() as i64;
        let step = if high - low > 80 {
            50
        } else if high - low > 40 {
            20
        } else {
            10
        };
        let (low, high) = (low.div_euclid(step) * step, -(-high).div_euclid(step) * step);
        Self { count: spans.len(), low, high: high.max(low + step), step }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 36 spans")]
    fn x(&self, index: usize) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        rounding::decimals(LEFT + room * (index as f64 + 0.5) / self.count.max(1) as f64, 1)
    }

    #[expect(clippy::cast_precision_loss, reason = "points between -100 and 100")]
    fn y(&self, value: f64) -> f64 {
        let room = HEIGHT - TOP - BOTTOM;
        rounding::decimals(TOP + room * (self.high as f64 - value) / (self.high - self.low) as f64, 1)
    }

    #[expect(clippy::cast_precision_loss, reason = "points between -100 and 100")]
    fn grid(&self) -> Vec<GridLine> {
        let count = (self.high - self.low) / self.step;
        (0..=count)
            .map(|index| self.low + index * self.step)
            .map(|label| GridLine { y: self.y(label as f64), label, zero: label == 0 })
            .collect()
    }
}

fn labels(spans: &[Span], axes: &Axes) -> Vec<Label> {
    let every = spans.len().div_ceil(MOST_LABELS).max(1);
    let chosen = spans.iter().enumerate().filter(|(index, _)| index % every == 0);
    chosen.map(|(index, span)| Label { x: axes.x(index), text: span.label.clone() }).collect()
}

fn point(spans: &[Span], axes: &Axes, index: usize, seen: Seen) -> Point {
    let (low, high) = rounding::outward(Interval { low: seen.low, high: seen.high });
    let title = spans.get(index).map(|span| {
        let shown = span.shown.as_deref().unwrap_or_default();
        format!("{}: {shown} (95 % interval {low} to {high}), {} answers", span.label, span.n)
    });
    Point { x: axes.x(index), y: axes.y(seen.value), low_y: axes.y(seen.low), high_y: axes.y(seen.high), title: title.unwrap_or_default() }
}

/// Neighbouring spans that are both shown belong to one run.
fn runs(places: &[(usize, Seen)]) -> Vec<Vec<(usize, Seen)>> {
    places.chunk_by(|a, b| a.0 + 1 == b.0).map(<[_]>::to_vec).collect()
}

fn line(axes: &Axes, run: &[(usize, Seen)]) -> String {
    path(run.iter().map(|(index, seen)| (axes.x(*index), axes.y(seen.value))))
}

fn area(axes: &Axes, run: &[(usize, Seen)]) -> String {
    let there = run.iter().map(|(index, seen)| (axes.x(*index), axes.y(seen.high)));
    let back = run.iter().rev().map(|(index, seen)| (axes.x(*index), axes.y(seen.low)));
    path(there.chain(back)) + " Z"
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let steps: Vec<String> = points.zip(0..).map(|((x, y), index)| format!("{}{x} {y}", if index == 0 { "M" } else { "L" })).collect();
    steps.join(" ")
}
