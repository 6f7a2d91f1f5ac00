//! Who should own something, as a rule says it: references that are tried in order. Refuses to know who they are today:
//! that is decided where rows are made.

use std::fmt;

use hearback_core::{Owner, TextError, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One way to find an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerRef {
    /// The case's owner as it stands.
    CaseOwner,
    /// The person's owner.
    PersonOwner,
    /// The account's owner.
    AccountOwner,
    /// A property of the person that holds an address of ours or `team:KEY`.
    Property(String),
    /// The members of a team in turn.
    RoundRobin(String),
    /// Whoever of a team has the fewest open cases.
    LeastLoaded(String),
    /// The manager of the team that owns the case, or that its owner is in.
    Manager,
    /// A fixed user or team.
    Fixed(Owner),
}

impl OwnerRef {
    /// The words that stand alone.
    pub const WORDS: [&'static str; 4] = ["case", "person", "account", "manager"];
    /// What may be written, for messages.
    pub const EXPECTED: &'static str =
        "case, person, account, manager, property:NAME, round_robin:TEAM, least_loaded:TEAM, team:KEY or a user's address";

    /// Reads one of [`OwnerRef::EXPECTED`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        Ok(match (text, text.split_once(':')) {
            ("case", _) => Self::CaseOwner,
            ("person", _) => Self::PersonOwner,
            ("account", _) => Self::AccountOwner,
            ("manager", _) => Self::Manager,
            (_, Some(("property", name))) => Self::Property(text::line(name, text::MAX_LINE)?),
            (_, Some(("round_robin", team))) => Self::RoundRobin(text::key(team)?),
            (_, Some(("least_loaded", team))) => Self::LeastLoaded(text::key(team)?),
            _ => Self::Fixed(Owner::parse(text)?),
        })
    }

    /// The team that is named, if one is.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::RoundRobin(team) | Self::LeastLoaded(team) | Self::Fixed(Owner::Team(team)) => Some(team),
            _ => None,
        }
    }

    /// Whether it takes a look at who of a team is next, or has how much to do.
    pub const fn asks_roster(&self) -> bool {
        matches!(self, Self::RoundRobin(_) | Self::LeastLoaded(_))
    }
}

impl fmt::Display for OwnerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaseOwner => f.write_str("case"),
            Self::PersonOwner => f.write_str("person"),
            Self::AccountOwner => f.write_str("account"),
            Self::Manager => f.write_str("manager"),
            Self::Property(name) => write!(f, "property:{name}"),
            Self::RoundRobin(team) => write!(f, "round_robin:{team}"),
            Self::LeastLoaded(team) => write!(f, "least_loaded:{team}"),
            Self::Fixed(owner) => owner.fmt(f),
        }
    }
}

/// References tried in order; the first that names somebody who is there counts. When none does: the person's owner, the
/// account's, the case's, the workspace's default team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners(pub Vec<OwnerRef>);

impl Owners {
    /// One of them.
    pub fn one(reference: OwnerRef) -> Self {
        Self(vec![reference])
    }
}

/// In JSON as it is written: one text, or a list of them.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Plain {
    One(String),
    Several(Vec<String>),
}

impl Serialize for Owners {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => Plain::One(only.to_string()),
            several => Plain::Several(several.iter().map(ToString::to_string).collect()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Owners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = match Plain::deserialize(deserializer)? {
            Plain::One(text) => vec![text],
            Plain::Several(texts) => texts,
        };
        let read = texts.iter().map(|text| OwnerRef::parse(text)).collect::<Result<Vec<_>, _>>();
        read.map(Self).map_err(serde::de::Error::custom)
    }
}
