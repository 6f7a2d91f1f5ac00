//! The last weeks as they would have happened: answers come in, rules act, mails go out, our people work on cases.
//!
//! The real use cases run under a clock that is moved from event to event, so that every due time, timeline and mail
//! of the demo is what the product makes of it.

use std::{collections::BTreeMap, time::Duration as Span};

use chrono::{DateTime, Duration, Utc};
use futures::StreamExt as _;
use hearback_core::{
    Clock as _, ManualClock, Segment, Word as _,
    id::{CaseId, TaskId, WorkspaceId},
    state::TaskStatus,
};
use hearback_engine::{
    Actor, Engine,
    cases::work::{self, CaseChange, NewContact, TaskChange},
    jobs,
    responses::submit::{FollowUp, NewResponse, submit_responses},
    ticks::TICKS,
};
use hearback_store::{
    outbox::{self, Outcome},
    snapshot,
};

use super::{
    campaign,
    customers::STAFF,
    random::Random,
    responses::{Answer, working},
    words::Cause,
};

/// Jobs that run side by side.
const TOGETHER: usize = 8;
/// Somebody who never answers.
const TRIES: &[&str] = &["no_answer", "no_answer", "no_answer"];
/// Looks at the queue for one event; far more than rules can chain.
const MAX_ROUNDS: usize = 50;

/// Whoever looks at the demo finds at least so many who wait too long.
const OVERLOOKED: usize = 3;
/// So long before the end nobody waits longer than an hour for what is due: the last wave begins, and goes out.
const HOURS: i64 = (campaign::WAVE_AGE + 4) * 24;

/// What happens at one moment.
enum Event {
    /// Nothing but what is due: invitations go out in the mornings of their readers.
    Hour,
    Answer(Box<Answer>),
    Call {
        case: CaseId,
        agent: String,
        why: Cause,
        outcome: &'static str,
    },
    Close {
        case: CaseId,
        agent: String,
        why: Cause,
    },
}

/// Replays answers under the clock up to `end`.
pub struct Replay<'a> {
    /// Runs on `clock`.
    pub cx: &'a Engine,
    /// Where.
    pub ws: WorkspaceId,
    /// Moved from event to event.
    pub clock: &'a ManualClock,
    /// Decides who is called when.
    pub random: Random,
    /// Later than this nothing happens.
    pub end: DateTime<Utc>,
    /// How many events were planned so far.
    pub planned: usize,
    /// How many unhappy customers nobody has called yet who should have been.
    pub overlooked: usize,
}

/// What is still to happen, by time; the number keeps two events of one moment apart.
type Agenda = BTreeMap<(DateTime<Utc>, usize), Event>;

impl Replay<'_> {
    /// Runs everything.
    pub async fn run(mut self, answers: Vec<Answer>) -> anyhow::Result<()> {
        let mut agenda = Agenda::new();
        for answer in answers {
            self.plan(&mut agenda, answer.at, Event::Answer(Box::new(answer)));
        }
        for hour in 0..HOURS {
            self.plan(&mut agenda, self.end - Duration::hours(hour), Event::Hour);
        }
        while let Some(((at, _), event)) = agenda.pop_first() {
            // Whoever read a mail took a few seconds.
            self.clock.set(at.max(self.clock.now()));
            self.catch_up().await?;
            match event {
                Event::Hour => {}
                Event::Answer(answer) => Box::pin(self.answer(*answer, &mut agenda)).await?,
                Event::Call { case, agent, why, outcome } => self.call(case, &agent, why, outcome).await?,
                Event::Close { case, agent, why } => self.close(case, &agent, why).await?,
            }
        }
        self.clock.set(self.end);
        self.catch_up().await
    }

    fn plan(&mut self, agenda: &mut Agenda, at: DateTime<Utc>, event: Event) {
        if at < self.end {
            self.planned += 1;
            agenda.insert((at, self.planned), event);
        }
    }

    async fn answer(&mut self, answer: Answer, agenda: &mut Agenda) -> anyhow::Result<()> {
        let owner = answer.response.person.owner.clone();
        let Some(case) = Box::pin(self.give(answer.response)).await? else { return Ok(()) };
        if let (Segment::Detractor, Some(why)) = (answer.segment, answer.cause) {
            self.plan_work(agenda, case, answer.at, owner, why);
        }
        Ok(())
    }

    /// Who was asked by mail answers from it; everybody else somewhere else.
    async fn give(&self, response: NewResponse) -> anyhow::Result<Option<CaseId>> {
        if response.channel.as_deref() == Some("email")
            && let Some(invitation) = Box::pin(campaign::answer_by_mail(self.cx, self.ws, self.clock, &response)).await?
        {
            self.catch_up().await?;
            return campaign::case_of(self.cx, self.ws, invitation).await;
        }
        let result = submit_responses(self.cx, self.ws, vec![response], FollowUp::On).await.pop();
        Ok(result.transpose()?.map(|receipt| receipt.case.id))
    }

    /// Most unhappy customers are called in time, some late, a few of the last ones not yet.
    fn plan_work(&mut self, agenda: &mut Agenda, case: CaseId, at: DateTime<Utc>, owner: Option<String>, why: Cause) {
        let agent = owner.unwrap_or_else(|| STAFF.first().map(super::customers::Staff::email).unwrap_or_default());
        let after = |random: &mut Random, from: DateTime<Utc>, low: i64, high: i64| {
            working(from + Duration::minutes(random.between(low * 60, high * 60)))
        };
        // Whatever is older than three weeks has been taken up, some of it late. Of the rest, a part still waits.
        let is_recent = at > self.end - Duration::days(21);
        if is_recent && at < self.end - Duration::days(6) && self.overlooked < OVERLOOKED {
            self.overlooked += 1;
            return;
        }
        let outcomes: &[&'static str] = match self.random.between(1, 100) {
            1..=34 => &["reached"],
            35..=44 => &["no_answer", "reached"],
            45..=50 => TRIES,
            _ if is_recent => return,
            51..=84 => &["reached"],
            _ => &["late", "reached"],
        };
        let mut when = after(&mut self.random, at, 1, 20);
        for outcome in outcomes {
            if *outcome == "late" {
                when = after(&mut self.random, when, 50, 80);
                continue;
            }
            self.plan(agenda, when, Event::Call { case, agent: agent.clone(), why, outcome });
            // Three tries stand in for a contact when they are spread over five working days.
            let (low, high) = if outcomes == TRIES { (72, 90) } else { (5, 30) };
            when = after(&mut self.random, when, low, high);
        }
        self.plan(agenda, when, Event::Close { case, agent, why });
    }

    async fn call(&self, case: CaseId, agent: &str, why: Cause, outcome: &str) -> anyhow::Result<()> {
        let actor = Actor::User(agent.to_owned());
        work::assign(self.cx, self.ws, case, &actor, agent).await?;
        let note = (outcome == "reached").then(|| why.note().to_owned());
        Ok(work::log_contact(self.cx, self.ws, case, &actor, NewContact { channel: "phone".to_owned(), outcome: outcome.to_owned(), note })
            .await?)
    }

    async fn close(&self, case: CaseId, agent: &str, why: Cause) -> anyhow::Result<()> {
        let actor = Actor::User(agent.to_owned());
        let (tasks, _) = snapshot::work_of_case(self.cx.db.read(), self.ws.uuid(), case.uuid()).await?;
        for task in tasks.iter().filter(|task| task.status == TaskStatus::Open) {
            let done = TaskChange {
                status: Some(TaskStatus::Done.as_str().to_owned()),
                outcome: Some(why.note().to_owned()),
                ..TaskChange::default()
            };
            work::update_task(self.cx, self.ws, TaskId::from_uuid(task.id), &actor, done).await?;
        }
        let change =
            CaseChange { root_cause: Some(why.root_cause().to_owned()), resolution: Some(why.resolution().to_owned()), note: None };
        Ok(work::close(self.cx, self.ws, case, &actor, change).await?)
    }

    /// Does everything that is due by now, as the worker would have.
    async fn catch_up(&self) -> anyhow::Result<()> {
        for tick in TICKS {
            (tick.run)(self.cx).await?;
        }
        for _ in 0..MAX_ROUNDS {
            let leases = outbox::claim(&self.cx.db, self.cx.now(), Span::from_hours(1), 200).await?;
            if leases.is_empty() {
                break;
            }
            let run = |lease| async move {
                let outcome = jobs::run(self.cx, &lease).await;
                (lease, outcome)
            };
            let done: Vec<(outbox::Lease, Outcome)> = futures::stream::iter(leases).map(run).buffer_unordered(TOGETHER).collect().await;
            let settled: Vec<_> = done.iter().map(|(lease, outcome)| (lease, outcome.clone())).collect();
            let tx = self.cx.db.write().await?;
            outbox::settle(&tx, &settled, self.cx.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
