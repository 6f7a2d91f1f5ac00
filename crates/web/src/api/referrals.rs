//! `/api/v1/referrals`: links that promoters share, and what came of them.

use hearback_engine::{
    incentives::referrals::{self, NewConversion, Shared},
    role::Scope::{Read, Write},
};
use hearback_store::conversions;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time};
use crate::{
    call::{Call, Json, Query, Stored, get, post},
    error::Problem,
    parameters::Paged,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/referrals", Read, "Links that promoters share, the newest first", list),
        post(
            "/referrals/{code}/conversions",
            Write,
            "Count what came of a link, once by external_id; then the rules that listen to referral_converted are asked",
            convert,
        )
        .may_conflict(),
    ]
}

/// One link.
#[derive(Debug, Serialize, JsonSchema)]
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
pub(crate) async fn list(call: Call, Query(paged): Query<Paged>) -> Result<Json<List<ReferralView>>, Problem> {
    let listed = referrals::list(call.cx(), call.ws(), paged.limit.after(paged.cursor)).await?;
    let view = |shared: Shared| ReferralView {
        id: shared.referral.id,
        url: format!("{}/r/{}", call.app.config.survey_url, shared.referral.code),
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
#[derive(Debug, Serialize, JsonSchema)]
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
pub(crate) async fn convert(call: Call, Json(new): Json<NewConversion>) -> Result<Stored<ConversionView>, Problem> {
    let (row, is_new) = referrals::convert(call.cx(), call.ws(), call.key(), new).await?;
    Ok(Stored { is_new, shown: ConversionView::of(row) })
}
