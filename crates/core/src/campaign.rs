//! Who is asked when: the plan of a campaign, and every reason why somebody is asked later or not at all.
//!
//! Owns: the shape of a plan, its checks, and (in [`plan`]) the decision about one person. Refuses to know: where people
//! come from, what an audience's condition means (it is kept as written), and how a mail is sent.

pub mod plan;
mod reason;
mod window;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use plan::{Asked, Planner, Verdict};
pub use reason::Reason;
pub use window::Window;

use crate::{
    Schedule, Span,
    schedule::ScheduleError,
    survey::Refusal,
    text::{self, MAX_LINE},
    wall,
};

/// Most reminders of one invitation.
pub const MAX_REMINDERS: usize = 3;
/// Days for which nobody is asked again, where a plan does not say otherwise.
pub const RECONTACT_DAYS: u16 = 30;
/// Hours after which an invitation that could not be sent is late, where a plan does not say otherwise.
const LATE_HOURS: u16 = 24;

/// The plan of a campaign, as it is written in `PUT /campaigns/{key}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CampaignPlan")]
pub struct Plan {
    /// What our people call it; the key when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Key of the survey that is asked.
    pub survey: String,
    /// Which people: a condition as in rules, about properties of the person and the account. Null is everybody.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub audience: Value,
    /// When it asks by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Times>,
    /// What it asks after, instead of a schedule. A plan with neither asks when it is told to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<After>,
    /// All at once, or spread over the time until the next wave.
    #[serde(default)]
    pub mode: Mode,
    /// How people are reached.
    #[serde(default)]
    pub channel: Channel,
    /// Days after being asked, about anything, in which nobody is asked again.
    #[serde(default = "recontact_days")]
    #[schemars(range(min = 0, max = 730))]
    pub recontact_days: u16,
    /// Most people of one account in one wave.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub account_cap: Option<u32>,
    /// Most people a day.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub daily_cap: Option<u32>,
    /// Which share of the audience is asked: above 0, at most 1.
    #[serde(default = "everybody")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub sample: f64,
    /// The hours in which people are asked, on their own clocks.
    #[serde(default)]
    pub window: Window,
    /// What becomes of an invitation that could not be sent in time.
    #[serde(default)]
    pub late: Late,
    /// From how many hours on it is late.
    #[serde(default = "late_hours")]
    #[schemars(range(min = 1, max = 720))]
    pub late_hours: u16,
    /// When those who did not answer are reminded, counted from the invitation.
    #[serde(default)]
    #[schemars(length(max = MAX_REMINDERS))]
    pub reminders: Vec<Reminder>,
    /// How many days a link can be answered; what the survey says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 365))]
    pub answer_days: Option<u16>,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Schedule")]
pub struct Times {
    /// See [`crate::schedule`].
    pub cron: String,
    /// IANA name of the zone whose wall clock counts; also that of people whose own is not known.
    #[serde(default = "utc")]
    pub timezone: String,
}

/// An event that makes a campaign ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Trigger")]
pub struct After {
    /// The word that `POST /interactions` names it by.
    pub event: String,
    /// How long after it.
    #[serde(default)]
    pub delay: Span,
}

/// A reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reminder {
    /// Days after the invitation.
    #[schemars(range(min = 1, max = 90))]
    pub after_days: u16,
}

/// How the people of a wave are laid over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All when the wave begins.
    #[default]
    Calendar,
    /// Each once, evenly over the working days until the next wave.
    Spread,
}

/// How people are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By mail.
    #[default]
    Email,
    /// By a link that somebody else hands over.
    Link,
}

/// What becomes of an invitation that could not be sent in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It is sent at the next moment that the window allows.
    #[default]
    Move,
    /// It is not sent any more.
    Skip,
}

impl Channel {
    /// The word used in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Link => "link",
        }
    }
}

const fn recontact_days() -> u16 {
    RECONTACT_DAYS
}

const fn late_hours() -> u16 {
    LATE_HOURS
}

const fn everybody() -> f64 {
    1.0
}

fn utc() -> String {
    "UTC".to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn of_cron(error: ScheduleError) -> Refusal {
    let told = error.to_string();
    ("schedule.cron".to_owned(), told.strip_prefix("cron: ").unwrap_or(&told).to_owned())
}

impl Times {
    /// The schedule, which must fire again after `now`; the field that is wrong, and why.
    pub fn read(&self, now: DateTime<Utc>) -> Result<Schedule, Refusal> {
        Schedule::parse_live(&self.cron, self.zone()?, now).map_err(of_cron)
    }

    /// The schedule as it was saved, whether or not it fires again.
    fn stored(&self) -> Result<Schedule, Refusal> {
        Schedule::parse(&self.cron, self.zone()?).map_err(of_cron)
    }

    fn zone(&self) -> Result<Tz, Refusal> {
        wall::zone(&self.timezone).map_err(|error| ("schedule.timezone".to_owned(), error.to_string()))
    }
}

impl Plan {
    /// A plan that asks everybody about this survey when it is told to, by mail, in the usual hours.
    pub fn of(survey: &str) -> Self {
        Self {
            name: None,
            survey: survey.to_owned(),
            audience: Value::Null,
            schedule: None,
            trigger: None,
            mode: Mode::Calendar,
            channel: Channel::Email,
            recontact_days: RECONTACT_DAYS,
            account_cap: None,
            daily_cap: None,
            sample: everybody(),
            window: Window::default(),
            late: Late::Move,
            late_hours: LATE_HOURS,
            reminders: Vec::new(),
            answer_days: None,
        }
    }

    /// Checks everything but the audience; every refused field at once.
    pub fn checked(mut self, now: DateTime<Utc>) -> Result<Self, Vec<Refusal>> {
        let mut wrong: Vec<Refusal> = Vec::new();
        let mut refuse = |field: &str, why: String| wrong.push((field.to_owned(), why));
        match self.name.as_deref().map(|name| text::line(name, MAX_LINE)).transpose() {
            Ok(name) => self.name = name,
            Err(error) => refuse("name", error.to_string()),
        }
        if let Err(error) = text::key(&self.survey) {
            refuse("survey", error.to_string());
        }
        match (&self.schedule, &self.trigger) {
            (Some(_), Some(_)) => refuse("trigger", "a campaign has a schedule or a trigger, not both; make two campaigns".to_owned()),
            (Some(times), None) => {
                if let Err((field, why)) = times.read(now) {
                    refuse(&field, why);
                }
            }
            (None, Some(after)) => {
                if let Err(error) = text::key(&after.event) {
                    refuse("trigger.event", error.to_string());
                }
            }
            (None, None) => {}
        }
        if self.mode == Mode::Spread && self.schedule.is_none() {
            refuse("mode", "spread needs a schedule: it says how long a period is".to_owned());
        }
        if self.recontact_days > 730 {
            refuse("recontact_days", format!("must be from 0 to 730, got {}", self.recontact_days));
        }
        for (field, cap) in [("account_cap", self.account_cap), ("daily_cap", self.daily_cap)] {
            if cap == Some(0) {
                refuse(field, "must be at least 1; null is no limit".to_owned());
            }
        }
        if !(self.sample > 0.0 && self.sample <= 1.0) {
            refuse("sample", format!("must be above 0 and at most 1, got {}", self.sample));
        }
        if !(1..=720).contains(&self.late_hours) {
            refuse("late_hours", format!("must be from 1 to 720, got {}", self.late_hours));
        }
        if self.answer_days.is_some_and(|days| !(1..=365).contains(&days)) {
            refuse("answer_days", "must be from 1 to 365".to_owned());
        }
        wrong.extend(self.window.wrong());
        wrong.extend(self.wrong_reminders());
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    fn wrong_reminders(&self) -> Vec<Refusal> {
        let mut wrong = Vec::new();
        if self.reminders.len() > MAX_REMINDERS {
            wrong.push(("reminders".to_owned(), format!("at most {MAX_REMINDERS} are sent, got {}", self.reminders.len())));
        }
        let mut before = 0;
        for (at, reminder) in self.reminders.iter().enumerate() {
            if reminder.after_days <= before || reminder.after_days > 90 {
                let why = "must be from 1 to 90 and later than the reminder before".to_owned();
                wrong.push((format!("reminders[{at}].after_days"), why));
            }
            before = reminder.after_days;
        }
        wrong
    }

    /// The schedule, if it has one; the field that can't be read, and why: a plan that another version has checked may name a zone that
    /// this one does not know.
    pub fn times(&self) -> Result<Option<Schedule>, Refusal> {
        self.schedule.as_ref().map(Times::stored).transpose()
    }

    /// The zone of people whose own is not known; `usual` where there is no schedule.
    pub fn zone(&self, usual: Tz) -> Tz {
        self.schedule.as_ref().and_then(|times| wall::zone(&times.timezone).ok()).unwrap_or(usual)
    }

    /// When the next reminder is due after an invitation that was sent at `sent` and has had `reminders` of them. The
    /// window still has to allow it.
    pub fn reminder_due(&self, sent: DateTime<Utc>, reminders: usize) -> Option<DateTime<Utc>> {
        let reminder = self.reminders.get(reminders)?;
        sent.checked_add_signed(chrono::TimeDelta::days(i64::from(reminder.after_days)))
    }
}

/// How late a wave may begin by itself.
const CATCH_UP: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// Whether it is too late at `now` for the wave of a moment to begin by itself.
pub fn is_too_late(fire: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - fire > CATCH_UP
}

/// Which of the moments at which a schedule should have fired, in order, still begins a wave, and which are missed: those
/// that were passed over while nobody looked become one, if it is not too late for that.
pub fn catch_up(mut due: Vec<DateTime<Utc>>, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Vec<DateTime<Utc>>) {
    let last = due.pop_if(|last| !is_too_late(*last, now));
    (last, due)
}

/// What people call a wave: by its quarter, month, day or minute, as it takes to tell it from its neighbours.
pub fn wave_name(fire: DateTime<Utc>, until: Option<DateTime<Utc>>, zone: Tz) -> String {
    use chrono::Datelike as _;
    let local = wall::local(zone, fire);
    match until.map(|until| (until - fire).num_hours()) {
        Some(hours) if hours >= 88 * 24 => format!("{}-Q{}", local.year(), local.month0() / 3 + 1),
        Some(hours) if hours >= 27 * 24 => local.format("%Y-%m").to_string(),
        Some(hours) if hours >= 23 => local.format("%Y-%m-%d").to_string(),
        _ => local.format("%Y-%m-%d %H:%M").to_string(),
    }
}

#[cfg(test)]
#[path = "campaign/tests.rs"]
mod tests;
