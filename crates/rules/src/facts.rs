//! The snapshot that rules look at. Loaded before evaluation and stored with the run, so that the
//! same decision can be recomputed later. Serialised without empty fields: one is stored a response.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hearback_core::{Calendar, Email, LoopStatus, Metric, Owner, Segment, id::ResponseId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::Trigger;

/// The value of a free property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Property {
    /// true or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text of at most [`hearback_core::text::MAX_PROPERTY`] characters.
    Text(String),
}

/// Everything a rule may ask about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// What happened.
    pub trigger: Trigger,
    /// When an effect of a rule made it happen: keys of the rules that set each other off, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The answer.
    pub response: ResponseFacts,
    /// Who gave it.
    pub person: PersonFacts,
    /// The company they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountFacts>,
    /// The follow-up as it stands.
    pub case: CaseFacts,
    /// Work time of whoever owns the case; absent where no rule counts in business time, and when it is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
}

/// The answer, as of one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseFacts {
    /// Which response.
    pub id: ResponseId,
    /// 1 for the first answer, one more with each correction.
    pub revision: u32,
    /// Key of the survey.
    pub survey: String,
    /// What was measured.
    pub metric: Metric,
    /// The value, on the survey's scale.
    pub score: u8,
    /// Its segment.
    pub segment: Segment,
    /// The value before the last correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_score: Option<u8>,
    /// Where it came from: `api`, `email`, `link`, `import`, ...
    pub channel: String,
    /// In the customer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When it was given.
    pub answered_at: DateTime<Utc>,
}

/// The customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PersonFacts {
    /// Where to write; absent for an anonymous answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Language tag; absent means the workspace's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Free properties.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
    /// Who looks after this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// The customer's company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// Key of the account.
    pub key: String,
    /// Who looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Free properties; its yearly value is the property `value`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
}

/// The case as it stands when the rules are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Where the loop stands.
    pub loop_status: LoopStatus,
    /// Tags so far.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Owner so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Contact attempts so far, of any outcome.
    #[serde(default)]
    pub contacts: u32,
    /// Tasks not done.
    #[serde(default)]
    pub open_tasks: u32,
    /// Steps that already acted for an earlier revision of the answer, as `RULE/INDEX`: they don't act again.
    /// Named by [`crate::done_key`]. A step whose effect was cancelled before it happened is not done.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub done: BTreeSet<String>,
}
