//! What a benchmark found, as text and as JSON.

use std::time::Duration;

use serde_json::json;

use crate::timings::percentile;

/// One pair: the limit and the product, measured one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Per second.
    pub limit: f64,
    /// Per second.
    pub product: f64,
}

/// All pairs of one path.
#[derive(Debug, Default)]
pub struct Report {
    /// What was measured, on which database.
    pub title: String,
    /// What one unit is: `responses`, `jobs`, `mails`.
    pub unit: &'static str,
    /// What the limit is.
    pub limit: String,
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Latencies of the product's requests, in microseconds, all pairs.
    pub latencies: Vec<u32>,
    /// Memory of the serving process in MiB: idle, and at its peak.
    pub memory: Option<(f64, f64)>,
    /// From the start of the process to its first answer.
    pub ready: Option<Duration>,
}

impl Report {
    /// A few lines for people.
    pub fn text(&self) -> String {
        let mut lines = vec![self.title.clone()];
        for (number, pair) in (1..).zip(&self.pairs) {
            lines.push(format!(
                "  pair {number}: {:>9.0} {}/s   limit {:>9.0}/s   ratio {:.2}",
                pair.product,
                self.unit,
                pair.limit,
                ratio(*pair)
            ));
        }
        let [product, limit, ratio] = self.medians();
        lines.push(format!("  median: {product:.0} {}/s; limit ({}) {limit:.0}/s; ratio {ratio:.2}", self.unit, self.limit));
        if let (Some(p50), Some(p99)) = (self.percentile(50), self.percentile(99)) {
            lines.push(format!("  latency: p50 {p50:.2} ms, p99 {p99:.2} ms"));
        }
        if let Some((idle, peak)) = self.memory {
            lines.push(format!("  resident memory of the server: idle {idle:.1} MiB, peak {peak:.1} MiB"));
        }
        if let Some(ready) = self.ready {
            lines.push(format!("  ready after start: {:.0} ms", ready.as_secs_f64() * 1000.0));
        }
        lines.join("\n")
    }

    /// The same as one JSON object.
    pub fn json(&self) -> String {
        let [product, limit, ratio_median] = self.medians();
        let pairs: Vec<_> =
            self.pairs.iter().map(|pair| json!({"product": pair.product, "limit": pair.limit, "ratio": ratio(*pair)})).collect();
        json!({
            "title": self.title, "unit": self.unit, "limit_is": self.limit, "pairs": pairs,
            "median": {"product": product, "limit": limit, "ratio": ratio_median},
            "latency_ms": {"p50": self.percentile(50), "p99": self.percentile(99)},
            "memory_mib": self.memory.map(|(idle, peak)| json!({"idle": idle, "peak": peak})),
            "ready_ms": self.ready.map(|ready| ready.as_secs_f64() * 1000.0),
        })
        .to_string()
    }

    fn medians(&self) -> [f64; 3] {
        let of = |pick: fn(&Pair) -> f64| median(self.pairs.iter().map(pick).collect());
        [of(|pair| pair.product), of(|pair| pair.limit), of(|pair| ratio(*pair))]
    }

    /// In milliseconds; none where no request was measured by itself.
    fn percentile(&self, percent: usize) -> Option<f64> {
        (!self.latencies.is_empty()).then(|| percentile(&self.latencies, percent))
    }
}

fn ratio(pair: Pair) -> f64 {
    pair.product / pair.limit
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
