//! `/api/v1/teams` and what changes in who is there: absences, caps, handing over.

use hearback_core::id::UserId;
use hearback_engine::{
    role::Scope::{Admin, Read},
    team::staffing::{self, Absence, NewTeam, Seat, TeamLoad},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Json, get, post, put},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/teams", Read, "Teams, who is there, what everybody has open", list),
        put("/teams/{key}", Admin, "Make or change a team", save),
        put("/users/{id}/absence", Admin, "When somebody is away and who stands in; nothing in it: they are back", absence),
        put("/users/{id}/cap", Admin, "How many unfinished cases rules may give somebody in turn", cap),
        post("/users/{id}/hand_over", Admin, "Hand over every unfinished case of a user, at most 500 a call", hand_over),
    ]
}

/// A team as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TeamView {
    key: String,
    name: String,
    email: Option<String>,
    calendar: Option<String>,
    manager: Option<String>,
    open_cases: u32,
    members: Vec<SeatView>,
}

/// One member.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SeatView {
    id: Uuid,
    email: String,
    name: String,
    present: bool,
    absent_from: Option<Time>,
    absent_until: Option<Time>,
    deputy: Option<String>,
    open_cases: u32,
    cap: Option<i64>,
}

impl TeamView {
    fn of(load: TeamLoad) -> Self {
        let team = load.team;
        Self {
            key: team.key,
            name: team.name,
            email: team.email,
            calendar: team.calendar,
            manager: team.manager,
            open_cases: load.open,
            members: load.seats.into_iter().map(SeatView::of).collect(),
        }
    }
}

impl SeatView {
    fn of(seat: Seat) -> Self {
        let user = seat.user;
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            present: seat.present,
            absent_from: user.absent_from.map(Time),
            absent_until: user.absent_until.map(Time),
            deputy: user.deputy,
            open_cases: seat.open,
            cap: user.cap,
        }
    }
}

/// `GET /teams`: all teams with who is there and what everybody has open.
pub(crate) async fn list(call: Call) -> Result<Json<List<TeamView>>, Problem> {
    Ok(Json(List::whole(staffing::loads(call.cx(), call.ws()).await?.into_iter().map(TeamView::of))))
}

/// `PUT /teams/{key}`: makes or changes a team.
pub(crate) async fn save(call: Call, Json(new): Json<NewTeam>) -> Result<Json<TeamView>, Problem> {
    staffing::put_team(call.cx(), call.ws(), &call.actor(), call.key(), new).await?;
    let teams = staffing::loads(call.cx(), call.ws()).await?;
    let team = teams.into_iter().find(|load| load.team.key == call.key()).ok_or_else(|| Problem::not_found("team", call.key()))?;
    Ok(Json(TeamView::of(team)))
}

/// `PUT /users/{id}/absence`: when somebody is away and who stands in; nothing in it: they are back.
pub(crate) async fn absence(call: Call, Json(absence): Json<Absence>) -> Result<Json<SeatView>, Problem> {
    let id: UserId = call.id("user")?;
    staffing::set_absence(call.cx(), call.ws(), &call.actor(), id, absence).await?;
    seat(&call, id).await
}

/// Body of `cap`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cap {
    cap: Option<u32>,
}

/// `PUT /users/{id}/cap`: how many unfinished cases rules may give somebody in turn; null is any number.
pub(crate) async fn cap(call: Call, Json(cap): Json<Cap>) -> Result<Json<SeatView>, Problem> {
    let id: UserId = call.id("user")?;
    staffing::set_cap(call.cx(), call.ws(), &call.actor(), id, cap.cap).await?;
    seat(&call, id).await
}

async fn seat(call: &Call, id: UserId) -> Result<Json<SeatView>, Problem> {
    let seat = staffing::seat(call.cx(), call.ws(), id).await?;
    Ok(Json(SeatView::of(seat)))
}

/// What was handed over.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct HandedOver {
    cases: u64,
}

/// `POST /users/{id}/hand_over`: every unfinished case of a user goes to who stands in, else to others of the team.
pub(crate) async fn hand_over(call: Call) -> Result<Json<HandedOver>, Problem> {
    let cases = staffing::hand_over(call.cx(), call.ws(), &call.actor(), call.id("user")?).await?;
    Ok(Json(HandedOver { cases }))
}
