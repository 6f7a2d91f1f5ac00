//! One set of rules, asked about one answer after the other: what would have been done, counted.
//!
//! Decides and applies with the very functions of the live way (`rules::outline`, `apply`, `owners`, the state machine of a
//! case); only what they give is counted instead of written.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hearback_core::{CaseEvent, case, state::Medium};
use hearback_rules::{Action, Facts, Planned, Trigger, due_step, outline};
use hearback_store::{
    accounts, cases, deliveries,
    past::Answer,
    time::{from_millis, millis},
};
use uuid::Uuid;

use crate::{
    Settings,
    automation::{
        apply::{Changes, Scene, apply},
        facts,
        records::case_row,
    },
    invitations::AskMail,
    rows::{core_case, write_case},
    settings::Limits,
    team::roster::Roster,
    workspace::Workspace,
};

const DAY: i64 = 24 * HOUR;
const HOUR: i64 = 3_600_000;
/// After how many answers it is forgotten who was mailed long ago.
const FORGET_EVERY: u64 = 4_096;

/// What would have been done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers that were asked about.
    pub answers: u64,
    /// Answers to surveys that are not published any more.
    pub unknown: u64,
    /// Mails and messages by template and recipient, and day.
    pub mails: BTreeMap<(String, String), BTreeMap<i64, u64>>,
    /// Tasks by owner and day.
    pub tasks: BTreeMap<String, BTreeMap<i64, u64>>,
    /// Codes by pool.
    pub codes: BTreeMap<String, u64>,
    /// Effects over the limit of one answer.
    pub dropped: u64,
    /// Mails that a customer would have got beyond the limit of a day.
    pub over_person: u64,
    /// Mails by rule and hour.
    pub by_hour: HashMap<(String, i64), u64>,
}

/// See the module.
pub(super) struct Simulation {
    workspace: Workspace,
    limits: Limits,
    changes: Changes,
    /// When customers were mailed lately.
    mailed: HashMap<Uuid, Vec<i64>>,
    tally: Tally,
}

impl Simulation {
    pub fn new(workspace: Workspace, limits: Limits) -> Self {
        let changes = Changes { roster: Roster::imagined(&workspace, &workspace.asked), ..Changes::default() };
        Self { workspace, limits, changes, mailed: HashMap::new(), tally: Tally::default() }
    }

    pub fn into_tally(self) -> Tally {
        self.tally
    }

    /// Puts an answer to the rules; the places of those that matched.
    pub fn ask(&mut self, settings: &Settings, answer: &Answer, account: Option<&accounts::Model>) -> Vec<usize> {
        self.tally.answers += 1;
        let now = from_millis(answer.response.answered_at);
        if self.tally.answers.is_multiple_of(FORGET_EVERY) {
            self.mailed.retain(|_, times| times.last().is_some_and(|last| *last > millis(now) - DAY));
        }
        let account_owner = facts::account_owner(account);
        let Self { workspace, changes, tally, mailed, limits } = self;
        let Some(survey) = workspace.survey(answer.response.survey_id) else {
            tally.unknown += 1;
            return Vec::new();
        };
        let scene = Scene { settings, workspace, person: &answer.person, account_owner: account_owner.as_ref(), now };
        let mut case = cases::Model { id: answer.case, ..case_row(&scene, &answer.response, true) };
        let mut facts = facts::of(workspace, &answer.response, &answer.person, account, &case, Trigger::ResponseSettled, survey, None);
        let outline = outline(&workspace.rules, &facts, now);
        tally.dropped += outline.dropped.len() as u64;
        let (at_once, mut later): (Vec<Planned>, Vec<Planned>) = outline.effects.into_iter().partition(|planned| planned.due <= now);
        let mut one = OneResponse { scene, case: &mut case, changes, tally, mailed, limits };
        one.act(now, &at_once);
        later.sort_by_key(|planned| planned.due);
        for planned in later {
            one.act_later(planned, &mut facts);
        }
        one.changes.roster.forget_picks();
        outline.matched
    }
}

/// One answer under work.
struct OneResponse<'a> {
    scene: Scene<'a>,
    case: &'a mut cases::Model,
    changes: &'a mut Changes,
    tally: &'a mut Tally,
    mailed: &'a mut HashMap<Uuid, Vec<i64>>,
    limits: &'a Limits,
}

impl OneResponse<'_> {
    /// A delayed step at its time: asked its condition, then done.
    fn act_later(&mut self, planned: Planned, facts: &mut Facts) {
        let due = planned.due;
        let Some(version) = self.scene.workspace.rules.iter().find(|version| version.id == planned.step.rule) else { return };
        facts.case = facts::case_facts(self.case);
        if let Ok(effect) = due_step(version, planned.step.index, facts) {
            self.act(due, &[Planned { effect, ..planned }]);
        }
    }

    fn act(&mut self, now: DateTime<Utc>, effects: &[Planned]) {
        apply(&Scene { now, ..self.scene }, self.case, effects, self.changes);
        let day = millis(now).div_euclid(DAY);
        for task in std::mem::take(&mut self.changes.tasks) {
            *self.tally.tasks.entry(task.owner).or_default().entry(day).or_default() += 1;
        }
        for (pool, given) in std::mem::take(&mut self.changes.incentives) {
            *self.tally.codes.entry(pool).or_default() += u64::try_from(given.len()).unwrap_or(u64::MAX);
        }
        for delivery in std::mem::take(&mut self.changes.deliveries) {
            self.deliver(now, day, &delivery);
        }
        for invitation in std::mem::take(&mut self.changes.invitations) {
            self.ask_again(now, day, invitation.person_id);
        }
        self.changes.jobs.clear();
        self.changes.events.clear();
        self.changes.referrals.clear();
        self.changes.alerts.clear();
    }

    /// The question goes out as a mail of its own, at once: who was asked when, in the past, is not looked at.
    fn ask_again(&mut self, now: DateTime<Utc>, day: i64, person: Uuid) {
        if self.may_mail(person, millis(now)) {
            let mail = (AskMail::Invitation.kind().to_owned(), "customer".to_owned());
            *self.tally.mails.entry(mail).or_default().entry(day).or_default() += 1;
        } else {
            self.tally.over_person += 1;
        }
    }

    fn deliver(&mut self, now: DateTime<Utc>, day: i64, delivery: &deliveries::Model) {
        let Some((rule, action)) = self.cause(delivery) else { return };
        let (template, to) = match action {
            Action::SendMail { template, to } => (template.clone(), to.to_string()),
            Action::InviteReview { .. } | Action::AskTestimonial => (delivery.kind.clone(), "customer".to_owned()),
            other => (other.as_str().to_owned(), delivery.to_address.clone()),
        };
        if let Some(person) = delivery.person_id
            && !self.may_mail(person, millis(now))
        {
            self.tally.over_person += 1;
            return;
        }
        if delivery.medium == Medium::Mail {
            let hour = millis(now).div_euclid(HOUR);
            *self.tally.by_hour.entry((rule, hour)).or_default() += 1;
        }
        *self.tally.mails.entry((template, to)).or_default().entry(day).or_default() += 1;
        if delivery.acknowledges {
            self.acknowledge(now);
        }
    }

    /// The rule and the action that asked for a delivery.
    fn cause(&self, delivery: &deliveries::Model) -> Option<(String, &Action)> {
        let version = self.scene.workspace.rules.iter().find(|version| Some(version.id.uuid()) == delivery.rule_version_id)?;
        let step = version.rule.then.get(usize::try_from(delivery.step_index?).ok()?)?;
        Some((version.rule.key.clone(), &step.action))
    }

    /// Whether the customer got fewer mails than the limit within the day before; notes this one, if so.
    fn may_mail(&mut self, person: Uuid, now: i64) -> bool {
        let times = self.mailed.entry(person).or_default();
        times.retain(|time| *time > now - DAY);
        let before = times.iter().filter(|time| **time <= now).count();
        let may = before < usize::try_from(self.limits.mails_per_person_day).unwrap_or(usize::MAX);
        if may {
            times.push(now);
        }
        may
    }

    /// The mail server takes the mail at once.
    fn acknowledge(&mut self, now: DateTime<Utc>) {
        let terms = self.scene.workspace.terms(self.case);
        if let Ok(next) = case::step(&core_case(self.case), &CaseEvent::Acknowledged, terms, now) {
            write_case(next, self.case);
            self.case.acknowledged_at = self.case.acknowledged_at.or(Some(millis(now)));
        }
    }
}
