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
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
pub use render::TemplateError;
pub(crate) use render::{Frame, Pages};
pub(crate) use session::let_in;

use crate::{App, error::Problem};

/// The routes of the pages. Who may see each stands in [`crate::matrix`].
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(dashboard::show))
        .route("/cases", get(cases::show))
        .route("/cases/{id}", get(case::show))
        .route("/cases/{id}/{step}", post(case_work::act).get(case_work::back))
        .route("/tasks/{id}", post(case_work::task))
        .route("/alerts", get(alerts::show))
        .route("/alerts/{id}/done", post(alerts::done))
        .route("/teams", get(teams::show))
        .route("/surveys", get(surveys::list).post(surveys::create))
        .route("/surveys/{key}", get(survey_form::one))
        .route("/surveys/{key}/{step}", post(surveys::act).get(surveys::back))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::one))
        .route("/campaigns", get(campaigns::list))
        .route("/campaigns/new", get(campaign_form::new).post(campaign_form::create))
        .route("/campaigns/{key}", get(campaigns::one))
        .route("/campaigns/{key}/{step}", post(campaigns::act).get(campaign_form::step))
        .route("/waves/{id}", get(waves::one))
        .route("/waves/{id}/{step}", post(waves::act).get(waves::back))
        .route("/rules", get(rules::list))
        .route("/rules/{key}", get(rules::one))
        .route("/rules/{key}/{step}", post(rules::act).get(rules::back))
        .route("/mail", get(captured::list))
        .route("/mail/{name}", get(captured::one))
        .route("/mail/{name}/html", get(captured::html))
        .route("/audit", get(audit::show))
        .route("/account", get(account::show))
        .route("/account/{step}", post(account::act).get(account::back))
        .route("/login", get(doors::login_page).post(doors::log_in))
        .route("/login/code", get(doors::code_page).post(doors::give_code))
        .route("/logout", post(doors::log_out))
        .route("/setup", get(doors::setup_page).post(doors::set_up))
        .route("/u/{token}", get(public::unsubscribe_page).post(public::unsubscribe))
        .route("/me/{token}", get(own_data::page).post(own_data::act))
        .route("/t/{token}", get(public::testimonial_page).post(public::testimonial))
        .route("/r/{code}", get(public::referral).post(public::follow))
        .route("/widget.js", get(widget::script))
        .route("/w/{key}", get(widget::ask).post(widget::answer).options(widget::preflight))
        .route("/s/{token}", get(survey::show).post(survey::answer))
        .route("/p/{survey}", get(survey::show_public).post(survey::answer_public))
        .route("/s-style/{file}", get(survey::accent))
        .route("/static/{file}", get(file))
}

/// A style sheet or script of our pages.
async fn file(State(app): State<App>, Path(file): Path<String>) -> Result<Response, Problem> {
    app.pages.assets.get(&file).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}
