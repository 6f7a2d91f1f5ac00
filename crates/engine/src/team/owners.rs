//! Who should own something, today: what a rule's references mean for one case.
//!
//! Owns: the order in which they are tried, and what happens when somebody is away. Pure: whose turn it is comes from the
//! [`Roster`]. Refuses to know: what is owned.

use chrono::DateTime;
use chrono::Utc;
use hearback_core::Owner;
use hearback_rules::{OwnerRef, Owners, Property};
use hearback_store::{cases, persons};

use crate::{
    rows::{read_owner, read_properties},
    team::roster::{Pick, Roster},
    workspace::Workspace,
};

/// An owner, and why it is not who was asked for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Who.
    pub owner: Owner,
    /// For the timeline; absent when it is the usual case.
    pub why: Option<String>,
}

/// Whom a case may fall to, beside who has it: the people around it, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct OwnerContext<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Who answered.
    pub person: &'a persons::Model,
    /// Who looks after their account.
    pub account_owner: Option<&'a Owner>,
    /// The present moment.
    pub now: DateTime<Utc>,
}

/// The owner of the case as it stands; of a new one: the person's, the account's, the workspace's default team.
pub fn of_case(around: &OwnerContext, case: &cases::Model) -> Owner {
    read_owner(case.owner.as_deref()).unwrap_or_else(|| usual(around).owner)
}

/// Who owns a case before any rule was asked.
pub fn usual(around: &OwnerContext) -> Chosen {
    Search { around, case_owner: None, skipped: None }.fall_back()
}

/// The first of the references that names somebody who is there. Never nobody. A case whose answer was corrected stays with
/// whoever of the team has it.
pub fn choose(around: &OwnerContext, case: &cases::Model, owners: &Owners, revision: u32, roster: &mut Roster) -> Chosen {
    let case_owner = read_owner(case.owner.as_deref());
    let mut search = Search { around, case_owner, skipped: None };
    for reference in &owners.0 {
        let found = match reference {
            OwnerRef::RoundRobin(team) => search.of_team(team, Pick::InTurn, case, revision, roster),
            OwnerRef::LeastLoaded(team) => search.of_team(team, Pick::LeastLoaded, case, revision, roster),
            OwnerRef::Manager => {
                let owner = search.case_owner.as_ref().unwrap_or(&around.workspace.default_owner);
                around.workspace.staff.manager_of(owner, around.now)
            }
            reference => search.named(reference).and_then(|owner| search.present(&owner)),
        };
        if let Some(owner) = found {
            return Chosen { owner, why: search.skipped.map(|(_, why)| why) };
        }
    }
    search.fall_back()
}

struct Search<'a> {
    around: &'a OwnerContext<'a>,
    case_owner: Option<Owner>,
    /// Whoever would have been it, and why they are not: the team owns what nobody can take.
    skipped: Option<(Owner, String)>,
}

impl Search<'_> {
    /// Whom a reference names, there or not.
    fn named(&self, reference: &OwnerRef) -> Option<Owner> {
        match reference {
            OwnerRef::Fixed(owner) => Some(owner.clone()),
            OwnerRef::CaseOwner => self.case_owner.clone(),
            OwnerRef::PersonOwner => read_owner(self.around.person.owner.as_deref()),
            OwnerRef::AccountOwner => self.around.account_owner.cloned(),
            OwnerRef::Property(name) => match read_properties(&self.around.person.properties).remove(name)? {
                Property::Text(text) => Owner::parse(text.trim()).ok(),
                Property::Flag(_) | Property::Number(_) => None,
            },
            OwnerRef::RoundRobin(_) | OwnerRef::LeastLoaded(_) | OwnerRef::Manager => None,
        }
    }

    /// This owner, or who stands in; notes who is away.
    fn present(&mut self, owner: &Owner) -> Option<Owner> {
        let staff = &self.around.workspace.staff;
        let there = staff.present(owner, self.around.now);
        if there.as_ref() != Some(owner) {
            let why = format!("{owner} is absent");
            let team = staff.team_of(owner).unwrap_or_else(|| self.around.workspace.default_owner.clone());
            self.skipped.get_or_insert((team, why));
        }
        there
    }

    fn of_team(&mut self, team: &str, pick: Pick, case: &cases::Model, revision: u32, roster: &mut Roster) -> Option<Owner> {
        let stays = self.case_owner.as_ref().filter(|owner| revision > 1 && roster.is_there(team, owner));
        let found = stays.cloned().or_else(|| roster.pick(case.id, team, pick));
        if found.is_none() {
            let why = "everybody in the team is absent or has as many open cases as they may have".to_owned();
            self.skipped.get_or_insert((Owner::Team(team.to_owned()), why));
        }
        found
    }

    fn fall_back(mut self) -> Chosen {
        // A team that nobody of can take it owns it: somebody of the team will look.
        if let Some((owner, why)) = self.skipped.take() {
            return Chosen { owner, why: Some(why) };
        }
        for reference in [OwnerRef::PersonOwner, OwnerRef::AccountOwner, OwnerRef::CaseOwner] {
            if let Some(owner) = self.named(&reference).and_then(|owner| self.present(&owner)) {
                return Chosen { owner, why: self.skipped.map(|(_, why)| why) };
            }
        }
        match self.skipped {
            Some((owner, why)) => Chosen { owner, why: Some(why) },
            None => Chosen { owner: self.around.workspace.default_owner.clone(), why: None },
        }
    }
}
