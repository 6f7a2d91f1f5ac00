//! `/api/v1/pools`: pools of codes.

use axum::{body::Bytes, extract::Request};
use hearback_core::{state::CodeState, text};
use hearback_engine::{
    change::Change,
    incentives::pools::{self, NewCode, Stock},
    role::Scope::{Admin, Read},
};
use hearback_store::{incentive_codes, time::millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    openapi::{Operation, Schemas},
};
use crate::{
    App, body,
    call::{Call, Input, Json, MaybeJson, Query, get, post, put},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/pools", Read, "Pools of codes, with their codes counted", list),
        get("/pools/{key}", Read, "One pool", one),
        put("/pools/{key}", Admin, "Make a pool, or change its name and the number of free codes at which somebody is told", save),
        get("/pools/{key}/codes", Admin, "The codes of a pool, in the order of their import", codes),
        post(
            "/pools/{key}/codes",
            Admin,
            "Import codes; the pool is made when it is not there, codes that are known stay as they are",
            import,
        ),
        post("/pools/{key}/codes/revoke", Admin, "Withdraw codes that are free; codes that were given stay given", revoke),
    ]
}

/// Largest list of codes, in bytes.
const MAX_LIST: usize = 8 * 1024 * 1024;
/// Most lines that are told to be no code.
const MAX_TOLD: usize = 100;

/// A pool with its codes counted.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PoolView {
    key: String,
    name: String,
    low_stock: i64,
    free: i64,
    given: i64,
    expired: i64,
    revoked: i64,
    waiting: i64,
    low_since: Option<Time>,
    empty_since: Option<Time>,
    created_at: Time,
}

impl PoolView {
    fn of(stock: Stock) -> Self {
        Self {
            key: stock.pool.key,
            name: stock.pool.name,
            low_stock: stock.pool.low_stock,
            free: stock.free,
            given: stock.given,
            expired: stock.expired,
            revoked: stock.revoked,
            waiting: stock.waiting,
            low_since: stock.pool.low_since.map(Time),
            empty_since: stock.pool.empty_since.map(Time),
            created_at: Time(stock.pool.created_at),
        }
    }
}

/// `GET /pools`: all of them, by key.
pub(crate) async fn list(call: Call) -> Result<Json<List<PoolView>>, Problem> {
    let stocks = pools::list(call.cx(), call.ws()).await?;
    Ok(Json(List::whole(stocks.into_iter().map(PoolView::of))))
}

/// `GET /pools/{key}`.
pub(crate) async fn one(call: Call) -> Result<Json<PoolView>, Problem> {
    Ok(Json(PoolView::of(pools::one(call.cx(), call.ws(), call.key()).await?)))
}

/// Body of `PUT /pools/{key}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolChange {
    #[serde(default)]
    name: Change<String>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    low_stock: Change<i64>,
}

impl PoolChange {
    /// A pool always has both.
    fn nulls(&self) -> Option<&'static str> {
        if self.name.is_taken() { Some("name") } else { self.low_stock.is_taken().then_some("low_stock") }
    }
}

/// `PUT /pools/{key}`: makes a pool, or changes what is sent.
pub(crate) async fn save(call: Call, MaybeJson(change): MaybeJson<PoolChange>) -> Result<Json<PoolView>, Problem> {
    if let Some(field) = change.nulls() {
        return Err(Problem::field(field, "must not be null; leave it out to keep it"));
    }
    let (name, low_stock) = (change.name.given(), change.low_stock.given());
    let stock = pools::put(call.cx(), call.ws(), &call.actor(), call.key(), name.as_deref(), low_stock).await?;
    Ok(Json(PoolView::of(stock)))
}

/// Codes in a JSON body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCodes {
    #[schemars(length(max = pools::MAX_CODES), inner(length(min = 1, max = text::MAX_LINE)))]
    codes: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

/// Codes as they come.
pub(crate) enum CodesSent {
    Json(NewCodes),
    Lines(Bytes),
}

impl Input for CodesSent {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.takes("application/json", &schemas.taken::<NewCodes>());
        operation.takes("text/plain", &schemas.taken::<String>());
        operation.takes("text/csv", &schemas.taken::<String>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        match body::content_type(request.headers()).as_deref() {
            Some("text/plain" | "text/csv") => body::read(request.into_body(), MAX_LIST).await.map(Self::Lines),
            _ => Json::read(request).await.map(|Json(new)| Self::Json(new)),
        }
    }
}

/// What came of an import.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ImportedCodesView {
    added: u64,
    duplicates: u64,
    rejected: Vec<NoCodeView>,
}

/// A line that is no code.
#[derive(Debug, Serialize, JsonSchema)]
struct NoCodeView {
    line: u64,
    message: String,
}

/// `POST /pools/{key}/codes`: JSON, or a text with one code a line, or a CSV with the columns `code` and `expires_at`.
pub(crate) async fn import(call: Call, sent: CodesSent) -> Result<Json<ImportedCodesView>, Problem> {
    let (codes, rejected) = match sent {
        CodesSent::Lines(bytes) => {
            let text = std::str::from_utf8(&bytes).map_err(|_| Problem::field("body", "must be text in UTF-8"))?;
            pools::read_codes(text, None)
        }
        CodesSent::Json(new) => (checked(new)?, Vec::new()),
    };
    let imported = pools::import(call.cx(), call.ws(), &call.actor(), call.key(), codes).await?;
    let told = rejected.into_iter().take(MAX_TOLD).map(|unread| NoCodeView { line: unread.line, message: unread.why });
    Ok(Json(ImportedCodesView { added: imported.added, duplicates: imported.duplicates, rejected: told.collect() }))
}

/// One bad code refuses the whole JSON body: it was made by a program.
fn checked(new: NewCodes) -> Result<Vec<NewCode>, Problem> {
    let expires_at = new.expires_at.as_deref().map(pools::read_expiry).transpose().map_err(|error| Problem::field("expires_at", error))?;
    let code = |(place, code): (usize, String)| match text::line(&code, text::MAX_LINE) {
        Ok(code) => Ok(NewCode { code, expires_at }),
        Err(error) => Err(Problem::field(format!("codes[{place}]"), error)),
    };
    new.codes.into_iter().enumerate().map(code).collect()
}

/// One code.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CodeView {
    id: Uuid,
    /// Empty when it was sealed with a secret key that is not known here.
    code: String,
    state: CodeState,
    case: Option<Uuid>,
    expires_at: Option<Time>,
    given_at: Option<Time>,
    created_at: Time,
}

impl CodeView {
    fn of(app: &App, row: &incentive_codes::Model) -> Self {
        let expires_at = pools::expiry(row).map(|time| Time(millis(time)));
        Self {
            id: row.id,
            code: pools::code(&app.cx.settings.secret_key, row).unwrap_or_default(),
            state: *row.state,
            case: row.case_id,
            expires_at,
            given_at: row.given_at.map(Time),
            created_at: Time(row.created_at),
        }
    }
}

/// Which codes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodesAsked {
    state: Option<CodeState>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /pools/{key}/codes`: in the order of their import.
pub(crate) async fn codes(call: Call, Query(asked): Query<CodesAsked>) -> Result<Json<List<CodeView>>, Problem> {
    let listed = pools::codes(call.cx(), call.ws(), call.key(), asked.state, asked.limit.after(asked.cursor)).await?;
    Ok(Json(List::of(listed, |row| CodeView::of(&call.app, &row))))
}

/// Body of `POST /pools/{key}/codes/revoke`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    codes: Vec<String>,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RevokedView {
    revoked: u64,
}

/// `POST /pools/{key}/codes/revoke`: withdraws codes that are free.
pub(crate) async fn revoke(call: Call, Json(these): Json<Revocation>) -> Result<Json<RevokedView>, Problem> {
    let revoked = pools::revoke(call.cx(), call.ws(), &call.actor(), call.key(), &these.codes).await?;
    Ok(Json(RevokedView { revoked }))
}
