//! Somebody's time has come: whether they are asked now. What was true when the wave was planned may not be any more. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use hearback_core::{
    Calendar,
    campaign::{Channel, Late, Plan, Reason},
    wall::{self, Tz},
};
use hearback_store::{audience::Candidate, invitations, time::from_millis};

/// What becomes of an invitation whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is sent.
    Ask,
    /// It is looked at again.
    Later(DateTime<Utc>, Reason),
    /// It is never sent.
    Not(Reason),
}

/// What is the same for all invitations that are looked at together.
pub(super) struct Moment<'a> {
    pub plan: &'a Plan,
    pub now: DateTime<Utc>,
    /// The zone of people whose own is not known; also the one whose days the daily limit counts.
    pub zone: Tz,
    /// When the next wave begins.
    pub until: Option<DateTime<Utc>>,
    pub survey_closed: bool,
    /// Whoever should have been asked before this moment is not asked any more.
    pub skipped_until: Option<DateTime<Utc>>,
    /// How many may still be asked today.
    pub room: u32,
    pub calendars: HashMap<Tz, Calendar>,
}

impl<'a> Moment<'a> {
    pub fn new(plan: &'a Plan, now: DateTime<Utc>, zone: Tz) -> Self {
        Self { plan, now, zone, until: None, survey_closed: false, skipped_until: None, room: u32::MAX, calendars: HashMap::new() }
    }

    /// The first moment of this day, where days are counted.
    pub fn today(&self) -> DateTime<Utc> {
        wall::instant(self.zone, wall::local(self.zone, self.now).date().and_time(NaiveTime::MIN))
    }

    /// The next moment from `at` on at which this person may be written to.
    pub fn open(&mut self, who: &Candidate, at: DateTime<Utc>) -> DateTime<Utc> {
        let zone = who.timezone.as_deref().and_then(|name| wall::zone(name).ok()).unwrap_or(self.zone);
        let window = &self.plan.window;
        self.calendars.entry(zone).or_insert_with(|| window.at(zone)).next_open(at)
    }

    /// Whether what was due then was skipped.
    pub fn skips(&self, due: i64) -> bool {
        self.skipped_until.is_some_and(|until| from_millis(due) < until)
    }

    /// The verdict; whoever is asked takes one of today's places.
    pub fn judge(&mut self, invitation: &invitations::Model, who: &Candidate, blocked: Option<Reason>) -> Judged {
        if let Some(reason) = self.never(invitation, who, blocked) {
            return Judged::Not(reason);
        }
        if invitation.ignores_limits {
            return Judged::Ask;
        }
        if let Some(free) = self.plan.free_at(who.last_asked.map(from_millis)).filter(|free| *free > self.now) {
            let at = self.open(who, free);
            return match self.until {
                Some(until) if at >= until => Judged::Not(Reason::NextWave),
                _ => Judged::Later(at, Reason::AskedLately),
            };
        }
        let open = self.open(who, self.now);
        if open > self.now {
            return Judged::Later(open, Reason::OutsideWindow);
        }
        if self.room == 0 {
            let tomorrow =
                wall::local(self.zone, self.now).date().succ_opt().map(|day| wall::instant(self.zone, day.and_time(NaiveTime::MIN)));
            let at = self.open(who, tomorrow.unwrap_or(self.now + Duration::days(1)));
            return Judged::Later(at, Reason::DailyCap);
        }
        self.room -= 1;
        Judged::Ask
    }

    /// Why they are never asked, if so.
    fn never(&self, invitation: &invitations::Model, who: &Candidate, blocked: Option<Reason>) -> Option<Reason> {
        let late = self.now - from_millis(invitation.due_at) > Duration::hours(i64::from(self.plan.late_hours));
        if self.survey_closed {
            Some(Reason::SurveyClosed)
        } else if self.skips(invitation.due_at) {
            Some(Reason::Skipped)
        } else if blocked.is_some() {
            blocked
        } else if invitation.channel == Channel::Email.as_str() && who.email.is_none() {
            Some(Reason::NoAddress)
        } else if who.answered.is_some() {
            Some(Reason::AnsweredLately)
        } else if late && self.plan.late == Late::Skip {
            Some(Reason::Late)
        } else {
            None
        }
    }
}
