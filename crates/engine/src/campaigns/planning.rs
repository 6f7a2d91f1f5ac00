//! A wave that has just begun: everybody in the audience is given their place in it, or the reason why they have none.
//!
//! People are read in pages in the order of their ids, and each page is written in a transaction of its own. Whoever comes after a
//! crash goes on behind the last person who was written; what was decided before is counted again from the rows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hearback_core::{
    campaign::{Asked, Plan, Planner, Reason, Verdict},
    id::{WaveId, WorkspaceId},
    state::{InvitationState, WaveStatus},
    wall,
};
use hearback_rules::{AccountFacts, Audience, PersonFacts};
use hearback_store::{
    audience::{self, Candidate, Look},
    invitations::{self, OfWave, Place},
    ledger,
    outbox::{self, Lease, Outcome},
    time::{from_millis, millis},
    waves,
};
use uuid::Uuid;

use super::{dispatch, scene::Scene};
use crate::{
    Ctx, EngineError,
    alerts::{self, Alert, AlertKind},
    faults,
    reading::plan_codec,
    rows::{read_email, read_owner, read_properties},
    sending_pause,
    workspace::Workspace,
};

/// People of one page.
pub(super) const PAGE: u64 = 5_000;
/// How long the job of a paused wave rests; whoever resumes the wave wakes it.
const PAUSED_REST: chrono::Duration = chrono::Duration::minutes(1);

/// Does what is due in a wave.
pub async fn run(cx: &Ctx, lease: &Lease, wave: WaveId) -> Result<Outcome, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    let Some(wave) = waves::by_id(cx.db.read(), lease.workspace, wave).await? else {
        return Ok(Outcome::Cancel("the wave is gone".to_owned()));
    };
    let plans = match *wave.status {
        WaveStatus::Planning => true,
        WaveStatus::Running => false,
        WaveStatus::Paused => return Ok(paused(cx)),
        WaveStatus::Cancelled | WaveStatus::Finished | WaveStatus::Missed => return Ok(Outcome::Done),
    };
    let stored = match plan_codec::read(&wave.body) {
        Ok(stored) => stored,
        Err(why) => return stop(cx, lease, &wave, &why).await,
    };
    if plans {
        return plan(&Scene::of(cx, lease, workspace, wave, stored)?).await;
    }
    match sending_pause::wait(&workspace, cx.guarded_now()) {
        Some(outcome) => Ok(outcome),
        None => dispatch::run(&Scene::of(cx, lease, workspace, wave, stored)?).await,
    }
}

fn paused(cx: &Ctx) -> Outcome {
    Outcome::Snooze(cx.guarded_now() + PAUSED_REST, outbox::WAVE_PAUSED.to_owned())
}

/// A wave whose plan this version does not understand stands still: it would ask at other hours, or everybody at once.
async fn stop(cx: &Ctx, lease: &Lease, wave: &waves::Model, why: &str) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let tx = cx.db.write().await?;
    if let Some(name) = ledger::pause_wave(&tx, wave.workspace_id, wave.id, why, millis(now)).await? {
        let message =
            format!("the wave is paused: {why}. Use the version that began it and resume the wave, or cancel it and run another one");
        alerts::raise(&tx, lease.workspace, &[Alert::new(AlertKind::WavePaused, name, message)], now).await?;
    }
    tx.commit().await?;
    Ok(paused(cx))
}

async fn plan(scene: &Scene<'_>) -> Result<Outcome, EngineError> {
    let (cx, ws) = (scene.cx, scene.ws());
    let people = People::of(scene)?;
    let mut planner = scene.planner();
    let mut after = resume(scene, &mut planner).await?;
    loop {
        let page = audience::people(cx.db.read(), ws, &people.look, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let places: Vec<Place> = page.iter().filter_map(|who| people.place(&mut planner, who, scene)).collect();
        if places.is_empty() {
            continue;
        }
        let tx = match scene.begin(WaveStatus::Planning).await? {
            Ok((tx, _)) => tx,
            Err(outcome) => return Ok(outcome),
        };
        invitations::put_places(&tx, &people.of, &places, millis(cx.guarded_now())).await?;
        faults::pass("planning.commit")?;
        tx.commit().await?;
        faults::pass("planning.committed")?;
        cx.db.grew(places.len());
    }
    let (tx, wave) = match scene.begin(WaveStatus::Planning).await? {
        Ok(begun) => begun,
        Err(outcome) => return Ok(outcome),
    };
    waves::save(&tx, waves::Model { status: WaveStatus::Running.into(), planned_at: Some(millis(cx.guarded_now())), ..wave }).await?;
    tx.commit().await?;
    Ok(Outcome::Snooze(cx.guarded_now(), "planned".to_owned()))
}

/// Counts what was decided so far; the last person who was written.
async fn resume(scene: &Scene<'_>, planner: &mut Planner<'_>) -> Result<Uuid, EngineError> {
    let (conn, ws) = (scene.cx.db.read(), scene.ws());
    seat_load(scene.cx, ws, &scene.wave.campaign, &scene.plan, from_millis(scene.wave.fire_at), planner).await?;
    let last = invitations::last_placed(conn, ws, scene.id()).await?;
    if last.is_some() && scene.plan.account_cap.is_some() {
        for (account, people) in invitations::accounts(conn, ws, scene.id()).await? {
            planner.seat_account(Some(&account), u32::try_from(people).unwrap_or(u32::MAX));
        }
    }
    Ok(last.unwrap_or_default())
}

/// Days that other waves of the campaign, or this one before a crash, have people on are not empty.
pub(super) async fn seat_load(
    cx: &Ctx,
    ws: WorkspaceId,
    campaign: &str,
    plan: &Plan,
    from: DateTime<Utc>,
    planner: &mut Planner<'_>,
) -> Result<(), EngineError> {
    if plan.daily_cap.is_none() {
        return Ok(());
    }
    let since = millis(from - chrono::Duration::days(1));
    for (at, people) in invitations::load(cx.db.read(), ws, campaign, since).await? {
        planner.seat_many(from_millis(at), people);
    }
    Ok(())
}

/// Who is looked at, and how.
pub(super) struct People {
    pub audience: Audience,
    pub look: Look,
    of: OfWave,
    pub workspace: Arc<Workspace>,
}

impl People {
    fn of(scene: &Scene<'_>) -> Result<Self, EngineError> {
        let audience = read_audience(&scene.plan.audience)?;
        let of = OfWave {
            workspace: scene.ws().uuid(),
            wave: scene.wave.id,
            survey: scene.wave.survey_id,
            campaign: scene.wave.campaign.clone(),
            channel: scene.plan.channel.as_str(),
        };
        let look = look(&audience, &scene.survey.key, &scene.wave.campaign, scene.wave.id);
        Ok(Self { audience, look, of, workspace: Arc::clone(&scene.workspace) })
    }

    /// The place of somebody; `None` for whoever is not in the audience.
    fn place(&self, planner: &mut Planner<'_>, who: &Candidate, scene: &Scene<'_>) -> Option<Place> {
        let (state, reason, due_at) = match decide(&self.workspace, &self.audience, planner, who)? {
            Verdict::At(at) => (InvitationState::Planned, None, millis(at)),
            Verdict::Later(at, reason @ Reason::OutsideWindow) => (InvitationState::Planned, Some(reason), millis(at)),
            Verdict::Later(at, reason) => (InvitationState::Blocked, Some(reason), millis(at)),
            Verdict::Not(reason) => (InvitationState::NotAsked, Some(reason), scene.wave.fire_at),
        };
        let id = invitation_id(scene.wave.id, who.id);
        Some(Place { id, person: who.id, account: who.account_key.clone(), state, reason: reason.map(Reason::as_str), due_at })
    }
}

/// What has to be read of everybody.
pub(super) fn look(audience: &Audience, survey: &str, campaign: &str, wave: Uuid) -> Look {
    Look {
        survey: survey.to_owned(),
        campaign: campaign.to_owned(),
        wave,
        properties: !audience.is_everybody(),
        accounts: audience.asks_accounts(),
    }
}

/// The audience of a stored plan.
pub(super) fn read_audience(written: &serde_json::Value) -> Result<Audience, EngineError> {
    Audience::read(written).map_err(|why| EngineError::field("audience", why.join("; ")))
}

/// The verdict about somebody; `None` for whoever is not in the audience.
pub(super) fn decide(workspace: &Workspace, audience: &Audience, planner: &mut Planner<'_>, who: &Candidate) -> Option<Verdict> {
    if !is_in(audience, who) {
        return None;
    }
    Some(planner.verdict(&Asked {
        id: who.id,
        zone: who.timezone.as_deref().and_then(|name| wall::zone(name).ok()),
        account: who.account_key.as_deref(),
        has_address: who.email.is_some(),
        blocked: blocked(workspace, who).or((who.waits > 0).then_some(Reason::AlreadyInvited)),
        last_asked: who.last_asked.map(from_millis),
    }))
}

/// Why somebody must not be written to, if so.
pub(super) fn blocked(workspace: &Workspace, who: &Candidate) -> Option<Reason> {
    let listed = who.blocked.as_deref().map(Reason::of_suppression);
    listed.or_else(|| who.email.as_deref().filter(|address| workspace.was_erased(address)).map(|_| Reason::Erased))
}

fn is_in(audience: &Audience, who: &Candidate) -> bool {
    if audience.is_everybody() {
        return true;
    }
    let person = PersonFacts {
        email: read_email(who.email.as_deref()),
        name: None,
        locale: who.locale.clone(),
        properties: who.properties.as_deref().map(read_properties).unwrap_or_default(),
        owner: None,
    };
    let account = who.account_key.as_ref().map(|key| AccountFacts {
        key: key.clone(),
        owner: read_owner(None),
        properties: who.account_properties.as_deref().map(read_properties).unwrap_or_default(),
    });
    audience.has(&person, account.as_ref())
}

/// The id of somebody's invitation in a wave: it follows from both, so that nobody is in one twice, and sorts as people do, so
/// that a wave is written in the order in which it is read.
pub fn invitation_id(wave: Uuid, person: Uuid) -> Uuid {
    const RANDOM: u128 = (1 << 48) - 1;
    let wave = Uuid::new_v5(&Uuid::NAMESPACE_OID, wave.as_bytes());
    Uuid::from_u128(person.as_u128() ^ (wave.as_u128() & RANDOM))
}
