//! Somebody who is invited alone: asked when their time comes, reminded, and in the end either answered or out of time.

use chrono::{DateTime, Duration, NaiveTime, Utc};
use hearback_core::{
    campaign::{Plan, Reason, Window},
    id::{CaseId, InvitationId, WorkspaceId},
    state::{CampaignStatus, InvitationState},
    wall::Weekdays,
};
use hearback_store::{
    Tx, audience, campaigns, deliveries,
    invitations::{self, Model},
    lists,
    outbox::{self, Lease, Outcome},
    script::Script,
    time::{from_millis, millis},
};

use super::{
    campaign::read_plan,
    dispatch::Queue,
    eligibility::{Judged, Moment},
    planning::blocked,
};
use crate::{Ctx, EngineError, faults, sending_pause, workspace::Workspace};

/// How long the job of somebody rests whose campaign is paused; whoever resumes it wakes the job.
const PAUSED_REST: Duration = Duration::minutes(1);

/// The plan of an invitation that no campaign asked for: at any time, with the usual limit.
pub(super) fn plan_alone(survey: &str) -> Plan {
    let window = Window { from: NaiveTime::MIN, to: NaiveTime::MIN, days: Weekdays::ALL, ..Window::default() };
    Plan { window, ..Plan::of(survey) }
}

/// Does what is due for somebody who is invited alone.
pub async fn run(cx: &Ctx, lease: &Lease, id: InvitationId) -> Result<Outcome, EngineError> {
    let now = cx.guarded_now();
    let workspace = cx.workspaces.get(cx.db.read(), lease.workspace).await?;
    if let Some(outcome) = sending_pause::wait(&workspace, now) {
        return Ok(outcome);
    }
    let Some(row) = invitations::by_id(cx.db.read(), lease.workspace, id).await? else {
        return Ok(Outcome::Cancel("the invitation is gone".to_owned()));
    };
    let campaign = match &row.campaign {
        Some(key) => campaigns::by_key(cx.db.read(), lease.workspace, key).await?,
        None => None,
    };
    if campaign.as_ref().is_some_and(|campaign| campaign.status == CampaignStatus::Paused) {
        return Ok(Outcome::Snooze(now + PAUSED_REST, outbox::WAVE_PAUSED.to_owned()));
    }
    let survey = workspace.needed_survey(row.survey_id)?;
    let plan = match &campaign {
        Some(campaign) => read_plan(campaign)?.plan,
        // Nobody wants the answer this very minute: the hours of a wave are kept.
        None if row.case_id.is_some() => Plan::of(&survey.key),
        None => plan_alone(&survey.key),
    };
    let tx = cx.db.write().await?;
    if !outbox::is_held(&tx, lease).await? {
        return Ok(Outcome::Settled);
    }
    audience::one_at_a_time(&tx, lease.workspace).await?;
    let Some(row) = invitations::lock(&tx, lease.workspace, id).await? else {
        return Ok(Outcome::Cancel("the invitation is gone".to_owned()));
    };
    let mut moment = Moment::new(&plan, now, plan.zone(workspace.staff.hours_of(None).zone()));
    moment.survey_closed = survey.closed;
    moment.skipped_until = workspace.skipped_until;
    let outcome = match *row.state {
        InvitationState::Planned | InvitationState::Blocked if row.due_at > millis(now) => {
            Outcome::Snooze(from_millis(row.due_at), "not yet due".to_owned())
        }
        InvitationState::Planned | InvitationState::Blocked => ask(cx, &tx, &workspace, &mut moment, &row).await?,
        InvitationState::Queued | InvitationState::Sent => follow(cx, &tx, &workspace, &mut moment, &row).await?,
        InvitationState::Answered
        | InvitationState::NotAsked
        | InvitationState::Cancelled
        | InvitationState::Bounced
        | InvitationState::Expired => Outcome::Done,
    };
    outbox::settle(&tx, &[(lease, outcome)], now).await?;
    faults::pass("feed.commit")?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(Outcome::Settled)
}

/// Its time has come.
async fn ask(cx: &Ctx, tx: &Tx, workspace: &Workspace, moment: &mut Moment<'_>, row: &Model) -> Result<Outcome, EngineError> {
    let (ws, now) = (workspace.id, moment.now);
    let survey = workspace.needed_survey(row.survey_id)?;
    if let (Some(most), Some(campaign)) = (moment.plan.daily_cap, &row.campaign) {
        let asked = invitations::asked_alone_since(&**tx, ws, campaign, millis(moment.today())).await?;
        moment.room = most.saturating_sub(asked);
    }
    let people = audience::invited(&**tx, ws, &survey.key, &[row.id]).await?;
    let Some(who) = people.first() else { return Ok(Outcome::Cancel("its person is gone".to_owned())) };
    let blocked = if is_open_again(tx, ws, row).await? { Some(Reason::CaseReopened) } else { blocked(workspace, who) };
    let judged = moment.judge(row, who, blocked);
    let mut queue = Queue::default();
    queue.ask(cx, moment.plan, survey, row, who, judged, now);
    let next = queue.moves.first().and_then(|moved| moved.remind_at.or(moved.expires_at)).map(from_millis);
    write(tx, ws.uuid(), &queue, now).await?;
    Ok(match judged {
        Judged::Ask => Outcome::Snooze(next.unwrap_or(now), "asked".to_owned()),
        Judged::Later(at, reason) => Outcome::Snooze(at, reason.as_str().to_owned()),
        Judged::Not(_) => Outcome::Done,
    })
}

/// Whether the case, whose closing they are asked about, is not closed any more.
async fn is_open_again(tx: &Tx, ws: WorkspaceId, row: &Model) -> Result<bool, EngineError> {
    let Some(case) = row.case_id else { return Ok(false) };
    let case = lists::case(&**tx, ws, CaseId::from_uuid(case)).await?;
    Ok(case.is_some_and(|case| case.closed_at.is_none()))
}

/// It was sent: a reminder is due, or the time for answering is over.
async fn follow(cx: &Ctx, tx: &Tx, workspace: &Workspace, moment: &mut Moment<'_>, row: &Model) -> Result<Outcome, EngineError> {
    let (ws, now) = (workspace.id, moment.now);
    if row.expires_at.is_none_or(|at| at <= millis(now)) {
        if row.state == InvitationState::Queued {
            return Ok(Outcome::Snooze(now + Duration::days(1), "its mail is still on its way".to_owned()));
        }
        let over = Model {
            state: InvitationState::Expired.into(),
            reason: Some(Reason::Expired.as_str().to_owned()),
            remind_at: None,
            ..row.clone()
        };
        invitations::save(tx, Model { updated_at: millis(now), ..over }).await?;
        return Ok(Outcome::Done);
    }
    let mut next = row.remind_at;
    if row.remind_at.is_some_and(|at| at <= millis(now)) {
        let survey = workspace.survey(row.survey_id).map_or("", |survey| survey.key.as_str());
        let people = audience::invited(&**tx, ws, survey, &[row.id]).await?;
        let Some(who) = people.first() else { return Ok(Outcome::Cancel("its person is gone".to_owned())) };
        let mut queue = Queue::default();
        queue.remind(cx, moment, row, who, blocked(workspace, who).is_some());
        next = queue.reminded.first().and_then(|reminded| reminded.remind_at);
        write(tx, ws.uuid(), &queue, now).await?;
    }
    let until = next.into_iter().chain(row.expires_at).min().map_or(now, from_millis);
    Ok(Outcome::Snooze(until, "waiting for the answer".to_owned()))
}

pub(super) async fn write(tx: &Tx, ws: uuid::Uuid, queue: &Queue, now: DateTime<Utc>) -> Result<(), EngineError> {
    let mut script = Script::new(tx);
    invitations::put_moves(&mut script, ws, &queue.moves, millis(now));
    invitations::put_reminded(&mut script, ws, &queue.reminded, millis(now));
    script.insert_missing::<deliveries::Entity>(&queue.mails);
    script.insert_missing::<outbox::Entity>(&queue.jobs);
    Ok(script.run(tx).await?)
}
