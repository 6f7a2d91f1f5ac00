//! Customers: what a valid description of one is, how descriptions merge, and how one is forgotten.
//!
//! Owns: the checks of a person's fields and the rule of what makes a person unique. Refuses to know: who asks.

mod change;
mod erase;
mod store;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hearback_core::{
    Email, Locale, Owner, TextError,
    id::{PersonId, RecordId, WorkspaceId},
    text::{self, MAX_LINE, MAX_PROPERTY},
    wall,
};
use hearback_rules::Property;
use hearback_store::{persons, time::millis};

use crate::{customers::suppressions::OptOut, error::Fields};

pub use change::{PersonChange, Taken};
pub use erase::erase_person;
pub(crate) use erase::{erase_row, sweep};
pub use store::{Rehearsal, change_person, rehearse_people, upsert_people, upsert_person};

/// Most properties of one person.
pub const MAX_PROPERTIES: usize = 50;
/// Longest name of a property, in characters.
const MAX_PROPERTY_NAME: usize = 64;

/// A customer as described by the sender, unchecked. What is absent stays as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(email, length(max = 254))]
    pub email: Option<String>,
    /// The sender's own id of this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub external_id: Option<String>,
    /// Display name, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub name: Option<String>,
    /// Language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Key of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub account: Option<String>,
    /// Who looks after this customer: an address or `team:KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Text, numbers, true or false; merged into what is stored. At most 50.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = crate::customers::people::MAX_PROPERTIES))]
    pub properties: BTreeMap<String, Property>,
    /// That they want no mail, and since when: what a list that is brought in says, never somebody who answers.
    #[serde(skip)]
    pub opted_out: Option<(OptOut, DateTime<Utc>)>,
    /// Who this was in an export. Nothing that a sender can say.
    #[serde(skip)]
    pub past: Option<PastPerson>,
}

/// A customer who was stored before, here or in another house, and comes back from an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastPerson {
    /// The person.
    pub id: PersonId,
    /// Since when they are known, where the export says so.
    pub created_at: Option<DateTime<Utc>>,
}

/// A description of a customer that passed all checks. What is absent stays as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedPerson {
    /// What makes this person unique: `email:ADDRESS`, else `ext:ID`, else `anon:UUID` (a fresh one each time).
    pub key: String,
    /// Mail address.
    pub email: Option<Email>,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Language tag.
    pub locale: Option<Locale>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Key of the account.
    pub account: Option<String>,
    /// Who looks after this customer.
    pub owner: Option<Owner>,
    /// Free properties.
    pub properties: BTreeMap<String, Property>,
    /// That they want no mail, and since when.
    pub opted_out: Option<(OptOut, DateTime<Utc>)>,
    /// What goes of what is stored.
    pub taken: BTreeSet<Taken>,
    /// Who this was in an export.
    pub past: Option<PastPerson>,
}

/// Checks a person as sent; each refused field is noted as `person.FIELD` and reads as absent.
pub fn check_person(fields: &mut Fields, person: NewPerson) -> CheckedPerson {
    let one_line = |text: String| text::line(&text, MAX_LINE);
    let email = fields.check_some("person.email", filled(person.email), |text| Email::parse(&text));
    let external_id = fields.check_some("person.external_id", filled(person.external_id), one_line);
    let key = match (&email, &external_id) {
        (Some(email), _) => format!("email:{email}"),
        (None, Some(id)) => format!("ext:{id}"),
        (None, None) => match person.past {
            Some(past) => format!("anon:{}", past.id),
            // Random bits make it unique; it has no need of a time.
            None => format!("anon:{}", RecordId::new(DateTime::UNIX_EPOCH)),
        },
    };
    CheckedPerson {
        key,
        email,
        external_id,
        name: fields.check_some("person.name", filled(person.name), one_line),
        locale: check_locale(fields, filled(person.locale)),
        timezone: check_timezone(fields, filled(person.timezone)),
        account: fields.check_some("person.account", filled(person.account), one_line),
        owner: fields.check_some("person.owner", filled(person.owner), |text| Owner::parse(text.trim())),
        properties: check_properties(fields, "person.properties", person.properties),
        opted_out: person.opted_out,
        taken: BTreeSet::new(),
        past: person.past,
    }
}

/// An empty text says as little as an absent one: spreadsheets send it for every missing value.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn check_locale(fields: &mut Fields, tag: Option<String>) -> Option<Locale> {
    let parsed = Locale::parse(&tag?).map_err(|_| "must be a language tag such as lt or en-GB");
    fields.check("person.locale", parsed)
}

fn check_timezone(fields: &mut Fields, name: Option<String>) -> Option<String> {
    fields.check("person.timezone", wall::zone(&name?)).map(|zone| zone.name().to_owned())
}

/// Checks free properties; a refused one is noted as `FIELD.NAME` and left out.
pub fn check_properties(fields: &mut Fields, field: &str, properties: BTreeMap<String, Property>) -> BTreeMap<String, Property> {
    if properties.len() > MAX_PROPERTIES {
        fields.refuse(field, format!("at most {MAX_PROPERTIES} are kept, got {}", properties.len()));
        return BTreeMap::new();
    }
    let mut checked = BTreeMap::new();
    for (name, value) in properties {
        // A name that can't be shown is not repeated in the message either.
        let Ok(name) = text::line(&name, MAX_PROPERTY_NAME) else {
            fields.refuse(field, format!("a name must be one line of 1 to {MAX_PROPERTY_NAME} characters"));
            continue;
        };
        if let Some(value) = fields.check(&format!("{field}.{name}"), check_property(value)) {
            checked.insert(name, value);
        }
    }
    checked
}

fn check_property(value: Property) -> Result<Property, String> {
    match value {
        Property::Text(value) => match text::block(&value, MAX_PROPERTY) {
            Ok(value) => Ok(Property::Text(value.unwrap_or_default())),
            Err(error) => Err(TextError::to_string(&error)),
        },
        Property::Number(number) if !number.is_finite() => Err("must be a finite number".to_owned()),
        Property::Number(_) | Property::Flag(_) => Ok(value),
    }
}

impl CheckedPerson {
    /// Without the address and the id that led to the person only because another one was merged into them: the person keeps
    /// their own.
    pub fn without_names_of(mut self, signposts: &[persons::Model]) -> Self {
        if signposts.iter().any(|row| row.key == self.key) {
            self.email = None;
        }
        if self.external_id.is_some() && signposts.iter().any(|row| row.external_id == self.external_id) {
            self.external_id = None;
        }
        self
    }

    /// The row after this description: what is stored, with what was sent laid over it; a new row when nothing is stored.
    pub fn over(self, stored: Option<&persons::Model>, ws: WorkspaceId, now: DateTime<Utc>) -> persons::Model {
        let blank = || {
            let id = self.past.map_or_else(|| PersonId::new(now), |past| past.id);
            let row = persons::Model::new(ws, id, self.key.clone(), now);
            persons::Model { created_at: self.past.and_then(|past| past.created_at).map_or(row.created_at, millis), ..row }
        };
        let base = without(stored.cloned().unwrap_or_else(blank), &self.taken);
        persons::Model {
            // Somebody known by the sender's id alone may tell an address later: the key follows.
            key: if self.email.is_some() { self.key } else { base.key },
            external_id: self.external_id.or(base.external_id),
            email: self.email.map(|email| email.to_string()).or(base.email),
            name: self.name.or(base.name),
            locale: self.locale.map(|locale| locale.to_string()).or(base.locale),
            timezone: self.timezone.or(base.timezone),
            owner: self.owner.map(|owner| owner.to_string()).or(base.owner),
            account_key: self.account.or(base.account_key),
            properties: merge_properties(base.properties, self.properties),
            // Who comes back from an export is known since then, whatever brought them here first.
            created_at: self.past.and_then(|past| past.created_at).map_or(base.created_at, |since| millis(since).min(base.created_at)),
            ..base
        }
    }
}

/// The row without what is taken away. Whoever has no address any more is known by the sender's id.
fn without(row: persons::Model, taken: &BTreeSet<Taken>) -> persons::Model {
    let mut row = row;
    for taken in taken {
        match taken {
            Taken::Email => {
                row.email = None;
                row.key = row.external_id.as_ref().map_or_else(|| format!("anon:{}", row.id), |id| format!("ext:{id}"));
            }
            Taken::ExternalId => row.external_id = None,
            Taken::Name => row.name = None,
            Taken::Locale => row.locale = None,
            Taken::Timezone => row.timezone = None,
            Taken::Account => row.account_key = None,
            Taken::Owner => row.owner = None,
            Taken::Properties => "{}".clone_into(&mut row.properties),
            Taken::Property(name) => row.properties = without_property(row.properties, name),
        }
    }
    row
}

fn without_property(stored: String, name: &str) -> String {
    let mut all: BTreeMap<String, Property> = serde_json::from_str(&stored).unwrap_or_default();
    match all.remove(name) {
        Some(_) => serde_json::to_string(&all).unwrap_or(stored),
        None => stored,
    }
}

/// Lays properties over stored ones; over the limit the stored ones stay as they are.
fn merge_properties(stored: String, sent: BTreeMap<String, Property>) -> String {
    if sent.is_empty() {
        return stored;
    }
    let mut all: BTreeMap<String, Property> = serde_json::from_str(&stored).unwrap_or_default();
    for (name, value) in sent {
        if all.len() < MAX_PROPERTIES || all.contains_key(&name) {
            all.insert(name, value);
        }
    }
    serde_json::to_string(&all).unwrap_or(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineError;

    fn check(person: NewPerson) -> Result<CheckedPerson, Vec<String>> {
        let mut fields = Fields::default();
        let person = check_person(&mut fields, person);
        match fields.done() {
            Err(EngineError::Invalid(list)) => Err(list.into_iter().map(|error| error.field).collect()),
            _ => Ok(person),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the fields it fills may be absent")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_address_names_a_person_before_an_id_does() {
        let by_email = NewPerson { email: text(" Anna@Example.com "), external_id: text("7"), ..NewPerson::default() };
        assert_eq!(check(by_email).unwrap().key, "email:anna@example.com");
        let by_id = NewPerson { email: text(""), external_id: text("7"), ..NewPerson::default() };
        assert_eq!(check(by_id).unwrap().key, "ext:7");
        let (one, other) = (check(NewPerson::default()).unwrap(), check(NewPerson::default()).unwrap());
        assert!(one.key.starts_with("anon:") && one.key != other.key);
    }

    #[test]
    fn every_refused_field_is_named() {
        let bad = NewPerson {
            email: text("a@b"),
            name: Some("x".repeat(256)),
            locale: text("!!"),
            timezone: text("Mars/Olympus"),
            owner: text("nobody"),
            properties: BTreeMap::from([("n".to_owned(), Property::Number(f64::NAN)), ("x".repeat(256), Property::Flag(true))]),
            ..NewPerson::default()
        };
        let wanted = ["email", "name", "locale", "timezone", "owner", "properties.n", "properties"].map(|field| format!("person.{field}"));
        assert_eq!(check(bad).unwrap_err(), wanted);
        let many = (0..=MAX_PROPERTIES).map(|n| (n.to_string(), Property::Flag(true))).collect();
        assert_eq!(check(NewPerson { properties: many, ..NewPerson::default() }).unwrap_err(), ["person.properties"]);
    }

    #[test]
    fn what_is_taken_away_goes_and_nothing_else() {
        let (ws, now) = (WorkspaceId::new(DateTime::UNIX_EPOCH), DateTime::UNIX_EPOCH);
        let properties = ["plan", "seats"].map(|name| (name.to_owned(), Property::Flag(true))).into();
        let first = NewPerson { external_id: text("7"), email: text("a@x.lt"), name: text("Anna"), properties, ..NewPerson::default() };
        let stored = check(first).unwrap().over(None, ws, now);
        let after = |taken: &[Taken]| {
            let sent = check(NewPerson { external_id: text("7"), ..NewPerson::default() }).unwrap();
            CheckedPerson { taken: taken.iter().cloned().collect(), ..sent }.over(Some(&stored), ws, now)
        };
        assert_eq!(after(&[]), stored);
        assert_eq!(after(&[Taken::Name]), persons::Model { name: None, ..stored.clone() });
        assert_eq!(after(&[Taken::Property("plan".to_owned())]).properties, r#"{"seats":true}"#);
        assert_eq!(after(&[Taken::Properties]).properties, "{}");
        assert_eq!(after(&[Taken::Email]), persons::Model { email: None, key: "ext:7".to_owned(), ..stored.clone() });
    }

    #[test]
    fn what_is_absent_stays_and_properties_merge() {
        let (ws, now) = (WorkspaceId::new(DateTime::UNIX_EPOCH), DateTime::UNIX_EPOCH);
        let plan = |value: &str| BTreeMap::from([("plan".to_owned(), Property::Text(value.to_owned()))]);
        let first = NewPerson { external_id: text("7"), name: text("Anna"), properties: plan("gold"), ..NewPerson::default() };
        let stored = check(first).unwrap().over(None, ws, now);
        let seats = BTreeMap::from([("seats".to_owned(), Property::Number(5.0))]);
        let second = NewPerson { external_id: text("7"), email: text("a@x.lt"), properties: seats, ..NewPerson::default() };
        let merged = check(second).unwrap().over(Some(&stored), ws, now);
        assert_eq!((merged.id, merged.key.as_str(), merged.name.as_deref()), (stored.id, "email:a@x.lt", Some("Anna")));
        assert_eq!(merged.properties, r#"{"plan":"gold","seats":5.0}"#);
    }
}
