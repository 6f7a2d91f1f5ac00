//! The pages: server-rendered HTML that works without scripts, one file for each.

mod alerts;
mod audit;
mod captured;
mod case;
mod case_work;
mod cases;
mod chart;
mod dashboard;
mod doors;
mod public;
mod render;
mod rules;
mod session;
mod teams;
mod timeline;
mod widget;
mod words;

use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
pub use render::TemplateError;
pub(crate) use render::{Frame, Pages};
pub(crate) use session::let_in;

use crate::App;

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
        .route("/rules", get(rules::list))
        .route("/rules/{key}", get(rules::one))
        .route("/rules/{key}/{step}", post(rules::act).get(rules::back))
        .route("/mail", get(captured::list))
        .route("/mail/{name}", get(captured::one))
        .route("/mail/{name}/html", get(captured::html))
        .route("/audit", get(audit::show))
        .route("/login", get(doors::login_page).post(doors::log_in))
        .route("/logout", post(doors::log_out))
        .route("/setup", get(doors::setup_page).post(doors::set_up))
        .route("/u/{token}", get(public::unsubscribe_page).post(public::unsubscribe))
        .route("/t/{token}", get(public::testimonial_page).post(public::testimonial))
        .route("/r/{code}", get(public::referral).post(public::follow))
        .route("/widget.js", get(widget::script))
        .route("/w/{key}", get(widget::ask).post(widget::answer).options(widget::preflight))
        .route("/static/app.css", get(styles))
}

async fn styles(State(app): State<App>) -> Response {
    app.pages.styles()
}
