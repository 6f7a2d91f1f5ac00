//! Our people as rules and clocks need them: who is in which team, who is away, who stands in, whose hours count.
//!
//! Owns: what is the same for every case until somebody changes it. Refuses to know: whose turn it is and how much everybody
//! has to do; that changes with each case (see `roster`).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hearback_core::{
    Calendar, Owner,
    id::{UserId, WorkspaceId},
};
use hearback_store::{ConnectionTrait, StoreError, calendars, snapshot, time::from_millis, unreadable::read_all, users};

use crate::reading;

/// Key of the calendar that counts where no other does.
pub const DEFAULT_CALENDAR: &str = "default";

/// Teams, people and working hours of a workspace.
#[derive(Debug, Default)]
pub struct Staff {
    teams: BTreeMap<String, Team>,
    people: HashMap<String, Colleague>,
    calendars: HashMap<String, Calendar>,
    usual: Calendar,
}

/// A team.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// Who is in it, by address, in the order in which they joined.
    pub members: Vec<String>,
    calendar: Option<String>,
    manager: Option<String>,
}

/// One of our people.
#[derive(Debug, Clone)]
pub struct Colleague {
    /// Which user.
    pub id: UserId,
    /// Most unfinished cases that rules give them in turn.
    pub cap: Option<u32>,
    absent: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    deputy: Option<Owner>,
}

impl Colleague {
    fn of(row: &users::Model) -> Self {
        Self {
            id: UserId::from_uuid(row.id),
            cap: row.cap.map(|cap| u32::try_from(cap.max(0)).unwrap_or(u32::MAX)),
            absent: absence(row),
            deputy: row.deputy.as_deref().and_then(|address| Owner::parse(address).ok()),
        }
    }

    /// Whether they are away at this moment.
    pub fn is_absent(&self, at: DateTime<Utc>) -> bool {
        self.absent.is_some_and(|(from, until)| from <= at && until.is_none_or(|until| at < until))
    }
}

/// From when until when somebody is away; whoever can't log in any more is away for good.
fn absence(row: &users::Model) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let planned = row.absent_from.map(|from| (from_millis(from), row.absent_until.map(from_millis)));
    row.disabled_at.map(|at| (from_millis(at), None)).or(planned)
}

impl Staff {
    /// Reads all of it; in place of a calendar that can't be read the usual one counts.
    pub async fn load(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Self, StoreError> {
        let (calendars, _) = read_all(&calendars::all(conn, ws).await?, reading::calendar);
        let mut staff = Self { calendars: calendars.into_iter().collect(), ..Self::default() };
        staff.usual = staff.calendars.get(DEFAULT_CALENDAR).cloned().unwrap_or_default();
        let (teams, members, users) = snapshot::teams(conn, ws.uuid()).await?;
        let addresses: HashMap<_, _> = users.iter().map(|user| (user.id, user.email.clone())).collect();
        staff.people = users.iter().map(|user| (user.email.clone(), Colleague::of(user))).collect();
        for team in teams {
            staff.teams.insert(team.key, Team { members: Vec::new(), calendar: team.calendar, manager: team.manager });
        }
        for member in members {
            if let (Some(team), Some(address)) = (staff.teams.get_mut(&member.team_key), addresses.get(&member.user_id)) {
                team.members.push(address.clone());
            }
        }
        Ok(staff)
    }

    /// The working hours that count unless a team has its own.
    pub const fn usual_hours(&self) -> &Calendar {
        &self.usual
    }

    /// The working hours that count for what this owner has to do: those of the team, or of the first team of the user that
    /// has its own; else the usual ones.
    pub fn hours_of(&self, owner: Option<&Owner>) -> &Calendar {
        let named = |team: &Team| team.calendar.as_ref().and_then(|key| self.calendars.get(key));
        owner.and_then(|owner| self.teams_of(owner).find_map(|(_, team)| named(team))).unwrap_or(&self.usual)
    }

    /// Who leads the team of this owner: of the team itself, or of the user's first team that has a manager. One who is away
    /// is stood in for; nobody leads themselves.
    pub fn manager_of(&self, owner: &Owner, at: DateTime<Utc>) -> Option<Owner> {
        let managers = self.teams_of(owner).filter_map(|(_, team)| Owner::parse(team.manager.as_deref()?).ok());
        managers.filter(|manager| manager != owner).find_map(|manager| self.present(&manager, at))
    }

    /// This owner, or who stands in while they are away; `None` when nobody does.
    pub fn present(&self, owner: &Owner, at: DateTime<Utc>) -> Option<Owner> {
        let is_here = |owner: &Owner| !self.colleague(owner).is_some_and(|colleague| colleague.is_absent(at));
        if is_here(owner) {
            return Some(owner.clone());
        }
        self.colleague(owner).and_then(|colleague| colleague.deputy.clone()).filter(is_here)
    }

    /// The first team that this user is in, as an owner.
    pub fn team_of(&self, owner: &Owner) -> Option<Owner> {
        self.teams_of(owner).next().map(|(key, _)| Owner::Team(key.to_owned()))
    }

    /// Everybody in a team, in the order of their user ids; nobody when there is no such team.
    pub fn members(&self, team: &str) -> Vec<(&str, &Colleague)> {
        let addresses = self.teams.get(team).map(|team| team.members.as_slice()).unwrap_or_default();
        let mut members: Vec<_> = addresses.iter().filter_map(|address| Some((address.as_str(), self.people.get(address)?))).collect();
        members.sort_by_key(|(_, colleague)| colleague.id);
        members
    }

    fn colleague(&self, owner: &Owner) -> Option<&Colleague> {
        match owner {
            Owner::User(email) => self.people.get(email.as_str()),
            Owner::Team(_) => None,
        }
    }

    fn teams_of<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = (&'a str, &'a Team)> {
        let is_theirs = move |key: &str, team: &Team| match owner {
            Owner::Team(own) => own == key,
            Owner::User(email) => team.members.iter().any(|member| member == email.as_str()),
        };
        self.teams.iter().filter(move |(key, team)| is_theirs(key, team)).map(|(key, team)| (key.as_str(), team))
    }
}
