//! Who is there, and how much everybody has open.

use std::collections::HashMap;

use hearback_core::{
    Owner,
    id::{UserId, WorkspaceId},
};
use hearback_store::{cases, snapshot, teams, time::millis, users};

use crate::{Ctx, EngineError};

/// A team with its members.
#[derive(Debug)]
pub struct TeamLoad {
    /// The team.
    pub team: teams::Model,
    /// Its members, by address.
    pub seats: Vec<Seat>,
    /// Unfinished cases that the team itself owns.
    pub open: u32,
}

/// Somebody of ours.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Who.
    pub user: users::Model,
    /// Whether they are there now.
    pub present: bool,
    /// Unfinished cases that they own.
    pub open: u32,
}

impl Seat {
    fn of(user: users::Model, open: u32, now: i64) -> Self {
        let absent = user.absent_from.is_some_and(|from| from <= now) && user.absent_until.is_none_or(|until| now < until);
        let present = !absent && user.disabled_at.is_none();
        Self { user, present, open }
    }
}

/// All teams, by key.
pub async fn loads(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<TeamLoad>, EngineError> {
    let (conn, now) = (cx.db.read(), millis(cx.now()));
    let (mut teams, members, users) = snapshot::teams(conn, ws.uuid()).await?;
    teams.sort_by(|a, b| a.key.cmp(&b.key));
    let team_owner = |team: &teams::Model| Owner::Team(team.key.clone()).to_string();
    let owners: Vec<String> = users.iter().map(|user| user.email.clone()).chain(teams.iter().map(team_owner)).collect();
    let open: HashMap<String, u32> = cases::open_by_owner(conn, ws, &owners).await?;
    let open_of = |owner: &str| open.get(owner).copied().unwrap_or(0);
    let load = |team: teams::Model| {
        let is_member = |user: &&users::Model| members.iter().any(|member| member.team_key == team.key && member.user_id == user.id);
        let seats = users.iter().filter(is_member).map(|user| Seat::of(user.clone(), open_of(&user.email), now)).collect();
        let open = open_of(&team_owner(&team));
        TeamLoad { team, seats, open }
    };
    Ok(teams.into_iter().map(load).collect())
}

/// One of our people.
pub async fn seat(cx: &Ctx, ws: WorkspaceId, id: UserId) -> Result<Seat, EngineError> {
    let user = users::by_id(cx.db.read(), ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let open = cases::open_by_owner(cx.db.read(), ws, std::slice::from_ref(&user.email)).await?.remove(&user.email).unwrap_or(0);
    Ok(Seat::of(user, open, millis(cx.now())))
}
