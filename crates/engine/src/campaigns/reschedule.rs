//! When campaigns ask next, computed anew: the rules of a time zone change, and with a new version of the product the zones do.
//!
//! What must stay true: only moments that are still to come move. A wave that was made keeps its moment, a moment that is due is
//! fired as it stands, and no moment at or before the latest wave comes again.

use chrono::{DateTime, Utc};
use hearback_core::{id::WorkspaceId, state::CampaignStatus};
use hearback_store::{
    campaigns,
    time::{from_millis, millis},
    waves, workspaces,
};

use crate::{Ctx, EngineError, reading::plan_codec};

/// Puts right when campaigns ask next; how many asked at another moment, or at none although their schedule can be read.
pub async fn look(cx: &Ctx) -> Result<u64, EngineError> {
    let mut changed = 0;
    for ws in workspaces::ids(cx.db.read()).await? {
        for row in campaigns::list(cx.db.read(), ws).await? {
            if corrected(&row, None, cx.now()).is_some() {
                changed += u64::from(correct(cx, ws, &row.key).await?);
            }
        }
    }
    Ok(changed)
}

async fn correct(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<bool, EngineError> {
    let tx = cx.db.write().await?;
    let Some(row) = campaigns::lock(&tx, ws, key).await? else { return Ok(false) };
    let latest = waves::latest_fire(&*tx, ws, key).await?;
    let Some(next) = corrected(&row, latest, cx.now()) else { return Ok(false) };
    tracing::info!(campaign = key, was = ?row.next_fire_at.map(from_millis), is = %next, "a campaign asks at another moment than was computed before");
    campaigns::save(&tx, campaigns::Model { next_fire_at: Some(millis(next)), ..row }).await?;
    tx.commit().await?;
    Ok(true)
}

/// When a campaign asks next, if that is not what is stored and lies ahead.
fn corrected(row: &campaigns::Model, latest: Option<i64>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_due = row.next_fire_at.is_some_and(|at| at <= millis(now));
    if row.status != CampaignStatus::Active || is_due {
        return None;
    }
    let from = latest.map_or(now, |at| now.max(from_millis(at)));
    let next = plan_codec::read(&row.body).ok()?.next(from)?;
    (row.next_fire_at != Some(millis(next))).then_some(next)
}
