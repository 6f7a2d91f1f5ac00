//! The pages: server-rendered HTML that works without scripts, one file for each.

mod account;
mod alerts;
mod assets;
mod audit;
mod campaign_form;
mod campaign_plan;
mod campaigns;
mod captured;
mod case;
mod case_work;
mod cases;
mod chart;
mod dashboard;
mod doors;
mod lint;
mod messages;
mod own_data;
mod public;
mod render;
mod rules;
mod session;
mod survey;
mod survey_form;
mod survey_qr;
mod survey_questions;
mod surveys;
mod teams;
mod timeline;
mod waves;
mod widget;
mod words;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
pub use render::TemplateError;
pub(crate) use render::{Frame, Pages};
pub(crate) use session::let_in;

use crate::{
    App,
    error::Problem,
    route::{Access, Route, get},
};

/// The routes of the pages: those of our people first, then those of customers.
pub(crate) fn routes() -> Vec<Route> {
    let pages = [
        dashboard::routes(),
        cases::routes(),
        case::routes(),
        case_work::routes(),
        teams::routes(),
        alerts::routes(),
        surveys::routes(),
        survey_form::routes(),
        messages::routes(),
        campaigns::routes(),
        campaign_form::routes(),
        waves::routes(),
        rules::routes(),
        captured::routes(),
        audit::routes(),
        account::routes(),
        doors::routes(),
        public::routes(),
        own_data::routes(),
        widget::routes(),
        survey::routes(),
        vec![get("/static/{file}", Access::Anyone, "A style sheet or script of our pages", file)],
    ];
    pages.into_iter().flatten().collect()
}

/// A style sheet or script of our pages.
async fn file(State(app): State<App>, Path(file): Path<String>) -> Result<Response, Problem> {
    app.pages.assets.get(&file).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}
