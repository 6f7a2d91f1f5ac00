//! Jobs that somebody has to look at: given up, or written for a newer version. Listed, put back into the queue, or done without.

use hearback_core::{
    id::{DeliveryId, JobId, WorkspaceId},
    state::{DeliveryStatus, JobState},
};
use hearback_store::{
    Tx, deliveries,
    outbox::{self, Job, Lease, Model, Outcome, UNREADABLE, stuck},
    time::millis,
};
use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit};

/// How long a job rests that this version can't read: another node may, and so may the next version of this one. Up to half as much
/// is added, so that many do not come back together.
const UNREAD_REST: chrono::Duration = chrono::Duration::minutes(1);

/// What people call the state of such a job: `dead` or `unreadable`.
pub fn state(job: &Model) -> &'static str {
    if job.state == JobState::Dead { "dead" } else { "unreadable" }
}

/// Why it is in that state; what can't be read says what was met.
pub fn why(job: &Model) -> String {
    match (*job.state, serde_json::from_str::<Job>(&job.payload)) {
        (JobState::Queued, Err(error)) => format!("{UNREADABLE}: {error}"),
        _ => job.error.clone().unwrap_or_default(),
    }
}

/// Puts a job back into the queue; a mail or message that was given up with it waits again.
pub async fn retry(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: JobId) -> Result<(), EngineError> {
    let now = cx.now();
    let (tx, job) = lock(cx, ws, id).await?;
    if let Ok(Job::Mail { delivery } | Job::Post { delivery }) = serde_json::from_str(&job.payload) {
        revive(&tx, ws, delivery, millis(now)).await?;
    }
    stuck::put_back(&tx, ws, id, now).await?;
    audit::note(&tx, ws, actor, "job.retried", &id.to_string(), json!({ "kind": job.kind }), now);
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(())
}

/// The job is never done.
pub async fn discard(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: JobId) -> Result<(), EngineError> {
    let now = cx.now();
    let (tx, job) = lock(cx, ws, id).await?;
    let because = job.error.as_deref().map_or_else(String::new, |error| format!(" ({error})"));
    if let Ok(Job::Mail { delivery } | Job::Post { delivery }) = serde_json::from_str(&job.payload) {
        deliveries::give_up(&tx, ws, delivery, millis(now)).await?;
    }
    stuck::discard(&tx, ws, id, &format!("discarded by {actor}{because}"), now).await?;
    audit::note(&tx, ws, actor, "job.discarded", &id.to_string(), json!({ "kind": job.kind }), now);
    Ok(tx.commit().await?)
}

async fn lock(cx: &Ctx, ws: WorkspaceId, id: JobId) -> Result<(Tx, Model), EngineError> {
    let tx = cx.db.write().await?;
    let job = stuck::lock(&tx, ws, id).await?;
    Ok((tx, job.ok_or_else(|| EngineError::not_found("job that was given up or can't be read", id))?))
}

/// An invitation ended with its mail: that is not taken back.
async fn revive(tx: &Tx, ws: WorkspaceId, id: DeliveryId, now: i64) -> Result<(), EngineError> {
    let rows = deliveries::by_ids(tx, ws.uuid(), &[id.uuid()]).await?;
    let Some(row) = rows.first().filter(|row| row.status == DeliveryStatus::Dead) else { return Ok(()) };
    if row.invitation_id.is_some() {
        return Err(EngineError::conflict("its invitation ended with it: invite the customer again, and discard this job"));
    }
    Ok(deliveries::wait_again(tx, ws, id, now).await?)
}

/// What becomes of a job that this version can't read, or that needs what it can't read: it waits, at no cost, for a node that can.
pub(crate) fn wait_for_reader(cx: &Ctx, lease: &Lease) -> Outcome {
    let spread = i64::from(lease.id.uuid().as_bytes().last().copied().unwrap_or_default());
    Outcome::Snooze(cx.guarded_now() + UNREAD_REST + chrono::Duration::milliseconds(spread * 100), outbox::UNREADABLE.to_owned())
}
