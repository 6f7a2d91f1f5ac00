//! Planning a wave of many people with all limits: how long it takes, and how much memory at its peak.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hearback_core::id::WaveId;
use hearback_engine::{
    Actor,
    campaigns::{campaign, fire, preview, waves},
    jobs,
};
use hearback_store::{
    outbox::{self, Outcome},
    time::millis,
};
use serde_json::json;

use crate::{
    Place, child, fill,
    timings::{Timings, micros},
};

/// What a claim of this run holds for.
const LEASE: Duration = Duration::from_mins(30);

/// Measures a preview and the planning of a wave.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws, survey) = place.open_survey().await?;
    let database = place.database();
    let people = i64::try_from(place.args.rows)?;
    fill::people(&cx.db, ws, survey, people, millis(cx.now())).await?;
    let plan = json!({
        "survey": "nps", "audience": { "person": { "plan": ["gold", "silver", "basic"] } }, "recontact_days": 30, "account_cap": 5,
        "daily_cap": people / 20 + 1, "sample": 0.9, "schedule": { "cron": "0 9 1 JAN,APR,JUL,OCT *", "timezone": "Europe/Vilnius" }
    });
    campaign::put(&cx, ws, &Actor::Operator, "bench", serde_json::from_value(plan)?).await?;
    let mut found = Timings { title: format!("a wave of {people} people with all limits, {database}"), ..Timings::default() };
    child::forget_peak();
    let begun = Instant::now();
    let shown = preview::preview(&cx, ws, "bench", Some(cx.now()), preview::Shown { after: None, limit: 50 }).await?;
    found.push("preview", vec![micros(begun)]);
    let wave = fire::run_now(&cx, ws, &Actor::Operator, "bench").await?;
    let begun = Instant::now();
    let leases = outbox::claim(&cx.db, cx.now(), LEASE, 10).await?;
    let lease = leases.iter().find(|lease| matches!(lease.job, Ok(outbox::Job::Wave { .. }))).context("the wave has a job")?;
    let outcome = jobs::run(&cx, lease).await;
    anyhow::ensure!(matches!(outcome, Outcome::Snooze(..)), "the wave could not be planned: {outcome:?}");
    found.push("plan and write", vec![micros(begun)]);
    let wave = waves::one(&cx, ws, WaveId::from_uuid(wave.id)).await?;
    found.notes.push(format!("{} people of {people} have their place or a reason; the preview asks {}", wave.people(), shown.asked));
    found.notes.extend(wave.reasons.iter().map(|(reason, people)| format!("{people:>9}  {}", reason.as_str())));
    found.notes.extend(child::peak());
    Ok(found)
}
