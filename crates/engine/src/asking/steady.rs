//! Whether the clock can be believed. A wave can't be taken back: while the clock was set lately, none begins and nobody is asked.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hearback_core::clock::{Look, Steadiness};
use hearback_store::{
    StoreError,
    outbox::{Lease, Outcome},
    workspaces,
};

use crate::{
    Ctx,
    alerts::{self, Alert, AlertKind},
};

/// How long a job rests by the steady clock that finds the other one unsteady.
const REST: Duration = Duration::from_secs(10);

/// What this process knows of its clock.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Steadiness>);

impl Watch {
    fn look(&self, cx: &Ctx) -> Look {
        let Some(steady) = cx.clock.steady() else { return Look::Steady };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).look(cx.clock.now(), steady)
    }
}

/// Whether waves may begin now. Who finds that the clock jumped tells every workspace.
pub async fn is_steady(cx: &Ctx) -> Result<bool, StoreError> {
    let by = match cx.steady.look(cx) {
        Look::Steady => return Ok(true),
        Look::Settling => return Ok(false),
        Look::Jumped(by) => by,
    };
    tracing::error!(
        seconds = by.num_seconds(),
        "the clock of this machine was set; nobody is asked until it has been quiet for ten minutes"
    );
    let message = format!(
        "The clock of the server was set by {} minutes. No wave begins and nobody is asked until it has gone on without another \
         jump for ten minutes. Check the time of the machine; what is due then is sent.",
        by.num_minutes()
    );
    let now = cx.now();
    for ws in workspaces::ids(cx.db.read()).await? {
        let tx = cx.db.write().await?;
        alerts::raise(&tx, ws, &[Alert::new(AlertKind::ClockJumped, "clock", &message)], now).await?;
        tx.commit().await?;
    }
    Ok(false)
}

/// What a job that asks people does while the clock can't be believed: it rests by the steady one, and is due when it was.
pub(super) async fn wait(cx: &Ctx, lease: &Lease) -> Result<Option<Outcome>, StoreError> {
    if is_steady(cx).await? {
        return Ok(None);
    }
    tokio::time::sleep(REST).await;
    Ok(Some(Outcome::Snooze(lease.run_at, "the clock was set not long ago".to_owned())))
}
