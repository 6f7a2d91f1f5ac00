//! `/api/v1/accounts`: companies, and what their people said.

use hearback_engine::{
    customers::accounts::{self, Account, NewAccount},
    metrics::ScoreLine,
    role::Scope::{Read, Write},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{List, Time, json};
use crate::{
    call::{Call, Json, Query, get, put},
    error::Problem,
    parameters::Limit,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/accounts", Read, "Companies with what their people said, by key", list),
        put("/accounts", Write, "Make an account, or lay what is sent over the one with this key", upsert),
        get("/accounts/{key}", Read, "One account", one),
    ]
}

/// One account as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AccountView {
    key: String,
    name: String,
    owner: Option<String>,
    value: Option<i64>,
    #[schemars(with = "Map<String, Value>")]
    properties: serde_json::Value,
    people: i64,
    open_cases: i64,
    score: ScoreLine,
    created_at: Time,
}

impl AccountView {
    fn of(account: Account) -> Self {
        let Account { row, people, open_cases, score } = account;
        Self {
            key: row.key,
            name: row.name,
            owner: row.owner,
            value: row.value,
            properties: json(&row.properties),
            people,
            open_cases,
            score,
            created_at: Time(row.created_at),
        }
    }
}

/// Which part of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountsAsked {
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// `GET /accounts`: by key; `next` is the last key.
pub(crate) async fn list(call: Call, Query(asked): Query<AccountsAsked>) -> Result<Json<List<AccountView>>, Problem> {
    let limit = asked.limit.0;
    let found = accounts::list(call.cx(), call.ws(), asked.cursor.as_deref(), limit + 1).await?;
    Ok(Json(List::page(found.into_iter().map(AccountView::of).collect(), limit, |account| account.key.clone())))
}

/// `GET /accounts/{key}`.
pub(crate) async fn one(call: Call) -> Result<Json<AccountView>, Problem> {
    Ok(Json(AccountView::of(accounts::one(call.cx(), call.ws(), call.key()).await?)))
}

/// `PUT /accounts`: makes an account, or lays what is sent over the one with this key.
pub(crate) async fn upsert(call: Call, Json(account): Json<NewAccount>) -> Result<Json<AccountView>, Problem> {
    let row = accounts::upsert_account(call.cx(), call.ws(), account).await?;
    Ok(Json(AccountView::of(accounts::one(call.cx(), call.ws(), &row.key).await?)))
}
