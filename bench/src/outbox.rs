//! Jobs that do nothing: claimed, run, settled, against a bare loop that claims and marks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hearback_core::{Clock as _, SystemClock, id::WorkspaceId};
use hearback_scheduler::{Outcome, Worker, WorkerSettings};
use hearback_store::{Db, outbox};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    Place, limits,
    report::{Pair, Report},
};

/// Jobs claimed at once, on both sides.
const BATCH: u64 = 500;

/// Runs the pairs.
pub async fn run(place: &Place) -> anyhow::Result<Report> {
    let (_, ws) = place.open().await?;
    let db = place.db().await?;
    limits::prepare(&db).await?;
    let workers = if place.is_sqlite() { 1 } else { 4 };
    let mut report = Report {
        title: format!("no-op jobs, {BATCH} a claim, {}", place.database()),
        unit: "jobs",
        limit: format!("bare claim and settle, {workers} loops"),
        ..Report::default()
    };
    let jobs = place.args.amount;
    for pair in 0..place.args.pairs {
        let limit = limits::claim_and_settle(&db, u64::try_from(jobs)?, BATCH, workers).await?;
        enqueue(&db, ws, jobs, pair).await?;
        report.pairs.push(Pair { limit, product: work(&db, jobs, workers).await });
    }
    limits::drop(&db).await?;
    Ok(report)
}

async fn enqueue(db: &Db, ws: WorkspaceId, jobs: usize, pair: usize) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let rows: Vec<outbox::Model> =
        (0..jobs).map(|number| outbox::row(ws, &outbox::Job::Noop, &format!("bench/{now}/{pair}/{number}"), now, now, None)).collect();
    for chunk in rows.chunks(1_000) {
        let tx = db.write().await?;
        outbox::enqueue(&tx, chunk).await?;
        tx.commit().await?;
        db.grew(chunk.len());
    }
    Ok(())
}

/// Jobs a second until the last one is settled.
async fn work(db: &Db, jobs: usize, workers: usize) -> f64 {
    let stop = CancellationToken::new();
    let left = Arc::new(AtomicUsize::new(jobs));
    let started = Instant::now();
    let running: Vec<_> = (0..workers)
        .map(|_| {
            let (left, all_run) = (Arc::clone(&left), stop.clone());
            let worker = Worker {
                db: db.clone(),
                clock: Arc::new(SystemClock),
                wake: Arc::new(Notify::new()),
                settings: WorkerSettings { batch: BATCH, concurrency: 512, poll: Duration::from_millis(50), ..WorkerSettings::default() },
                run: move |_| {
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        all_run.cancel();
                    }
                    std::future::ready(Outcome::Done)
                },
            };
            tokio::spawn(worker.run(stop.clone()))
        })
        .collect();
    for worker in running {
        // The stop drains: when the worker has ended, every job is settled.
        let _ = worker.await;
    }
    jobs as f64 / started.elapsed().as_secs_f64()
}
