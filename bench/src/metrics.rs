//! The metrics call over many answers, against the same call over a hundredth of them.

use std::time::{Duration, Instant};

use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Engine,
    metrics::{MetricsQuery, metrics},
};
use hearback_store::time::millis;

use crate::{
    Place, fill,
    timings::{Timings, micros, percentile},
};

/// Calls of one kind.
const CALLS: usize = 200;
/// How long the first count may take before its days are kept.
const WARM_UP: Duration = Duration::from_mins(2);
/// A call that is this quick has what it needs.
const WARM: Duration = Duration::from_millis(60);

/// Measures with a hundredth of the rows, then with all of them.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let database = place.database();
    let mut found = Timings { title: format!("metrics call, {database}"), ..Timings::default() };
    let (few, many) = (i64::try_from(place.args.rows / 100)?, i64::try_from(place.args.rows)?);
    let mut medians = Vec::new();
    for (from, to) in [(0, few), (few, many)] {
        // What the one before has kept does not know of rows that come from beside the product.
        let (cx, ws, survey) = place.open_survey().await?;
        fill::answers(&cx.db, ws, survey, from, to, millis(cx.now())).await?;
        let year = Some(cx.now() - chrono::Duration::days(300));
        for (what, query) in [
            ("all time", MetricsQuery::default()),
            ("300 days up to now", MetricsQuery { since: year, ..MetricsQuery::default() }),
            ("all time, by plan", MetricsQuery { by: Some("plan".to_owned()), ..MetricsQuery::default() }),
        ] {
            found.notes.push(format!("{to} answers, {what}: the first call took {:.0} ms", warm_up(&cx, ws, &query).await?));
            let mut took = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let call = Instant::now();
                metrics(&cx, ws, query.clone()).await?;
                took.push(micros(call));
            }
            medians.push((what, percentile(&took, 50)));
            found.push(format!("{to} answers, {what}"), took);
        }
    }
    let (before, after) = medians.split_at(medians.len() / 2);
    for ((what, few), (_, many)) in before.iter().zip(after) {
        found.notes.push(format!("{what}: p50 of many to few {:.2}", many / few));
    }
    Ok(found)
}

/// Calls until the counts are there; how long the first call took, in milliseconds.
async fn warm_up(cx: &Engine, ws: WorkspaceId, query: &MetricsQuery) -> anyhow::Result<f64> {
    let begun = Instant::now();
    metrics(cx, ws, query.clone()).await?;
    let first = begun.elapsed();
    let mut last = first;
    while last > WARM && begun.elapsed() < WARM_UP {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let call = Instant::now();
        metrics(cx, ws, query.clone()).await?;
        last = call.elapsed();
    }
    Ok(first.as_secs_f64() * 1_000.0)
}
