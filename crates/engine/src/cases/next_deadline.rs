//! What time does to a case: warnings, what is overdue, handing on, giving up.
//!
//! Each case has one next deadline, the moment at which time alone changes something. Whoever comes by at or after it, on any
//! node, at once or after a week without power, does what is due, one matter a transaction, and sets the next one: each
//! matter happens once. Looks again under the lock: whoever finished the work in the meantime wins.

use hearback_core::{
    CaseEvent, Owner, case,
    id::{CaseId, WorkspaceId},
    timeline::Entry,
};
use hearback_rules::Trigger;
use hearback_store::{
    Tx, cases,
    snapshot::{self, CaseRows},
    time::{from_millis, millis},
    workspaces,
};

use crate::{
    Actor, Ctx, EngineError,
    automation::{apply::Changes, decide::decide},
    rows::{
        clocks::{self, Matter},
        core_case, event, read_owner, write_case,
    },
    team::roster::next_of,
    workspace::Workspace,
};

/// Most cases of a workspace that one look does; the next look goes on.
const PER_LOOK: u64 = 200;

/// Does what is due in cases by now; how many matters that were.
pub async fn ring_all(cx: &Ctx) -> Result<u64, EngineError> {
    let mut done = 0;
    for ws in workspaces::ids(cx.db.read()).await? {
        for case in cases::due_by_clock(cx.db.read(), ws, millis(cx.now()), PER_LOOK).await? {
            done += u64::from(ring(cx, ws, case).await?);
        }
    }
    Ok(done)
}

async fn ring(cx: &Ctx, ws: WorkspaceId, case: CaseId) -> Result<bool, EngineError> {
    let now = cx.now();
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let Some(mut rows) = snapshot::case(&*tx, ws.uuid(), case.uuid()).await? else { return Ok(false) };
    if rows.case.next_deadline_at.is_none_or(|deadline| deadline > millis(now)) {
        return Ok(false);
    }
    let mut changes = Changes::default();
    if let Some(matter) = clocks::due(&rows.case, workspace.terms(&rows.case), now) {
        happen(cx, &tx, &workspace, &mut rows, matter, &mut changes).await?;
    }
    let queued = changes.save(&tx, &workspace, rows.case, now).await?;
    tx.commit().await?;
    if queued {
        cx.wake.notify_one();
    }
    Ok(true)
}

async fn happen(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    matter: Matter,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    let now = cx.now();
    let (contact_due, close_due) = (rows.case.first_contact_due_at.map(from_millis), rows.case.close_due_at.map(from_millis));
    let (entry, trigger) = match matter {
        Matter::ContactDueSoon => {
            rows.case.warned_at = Some(millis(now));
            (Entry::ContactDueSoon { due: contact_due }, Trigger::DueSoon)
        }
        Matter::CloseDueSoon => {
            rows.case.warned_at = Some(millis(now));
            (Entry::CloseDueSoon { due: close_due }, Trigger::DueSoon)
        }
        Matter::ContactOverdue => {
            rows.case.contact_overdue_at = Some(millis(now));
            (Entry::ContactOverdue { due: contact_due }, Trigger::NoFirstContact)
        }
        Matter::CloseOverdue => {
            rows.case.close_overdue_at = Some(millis(now));
            (Entry::CloseOverdue { due: close_due }, Trigger::NotClosedInTime)
        }
        Matter::Reassign => return hand_on(cx, tx, workspace, rows, changes).await,
        Matter::Lapse => {
            lapse(workspace, rows, now, changes);
            return Ok(());
        }
    };
    changes.events.push(event(&rows.case, &Actor::System, &entry, now));
    decide(cx, tx, workspace, rows, trigger.into(), changes).await?;
    Ok(())
}

fn lapse(workspace: &Workspace, rows: &mut CaseRows, now: chrono::DateTime<chrono::Utc>, changes: &mut Changes) {
    if let Ok(next) = case::step(&core_case(&rows.case), &CaseEvent::Lapse, workspace.terms(&rows.case), now) {
        write_case(next, &mut rows.case);
        let entry = Entry::Lapsed { note: None, why: Some("too old to be answered well".to_owned()) };
        changes.events.push(event(&rows.case, &Actor::System, &entry, now));
    }
}

/// Nobody was in touch for long: the next of the owner's team shall try, once.
async fn hand_on(cx: &Ctx, tx: &Tx, workspace: &Workspace, rows: &mut CaseRows, changes: &mut Changes) -> Result<(), EngineError> {
    rows.case.reassign_at = None;
    let owner = read_owner(rows.case.owner.as_deref()).unwrap_or_else(|| workspace.default_owner.clone());
    let Some(Owner::Team(team)) = workspace.staff.team_of(&owner) else { return Ok(()) };
    let picked = next_of(tx, workspace, &mut changes.roster, rows.case.id, &team, &owner, cx.now()).await?;
    if let Some(next) = picked {
        rows.case.owner = Some(next.to_string());
        let why = Some("nobody was in touch in time".to_owned());
        let entry = Entry::Assigned { from: Some(owner.to_string()), owner: next, tasks: None, why };
        changes.events.push(event(&rows.case, &Actor::System, &entry, cx.now()));
    }
    Ok(())
}
