//! Which people a campaign asks: a condition that looks at the person and their account alone.
//!
//! Owns: which questions of a [`Condition`] an audience may have, and asking them. Nobody has answered yet, so whatever is
//! about an answer or its case is refused by name.

use crate::{
    Condition,
    facts::{AccountFacts, PersonFacts},
    parse,
};

/// A condition about people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience(Condition);

impl Audience {
    /// Reads the JSON of a condition as rules have it, `{"person":{"plan":"gold"}}`; null and `{}` are everybody. Every mistake
    /// at once.
    pub fn read(written: &serde_json::Value) -> Result<Self, Vec<String>> {
        if written.is_null() || written.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Self::default());
        }
        let condition = parse::condition_of(&written.to_string())?;
        let mut foreign = Vec::new();
        refuse(&condition, &mut foreign);
        if foreign.is_empty() { Ok(Self(condition)) } else { Err(foreign) }
    }

    /// Whether everybody is in it.
    pub fn is_everybody(&self) -> bool {
        self.0 == Condition::default()
    }

    /// Whether it looks at accounts.
    pub fn asks_accounts(&self) -> bool {
        asks_accounts(&self.0)
    }

    /// Whether somebody is in it.
    pub fn has(&self, person: &PersonFacts, account: Option<&AccountFacts>) -> bool {
        self.0.holds_for(person, account)
    }
}

fn asks_accounts(condition: &Condition) -> bool {
    match condition {
        Condition::All(list) | Condition::Any(list) => list.iter().any(asks_accounts),
        Condition::Not(inner) => asks_accounts(inner),
        Condition::Account(..) => true,
        _ => false,
    }
}

/// Notes each question that nobody can answer before they were asked.
fn refuse(condition: &Condition, foreign: &mut Vec<String>) {
    let question = match condition {
        Condition::All(list) | Condition::Any(list) => return list.iter().for_each(|condition| refuse(condition, foreign)),
        Condition::Not(inner) => return refuse(inner, foreign),
        Condition::Locale(_) | Condition::Person(..) | Condition::Account(..) | Condition::HasEmail(_) => return,
        Condition::Segment(_) => "segment",
        Condition::Score(_) => "score",
        Condition::Survey(_) => "survey",
        Condition::Metric(_) => "metric",
        Condition::Channel(_) => "channel",
        Condition::HasComment(_) => "comment",
        Condition::CommentContains(_) => "comment_contains",
        Condition::Tag(_) => "tag",
        Condition::LoopStatus(_) => "loop_status",
    };
    foreign.push(format!("`{question}` is about an answer; an audience has person, account, locale, email, all, any, not"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::Property;

    #[test]
    fn people_are_chosen_by_what_is_known_of_them_and_their_account() {
        let audience =
            Audience::read(&json!({ "person": { "plan": ["gold", "silver"] }, "account": { "seats": { "gte": 10 } }, "locale": "lt" }));
        let audience = audience.unwrap();
        assert!(audience.asks_accounts() && !audience.is_everybody());
        let person = |plan: &str| PersonFacts {
            locale: Some("lt".to_owned()),
            properties: BTreeMap::from([("plan".to_owned(), Property::Text(plan.to_owned()))]),
            ..PersonFacts::default()
        };
        let properties = BTreeMap::from([("seats".to_owned(), Property::Number(12.0))]);
        let account = AccountFacts { key: "acme".to_owned(), owner: None, properties };
        assert!(audience.has(&person("Gold"), Some(&account)));
        assert!(!audience.has(&person("basic"), Some(&account)));
        assert!(!audience.has(&person("gold"), None));
        for everybody in [json!(null), json!({})] {
            assert!(Audience::read(&everybody).unwrap().has(&PersonFacts::default(), None));
        }
    }

    #[test]
    fn questions_about_answers_are_refused_by_name() {
        let wrong = Audience::read(&json!({ "any": [{ "segment": "detractor" }, { "not": { "tag": "vip" } }, { "email": "present" }] }))
            .unwrap_err();
        assert_eq!(wrong.iter().map(|why| why.split('`').nth(1).unwrap()).collect::<Vec<_>>(), ["segment", "tag"]);
        let wrong = Audience::read(&json!({ "persn": { "plan": "gold" } })).unwrap_err();
        assert!(wrong[0].contains("did you mean `person`"), "{wrong:?}");
        assert!(Audience::read(&json!("gold")).is_err());
    }
}
