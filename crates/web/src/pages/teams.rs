//! The teams: who is there, who is away until when, and how much everybody has open.

use axum::{extract::State, http::StatusCode, http::Uri, response::Response};
use hearback_engine::team::staffing::{self, Seat, TeamLoad};
use serde::Serialize;

use super::{
    Frame,
    session::Visitor,
    words::{self, When},
};
use crate::route::{Access::User, Route, get};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/teams", User(Viewer), "Teams: who is there, and what everybody has open", show)]
}

#[derive(Serialize)]
struct View {
    teams: Vec<TeamRow>,
}

#[derive(Serialize)]
struct TeamRow {
    key: String,
    name: String,
    manager: Option<String>,
    calendar: String,
    open: String,
    unowned: bool,
    members: Vec<MemberRow>,
}

#[derive(Serialize)]
struct MemberRow {
    name: String,
    email: String,
    present: bool,
    until: Option<When>,
    deputy: Option<String>,
    open: u32,
    cap: Option<i64>,
    full: bool,
}

impl TeamRow {
    fn of(load: TeamLoad, now: i64) -> Self {
        Self {
            key: load.team.key,
            name: load.team.name,
            manager: load.team.manager,
            calendar: load.team.calendar.unwrap_or_else(|| hearback_engine::workspace::staff::DEFAULT_CALENDAR.to_owned()),
            open: words::plural(i64::from(load.open), "case"),
            unowned: load.open > 0,
            members: load.seats.into_iter().map(|seat| MemberRow::of(seat, now)).collect(),
        }
    }
}

impl MemberRow {
    fn of(seat: Seat, now: i64) -> Self {
        Self {
            name: seat.user.name,
            email: seat.user.email,
            present: seat.present,
            until: seat.user.absent_until.filter(|_| !seat.present).map(|until| When::due(until, now)),
            deputy: seat.user.deputy.filter(|_| !seat.present),
            open: seat.open,
            cap: seat.user.cap,
            full: seat.user.cap.is_some_and(|cap| i64::from(seat.open) >= cap),
        }
    }
}

/// `GET /teams`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let now = app.cx.now().timestamp_millis();
    let teams = staffing::loads(&app.cx, visitor.ws).await?;
    let view = View { teams: teams.into_iter().map(|load| TeamRow::of(load, now)).collect() };
    let frame = Frame { title: "Teams", here: "teams", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "teams", &frame, &view))
}
