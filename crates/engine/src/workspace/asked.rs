//! The teams that the rules of a workspace pick somebody from. Refuses to know: whose turn it is.

use std::collections::BTreeMap;

use hearback_rules::{Action, OwnerRef, Owners, Rule};

/// The teams that rules pick from, and whether how much everybody has to do counts.
pub type Asked = BTreeMap<String, bool>;

/// The teams from which these rules pick.
pub fn asked<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Asked {
    let mut asked = Asked::new();
    for owners in rules.into_iter().flat_map(|rule| &rule.then).filter_map(|step| owners_of(&step.action)) {
        for reference in owners.0.iter().filter(|reference| reference.asks_roster()) {
            if let Some(team) = reference.team() {
                *asked.entry(team.to_owned()).or_default() |= matches!(reference, OwnerRef::LeastLoaded(_));
            }
        }
    }
    asked
}

const fn owners_of(action: &Action) -> Option<&Owners> {
    match action {
        Action::OpenTask { owner, .. } | Action::Assign { owner } => Some(owner),
        Action::Escalate { to, .. } => Some(to),
        _ => None,
    }
}
