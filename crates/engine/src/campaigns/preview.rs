//! What a wave would do, before anything is sent: who is asked when and who is not, the load of each day, the answers and the
//! work that may follow. Reads only.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use hearback_core::{
    Metric,
    campaign::{Planner, Reason, Verdict},
    id::WorkspaceId,
    stats::{Confidence, sample_size},
    wall,
};
use hearback_store::{
    audience::{self, Candidate, Followed},
    campaigns, invitations,
    time::millis,
};
use uuid::Uuid;

use super::{
    campaign::read_plan,
    planning::{PAGE, decide, look, read_audience, seat_load},
};
use crate::{Ctx, EngineError};

/// What share of those who are asked answers, where nothing is known yet.
const ASSUMED_RATE: f64 = 0.2;
/// Invitations from which on a response rate is believed.
const ENOUGH: i64 = 50;
/// Variance of one answer, in units of the score: of a usual NPS, and of a share at worst.
const VARIANCE: (f64, f64) = (0.61, 0.25);
/// Which past the work that follows is taken from.
const PAST: Duration = Duration::days(365);
/// How far ahead one can look.
const AHEAD: Duration = Duration::days(5 * 366);

/// A wave as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The campaign.
    pub campaign: String,
    /// When the wave would begin.
    pub at: DateTime<Utc>,
    /// The zone whose days are counted.
    pub zone: String,
    /// People of the audience.
    pub people: u64,
    /// How many of them are asked.
    pub asked: u64,
    /// How many of those later than the wave would have it.
    pub later: u64,
    /// Why people are asked later or not at all; the largest number first.
    pub reasons: Vec<(Reason, u64)>,
    /// How many are asked on each day.
    pub days: BTreeMap<NaiveDate, u64>,
    /// What may come of it.
    pub expected: Expected,
    /// One page of the people, in the order of their ids.
    pub page: Vec<Planned>,
    /// Where the next page starts.
    pub next: Option<Uuid>,
}

/// What may come of a wave.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Share of those asked who answer, 0 to 1.
    pub rate: f64,
    /// Where the rate is from.
    pub rate_from: RateFrom,
    /// Answers.
    pub answers: u64,
    /// How far the score may be off to each side, in points (95 %).
    pub margin: f64,
    /// Tasks by owner, the most first.
    pub tasks: Vec<(String, f64)>,
}

/// Where a response rate is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateFrom {
    /// Earlier waves of this campaign.
    Campaign,
    /// All invitations of the workspace.
    All,
    /// Nothing is known yet: an assumption.
    Assumed,
}

impl RateFrom {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::All => "all",
            Self::Assumed => "assumed",
        }
    }

    /// What people read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Campaign => "as in earlier waves of this campaign",
            Self::All => "as in all invitations so far",
            Self::Assumed => "an assumption: too few have been asked yet",
        }
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Who.
    pub person: Uuid,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// When they would be asked; never when absent.
    pub at: Option<DateTime<Utc>>,
    /// Why then, or why not.
    pub reason: Option<Reason>,
}

/// Which people to show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// Those behind this one.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}

/// The wave of a campaign as it would be: at this moment, or when the campaign would begin one next.
pub async fn preview(cx: &Ctx, ws: WorkspaceId, key: &str, at: Option<DateTime<Utc>>, shown: Shown) -> Result<Preview, EngineError> {
    let now = cx.now();
    let row = campaigns::by_key(cx.db.read(), ws, key).await?.ok_or_else(|| EngineError::not_found("campaign", key))?;
    let stored = read_plan(&row)?;
    let plan = &stored.plan;
    if plan.trigger.is_some() {
        return Err(EngineError::conflict("this campaign asks after an event, one by one; there is no wave to look at"));
    }
    if at.is_some_and(|at| at < now - Duration::days(1) || at > now + AHEAD) {
        return Err(EngineError::field("at", "must be from a day ago to five years ahead"));
    }
    let at = at.or_else(|| stored.next(now)).unwrap_or(now);
    let until = stored.next(at);
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let usual = workspace.staff.hours_of(None).zone();
    let audience = read_audience(&plan.audience)?;
    let look = look(&audience, &plan.survey, key, Uuid::nil());
    let mut planner = Planner::new(plan, key, at, until, usual);
    seat_load(cx, ws, key, plan, at, &mut planner).await?;
    let mut tally = Tally { shown, ..Tally::default() };
    let zone = plan.zone(usual);
    let mut after = Uuid::nil();
    loop {
        let page = audience::people(cx.db.read(), ws, &look, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for who in &page {
            if let Some(verdict) = decide(&workspace, &audience, &mut planner, who) {
                tally.count(who, verdict, |at| wall::local(zone, at).date());
            }
        }
        // A million people take a while: others have their turn in between.
        tokio::task::yield_now().await;
    }
    let metric = workspace.surveys.get(&plan.survey).map_or(Metric::Nps, |survey| survey.scale.metric);
    let expected = expect(cx, ws, key, metric, &tally).await?;
    let mut reasons: Vec<(Reason, u64)> = tally.reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, people)| (std::cmp::Reverse(*people), *reason));
    let next = if tally.more { tally.page.last().map(|planned| planned.person) } else { None };
    Ok(Preview {
        campaign: key.to_owned(),
        at,
        zone: zone.name().to_owned(),
        people: tally.people,
        asked: tally.asked,
        later: tally.later,
        reasons,
        days: tally.days,
        expected,
        page: tally.page,
        next,
    })
}

#[derive(Debug, Default)]
struct Tally {
    shown: Shown,
    people: u64,
    asked: u64,
    later: u64,
    reasons: BTreeMap<Reason, u64>,
    days: BTreeMap<NaiveDate, u64>,
    owners: BTreeMap<String, u64>,
    page: Vec<Planned>,
    more: bool,
}

impl Tally {
    fn count(&mut self, who: &Candidate, verdict: Verdict, day: impl Fn(DateTime<Utc>) -> NaiveDate) {
        let (at, reason) = match verdict {
            Verdict::At(at) => (Some(at), None),
            Verdict::Later(at, reason) => (Some(at), Some(reason)),
            Verdict::Not(reason) => (None, Some(reason)),
        };
        self.people += 1;
        if let Some(reason) = reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
        if let Some(at) = at {
            self.asked += 1;
            self.later += u64::from(reason.is_some());
            *self.days.entry(day(at)).or_default() += 1;
            *self.owners.entry(who.owner.clone().unwrap_or_default()).or_default() += 1;
        }
        if self.shown.after.is_some_and(|after| who.id <= after) || self.more {
            return;
        }
        if self.page.len() >= self.shown.limit {
            self.more = self.shown.limit > 0;
            return;
        }
        self.page.push(Planned { person: who.id, email: who.email.clone(), name: who.name.clone(), at, reason });
    }
}

async fn expect(cx: &Ctx, ws: WorkspaceId, key: &str, metric: Metric, tally: &Tally) -> Result<Expected, EngineError> {
    let (rate, rate_from) = rate(cx, ws, key).await?;
    let answers = whole((tally.asked as f64 * rate).round());
    let variance = if metric == Metric::Nps { VARIANCE.0 } else { VARIANCE.1 };
    let past = audience::followed(cx.db.read(), ws, millis(cx.now() - PAST)).await?;
    Ok(Expected {
        rate,
        rate_from,
        answers,
        margin: sample_size::margin(answers, variance, Confidence::P95),
        tasks: tasks(tally, rate, &past),
    })
}

async fn rate(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<(f64, RateFrom), EngineError> {
    for (campaign, from) in [(Some(key), RateFrom::Campaign), (None, RateFrom::All)] {
        let (sent, answered) = invitations::answered(cx.db.read(), ws, campaign).await?;
        if sent >= ENOUGH {
            return Ok((answered as f64 / sent as f64, from));
        }
    }
    Ok((ASSUMED_RATE, RateFrom::Assumed))
}

/// As many tasks an answer as there were for the customers of the same owner.
fn tasks(tally: &Tally, rate: f64, past: &Followed) -> Vec<(String, f64)> {
    let mut tasks: BTreeMap<&str, f64> = BTreeMap::new();
    for (customers_of, owner, made) in &past.tasks {
        let answers = past.answers.iter().find(|(of, _)| of == customers_of).map_or(0, |(_, answers)| *answers);
        let asked = tally.owners.get(customers_of).copied().unwrap_or(0);
        if answers > 0 && asked > 0 {
            *tasks.entry(owner).or_default() += asked as f64 * rate * *made as f64 / answers as f64;
        }
    }
    let mut tasks: Vec<(String, f64)> = tasks.into_iter().map(|(owner, tasks)| (owner.to_owned(), tasks)).collect();
    tasks.sort_by(|a, b| b.1.total_cmp(&a.1));
    tasks
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is one")]
const fn whole(value: f64) -> u64 {
    value as u64
}
