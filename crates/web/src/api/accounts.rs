//! `/api/v1/accounts`: companies, and what their people said.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_engine::{
    accounts::{self, Account, NewAccount},
    metrics::ScoreLine,
};
use serde::Serialize;

use super::{Time, Whole, json};
use crate::route::{Access::Key, Route, get, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/accounts", Key(Read), "Companies with what their people said, by key", list),
        put("/accounts", Key(Write), "Make an account, or lay what is sent over the one with this key", upsert),
        get("/accounts/{key}", Key(Read), "One account", one),
    ]
}

/// One account as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView {
    key: String,
    name: String,
    owner: Option<String>,
    value: Option<i64>,
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

/// `GET /accounts`: by key; `next` is the last key.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<AccountView>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.limit()?;
    let found = accounts::list(&app.cx, caller.0.ws, params.text("cursor"), limit + 1).await?;
    Ok(Json(Whole::page(found.into_iter().map(AccountView::of).collect(), limit, |account| account.key.clone())))
}

/// `GET /accounts/{key}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(key): Path<String>, uri: Uri) -> Result<Json<AccountView>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(AccountView::of(accounts::one(&app.cx, caller.0.ws, &key).await?)))
}

/// `PUT /accounts`: makes an account, or lays what is sent over the one with this key.
pub(crate) async fn upsert(
    State(app): State<App>,
    caller: Caller,
    body::Json(account): body::Json<NewAccount>,
) -> Result<Json<AccountView>, Problem> {
    let row = accounts::upsert_account(&app.cx, caller.0.ws, account).await?;
    Ok(Json(AccountView::of(accounts::one(&app.cx, caller.0.ws, &row.key).await?)))
}
