//! `hearback score D Q P`

use std::process::ExitCode;

use clap::{Args as Arguments, builder::PossibleValuesParser};
use hearback_core::stats::{Band, Comparison, Confidence, Interval, Method, Split, Verdict, rounding::decimals};
use serde::Serialize;

use crate::output::{say, say_json, usage};

/// Most answers of one kind: far above any programme, and small enough for exact sums.
const MAX: u64 = 1_000_000_000_000;

/// Arguments of `score`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// Detractors (0-6), passives (7-8) and promoters (9-10).
    #[arg(num_args = 3, required = true, value_names = ["D", "Q", "P"], value_parser = clap::value_parser!(u64).range(..=MAX))]
    counts: Vec<u64>,
    /// Compare with these counts: the difference is the first score minus this one.
    #[arg(long, num_args = 3, value_names = ["D", "Q", "P"], value_parser = clap::value_parser!(u64).range(..=MAX))]
    against: Option<Vec<u64>>,
    /// How sure the interval is, between 0 and 1.
    #[arg(long, default_value_t = 0.95)]
    confidence: f64,
    /// How the interval is computed.
    #[arg(long, default_value = "tango", value_parser = PossibleValuesParser::new(Method::ALL.map(Method::as_str)))]
    method: String,
    /// As JSON, six decimals.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    n: u64,
    nps: Option<f64>,
    nps_rounded: Option<i64>,
    band: Option<Band>,
    interval: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    delta: f64,
    low: f64,
    high: f64,
    p_value: Option<f64>,
    verdict: Verdict,
}

/// Prints the score. Without answers there is none.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let confidence = Confidence::new(args.confidence).map_err(|error| usage(format!("--{error}")))?;
    let method = Method::parse(&args.method).ok_or_else(|| usage("--method must be tango, adjusted_wald or wald"))?;
    let split = split(&args.counts)?;
    let against = match args.against.as_deref().map(self::split).transpose()? {
        Some(other) if split.is_empty() || other.is_empty() => return Err(usage("--against: both sides need at least one answer")),
        Some(other) => split.against(other, method, confidence).map(Difference::from),
        None => None,
    };
    let report = Report {
        n: split.n(),
        nps: split.nps().map(six),
        nps_rounded: split.nps_rounded(),
        band: split.band(),
        interval: split.interval(method, confidence).map(|interval| Interval { low: six(interval.low), high: six(interval.high) }),
        against,
    };
    if args.json {
        say_json(&report)?;
    } else {
        print(&report, confidence);
    }
    Ok(ExitCode::SUCCESS)
}

fn split(counts: &[u64]) -> anyhow::Result<Split> {
    match counts {
        [detractors, passives, promoters] => Ok(Split::new(*detractors, *passives, *promoters)),
        _ => Err(usage("give three counts: detractors, passives, promoters")),
    }
}

fn six(value: f64) -> f64 {
    decimals(value, 6)
}

impl From<Comparison> for Difference {
    fn from(c: Comparison) -> Self {
        Self { delta: six(c.delta), low: six(c.low), high: six(c.high), p_value: c.p_value.map(six), verdict: c.verdict }
    }
}

fn print(report: &Report, confidence: Confidence) {
    let (Some(nps), Some(interval), Some(band)) = (report.nps, report.interval, report.band) else {
        return say("n 0: no answers, no score");
    };
    let sure = confidence.value() * 100.0;
    say(format!("n {}, NPS {nps:.6}, {sure} % interval {:.6} to {:.6}, band {}", report.n, interval.low, interval.high, band.range()));
    if let Some(difference) = &report.against {
        let p = difference.p_value.map_or_else(|| "none".to_owned(), |p| format!("{p:.6}"));
        let Difference { delta, low, high, verdict, .. } = difference;
        say(format!("difference {delta:.6}, {low:.6} to {high:.6}, p {p}: {}", verdict.as_str()));
    }
}
