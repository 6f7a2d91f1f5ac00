//! From the commit that queued a job to the start of that job, on a system that does nothing else.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hearback_core::{Clock as _, SystemClock, id::WorkspaceId};
use hearback_engine::Engine;
use hearback_scheduler::{Outcome, Worker, WorkerSettings};
use hearback_store::outbox;
use tokio_util::sync::CancellationToken;

use crate::{
    Place,
    timings::{Timings, in_micros},
};

/// Jobs, one after the other.
const JOBS: usize = 400;
/// Between two jobs; the worker is asleep again by then.
const PAUSE: Duration = Duration::from_millis(25);

/// Measures with the worker as `serve` sets it up.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws) = place.open().await?;
    let started = Arc::new(Mutex::new(Vec::with_capacity(JOBS)));
    let stop = CancellationToken::new();
    let seen = Arc::clone(&started);
    let worker = Worker {
        db: cx.db.clone(),
        clock: Arc::clone(&cx.clock),
        wake: Arc::clone(&cx.wake),
        settings: WorkerSettings::default(),
        run: move |_| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            std::future::ready(Outcome::Done)
        },
    };
    let worker = tokio::spawn(worker.run(stop.clone()));
    let mut took = Vec::with_capacity(JOBS);
    for number in 0..JOBS {
        tokio::time::sleep(PAUSE + Duration::from_millis(number as u64 % 7)).await;
        let queued = enqueue(&cx, ws, number).await?;
        let began = wait(&started, number).await;
        took.push(in_micros(began.saturating_duration_since(queued)));
    }
    stop.cancel();
    let _ = worker.await;
    let database = place.database();
    let mut found = Timings { title: format!("enqueued to started, idle system, {database}"), ..Timings::default() };
    found.push("commit to start", took);
    Ok(found)
}

/// Queues one job as a use case does; when its commit was done.
async fn enqueue(cx: &Engine, ws: WorkspaceId, number: usize) -> anyhow::Result<Instant> {
    let now = SystemClock.now();
    let row = outbox::row(ws, &outbox::Job::Noop, &format!("wake/{now}/{number}"), now, now, None);
    let tx = cx.db.write().await?;
    outbox::enqueue(&tx, &[row]).await?;
    tx.commit().await?;
    let queued = Instant::now();
    cx.wake.notify_one();
    Ok(queued)
}

async fn wait(started: &Mutex<Vec<Instant>>, number: usize) -> Instant {
    loop {
        if let Some(at) = started.lock().unwrap_or_else(PoisonError::into_inner).get(number) {
            return *at;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}
