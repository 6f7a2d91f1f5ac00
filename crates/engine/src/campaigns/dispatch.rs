//! A wave that runs: whoever's time has come is asked, those who did not answer are reminded, and when nothing is left to do
//! the wave is finished.
//!
//! No more mails of one wave stand in the outbox than the sender gets through in a while: what is sent today is decided on
//! today, and a pause stops nearly all of it.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    campaign::{Channel, Plan},
    state::{InvitationState, WaveStatus},
};
use hearback_store::{
    audience::{self, Candidate},
    deliveries,
    invitations::{self, Move, Next, Reminded},
    outbox::{self, Outcome},
    script::Script,
    time::{from_millis, millis},
    waves,
};
use uuid::Uuid;

use super::{
    eligibility::{Judged, Moment},
    planning::blocked,
    scene::Scene,
};
use crate::{
    Ctx, EngineError, clock_guard, faults,
    invitations::{AskMail, mail_row},
    reading::Survey,
};

/// Invitations of one transaction.
const PAGE: u64 = 500;
/// Transactions of one run of the job; then others have their turn.
const ROUNDS: usize = 20;
/// Mails of one wave in the outbox at most.
const MOST_QUEUED: u64 = 5_000;
/// How long a wave rests whose mails wait for the sender.
const FULL_REST: Duration = Duration::seconds(1);
/// How long a wave rests when nothing is left but mails on their way.
const QUEUED_REST: Duration = Duration::seconds(30);
/// How long a wave rests when nothing is left but answers that may come.
const SENT_REST: Duration = Duration::hours(6);

pub(super) async fn run(scene: &Scene<'_>) -> Result<Outcome, EngineError> {
    let (cx, ws, id) = (scene.cx, scene.ws(), scene.id());
    for _ in 0..ROUNDS {
        let now = cx.guarded_now();
        if let Some(outcome) = clock_guard::wait(cx, scene.lease) {
            return Ok(outcome);
        }
        if invitations::queued(cx.db.read(), ws, id, MOST_QUEUED).await? as u64 >= MOST_QUEUED {
            return Ok(Outcome::Snooze(now + FULL_REST, "enough of its mails wait for the sender".to_owned()));
        }
        let due = invitations::due(cx.db.read(), ws, id, millis(now), PAGE).await?;
        let (page, asks) =
            if due.is_empty() { (invitations::to_remind(cx.db.read(), ws, id, millis(now), PAGE).await?, false) } else { (due, true) };
        if page.is_empty() {
            return rest(scene).await;
        }
        if let Some(outcome) = work(scene, &page, asks, now).await? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Snooze(cx.guarded_now(), "there is more to do".to_owned()))
}

/// Asks or reminds these, in one transaction; what becomes of the job when the wave was changed meanwhile.
async fn work(scene: &Scene<'_>, page: &[Uuid], asks: bool, now: DateTime<Utc>) -> Result<Option<Outcome>, EngineError> {
    let (cx, ws) = (scene.cx, scene.ws());
    let tx = match scene.begin(WaveStatus::Running).await? {
        Ok((tx, _)) => tx,
        Err(outcome) => return Ok(Some(outcome)),
    };
    audience::one_at_a_time(&tx, ws).await?;
    let rows = invitations::lock_all(&tx, ws, page).await?;
    let people = audience::invited(&*tx, ws, &scene.survey.key, page).await?;
    let people: HashMap<Uuid, Candidate> = people.into_iter().filter_map(|who| Some((who.invitation?, who))).collect();
    let mut moment = Moment::new(&scene.plan, now, scene.zone());
    moment.until = scene.until;
    moment.survey_closed = scene.survey.closed;
    moment.skipped_until = scene.workspace.skipped_until;
    if let Some(most) = scene.plan.daily_cap.filter(|_| asks) {
        let asked = invitations::asked_since(&*tx, ws, &scene.wave.campaign, millis(moment.today())).await?;
        moment.room = most.saturating_sub(asked);
    }
    let mut queue = Queue::default();
    for row in &rows {
        let Some(who) = people.get(&row.id) else { continue };
        let blocked = blocked(&scene.workspace, who);
        if asks {
            let judged = moment.judge(row, who, blocked);
            queue.ask(cx, &scene.plan, &scene.survey, row, who, judged, now);
        } else {
            queue.remind(cx, &mut moment, row, who, blocked.is_some());
        }
    }
    let mut script = Script::new(&tx);
    invitations::put_moves(&mut script, ws.uuid(), &queue.moves, millis(now));
    invitations::put_reminded(&mut script, ws.uuid(), &queue.reminded, millis(now));
    script.insert_missing::<deliveries::Entity>(&queue.mails);
    script.insert_missing::<outbox::Entity>(&queue.jobs);
    script.run(&tx).await?;
    faults::pass("feed.commit")?;
    tx.commit().await?;
    faults::pass("feed.committed")?;
    cx.db.grew(queue.mails.len());
    if !queue.jobs.is_empty() {
        cx.wake.notify_one();
    }
    Ok(None)
}

/// Rows to be written together.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub moves: Vec<Move>,
    pub reminded: Vec<Reminded>,
    pub mails: Vec<deliveries::Model>,
    pub jobs: Vec<outbox::Model>,
}

impl Queue {
    /// What a verdict means in rows.
    #[expect(clippy::too_many_arguments, reason = "the parts of one verdict")]
    pub fn ask(
        &mut self,
        cx: &Ctx,
        plan: &Plan,
        survey: &Survey,
        row: &invitations::Model,
        who: &Candidate,
        judged: Judged,
        now: DateTime<Utc>,
    ) {
        let stays = Move {
            id: row.id,
            state: InvitationState::NotAsked,
            reason: None,
            due_at: row.due_at,
            remind_at: None,
            sent_at: None,
            expires_at: None,
        };
        self.moves.push(match judged {
            Judged::Not(reason) => Move { reason: Some(reason.as_str()), ..stays },
            Judged::Later(at, reason) => {
                Move { state: InvitationState::Blocked, reason: Some(reason.as_str()), due_at: millis(at), ..stays }
            }
            Judged::Ask => {
                let days = i64::from(plan.answer_days.unwrap_or(survey.body.answer_days));
                let expires_at = Some(millis(now + Duration::days(days)));
                let asked = Move { due_at: millis(now), expires_at, ..stays };
                match who.email.as_deref().filter(|_| row.channel == Channel::Email.as_str()) {
                    Some(address) => {
                        let (mail, job) = mail_row(&cx.settings, row, AskMail::Invitation, (address, who.name.as_deref()), now);
                        self.mails.push(mail);
                        self.jobs.push(job);
                        Move { state: InvitationState::Queued, remind_at: plan.reminder_due(now, 0).map(millis), ..asked }
                    }
                    None => Move { state: InvitationState::Sent, sent_at: Some(millis(now)), ..asked },
                }
            }
        });
    }

    /// Reminds somebody who was asked and did not answer, if it is time and they may be written to.
    pub fn remind(&mut self, cx: &Ctx, moment: &mut Moment<'_>, row: &invitations::Model, who: &Candidate, blocked: bool) {
        let (now, sent) = (moment.now, usize::try_from(row.reminders).unwrap_or(usize::MAX));
        let put_off = |at: Option<DateTime<Utc>>| Reminded { id: row.id, reminders: row.reminders, remind_at: at.map(millis) };
        let due = row.sent_at.map(from_millis).and_then(|at| moment.plan.reminder_due(at, sent));
        let over = row.expires_at.is_some_and(|at| at <= millis(now));
        let next = || Reminded {
            id: row.id,
            reminders: row.reminders + 1,
            remind_at: row.sent_at.map(from_millis).and_then(|at| moment.plan.reminder_due(at, sent + 1)).map(millis),
        };
        if row.remind_at.is_some_and(|at| moment.skips(at)) {
            return self.reminded.push(next());
        }
        let done = blocked || over || moment.survey_closed || who.answered.is_some();
        self.reminded.push(match (*row.state, due, who.email.as_deref()) {
            // Its mail is still on its way.
            (InvitationState::Queued, _, _) => put_off(Some(now + Duration::days(1))),
            (InvitationState::Sent, Some(due), Some(address)) if !done => {
                let at = moment.open(who, due.max(now));
                if at > now {
                    put_off(Some(at))
                } else {
                    let mail = AskMail::Reminder(row.reminders + 1);
                    let (mail, job) = mail_row(&cx.settings, row, mail, (address, who.name.as_deref()), now);
                    self.mails.push(mail);
                    self.jobs.push(job);
                    let next = row.sent_at.map(from_millis).and_then(|at| moment.plan.reminder_due(at, sent + 1));
                    Reminded { id: row.id, reminders: row.reminders + 1, remind_at: next.map(millis) }
                }
            }
            _ => put_off(None),
        });
    }
}

/// Nothing is due: when to look again, or that the wave is finished.
async fn rest(scene: &Scene<'_>) -> Result<Outcome, EngineError> {
    let (cx, ws, id) = (scene.cx, scene.ws(), scene.id());
    let now = cx.guarded_now();
    let mut next = invitations::next(cx.db.read(), ws, id).await?;
    let soon = soonest(next);
    if next.sent && soon.is_none_or(|at| at > now + SENT_REST) {
        let tx = match scene.begin(WaveStatus::Running).await? {
            Ok((tx, _)) => tx,
            Err(outcome) => return Ok(outcome),
        };
        if invitations::expire(&tx, ws, id, millis(now)).await? > 0 {
            tx.commit().await?;
            next = invitations::next(cx.db.read(), ws, id).await?;
        }
    }
    if next == Next::default() {
        return finish(scene).await;
    }
    let waits = if next.queued { now + QUEUED_REST } else { now + SENT_REST };
    let at = soonest(next).map_or(waits, |at| if next.queued || next.sent { at.min(waits) } else { at });
    Ok(Outcome::Snooze(at, "waiting for what is due next".to_owned()))
}

fn soonest(next: Next) -> Option<DateTime<Utc>> {
    next.due_at.into_iter().chain(next.remind_at).min().map(from_millis)
}

async fn finish(scene: &Scene<'_>) -> Result<Outcome, EngineError> {
    let (tx, wave) = match scene.begin(WaveStatus::Running).await? {
        Ok(begun) => begun,
        Err(outcome) => return Ok(outcome),
    };
    let now = scene.cx.guarded_now();
    if invitations::next(&*tx, scene.ws(), scene.id()).await? != Next::default() {
        return Ok(Outcome::Snooze(now, "there is more to do".to_owned()));
    }
    waves::save(&tx, waves::Model { status: WaveStatus::Finished.into(), finished_at: Some(millis(now)), ..wave }).await?;
    outbox::settle(&tx, &[(scene.lease, Outcome::Done)], now).await?;
    tx.commit().await?;
    Ok(Outcome::Settled)
}
