//! Changing who works when: calendars, teams, absences, caps, and handing over what somebody has open.
//!
//! Owns: what may be changed, each change one transaction with its entry in the audit log. Calendars count for clocks that
//! start later: what was promised to a customer does not move. Refuses to know: what follows for a case (that is `owners`
//! and `clocks`).

mod hand_over;
mod load;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use hearback_core::{
    Calendar, Email,
    calendar::CalendarError,
    id::{UserId, WorkspaceId},
    text::{self, MAX_LINE},
    wall::{self, Weekdays},
};
use hearback_store::{Tx, calendars, team_members, teams, time::millis, users, workspaces};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Actor, Ctx, EngineError, audit, change::Change, error::Fields};

pub use hand_over::hand_over;
pub use load::{Seat, TeamLoad, loads, seat};

/// Most holidays of a calendar.
const MAX_HOLIDAYS: usize = 1_000;
/// Most members of a team.
const MAX_MEMBERS: usize = 1_000;

/// A calendar as it is sent, unchecked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCalendar {
    /// IANA name.
    pub zone: String,
    /// `["MON", ..]`.
    #[schemars(with = "Weekdays")]
    pub days: Vec<String>,
    /// `09:00`.
    pub from: String,
    /// `17:00`; `00:00` is midnight at the end of the day.
    pub to: String,
    /// `2026-12-24`.
    #[serde(default)]
    #[schemars(with = "Vec<chrono::NaiveDate>", length(max = MAX_HOLIDAYS))]
    pub holidays: Vec<String>,
}

impl NewCalendar {
    fn read(&self, fields: &mut Fields) -> Option<Calendar> {
        let zone = fields.check("zone", wall::zone(&self.zone));
        let days = serde_json::from_value::<Weekdays>(json!(self.days));
        let days = fields.check("days", days.map_err(|_| "must be weekdays such as MON, TUE"));
        let time = |text: &str| {
            let read = NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"));
            read.map_err(|_| "must be a time of day such as 09:00")
        };
        let (from, to) = (fields.check("from", time(&self.from)), fields.check("to", time(&self.to)));
        if self.holidays.len() > MAX_HOLIDAYS {
            fields.refuse("holidays", format!("must be at most {MAX_HOLIDAYS}, got {}", self.holidays.len()));
        }
        let mut holidays = BTreeSet::new();
        for (place, text) in self.holidays.iter().enumerate() {
            let day = text.parse::<NaiveDate>().map_err(|_| "must be a date such as 2026-12-24");
            holidays.extend(fields.check(&format!("holidays.{place}"), day));
        }
        match Calendar::new(zone?, days?, from?, to?, holidays) {
            Ok(calendar) => Some(calendar),
            Err(error) => {
                let field = match error {
                    CalendarError::NoDays => "days",
                    CalendarError::NoHours => "to",
                };
                fields.refuse(field, error.to_string().trim_start_matches(field).trim_start_matches(": "));
                None
            }
        }
    }
}

/// Stores a calendar under its key, new or changed.
pub async fn put_calendar(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, new: &NewCalendar) -> Result<Calendar, EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(key));
    let calendar = new.read(&mut fields);
    fields.done()?;
    let (Some(key), Some(calendar)) = (key, calendar) else { return Err(EngineError::field("calendar", "could not be read")) };
    let body = serde_json::to_string(&calendar).map_err(|error| EngineError::field("calendar", error))?;
    let tx = begin(cx, ws).await?;
    calendars::put(&tx, &calendars::Model { workspace_id: ws.uuid(), key: key.clone(), body }).await?;
    commit(cx, tx, ws, actor, "calendar.changed", &key, Value::Null).await?;
    Ok(calendar)
}

/// A team as it is sent, unchecked. All of it is replaced.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// What people call it.
    pub name: String,
    /// Its own address, which gets the team's mail as well.
    #[serde(default)]
    pub email: Option<String>,
    /// Key of its calendar; absent: the default one.
    #[serde(default)]
    pub calendar: Option<String>,
    /// Address of who leads it, one of our users.
    #[serde(default)]
    pub manager: Option<String>,
    /// Addresses of our users; absent: the members stay.
    #[serde(default)]
    #[schemars(length(max = MAX_MEMBERS))]
    pub members: Change<Vec<String>>,
}

/// Stores a team under its key, new or changed. A new member is next in turn.
pub async fn put_team(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, new: NewTeam) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(key));
    let name = fields.check("name", text::line(&new.name, MAX_LINE));
    let email = fields.check_some("email", new.email, |text| Email::parse(text.trim()));
    let calendar = fields.check_some("calendar", new.calendar, |text| text::key(&text));
    let manager = fields.check_some("manager", new.manager, |text| Email::parse(text.trim()));
    if new.members.is_taken() {
        fields.refuse("members", "must not be null; leave it out to keep them, send [] for nobody");
    }
    let members = new.members.given().map(|members| {
        if members.len() > MAX_MEMBERS {
            fields.refuse("members", format!("must be at most {MAX_MEMBERS}, got {}", members.len()));
        }
        let read = |(place, text): (usize, &String)| fields.check(&format!("members.{place}"), Email::parse(text.trim()));
        members.iter().enumerate().filter_map(read).collect::<Vec<Email>>()
    });
    let tx = begin(cx, ws).await?;
    if let Some(calendar) = &calendar
        && !calendars::all(&*tx, ws).await?.iter().any(|row| row.key == *calendar)
    {
        fields.refuse("calendar", format!("there is no calendar `{calendar}`; make it first"));
    }
    if let Some(manager) = &manager {
        user(&tx, ws, "manager", manager, &mut fields).await?;
    }
    let mut ids = Vec::new();
    for (place, member) in members.iter().flatten().enumerate() {
        ids.extend(user(&tx, ws, &format!("members.{place}"), member, &mut fields).await?.map(|user| user.id));
    }
    fields.done()?;
    let (Some(key), Some(name)) = (key, name) else { return Err(EngineError::field("name", "is missing")) };
    let (email, manager) = (email.map(|email| email.to_string()), manager.map(|email| email.to_string()));
    teams::put(&tx, &teams::Model { workspace_id: ws.uuid(), key: key.clone(), name, email, calendar, manager, turn: 0 }).await?;
    if members.is_some() {
        team_members::set(&tx, ws, &key, &ids).await?;
    }
    commit(cx, tx, ws, actor, "team.changed", &key, json!({ "members": members })).await
}

async fn user(tx: &Tx, ws: WorkspaceId, field: &str, address: &Email, fields: &mut Fields) -> Result<Option<users::Model>, EngineError> {
    let found = users::by_email(&**tx, ws, address.as_str()).await?;
    if found.is_none() {
        fields.refuse(field, format!("there is no user {address}; add one first"));
    }
    Ok(found)
}

/// When somebody is away, unchecked. Everything absent: they are back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// From then on; absent: now, when there is an end.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Until then; absent: until somebody says otherwise.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Address of who stands in, one of our users.
    #[serde(default)]
    pub deputy: Option<String>,
}

/// Notes when somebody is away and who stands in. New cases pass them over; what they have open stays until somebody hands
/// it over ([`hand_over`]).
pub async fn set_absence(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: UserId, absence: Absence) -> Result<(), EngineError> {
    let mut fields = Fields::default();
    let from = absence.from.or_else(|| absence.until.map(|_| cx.now()));
    if from.zip(absence.until).is_some_and(|(from, until)| until <= from) {
        fields.refuse("until", "must be later than from");
    }
    let deputy = fields.check_some("deputy", absence.deputy, |text| Email::parse(text.trim()));
    let tx = begin(cx, ws).await?;
    let them = users::by_id(&*tx, ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    if let Some(deputy) = &deputy {
        user(&tx, ws, "deputy", deputy, &mut fields).await?;
        if deputy.as_str() == them.email {
            fields.refuse("deputy", "must be somebody else");
        }
    }
    fields.done()?;
    let away = (from.map(millis), absence.until.map(millis));
    users::set_absence(&tx, ws, id, away, deputy.as_ref().map(Email::as_str)).await?;
    let data = json!({ "from": from, "until": absence.until, "deputy": deputy });
    commit(cx, tx, ws, actor, "user.absence_changed", &them.email, data).await
}

/// How many unfinished cases rules may give somebody in turn; `None` is any number.
pub async fn set_cap(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: UserId, cap: Option<u32>) -> Result<(), EngineError> {
    let tx = begin(cx, ws).await?;
    let them = users::by_id(&*tx, ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    users::set_cap(&tx, ws, id, cap.map(i64::from)).await?;
    commit(cx, tx, ws, actor, "user.cap_changed", &them.email, json!({ "cap": cap })).await
}

/// Whoever changes the set-up waits here for the one before.
async fn begin(cx: &Ctx, ws: WorkspaceId) -> Result<Tx, EngineError> {
    let tx = cx.db.write().await?;
    workspaces::lock(&tx, ws).await?.ok_or_else(|| EngineError::not_found("workspace", ws))?;
    Ok(tx)
}

async fn commit(cx: &Ctx, tx: Tx, ws: WorkspaceId, actor: &Actor, action: &str, subject: &str, data: Value) -> Result<(), EngineError> {
    audit::note(&tx, ws, actor, action, subject, data, cx.now());
    workspaces::bump_config(&tx, ws).await?;
    Ok(tx.commit().await?)
}
