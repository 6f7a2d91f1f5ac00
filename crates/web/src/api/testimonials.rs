//! `/api/v1/testimonials`: words of customers that may be shown.

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use hearback_engine::testimonials::{self, Filter, PERMISSIONS, STATES, Testimonial};
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time, path_id};
use crate::route::{Access::Key, Route, get, post};
use crate::{App, auth::Caller, error::Problem, query::Params};
use hearback_engine::access::Scope::{Read, Write};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/testimonials", Key(Read), "Words of customers that may be shown, the newest first", list),
        post("/testimonials/{id}/approve", Key(Write), "Release words for showing; 409 without the customer's leave", approve),
        post("/testimonials/{id}/withdraw", Key(Write), "Take a release back", withdraw),
    ]
}

/// One testimonial. The name is there only when it may be shown.
#[derive(Debug, Serialize)]
pub(crate) struct TestimonialView {
    id: Uuid,
    case: Uuid,
    text: String,
    name: Option<String>,
    permission: String,
    state: String,
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
            state: row.state,
            given_at: Time(row.given_at),
            approved_at: row.approved_at.map(Time),
            approved_by: row.approved_by,
        }
    }
}

/// `GET /testimonials`: the newest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<List<TestimonialView>>, Problem> {
    let params = Params::read(&uri, &["permission", "state", "limit", "cursor"])?;
    let one_of = |name: &str, known: &'static [&'static str]| {
        params.parse(name, &known.join(", "), |text| known.iter().find(|word| **word == text).map(|word| (*word).to_owned()))
    };
    let filter = Filter { permission: one_of("permission", &PERMISSIONS)?, state: one_of("state", &STATES)? };
    let listed = hearback_store::testimonials::page(app.cx.db.read(), caller.0.ws, &filter, params.page()?).await?;
    Ok(Json(List::of(listed, TestimonialView::of)))
}

/// `POST /testimonials/{id}/approve`: released for showing.
pub(crate) async fn approve(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<TestimonialView>, Problem> {
    let row = testimonials::approve(&app.cx, caller.0.ws, &caller.actor(), path_id("testimonial", &id)?).await?;
    Ok(Json(TestimonialView::of(row)))
}

/// `POST /testimonials/{id}/withdraw`: not released any more.
pub(crate) async fn withdraw(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<TestimonialView>, Problem> {
    let row = testimonials::withdraw(&app.cx, caller.0.ws, &caller.actor(), path_id("testimonial", &id)?).await?;
    Ok(Json(TestimonialView::of(row)))
}
