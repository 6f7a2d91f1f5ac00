//! Handing over what somebody has open: to who stands in, else to the others of the team in turn, else to the team.

use hearback_core::{
    Email, Owner,
    id::{CaseId, UserId, WorkspaceId},
    timeline::Entry,
};
use hearback_store::{bulk, cases, events, tasks, time::millis, users};

use crate::{
    Actor, Ctx, EngineError,
    rows::{clocks, event},
    team::roster::{Roster, next_of},
};

/// Most cases that one call hands over; the next call goes on.
const PER_CALL: u64 = 500;

/// Hands over every unfinished case of a user, with their open tasks in it; how many cases that were. Each case is one
/// transaction: what was handed over stays so whatever happens to the next.
pub async fn hand_over(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: UserId) -> Result<u64, EngineError> {
    let them = users::by_id(cx.db.read(), ws, id).await?.ok_or_else(|| EngineError::not_found("user", id))?;
    let owner = Owner::User(Email::parse(&them.email).map_err(|error| EngineError::field("email", error))?);
    let mut handed = 0;
    for case in cases::open_of_owner(cx.db.read(), ws, &them.email, PER_CALL).await? {
        handed += u64::from(hand_one(cx, ws, actor, case, &owner).await?);
    }
    Ok(handed)
}

async fn hand_one(cx: &Ctx, ws: WorkspaceId, actor: &Actor, case: CaseId, from: &Owner) -> Result<bool, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let workspace = cx.workspaces.get(&*tx, ws).await?;
    let Some(mut row) = cases::lock(&tx, ws, case).await? else { return Ok(false) };
    if row.owner.as_deref() != Some(from.to_string().as_str()) {
        return Ok(false);
    }
    let mut roster = Roster::default();
    let team = workspace.staff.team_of(from).unwrap_or_else(|| workspace.default_owner.clone());
    let deputy = workspace.staff.present(from, now).filter(|deputy| deputy != from);
    let to = match (deputy, &team) {
        (Some(deputy), _) => deputy,
        (None, Owner::Team(key)) => next_of(&tx, &workspace, &mut roster, row.id, key, from, now).await?.unwrap_or_else(|| team.clone()),
        (None, Owner::User(_)) => team.clone(),
    };
    row.owner = Some(to.to_string());
    row.updated_at = millis(now);
    let terms = workspace.terms(&row);
    clocks::wind(&mut row, terms);
    let moved = tasks::hand_over(&tx, ws, case, &from.to_string(), &to.to_string()).await?;
    let why = Some("their open cases were handed over".to_owned());
    let entry = event(&row, actor, &Entry::Assigned { from: Some(from.to_string()), owner: to, tasks: Some(moved), why }, now);
    cases::save(&tx, row).await?;
    roster.write(&tx, ws.uuid()).await?;
    bulk::insert::<events::Entity>(&tx, &[entry]).await?;
    tx.commit().await?;
    Ok(true)
}
