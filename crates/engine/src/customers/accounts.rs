//! Companies that customers belong to: who looks after them, what they are worth, how their people answered.
//!
//! Owns: the checks of an account's fields, and its roll-up. Refuses to know: who asks.

use std::collections::BTreeMap;

use hearback_core::{
    Metric, Owner, Scale, TextError,
    id::{AccountId, WorkspaceId},
    text::{self, MAX_LINE},
};
use hearback_rules::Property;
use hearback_store::{StoreError, accounts, bulk, lists, time::millis};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Ctx, EngineError, change::Change, customers::people::check_properties, error::Fields, metrics::ScoreLine};

/// How often a write is tried again when somebody else stored the same account first.
const RACES: u32 = 5;

/// An account, unchecked; what is absent stays as it is stored, and `null` takes it away.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What persons name it by; one line.
    #[schemars(length(min = 1, max = hearback_core::text::MAX_LINE))]
    pub key: String,
    /// Display name; the key when there is none.
    #[serde(default)]
    #[schemars(length(max = hearback_core::text::MAX_LINE))]
    pub name: Change<String>,
    /// Who looks after it: an address of one of ours, or `team:KEY`.
    #[serde(default)]
    pub owner: Change<String>,
    /// What it is worth to you, in whole units of your choice.
    #[serde(default)]
    pub value: Change<i64>,
    /// Free properties.
    #[serde(default)]
    #[schemars(extend("maxProperties" = crate::customers::people::MAX_PROPERTIES))]
    pub properties: Change<BTreeMap<String, Option<Property>>>,
}

/// An account with what its people said.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The account.
    pub row: accounts::Model,
    /// How many people belong to it.
    pub people: i64,
    /// Their cases in which somebody still has to do something.
    pub open_cases: i64,
    /// Their answers to the survey `nps`, with interval.
    pub score: ScoreLine,
}

/// Stores an account, or lays what was sent over the one with this key. Its owner owns the cases that come from then on.
pub async fn upsert_account(cx: &Ctx, ws: WorkspaceId, new: NewAccount) -> Result<accounts::Model, EngineError> {
    let mut fields = Fields::default();
    let one_line = |text: &String| text::line(text, MAX_LINE);
    let key = fields.check("key", one_line(&new.key)).unwrap_or_default();
    let name = checked(&mut fields, "name", new.name, |text| one_line(&text));
    let owner = checked(&mut fields, "owner", new.owner, |text| Owner::parse(text.trim()));
    let takes_all = new.properties.is_taken();
    let (given, taken): (BTreeMap<_, _>, BTreeMap<_, _>) =
        new.properties.given().unwrap_or_default().into_iter().partition(|(_, value)| value.is_some());
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let properties = check_properties(&mut fields, "properties", given);
    fields.done()?;
    let sent = Checked { key, name, owner, value: new.value, properties, taken: taken.into_keys().collect(), takes_all };
    for _ in 0..RACES {
        match try_upsert(cx, ws, &sent).await {
            Err(EngineError::Store(StoreError::Taken(_))) => {}
            result => return result,
        }
    }
    Err(EngineError::Busy)
}

/// An empty text says as little as an absent one.
fn checked<T>(fields: &mut Fields, field: &str, sent: Change<String>, parse: impl FnOnce(String) -> Result<T, TextError>) -> Change<T> {
    match sent {
        Change::Taken => Change::Taken,
        Change::Given(text) if !text.trim().is_empty() => fields.check(field, parse(text)).map_or(Change::Kept, Change::Given),
        Change::Kept | Change::Given(_) => Change::Kept,
    }
}

struct Checked {
    key: String,
    name: Change<String>,
    owner: Change<Owner>,
    value: Change<i64>,
    properties: BTreeMap<String, Property>,
    /// Properties that go.
    taken: Vec<String>,
    /// Whether all stored properties go.
    takes_all: bool,
}

async fn try_upsert(cx: &Ctx, ws: WorkspaceId, sent: &Checked) -> Result<accounts::Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let stored = accounts::lock(&tx, ws, &sent.key).await?;
    let is_new = stored.is_none();
    let base = stored.unwrap_or_else(|| accounts::Model {
        workspace_id: ws.uuid(),
        id: AccountId::new(now).uuid(),
        key: sent.key.clone(),
        name: sent.key.clone(),
        owner: None,
        value: None,
        properties: "{}".to_owned(),
        created_at: millis(now),
    });
    let mut properties: BTreeMap<String, Property> = serde_json::from_str(&base.properties).unwrap_or_default();
    properties.retain(|name, _| !sent.takes_all && !sent.taken.contains(name));
    properties.extend(sent.properties.clone());
    let row = accounts::Model {
        name: sent.name.clone().over(Some(base.name)).unwrap_or_else(|| sent.key.clone()),
        owner: match &sent.owner {
            Change::Kept => base.owner,
            Change::Taken => None,
            Change::Given(owner) => Some(owner.to_string()),
        },
        value: sent.value.over(base.value),
        properties: serde_json::to_string(&properties).unwrap_or(base.properties),
        ..base
    };
    if is_new {
        bulk::insert::<accounts::Entity>(&tx, std::slice::from_ref(&row)).await?;
    } else {
        accounts::save(&tx, row.clone()).await?;
    }
    tx.commit().await?;
    Ok(row)
}

/// The accounts after a key, by key, each with its roll-up.
pub async fn list(cx: &Ctx, ws: WorkspaceId, after: Option<&str>, limit: u64) -> Result<Vec<Account>, EngineError> {
    let rows = accounts::list(cx.db.read(), ws, after, limit).await?;
    rolled_up(cx, ws, rows).await
}

/// One account with its roll-up.
pub async fn one(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<Account, EngineError> {
    let row = accounts::by_key(cx.db.read(), ws, key).await?;
    let found = rolled_up(cx, ws, row.into_iter().collect()).await?;
    found.into_iter().next().ok_or_else(|| EngineError::not_found("account", text::clean_line(key)))
}

async fn rolled_up(cx: &Ctx, ws: WorkspaceId, rows: Vec<accounts::Model>) -> Result<Vec<Account>, EngineError> {
    let db = cx.db.read();
    let surveys = lists::surveys(db, ws).await?.into_iter().filter(|survey| survey.key == Metric::Nps.as_str());
    let surveys: Vec<uuid::Uuid> = surveys.map(|survey| survey.id).collect();
    let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let mut found = accounts::roll_up(db, ws, &keys, &surveys).await?;
    let account = |row: accounts::Model| {
        let roll_up = found.remove(&row.key).unwrap_or_default();
        let score = ScoreLine::new(Scale::NPS, &roll_up.counts);
        Account { row, people: roll_up.people, open_cases: roll_up.open_cases, score }
    };
    Ok(rows.into_iter().map(account).collect())
}
