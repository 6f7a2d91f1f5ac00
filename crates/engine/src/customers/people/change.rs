//! A person as the API changes one: what is absent stays, what is `null` goes.

use std::collections::{BTreeMap, BTreeSet};

use hearback_rules::Property;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{change::Change, customers::people::NewPerson};

/// A change of a person, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonChange {
    /// Mail address; goes only where a sender's id stays.
    #[serde(default)]
    #[schemars(email, length(max = 254))]
    pub email: Change<String>,
    /// The sender's own id; goes only where an address stays.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub external_id: Change<String>,
    /// Display name.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub name: Change<String>,
    /// Language tag.
    #[serde(default)]
    pub locale: Change<String>,
    /// IANA time zone.
    #[serde(default)]
    pub timezone: Change<String>,
    /// Key of the account.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub account: Change<String>,
    /// Who looks after this customer.
    #[serde(default)]
    pub owner: Change<String>,
    /// Each is laid over the stored one, or goes; all of them go with `null` for the whole.
    #[serde(default)]
    #[schemars(extend("maxProperties" = crate::customers::people::MAX_PROPERTIES))]
    pub properties: Change<BTreeMap<String, Option<Property>>>,
}

/// What can be taken away from a stored person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// The address.
    Email,
    /// The sender's id.
    ExternalId,
    /// The name.
    Name,
    /// The language.
    Locale,
    /// The time zone.
    Timezone,
    /// The account.
    Account,
    /// Who looks after them.
    Owner,
    /// All properties.
    Properties,
    /// The property of this name.
    Property(String),
}

impl PersonChange {
    /// What is given, and what is taken away.
    pub(super) fn split(self) -> (NewPerson, BTreeSet<Taken>) {
        let fields = [
            (Taken::Email, &self.email),
            (Taken::ExternalId, &self.external_id),
            (Taken::Name, &self.name),
            (Taken::Locale, &self.locale),
            (Taken::Timezone, &self.timezone),
            (Taken::Account, &self.account),
            (Taken::Owner, &self.owner),
        ];
        let mut taken: BTreeSet<Taken> = fields.into_iter().filter(|(_, field)| field.is_taken()).map(|(name, _)| name).collect();
        let mut properties = BTreeMap::new();
        match self.properties {
            Change::Kept => {}
            Change::Taken => {
                taken.insert(Taken::Properties);
            }
            Change::Given(sent) => {
                for (name, value) in sent {
                    match value {
                        Some(value) => {
                            properties.insert(name, value);
                        }
                        None => {
                            taken.insert(Taken::Property(name));
                        }
                    }
                }
            }
        }
        let person = NewPerson {
            email: self.email.given(),
            external_id: self.external_id.given(),
            name: self.name.given(),
            locale: self.locale.given(),
            timezone: self.timezone.given(),
            account: self.account.given(),
            owner: self.owner.given(),
            properties,
            opted_out: None,
            past: None,
        };
        (person, taken)
    }
}
