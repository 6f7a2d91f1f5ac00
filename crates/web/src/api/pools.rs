//! `/api/v1/pools`: pools of codes.

use axum::{
    Json,
    extract::{FromRequest as _, Path, Request, State},
    http::Uri,
};
use hearback_core::text;
use hearback_engine::{
    change::Change,
    pools::{self, NewCode, Stock},
};
use hearback_store::{incentive_codes, time::millis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Time, Whole};
use crate::route::{Access::Key, Route, get, post, put};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Admin, Read};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/pools", Key(Read), "Pools of codes, with their codes counted", list),
        get("/pools/{key}", Key(Read), "One pool", one),
        put("/pools/{key}", Key(Admin), "Make a pool, or change its name and the number of free codes at which somebody is told", save),
        get("/pools/{key}/codes", Key(Admin), "The codes of a pool, in the order of their import", codes),
        post(
            "/pools/{key}/codes",
            Key(Admin),
            "Import codes; the pool is made when it is not there, codes that are known stay as they are",
            import,
        ),
        post("/pools/{key}/codes/revoke", Key(Admin), "Withdraw codes that are free; codes that were given stay given", revoke),
    ]
}

/// Largest list of codes, in bytes.
const MAX_LIST: usize = 8 * 1024 * 1024;
/// Most lines that are told to be no code.
const MAX_TOLD: usize = 100;

/// A pool with its codes counted.
#[derive(Debug, Serialize)]
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
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<PoolView>>, Problem> {
    Params::read(&uri, &[])?;
    let stocks = pools::list(&app.cx, caller.0.ws).await?;
    Ok(Json(Whole::of(stocks.into_iter().map(PoolView::of))))
}

/// `GET /pools/{key}`.
pub(crate) async fn one(State(app): State<App>, caller: Caller, Path(key): Path<String>, uri: Uri) -> Result<Json<PoolView>, Problem> {
    Params::read(&uri, &[])?;
    Ok(Json(PoolView::of(pools::one(&app.cx, caller.0.ws, &key).await?)))
}

/// Body of `PUT /pools/{key}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolChange {
    #[serde(default)]
    name: Change<String>,
    #[serde(default)]
    low_stock: Change<i64>,
}

impl PoolChange {
    /// A pool always has both.
    fn nulls(&self) -> Option<&'static str> {
        if self.name.is_taken() { Some("name") } else { self.low_stock.is_taken().then_some("low_stock") }
    }
}

/// `PUT /pools/{key}`: makes a pool, or changes what is sent.
pub(crate) async fn save(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body::MaybeJson(change): body::MaybeJson<PoolChange>,
) -> Result<Json<PoolView>, Problem> {
    if let Some(field) = change.nulls() {
        return Err(Problem::field(field, "must not be null; leave it out to keep it"));
    }
    let (name, low_stock) = (change.name.given(), change.low_stock.given());
    let stock = pools::put(&app.cx, caller.0.ws, &caller.actor(), &key, name.as_deref(), low_stock).await?;
    Ok(Json(PoolView::of(stock)))
}

/// Codes in a JSON body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCodes {
    codes: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

/// What came of an import.
#[derive(Debug, Serialize)]
pub(crate) struct ImportedView {
    added: u64,
    duplicates: u64,
    rejected: Vec<RejectedView>,
}

/// A line that is no code.
#[derive(Debug, Serialize)]
struct RejectedView {
    line: u64,
    message: String,
}

/// `POST /pools/{key}/codes`: JSON, or a text with one code a line, or a CSV with the columns `code` and `expires_at`.
pub(crate) async fn import(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    request: Request,
) -> Result<Json<ImportedView>, Problem> {
    let (codes, rejected) = match body::content_type(request.headers()).as_deref() {
        Some("text/plain" | "text/csv") => {
            let bytes = body::read(request.into_body(), MAX_LIST).await?;
            let text = std::str::from_utf8(&bytes).map_err(|_| Problem::field("body", "must be text in UTF-8"))?;
            pools::read_codes(text, None)
        }
        _ => (checked(body::Json::from_request(request, &app).await?.0)?, Vec::new()),
    };
    let imported = pools::import(&app.cx, caller.0.ws, &caller.actor(), &key, codes).await?;
    let told = rejected.into_iter().take(MAX_TOLD).map(|unread| RejectedView { line: unread.line, message: unread.why });
    Ok(Json(ImportedView { added: imported.added, duplicates: imported.duplicates, rejected: told.collect() }))
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
#[derive(Debug, Serialize)]
pub(crate) struct CodeView {
    id: Uuid,
    /// Empty when it was sealed with a secret key that is not known here.
    code: String,
    state: &'static str,
    case: Option<Uuid>,
    expires_at: Option<Time>,
    given_at: Option<Time>,
    created_at: Time,
}

impl CodeView {
    fn of(app: &App, row: &incentive_codes::Model) -> Self {
        let expires_at = pools::expiry(row).map(|time| Time(millis(time)));
        let state = STATES.into_iter().find(|state| *state == row.state).unwrap_or("revoked");
        Self {
            id: row.id,
            code: pools::code(&app.cx.settings.secret_key, row).unwrap_or_default(),
            state,
            case: row.case_id,
            expires_at,
            given_at: row.given_at.map(Time),
            created_at: Time(row.created_at),
        }
    }
}

/// Where a code stands.
const STATES: [&str; 4] = ["free", "given", "expired", "revoked"];

/// `GET /pools/{key}/codes`: in the order of their import.
pub(crate) async fn codes(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Json<List<CodeView>>, Problem> {
    let params = Params::read(&uri, &["state", "limit", "cursor"])?;
    let state = params.parse("state", &STATES.join(", "), |text| STATES.into_iter().find(|state| *state == text))?;
    let listed = pools::codes(&app.cx, caller.0.ws, &key, state, params.page()?).await?;
    Ok(Json(List::of(listed, |row| CodeView::of(&app, &row))))
}

/// Body of `POST /pools/{key}/codes/revoke`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    codes: Vec<String>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedView {
    revoked: u64,
}

/// `POST /pools/{key}/codes/revoke`: withdraws codes that are free.
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    body::Json(these): body::Json<Revocation>,
) -> Result<Json<RevokedView>, Problem> {
    let revoked = pools::revoke(&app.cx, caller.0.ws, &caller.actor(), &key, &these.codes).await?;
    Ok(Json(RevokedView { revoked }))
}
