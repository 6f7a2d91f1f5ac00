//! The pace of this node: whether a mail may leave now, or when.
//!
//! Each node keeps its own timetable: two nodes together send twice as fast. How much a new sender has asked today is counted
//! over all nodes, though looked up every few minutes only. Refuses to know: what was decided about the mail itself.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use hearback_core::pace::{Pace, SlotRequest, Timetable};
use hearback_store::{
    delivery_counts,
    ledger::Sendable,
    outbox::Outcome,
    time::{from_millis, millis},
};

use crate::{Ctx, EngineError, mail::Delivery};

/// How often it is looked up what other nodes have sent.
const LOOK: TimeDelta = TimeDelta::minutes(5);

/// See the module.
#[derive(Debug)]
pub struct Throttle {
    pace: Pace,
    table: Mutex<Timetable>,
    /// What was asked today.
    asked: tokio::sync::Mutex<Option<Day>>,
}

#[derive(Debug, Clone, Copy)]
struct Day {
    date: NaiveDate,
    looked_at: DateTime<Utc>,
    asked: u64,
}

/// A mail under way; it makes room when this goes.
#[derive(Debug)]
pub(crate) struct UnderWay<'t> {
    of: &'t Throttle,
    domain: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.of.table().leave(&self.domain);
    }
}

impl Throttle {
    /// With these limits.
    pub fn new(pace: Pace) -> Self {
        Self { pace, table: Mutex::default(), asked: tokio::sync::Mutex::default() }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Timetable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a mail leave now, or says when it comes back.
pub(crate) async fn enter<'t>(cx: &'t Delivery, mail: &Sendable, now: DateTime<Utc>) -> Result<Result<UnderWay<'t>, Outcome>, EngineError> {
    let throttle = &cx.throttle;
    let domain = mail.to_address.rsplit('@').next().unwrap_or_default();
    let ask = SlotRequest { mail: mail.id, domain, urgent: mail.invitation_id.is_none() };
    let enter = || throttle.table().enter(&throttle.pace, ask, now).map_err(too_fast);
    let today = now.date_naive();
    let most = throttle.pace.warm_up.filter(|_| mail.invitation_id.is_some()).and_then(|warm_up| warm_up.allowance(today));
    let entered = match most {
        None => enter(),
        Some(most) => {
            // Held until this mail is counted: those that come together are counted one by one.
            let mut kept = throttle.asked.lock().await;
            let known = look(cx, *kept, now).await?;
            let day = kept.insert(known);
            if day.asked >= most {
                let why = format!("a new sender asks at most {most} people on this day");
                return Ok(Err(Outcome::Snooze(tomorrow(mail, now), why)));
            }
            let entered = enter();
            day.asked += u64::from(entered.is_ok());
            entered
        }
    };
    Ok(entered.map(|()| UnderWay { of: throttle, domain: domain.to_owned() }))
}

fn too_fast(at: DateTime<Utc>) -> Outcome {
    Outcome::Snooze(at, "mail leaves no faster: see the section sending of the settings".to_owned())
}

/// What was asked today, by all nodes as far as that was looked up lately.
async fn look(cx: &Ctx, known: Option<Day>, now: DateTime<Utc>) -> Result<Day, EngineError> {
    let today = now.date_naive();
    let known = known.filter(|known| known.date == today);
    if let Some(day) = known.filter(|known| known.looked_at + LOOK > now) {
        return Ok(day);
    }
    let since = millis(today.and_time(chrono::NaiveTime::MIN).and_utc());
    let asked = delivery_counts::asked_since(cx.db.read(), since).await?;
    Ok(Day { date: today, looked_at: now, asked: asked.max(known.map_or(0, |known| known.asked)) })
}

/// The time of day at which this mail was meant to leave, on the next day (UTC).
pub(crate) fn tomorrow(mail: &Sendable, now: DateTime<Utc>) -> DateTime<Utc> {
    let next = now.date_naive().checked_add_days(Days::new(1));
    next.map_or(now + TimeDelta::days(1), |day| day.and_time(from_millis(mail.created_at).time()).and_utc())
}
