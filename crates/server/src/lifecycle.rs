//! Start and stop of a process that serves.
//!
//! Two stages: the first signal asks every task to finish what it has in hand, the second one (or the
//! end of the time to drain) ends at once. A task that ends by itself is a fault: the rest is stopped and the exit code says so.

use std::{future::Future, time::Duration};

use anyhow::{Context as _, anyhow};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// The tasks of a process, and the token that asks them to stop.
#[derive(Debug)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    signals: Signals,
}

impl Lifecycle {
    /// Starts to listen to SIGTERM and SIGINT.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { stop: CancellationToken::new(), tasks: JoinSet::new(), signals: Signals::new()? })
    }

    /// Cancelled when the process should stop.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task that must run until [`Lifecycle::stop`] is cancelled.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Waits for the signal and then for the tasks, `drain` at most.
    pub async fn run(mut self, drain: Duration) -> anyhow::Result<()> {
        let fault = tokio::select! {
            () = self.signals.next() => None,
            ended = self.tasks.join_next() => Some(unexpected(ended)),
        };
        match &fault {
            None => info!("stopping: no new work, finishing what is under way"),
            Some(fault) => error!("stopping: {fault:#}"),
        }
        self.stop.cancel();
        let drained = tokio::select! {
            drained = timeout(drain, drain_all(&mut self.tasks)) => drained.map_err(|_| anyhow!("not finished after {} s: stopped hard", drain.as_secs())),
            () = self.signals.next() => Err(anyhow!("second signal: stopped hard")),
        };
        let drained = drained.and_then(|result| result);
        if let Err(reason) = &drained {
            warn!("{reason:#}; what was under way is taken up again at the next start");
        }
        fault.map_or(drained, Err)
    }
}

/// Waits for all tasks; the first failure among them.
async fn drain_all(tasks: &mut JoinSet<(&'static str, anyhow::Result<()>)>) -> anyhow::Result<()> {
    let mut first = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let result = ended.map_err(anyhow::Error::from).and_then(|(name, result)| result.context(name));
        first = first.and(result);
    }
    first
}

type Ended = Option<Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>>;

fn unexpected(ended: Ended) -> anyhow::Error {
    match ended {
        None => anyhow!("nothing to run"),
        Some(Ok((name, Ok(())))) => anyhow!("{name} ended unexpectedly"),
        Some(Ok((name, Err(error)))) => error.context(format!("{name} failed")),
        Some(Err(error)) => anyhow!("a task broke down: {error}"),
    }
}

#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("can't listen to signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
