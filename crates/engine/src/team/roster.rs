//! Whose turn it is: the members of the teams that rules pick from, held until the transaction ends.
//!
//! Owns: picking somebody. Each team hands out numbers; whoever drew the lowest is next and draws a new one, so that turns
//! are fair however the cases come, and nobody who was away is flooded afterwards. Picking is pure: what it changes is
//! written back by [`Roster::write`], in the same transaction. Refuses to know: why somebody is looked for.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hearback_core::{Email, Owner, id::WorkspaceId};
use hearback_store::{StoreError, Tx, cases, team_members, teams};
use uuid::Uuid;

use crate::workspace::{Workspace, asked::Asked};

/// How somebody is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Whoever had no turn for longest.
    InTurn,
    /// Whoever has the fewest unfinished cases.
    LeastLoaded,
}

/// The teams that were asked for, as they stand within this transaction.
#[derive(Debug, Default)]
pub struct Roster {
    benches: BTreeMap<String, Bench>,
    /// Unfinished cases by address.
    open: HashMap<String, u32>,
    /// Who was picked for a case already: a rule that assigns it and opens a task in it means the same colleague.
    picked: HashMap<(Uuid, String), Owner>,
}

#[derive(Debug)]
struct Bench {
    turn: i64,
    drawn: bool,
    seats: Vec<Seat>,
}

#[derive(Debug)]
struct Seat {
    user: Uuid,
    address: Email,
    turn: i64,
    drawn: bool,
    absent: bool,
    cap: Option<u32>,
}

impl Roster {
    /// Takes these teams, in the order of their keys, until the transaction ends. Without any it asks for nothing.
    pub async fn load(tx: &Tx, workspace: &Workspace, asked: &Asked, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let mut roster = Self::default();
        if asked.is_empty() {
            return Ok(roster);
        }
        let keys: Vec<&str> = asked.keys().map(String::as_str).collect();
        for team in teams::lock(tx, workspace.id, &keys).await? {
            roster.benches.insert(team.key, Bench { turn: team.turn, drawn: false, seats: Vec::new() });
        }
        // Read after the teams are held: another transaction may have drawn until then.
        let turns = team_members::of_teams(&**tx, workspace.id, &keys).await?;
        for (key, bench) in &mut roster.benches {
            for (address, colleague) in workspace.staff.members(key) {
                let row = turns.iter().find(|row| row.team_key == *key && row.user_id == colleague.id.uuid());
                let (Some(row), Ok(address)) = (row, Email::parse(address)) else { continue };
                let absent = colleague.is_absent(now);
                let seat = Seat { user: row.user_id, address, turn: row.turn, drawn: false, absent, cap: colleague.cap };
                bench.seats.push(seat);
            }
        }
        if asked.values().any(|by_load| *by_load) || roster.seats().any(|seat| seat.cap.is_some()) {
            let addresses: Vec<String> = roster.seats().map(|seat| seat.address.to_string()).collect();
            roster.open = cases::open_by_owner(&**tx, workspace.id, &addresses).await?;
        }
        Ok(roster)
    }

    /// These teams with everybody there, nobody busy and all turns alike: for trying rules out. Asks and takes nothing.
    pub fn imagined(workspace: &Workspace, asked: &Asked) -> Self {
        let bench = |key: &String| {
            let seat = |(address, colleague): (&str, &crate::workspace::staff::Colleague)| {
                let address = Email::parse(address).ok()?;
                Some(Seat { user: colleague.id.uuid(), address, turn: 0, drawn: false, absent: false, cap: None })
            };
            Bench { turn: 0, drawn: false, seats: workspace.staff.members(key).into_iter().filter_map(seat).collect() }
        };
        Self { benches: asked.keys().map(|key| (key.clone(), bench(key))).collect(), ..Self::default() }
    }

    /// Forgets who was picked for which case.
    pub fn forget_picks(&mut self) {
        self.picked.clear();
    }

    /// Whether no team was taken.
    pub fn is_empty(&self) -> bool {
        self.benches.is_empty()
    }

    fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.benches.values().flat_map(|bench| &bench.seats)
    }

    /// Somebody of the team for this case: present, and below their cap. `None` when there is nobody like that. The same
    /// case gets the same colleague.
    pub fn pick(&mut self, case: Uuid, team: &str, pick: Pick) -> Option<Owner> {
        let place = (case, team.to_owned());
        if let Some(owner) = self.picked.get(&place) {
            return Some(owner.clone());
        }
        let load = |seat: &Seat| self.open.get(seat.address.as_str()).copied().unwrap_or(0);
        let bench = self.benches.get_mut(team)?;
        let can_take = |seat: &&mut Seat| !seat.absent && seat.cap.is_none_or(|cap| load(seat) < cap);
        let next = bench.seats.iter_mut().filter(can_take).min_by_key(|seat| match pick {
            Pick::InTurn => (0, seat.turn, seat.user),
            Pick::LeastLoaded => (load(seat), seat.turn, seat.user),
        })?;
        bench.turn += 1;
        bench.drawn = true;
        next.turn = bench.turn;
        next.drawn = true;
        let owner = Owner::User(next.address.clone());
        self.picked.insert(place, owner.clone());
        Some(owner)
    }

    /// Whether this colleague is in the team and there.
    pub fn is_there(&self, team: &str, owner: &Owner) -> bool {
        let seats = self.benches.get(team).map(|bench| bench.seats.as_slice()).unwrap_or_default();
        seats.iter().any(|seat| !seat.absent && matches!(owner, Owner::User(address) if *address == seat.address))
    }

    /// A case went from one owner to another: that counts for who is picked next.
    pub fn hand_over(&mut self, from: Option<&str>, to: &Owner) {
        if let Some(count) = from.and_then(|from| self.open.get_mut(from)) {
            *count = count.saturating_sub(1);
        }
        if let Owner::User(address) = to {
            *self.open.entry(address.to_string()).or_default() += 1;
        }
    }

    /// Leaves somebody out, whoever's turn it is.
    pub fn leave_out(&mut self, owner: &Owner) {
        for seat in self.benches.values_mut().flat_map(|bench| &mut bench.seats) {
            seat.absent |= matches!(owner, Owner::User(address) if *address == seat.address);
        }
    }

    /// Stores the numbers that were drawn.
    pub async fn write(&self, tx: &Tx, workspace: Uuid) -> Result<(), StoreError> {
        let ws = WorkspaceId::from_uuid(workspace);
        for (key, bench) in self.benches.iter().filter(|(_, bench)| bench.drawn) {
            teams::set_turn(tx, ws, key, bench.turn).await?;
            for seat in bench.seats.iter().filter(|seat| seat.drawn) {
                team_members::set_turn(tx, ws, key, seat.user, seat.turn).await?;
            }
        }
        Ok(())
    }
}

/// Somebody else of a team, in turn.
pub(crate) async fn next_of(
    tx: &Tx,
    workspace: &Workspace,
    roster: &mut Roster,
    case: uuid::Uuid,
    team: &str,
    but: &Owner,
    now: DateTime<Utc>,
) -> Result<Option<Owner>, StoreError> {
    *roster = Roster::load(tx, workspace, &[(team.to_owned(), false)].into(), now).await?;
    roster.leave_out(but);
    Ok(roster.pick(case, team, Pick::InTurn))
}
