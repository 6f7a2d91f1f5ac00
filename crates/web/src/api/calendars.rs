//! `/api/v1/calendars`: working days and hours, by key.

use chrono::{NaiveDate, NaiveTime};
use hearback_core::{Calendar, wall::Weekdays};
use hearback_engine::{
    role::Scope::{Admin, Read},
    team::staffing::{self, NewCalendar},
};
use hearback_store::calendars;
use schemars::JsonSchema;
use serde::Serialize;

use super::List;
use crate::{
    call::{Call, Json, get, put},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/calendars", Read, "Working days and hours, by key", list),
        put("/calendars/{key}", Admin, "Make or change a calendar; it counts for clocks that start later", save),
    ]
}

/// A calendar as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CalendarView {
    key: String,
    zone: &'static str,
    days: Weekdays,
    from: String,
    to: String,
    holidays: Vec<NaiveDate>,
}

impl CalendarView {
    fn of(key: String, calendar: &Calendar) -> Self {
        let clock = |time: NaiveTime| time.format("%H:%M").to_string();
        let (from, to) = calendar.hours();
        Self {
            key,
            zone: calendar.zone().name(),
            days: calendar.days(),
            from: clock(from),
            to: clock(to),
            holidays: calendar.holidays().iter().copied().collect(),
        }
    }
}

/// `GET /calendars`: all of them, by key.
pub(crate) async fn list(call: Call) -> Result<Json<List<CalendarView>>, Problem> {
    let rows = calendars::all(call.db(), call.ws()).await?;
    // One that can't be read stops the engine with a message; here it is left out.
    let view = |row: calendars::Model| Some(CalendarView::of(row.key, &serde_json::from_str(&row.body).ok()?));
    Ok(Json(List::whole(rows.into_iter().filter_map(view))))
}

/// `PUT /calendars/{key}`: makes or changes one; it counts for clocks that start later.
pub(crate) async fn save(call: Call, Json(new): Json<NewCalendar>) -> Result<Json<CalendarView>, Problem> {
    let calendar = staffing::put_calendar(call.cx(), call.ws(), &call.actor(), call.key(), &new).await?;
    Ok(Json(CalendarView::of(call.key().to_owned(), &calendar)))
}
