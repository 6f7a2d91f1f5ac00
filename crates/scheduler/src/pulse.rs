//! Things that are looked at again and again, each at its own pace, none waiting for another.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

/// One thing to look at.
pub struct Pulse<R> {
    /// For logs.
    pub name: &'static str,
    /// Pause between two looks.
    pub period: Duration,
    /// Looks; an error is told to the log and the next look comes as planned.
    pub run: R,
}

/// Runs all pulses until `stop`.
pub async fn run_pulses<R, F, E>(pulses: Vec<Pulse<R>>, stop: CancellationToken)
where
    R: Fn() -> F + Send + 'static,
    F: Future<Output = Result<u64, E>> + Send,
    E: std::fmt::Display,
{
    let all = pulses.into_iter().map(|pulse| beat(pulse, stop.clone()));
    futures::future::join_all(all).await;
}

async fn beat<R, F, E>(pulse: Pulse<R>, stop: CancellationToken)
where
    R: Fn() -> F,
    F: Future<Output = Result<u64, E>>,
    E: std::fmt::Display,
{
    loop {
        match (pulse.run)().await {
            Ok(0) => {}
            Ok(done) => tracing::debug!(pulse = pulse.name, done, "put in order"),
            Err(error) => tracing::warn!(pulse = pulse.name, error = %error, "could not look; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pulse.period) => {}
        }
    }
}
