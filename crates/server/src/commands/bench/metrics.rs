//! The metrics call, against grouping the answers themselves.

use std::time::Instant;

use anyhow::Context as _;
use hearback_engine::{
    metrics::{MetricsQuery, metrics},
    submit::{FollowUp, NewResponse, submit_responses},
};
use hearback_store::limits;

use super::{
    Place,
    report::{Pair, Report},
};
use crate::{config::Config, open};

/// Calls in one side of a pair.
const CALLS: u32 = 20;

/// Runs the pairs.
pub async fn run(place: &Place) -> anyhow::Result<Report> {
    let mut config = Config::load(None)?;
    config.use_database(&place.url, place.folder.path().join("data"));
    let (cx, ws) = open::context(&config).await?;
    for chunk in 0..place.args.amount.div_ceil(1_000) {
        let first = u64::try_from(chunk)? * 1_000;
        let items = (first..first + 1_000)
            .map(|number| serde_json::from_str(&super::load::response(number)))
            .collect::<Result<Vec<NewResponse>, _>>()?;
        for outcome in submit_responses(&cx, ws, items, FollowUp::Off).await {
            outcome.context("an answer was refused")?;
        }
    }
    let mut report = Report {
        title: format!("metrics call over {} answers, {}", place.args.amount, if place.is_sqlite() { "SQLite" } else { "PostgreSQL" }),
        unit: "calls",
        limit: "GROUP BY over the answers".to_owned(),
        ..Report::default()
    };
    for _ in 0..place.args.pairs {
        let started = Instant::now();
        for _ in 0..CALLS {
            limits::group_answers(cx.db.read()).await?;
        }
        let limit = f64::from(CALLS) / started.elapsed().as_secs_f64();
        let started = Instant::now();
        for _ in 0..CALLS {
            let call = Instant::now();
            metrics(&cx, ws, MetricsQuery::default()).await?;
            report.latencies.push(u32::try_from(call.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        report.pairs.push(Pair { limit, product: f64::from(CALLS) / started.elapsed().as_secs_f64() });
    }
    Ok(report)
}
