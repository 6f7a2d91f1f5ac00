//! Sending on hold: nothing leaves the house until somebody says so. A database that was restored starts like this,
//! since what waits in it may have been sent long ago.
//!
//! Owns: the hold of a workspace, and what becomes of what waits when it ends. What must stay true: a job that sends
//! anything asks [`wait`] first. Refuses to know: who may hold and resume.

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    id::WorkspaceId,
    text::{self, MAX_LINE},
};
use hearback_store::{
    alerts, delivery_counts, invitations,
    outbox::{self, Outcome},
    time::{from_millis, millis},
    workspaces,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    Actor, Ctx, EngineError,
    alerts::AlertKind,
    audit,
    workspace::{SendingPause, Workspace},
};

/// How long a job rests that found sending on hold. The end of the hold wakes it earlier.
const REST: Duration = Duration::minutes(10);

/// What stands still, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sending {
    /// `None`: what is due is sent.
    pub held: Option<SendingPause>,
    /// Mails that were not handed over yet.
    pub waiting: u64,
    /// The waves of which people are due, the longest waiting first.
    pub waves: Vec<DueWave>,
    /// Why the mail server can't be used, when somebody has to mend that; since when.
    pub trouble: Option<SendingPause>,
}

/// A wave of which people are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueWave {
    /// Key of its campaign; none for people who were invited alone.
    pub campaign: Option<String>,
    /// What the wave is called.
    pub wave: Option<String>,
    /// How many people.
    pub people: i64,
    /// Since when.
    pub due_since: DateTime<Utc>,
}

/// What becomes of what waits when sending goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It is sent now.
    Send,
    /// It is never sent. Whoever should have been asked by now is not asked, and has that for a reason; whose time is still to come is.
    Cancel,
}

/// What a job that would send something does while sending is on hold; `None` when it may go on.
pub fn wait(workspace: &Workspace, now: DateTime<Utc>) -> Option<Outcome> {
    workspace.held.as_ref().map(|_| Outcome::Snooze(now + REST, outbox::ON_HOLD.to_owned()))
}

/// How sending stands.
pub async fn status(cx: &Ctx, ws: WorkspaceId) -> Result<Sending, EngineError> {
    let row = workspaces::by_id(cx.db.read(), ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    let trouble = alerts::open(cx.db.read(), AlertKind::MailServer.as_str()).await?;
    let trouble = trouble.map(|alert| SendingPause { since: from_millis(alert.first_at), why: alert.message });
    let due = invitations::all_due(cx.db.read(), ws, millis(cx.now())).await?.into_iter().map(|due| {
        let (campaign, wave) = due.wave.unzip();
        DueWave { campaign, wave, people: due.people, due_since: from_millis(due.since) }
    });
    Ok(Sending { held: SendingPause::of(&row), waiting: delivery_counts::waiting(cx.db.read(), ws).await?, waves: due.collect(), trouble })
}

/// Holds sending, for a reason in one line. What is between two commands of the mail server this very moment still ends.
pub async fn hold(cx: &Ctx, ws: WorkspaceId, actor: &Actor, why: &str) -> Result<(), EngineError> {
    let why = text::line(why, MAX_LINE).map_err(|error| EngineError::field("why", error))?;
    let now = cx.now();
    let tx = cx.db.write().await?;
    workspaces::hold_sending(&tx, ws, Some((millis(now), &why))).await?;
    audit::note(&tx, ws, actor, "sending.held", "sending", json!({ "why": why }), now);
    Ok(tx.commit().await?)
}

/// Lets sending go on; how many jobs were waiting for it.
pub async fn resume(cx: &Ctx, ws: WorkspaceId, actor: &Actor, waiting: Waiting) -> Result<u64, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    workspaces::hold_sending(&tx, ws, None).await?;
    let jobs = match waiting {
        Waiting::Send => outbox::wake_held(&tx, ws, now).await?,
        Waiting::Cancel => {
            workspaces::skip_until(&tx, ws, millis(now)).await?;
            let cancelled = outbox::cancel_held(&tx, ws, now).await?;
            invitations::skip_cancelled(&tx, ws, millis(now)).await?;
            outbox::wake_held(&tx, ws, now).await?;
            cancelled
        }
    };
    let data = json!({ "waiting": if waiting == Waiting::Send { "sent" } else { "cancelled" }, "jobs": jobs });
    audit::note(&tx, ws, actor, "sending.resumed", "sending", data, now);
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(jobs)
}
