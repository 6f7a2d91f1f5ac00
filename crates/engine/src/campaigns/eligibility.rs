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

#[cfg(test)]
mod tests {
    use hearback_core::id::{InvitationId, PersonId, SurveyId};
    use hearback_store::time::millis;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{at, monday, workspace_id};

    /// Everything that a verdict depends on, as it is when somebody is simply asked.
    struct Scene {
        moment: Moment<'static>,
        invitation: invitations::Model,
        who: Candidate,
        blocked: Option<Reason>,
    }

    fn scene(plan: &'static Plan) -> Scene {
        let person = PersonId::derived("anna").uuid();
        Scene {
            moment: Moment::new(plan, monday(), Tz::UTC),
            invitation: invitations::Model::planned(
                workspace_id(),
                InvitationId::derived("asked"),
                person,
                SurveyId::derived("survey"),
                monday(),
            ),
            who: Candidate {
                id: person,
                email: Some("anna@example.com".to_owned()),
                name: None,
                locale: None,
                timezone: None,
                owner: None,
                account_key: None,
                properties: None,
                account_properties: None,
                blocked: None,
                last_asked: None,
                waits: 0,
                invitation: None,
                answered: None,
            },
            blocked: None,
        }
    }

    /// A plan as it is stored: asked again after 30 days at the earliest, from 9 to 17 on working days, late after 24 hours.
    fn plan(late: &str) -> &'static Plan {
        let plan = json!({ "survey": "nps", "recontact_days": 30, "late": late, "late_hours": 24 });
        Box::leak(Box::new(serde_json::from_value(plan).unwrap()))
    }

    #[test]
    fn whoever_s_time_has_come_is_asked_later_or_never_for_one_reason() {
        use Judged::{Ask, Later, Not};
        type Change = fn(&mut Scene);
        let table: [(&str, Change, Judged); 17] = [
            ("nothing stands against it", |_| (), Ask),
            ("the survey is closed", |s| s.moment.survey_closed = true, Not(Reason::SurveyClosed)),
            ("its time was skipped", |s| s.moment.skipped_until = Some(at("2026-03-09 10:01")), Not(Reason::Skipped)),
            ("skipped up to its time", |s| s.moment.skipped_until = Some(monday()), Ask),
            ("wants no mail", |s| s.blocked = Some(Reason::Unsubscribed), Not(Reason::Unsubscribed)),
            ("has no address", |s| s.who.email = None, Not(Reason::NoAddress)),
            ("has answered meanwhile", |s| s.who.answered = Some(millis(monday())), Not(Reason::AnsweredLately)),
            ("is late, which does not matter", |s| s.moment.now = at("2026-03-11 10:00"), Ask),
            ("was asked lately", |s| s.who.last_asked = Some(millis(at("2026-02-20 10:00"))), {
                // Thirty days later is a Sunday.
                Later(at("2026-03-23 09:00"), Reason::AskedLately)
            }),
            ("was asked long ago", |s| s.who.last_asked = Some(millis(at("2026-02-01 10:00"))), Ask),
            (
                "was asked lately, and the next wave comes first",
                |s| {
                    s.who.last_asked = Some(millis(at("2026-02-20 10:00")));
                    s.moment.until = Some(at("2026-03-23 09:00"));
                },
                Not(Reason::NextWave),
            ),
            (
                "was asked lately, which this invitation may pass over",
                |s| {
                    s.who.last_asked = Some(millis(at("2026-03-08 10:00")));
                    s.invitation.ignores_limits = true;
                    s.moment.room = 0;
                },
                Ask,
            ),
            ("it is evening here", |s| s.moment.now = at("2026-03-09 17:30"), Later(at("2026-03-10 09:00"), Reason::OutsideWindow)),
            (
                "it is night where they are",
                |s| s.who.timezone = Some("America/New_York".to_owned()),
                Later(at("2026-03-09 13:00"), Reason::OutsideWindow),
            ),
            ("their zone is none", |s| s.who.timezone = Some("Mars/Olympus".to_owned()), Ask),
            ("today is full", |s| s.moment.room = 0, Later(at("2026-03-10 09:00"), Reason::DailyCap)),
            (
                "Friday is full",
                |s| {
                    s.moment.now = at("2026-03-13 10:00");
                    s.moment.room = 0;
                },
                Later(at("2026-03-16 09:00"), Reason::DailyCap),
            ),
        ];
        for (what, change, expected) in table {
            let mut scene = scene(plan("move"));
            change(&mut scene);
            let room = scene.moment.room;
            let verdict = scene.moment.judge(&scene.invitation, &scene.who, scene.blocked);
            assert_eq!(verdict, expected, "{what}");
            let takes_a_place = verdict == Ask && !scene.invitation.ignores_limits;
            assert_eq!(room - scene.moment.room, u32::from(takes_a_place), "{what}");
        }
    }

    #[test]
    fn what_is_late_is_skipped_where_the_plan_says_so() {
        for (now, expected) in [("2026-03-10 10:00", Judged::Ask), ("2026-03-10 10:01", Judged::Not(Reason::Late))] {
            let mut scene = scene(plan("skip"));
            scene.moment.now = at(now);
            assert_eq!(scene.moment.judge(&scene.invitation, &scene.who, None), expected, "{now}");
        }
    }

    #[test]
    fn the_last_place_of_a_day_is_given_once() {
        let mut scene = scene(plan("move"));
        scene.moment.room = 1;
        assert_eq!(scene.moment.judge(&scene.invitation, &scene.who, None), Judged::Ask);
        assert!(matches!(scene.moment.judge(&scene.invitation, &scene.who, None), Judged::Later(_, Reason::DailyCap)));
    }
}
