//! `/api/v1/testimonials`: words of customers that may be shown.

use hearback_core::state::TestimonialState;
use hearback_engine::{
    incentives::testimonials::{self, Filter, Testimonial},
    role::Scope::{Read, Write},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    List, Time,
    words::{OneOf, Permission},
};
use crate::{
    call::{Call, Json, Query, get, post},
    error::Problem,
    parameters::{After, Limit},
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/testimonials", Read, "Words of customers that may be shown, the newest first", list),
        post("/testimonials/{id}/approve", Write, "Release words for showing; 409 without the customer's leave", approve).may_conflict(),
        post("/testimonials/{id}/withdraw", Write, "Take a release back", withdraw),
    ]
}

/// One testimonial. The name is there only when it may be shown.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TestimonialView {
    id: Uuid,
    case: Uuid,
    text: String,
    name: Option<String>,
    #[schemars(with = "OneOf<Permission>")]
    permission: String,
    state: TestimonialState,
    given_at: Time,
    approved_at: Option<Time>,
    approved_by: Option<String>,
}

impl TestimonialView {
    fn of(row: Testimonial) -> Self {
        Self {
            id: row.id,
            case: row.case_id,
            text: row.text,
            name: row.name.filter(|_| row.permission == "public"),
            permission: row.permission,
            state: *row.state,
            given_at: Time(row.given_at),
            approved_at: row.approved_at.map(Time),
            approved_by: row.approved_by,
        }
    }
}

/// Which words.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestimonialsAsked {
    permission: Option<OneOf<Permission>>,
    state: Option<TestimonialState>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<After>,
}

/// `GET /testimonials`: the newest first.
pub(crate) async fn list(call: Call, Query(asked): Query<TestimonialsAsked>) -> Result<Json<List<TestimonialView>>, Problem> {
    let filter = Filter { permission: asked.permission.map(OneOf::text), state: asked.state };
    let listed = hearback_store::testimonials::page(call.db(), call.ws(), &filter, asked.limit.after(asked.cursor)).await?;
    Ok(Json(List::of(listed, TestimonialView::of)))
}

/// `POST /testimonials/{id}/approve`: released for showing.
pub(crate) async fn approve(call: Call) -> Result<Json<TestimonialView>, Problem> {
    let row = testimonials::approve(call.cx(), call.ws(), &call.actor(), call.id("testimonial")?).await?;
    Ok(Json(TestimonialView::of(row)))
}

/// `POST /testimonials/{id}/withdraw`: not released any more.
pub(crate) async fn withdraw(call: Call) -> Result<Json<TestimonialView>, Problem> {
    let row = testimonials::withdraw(call.cx(), call.ws(), &call.actor(), call.id("testimonial")?).await?;
    Ok(Json(TestimonialView::of(row)))
}
