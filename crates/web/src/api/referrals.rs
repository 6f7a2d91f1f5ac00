//! `/api/v1/referrals`: links that promoters share, and what came of them.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_engine::referrals::{self, NewConversion, Shared};
use hearback_store::conversions;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/referrals", Key(Read), "Links that promoters share, the newest first", list),
        post(
            "/referrals/{code}/conversions",
            Key(Write),
            "Count what came of a link, once by external_id; then the rules that listen to referral_converted are asked",
            convert,
        ),
    ]
}

/// One link.
#[derive(Debug, Serialize)]
pub(crate) struct ReferralView {
    id: Uuid,
    code: String,
    url: String,
    person: Uuid,
    email: Option<String>,
    case: Uuid,
    visits: i64,
    visited_at: Option<Time>,
    conversions: i64,
    value: i64,
    created_at: Time,
}

/// `GET /referrals`: the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<ReferralView>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let listed = referrals::list(&app.cx, caller.0.ws, params.page()?).await?;
    let view = |shared: Shared| ReferralView {
        id: shared.referral.id,
        url: format!("{}/r/{}", app.config.survey_url, shared.referral.code),
        code: shared.referral.code,
        person: shared.referral.person_id,
        email: shared.person.and_then(|person| person.email),
        case: shared.referral.case_id,
        visits: shared.referral.visits,
        visited_at: shared.referral.visited_at.map(Time),
        conversions: shared.conversions,
        value: shared.value,
        created_at: Time(shared.referral.created_at),
    };
    Ok(Json(List::of(listed, view)))
}

/// One conversion.
#[derive(Debug, Serialize)]
pub(crate) struct ConversionView {
    external_id: String,
    value: Option<i64>,
    at: Time,
    created_at: Time,
}

impl ConversionView {
    fn of(row: conversions::Model) -> Self {
        Self { external_id: row.external_id, value: row.value, at: Time(row.at), created_at: Time(row.created_at) }
    }
}

/// `POST /referrals/{code}/conversions`: counts once; 200 when it was there already.
pub(crate) async fn convert(
    State(app): State<App>,
    caller: Caller,
    Path(code): Path<String>,
    body::Json(new): body::Json<NewConversion>,
) -> Result<(StatusCode, Json<ConversionView>), Problem> {
    let (row, is_new) = referrals::convert(&app.cx, caller.0.ws, &code, new).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(ConversionView::of(row))))
}
