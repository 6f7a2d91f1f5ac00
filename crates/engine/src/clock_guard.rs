//! Whether the clock can be believed. What was sent can't be taken back: while the clock of this machine was set lately, no work is
//! taken up and nothing that time brings happens. Answers are taken and people can work; what they write carries the time that was shown.
//!
//! Owns: what happens when a jump is found. How one is found: `hearback_core::clock`.

use std::sync::atomic::Ordering;

use hearback_core::clock::Look;
use hearback_store::{
    StoreError,
    outbox::{Lease, Outcome},
    workspaces,
};

use crate::{
    Ctx,
    alerts::{self, Alert, AlertKind},
};

/// Whether what time brings may happen now. Who finds first that the clock was set tells every workspace.
pub async fn is_steady(cx: &Ctx) -> Result<bool, StoreError> {
    let Look::Set { by, times } = cx.clock.look() else { return Ok(true) };
    if cx.jumps_told.fetch_max(times, Ordering::Relaxed) >= times {
        return Ok(false);
    }
    tracing::error!(seconds = by.num_seconds(), "the clock of this machine was set; nothing is sent until it has been quiet for a while");
    let message = format!(
        "The clock of the server was set by {} minutes. Nothing is sent and no wave begins until it has gone on without another jump \
         for some minutes (worker.clock_settles). Check the time of the machine; what is due then is done.",
        by.num_minutes()
    );
    let now = cx.guarded_now();
    for ws in workspaces::ids(cx.db.read()).await? {
        let tx = cx.db.write().await?;
        alerts::raise(&tx, ws, &[Alert::new(AlertKind::ClockJumped, "clock", &message)], now).await?;
        tx.commit().await?;
    }
    Ok(false)
}

/// What a job does that finds that the clock can't be believed: it is due when it was, and nobody takes it up before that.
pub(crate) fn wait(cx: &Ctx, lease: &Lease) -> Option<Outcome> {
    let again = || Outcome::Snooze(lease.run_at, "the clock was set not long ago".to_owned());
    (!cx.clock.look().is_steady()).then(again)
}
