//! One worker: takes due jobs in batches, runs them side by side, settles them in batches.
//!
//! What must stay true: a claim is renewed while its jobs run; a job that panics or hangs is an outcome of that job
//! alone; a stop takes no new jobs, waits for those in flight and gives the rest back; nothing is claimed by a clock that can't be
//! believed.

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use futures::FutureExt;
use hearback_core::Clock;
use hearback_store::{
    Db, StoreError,
    outbox::{self, Lease, Outcome},
};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Jobs claimed at once at most.
    pub batch: u64,
    /// Jobs running at once at most.
    pub concurrency: usize,
    /// How long a claim holds without being renewed.
    pub lease: Duration,
    /// How often claims are renewed; well below `lease`.
    pub heartbeat: Duration,
    /// How long an idle worker waits before it looks again without being told; up to a quarter is added at random.
    pub poll: Duration,
    /// How long one job may run.
    pub job_timeout: Duration,
    /// How long a stop waits for jobs in flight.
    pub drain: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            batch: 500,
            concurrency: 64,
            lease: Duration::from_mins(1),
            heartbeat: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            job_timeout: Duration::from_mins(20),
            drain: Duration::from_secs(25),
        }
    }
}

/// What a worker did until it stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Jobs that were settled.
    pub settled: u64,
}

/// A worker. `run` is called for each claimed job.
pub struct Worker<R> {
    /// Where the queue is.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told when there is something new: a hint to look sooner.
    pub wake: Arc<Notify>,
    /// See [`WorkerSettings`].
    pub settings: WorkerSettings,
    /// Runs one job.
    pub run: R,
}

/// Claims that still have jobs running, and how many.
#[derive(Debug, Default)]
struct Held(Mutex<HashMap<Uuid, usize>>);

impl<R, F> Worker<R>
where
    R: Fn(Lease) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    /// Works until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) -> Report {
        let held = Arc::new(Held::default());
        let slots = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let (done, finished) = mpsc::channel(4096);
        let settler = tokio::spawn(settle_all(self.db.clone(), Arc::clone(&self.clock), Arc::clone(&held), finished));
        let keeper = tokio::spawn(keep(self.db.clone(), Arc::clone(&self.clock), Arc::clone(&held), self.settings.clone()));
        let run = Arc::new(self.run);
        while !stop.is_cancelled() {
            // Registered before the query: a hint that comes while it runs is not missed.
            let hint = self.wake.notified();
            let leases = claim(&self.db, &*self.clock, &self.settings).await;
            // A claim that found something may have left more behind: rows that another worker had locked at that moment.
            let found = !leases.is_empty();
            held.add(&leases);
            for lease in leases {
                let slot = tokio::select! {
                    biased;
                    // What was claimed but not started is given back below.
                    () = stop.cancelled() => break,
                    slot = Arc::clone(&slots).acquire_owned() => slot,
                };
                let (run, done, limit) = (Arc::clone(&run), done.clone(), self.settings.job_timeout);
                let mut job = Box::pin(async move {
                    let outcome = guarded(run(lease.clone()), limit).await;
                    (lease, outcome)
                });
                // A job that needs to wait for nothing ends here; only one that does becomes a task of its own.
                match futures::poll!(&mut job) {
                    Poll::Ready(ended) => {
                        let _ = done.send(ended).await;
                    }
                    Poll::Pending => {
                        tokio::spawn(async move {
                            let _ = done.send(job.await).await;
                            drop(slot);
                        });
                    }
                }
            }
            if !found {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = hint => {}
                    () = tokio::time::sleep(self.settings.poll + jitter(&*self.clock, self.settings.poll)) => {}
                }
            }
        }
        let all = u32::try_from(self.settings.concurrency.max(1)).unwrap_or(u32::MAX);
        if timeout(self.settings.drain, slots.acquire_many(all)).await.is_err() {
            tracing::warn!("jobs were still running when the time to stop was over; they are tried again after the next start");
        }
        drop(done);
        let settled = timeout(Duration::from_secs(5), settler).await.ok().and_then(Result::ok).unwrap_or(0);
        keeper.abort();
        if let Err(error) = outbox::release(&self.db, &held.fences()).await {
            tracing::warn!(error = %error, "claims could not be given back; they expire by themselves");
        }
        Report { settled }
    }
}

/// Due jobs, or none when the database can't be asked now or the clock can't be believed.
async fn claim(db: &Db, clock: &dyn Clock, settings: &WorkerSettings) -> Vec<Lease> {
    let now = clock.now();
    if !clock.look().is_steady() {
        return Vec::new();
    }
    match outbox::claim(db, now, settings.lease, settings.batch).await {
        Ok(leases) => leases,
        Err(error) => {
            tracing::warn!(error = %error, "the queue can't be read; trying again");
            tokio::time::sleep(settings.poll).await;
            Vec::new()
        }
    }
}

/// A panic or a job that never ends is this job's outcome, not the worker's end.
async fn guarded(job: impl Future<Output = Outcome>, limit: Duration) -> Outcome {
    match timeout(limit, AssertUnwindSafe(job).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Retry("the job panicked; the log says where".to_owned()),
        Err(_) => Outcome::Retry(format!("the job did not end within {} s", limit.as_secs())),
    }
}

/// Settles what has ended: all that waits, in one transaction.
async fn settle_all(db: Db, clock: Arc<dyn Clock>, held: Arc<Held>, mut finished: mpsc::Receiver<(Lease, Outcome)>) -> u64 {
    let mut total = 0;
    let mut batch = Vec::with_capacity(1024);
    while finished.recv_many(&mut batch, 1024).await > 0 {
        let ended: Vec<(Lease, Outcome)> = std::mem::take(&mut batch);
        let mut pause = Duration::from_millis(100);
        while let Err(error) = settle(&db, &*clock, &ended).await {
            tracing::warn!(error = %error, "ended jobs can't be settled; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
        total += u64::try_from(ended.len()).unwrap_or(u64::MAX);
        held.remove(ended.iter().map(|(lease, _)| lease.fence));
        db.grew(ended.len());
    }
    total
}

async fn settle(db: &Db, clock: &dyn Clock, ended: &[(Lease, Outcome)]) -> Result<(), StoreError> {
    let is_steady = clock.look().is_steady();
    let open: Vec<(&Lease, Outcome)> = ended
        .iter()
        .filter(|(_, outcome)| *outcome != Outcome::Settled)
        .map(|(lease, outcome)| (lease, if is_steady { outcome.clone() } else { by_no_clock(lease, outcome) }))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    for (lease, outcome) in &open {
        if let Outcome::Dead(why) = outcome {
            tracing::error!(job = %lease.id, reason = %why, "a job can't be done; look at it with `hearback fsck` or in the console");
        }
    }
    let tx = db.write().await?;
    outbox::settle(&tx, &open, clock.guarded_now()).await?;
    tx.commit().await
}

/// A time to come that was told by a clock that can't be believed may be years away: the job is due when it was.
fn by_no_clock(lease: &Lease, outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Retry(why) | Outcome::Snooze(_, why) => Outcome::Snooze(lease.run_at, why.clone()),
        Outcome::Done | Outcome::Settled | Outcome::Cancel(_) | Outcome::Dead(_) => outcome.clone(),
    }
}

/// Renews the claims of running jobs.
async fn keep(db: Db, clock: Arc<dyn Clock>, held: Arc<Held>, settings: WorkerSettings) {
    loop {
        tokio::time::sleep(settings.heartbeat).await;
        let fences = held.fences();
        if fences.is_empty() {
            continue;
        }
        if let Err(error) = outbox::renew(&db, &fences, clock.guarded_now(), settings.lease).await {
            tracing::warn!(error = %error, "claims could not be renewed");
        }
    }
}

/// Up to a quarter of `poll`, so that many workers do not look at the same moment.
fn jitter(clock: &dyn Clock, poll: Duration) -> Duration {
    poll / 4 * (clock.now().timestamp_subsec_micros() % 97) / 97
}

impl Held {
    fn add(&self, leases: &[Lease]) {
        let mut held = self.lock();
        for lease in leases {
            *held.entry(lease.fence).or_default() += 1;
        }
    }

    fn remove(&self, fences: impl Iterator<Item = Uuid>) {
        let mut held = self.lock();
        for fence in fences {
            if let Some(count) = held.get_mut(&fence) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&fence);
                }
            }
        }
    }

    fn fences(&self) -> Vec<Uuid> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
