//! The first page: the score with its uncertainty, the loops, the trend, and who is unhappy right now.

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    Metric, Segment,
    stats::{Band, Comparison, Confidence, Interval, Method, Split, Visibility, display, rounding},
};
use hearback_engine::metrics::{self, Bucket, LoopCounts, Loops, MetricsQuery, MetricsReport, ScoreLine};
use hearback_store::{
    case_list::{self, CaseFilter, CaseOrder},
    cursor::Page,
    lists,
};
use serde::Serialize;

use super::{
    Frame,
    alerts::{self, AlertRow},
    cases::{self, CaseRow, Choice, Owners},
    chart::{self, Chart},
    session::Visitor,
    words,
};
use crate::route::{Access::User, Route, get};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/", User(Viewer), "Dashboard: score, segments, closed loops, trend", show)]
}

/// Unhappy customers shown.
const NEWEST: u64 = 8;
/// Open alerts shown.
const ALERTS: u64 = 3;

/// A span that one can look at, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Period {
    key: &'static str,
    label: &'static str,
    days: Option<i64>,
    bucket: Bucket,
}

const PERIODS: [Period; 4] = [
    Period { key: "30d", label: "30 days", days: Some(30), bucket: Bucket::Week },
    Period { key: "90d", label: "90 days", days: Some(90), bucket: Bucket::Week },
    Period { key: "12m", label: "12 months", days: Some(365), bucket: Bucket::Month },
    Period { key: "all", label: "All time", days: None, bucket: Bucket::Month },
];
const DEFAULT_PERIOD: &str = "12m";

impl Period {
    fn parse(key: &str) -> Option<Self> {
        PERIODS.into_iter().find(|period| period.key == key)
    }

    fn since(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(now - Duration::days(self.days?))
    }
}

#[derive(Serialize)]
struct View {
    survey: String,
    survey_name: String,
    surveys: Vec<Choice>,
    period: &'static str,
    period_label: &'static str,
    periods: Vec<PeriodLink>,
    n: u64,
    metric: &'static str,
    score: Option<ScoreView>,
    fewest: u64,
    segments: Vec<SegmentPart>,
    loops: LoopsView,
    trend: Option<Chart>,
    newest: Vec<CaseRow>,
    alerts: Vec<AlertRow>,
    since: Option<String>,
    public_url: String,
}

#[derive(Serialize)]
struct PeriodLink {
    key: &'static str,
    label: &'static str,
    here: bool,
}

/// The big number.
#[derive(Serialize)]
struct ScoreView {
    shown: String,
    low: i64,
    high: i64,
    band: Option<&'static str>,
    preliminary: bool,
    swing: String,
    change: Option<String>,
}

/// One part of the bar of segments.
#[derive(Serialize)]
struct SegmentPart {
    key: &'static str,
    label: &'static str,
    count: u64,
    percent: u64,
    /// Left edge in the bar of 100.
    x: u64,
}

#[derive(Serialize)]
struct LoopsView {
    total: i64,
    active: i64,
    overdue: i64,
    closed: i64,
    close_rate: String,
    in_time: String,
    with_due: i64,
    contacted_in_time: i64,
    first_contact: Option<String>,
    first_contact_p90: Option<String>,
    close: Option<String>,
    close_p90: Option<String>,
    unhappy: LoopLine,
}

/// The loops of the unhappy alone.
#[derive(Serialize)]
struct LoopLine {
    label: &'static str,
    /// Those that needed closing.
    total: i64,
    closed: i64,
    close_rate: String,
}

/// `GET /`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["survey", "period"])?;
    let period = params.parse("period", "30d, 90d, 12m or all", Period::parse)?;
    let period = period.or_else(|| Period::parse(DEFAULT_PERIOD)).unwrap_or(PERIODS[0]);
    let (db, ws, now) = (app.cx.db.read(), visitor.ws, app.cx.now());
    let since = period.since(now);
    let asked =
        MetricsQuery { survey: params.text("survey").map(str::to_owned), since, bucket: Some(period.bucket), ..MetricsQuery::default() };
    let report = metrics::metrics(&app.cx, ws, asked).await?;
    let before = earlier(&app, &visitor, &report, period, now).await?;
    let surveys = lists::surveys(db, ws).await?;
    let versions = surveys.iter().filter(|survey| survey.key == report.survey).map(|survey| survey.id).collect();
    let unhappy = CaseFilter { segment: Some(Segment::Detractor), surveys: Some(versions), since, ..CaseFilter::default() };
    let newest = case_list::list(db, ws, &unhappy, CaseOrder::Newest, Page::first(NEWEST)).await?;
    let owners = Owners::load(&app, &visitor).await?;
    let view = View {
        survey_name: surveys.iter().rfind(|survey| survey.key == report.survey).map(|survey| survey.name.clone()).unwrap_or_default(),
        surveys: cases::survey_choices(&surveys, &report.survey),
        period: period.key,
        period_label: period.label,
        periods: PERIODS.map(|each| PeriodLink { key: each.key, label: each.label, here: each == period }).into(),
        n: report.total.n,
        metric: metric_words(report.metric),
        score: score(&report, before.as_ref()),
        fewest: display::HIDE_BELOW,
        segments: segments(report.metric, &report.total),
        loops: loops(report.metric, &report.loops),
        trend: chart::trend(report.metric, period.bucket == Bucket::Month, &report.buckets),
        alerts: alerts::open(&app, ws, ALERTS).await?,
        newest: cases::rows(&app, &visitor, &newest.items, &surveys, &owners).await?,
        since: since.map(|since| since.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        public_url: app.config.public_url.clone(),
        survey: report.survey,
    };
    let frame = Frame { title: "Dashboard", here: "dashboard", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "dashboard", &frame, &view))
}

/// The span of the same length before.
async fn earlier(
    app: &App,
    visitor: &Visitor,
    report: &MetricsReport,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Option<MetricsReport>, Problem> {
    let Some(since) = period.since(now).filter(|_| report.metric == Metric::Nps) else { return Ok(None) };
    let before = MetricsQuery {
        survey: Some(report.survey.clone()),
        since: Some(since - (now - since)),
        until: Some(since),
        ..MetricsQuery::default()
    };
    Ok(Some(metrics::metrics(&app.cx, visitor.ws, before).await?))
}

fn metric_words(metric: Metric) -> &'static str {
    match metric {
        Metric::Nps => "Net Promoter Score",
        Metric::Csat => "Satisfied customers",
        Metric::Ces => "Found it easy",
    }
}

const fn band_words(band: Band) -> &'static str {
    match band {
        Band::BelowZero => "below 0",
        Band::UpTo30 => "0 to 30",
        Band::UpTo50 => "30 to 50",
        Band::UpTo70 => "50 to 70",
        Band::Above70 => "above 70",
    }
}

fn split(line: &ScoreLine) -> Split {
    Split::new(line.detractors, line.passives, line.promoters)
}

fn score(report: &MetricsReport, before: Option<&MetricsReport>) -> Option<ScoreView> {
    let line = &report.total;
    let visibility = Visibility::of(line.n);
    if !visibility.shows_score() {
        return None;
    }
    let (low, high) = chart::bounds(line)?;
    Some(ScoreView {
        shown: chart::shown(report.metric, line)?,
        low,
        high,
        band: split(line).band().filter(|_| report.metric == Metric::Nps).map(band_words),
        preliminary: visibility == Visibility::Preliminary,
        swing: display::one_answer_swing(line.n).map(|points| format!("{points:.1}")).unwrap_or_default(),
        change: before.and_then(|before| change(line, &before.total)),
    })
}

/// Against the span before, in words; only where both have enough answers to say anything.
fn change(line: &ScoreLine, before: &ScoreLine) -> Option<String> {
    let enough = |line: &ScoreLine| Visibility::of(line.n).shows_trend();
    if !enough(line) || !enough(before) {
        return None;
    }
    let Comparison { delta, low, high, verdict, .. } = split(line).against(split(before), Method::Tango, Confidence::P95)?;
    let (low, high) = rounding::outward(Interval { low, high });
    let delta = rounding::decimals(delta, 0);
    Some(format!("{} against the time before: {delta:+} points, 95 % interval {low:+} to {high:+}", verdict.as_str()))
}

fn segments(metric: Metric, line: &ScoreLine) -> Vec<SegmentPart> {
    let counts = [line.detractors, line.passives, line.promoters];
    let Some(shares) = rounding::largest_remainder(&counts, 100).filter(|_| Visibility::of(line.n).shows_score()) else {
        return Vec::new();
    };
    let mut x = 0;
    let parts = Segment::ALL.into_iter().zip(counts).zip(shares).map(|((segment, count), percent)| {
        let part = SegmentPart { key: segment.as_str(), label: words::segments(metric, segment), count, percent, x };
        x += percent;
        part
    });
    parts.collect()
}

fn loops(metric: Metric, loops: &Loops) -> LoopsView {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), words::percent);
    let active = |counts: &LoopCounts| counts.open + counts.contacted + counts.resolved;
    let unhappy = loops.by_segment.get(&Segment::Detractor).copied().unwrap_or_default();
    LoopsView {
        total: loops.all.total,
        active: active(&loops.all),
        overdue: loops.all.overdue,
        closed: loops.all.closed,
        close_rate: rate(loops.all.close_rate),
        in_time: rate(loops.all.contacted_in_time_rate),
        with_due: loops.all.with_due,
        contacted_in_time: loops.all.contacted_in_time,
        first_contact: loops.first_contact_hours.median.map(words::hours),
        first_contact_p90: loops.first_contact_hours.p90.map(words::hours),
        close: loops.close_hours.median.map(words::hours),
        close_p90: loops.close_hours.p90.map(words::hours),
        unhappy: LoopLine {
            label: words::segments(metric, Segment::Detractor),
            total: unhappy.total - unhappy.not_needed,
            closed: unhappy.closed,
            close_rate: rate(unhappy.close_rate),
        },
    }
}
