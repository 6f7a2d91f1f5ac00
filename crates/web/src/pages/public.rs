//! Pages for customers: stopping mail, and where a referral link leads. Looking at either changes nothing.

use std::collections::HashMap;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hearback_engine::{
    customers::{
        own_data::Wish,
        preferences::View,
        unsubscribe::{self, Choice},
    },
    incentives::{
        referrals::{self, Landing},
        testimonials::{self, Given},
    },
};
use serde::Serialize;

use super::Frame;
use crate::route::{
    Access::{Anyone, Form},
    Counted::{Both, Caller, Link},
    Route, get, post,
};
use crate::{App, body, error::Problem, headers};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/u/{token}", Anyone, "What a customer wants to be mailed; looking stops nothing", unsubscribe_page),
        post("/u/{token}", Form(Link), "Unsubscribe, with one click too (RFC 8058)", unsubscribe),
        get("/t/{token}", Anyone, "The form of a testimonial", testimonial_page),
        post("/t/{token}", Form(Both), "Give a testimonial and say where it may be shown", testimonial),
        get("/r/{code}", Anyone, "Where a referral link leads; looking counts nothing", referral),
        post("/r/{code}", Form(Caller), "Follow a referral link", follow),
    ]
}

/// Largest form that is read; what is longer was not made by our page.
const MAX_FORM: usize = 64 * 1024;

/// `GET /u/{token}`: asks. Link checkers and previews may fetch it as often as they like.
pub(crate) async fn unsubscribe_page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    shown(&app, unsubscribe::look(&app.cx, &token).await?)
}

/// `POST /u/{token}`: does what the form asks for. The link is the permission: it needs no session, so another site can gain
/// nothing by sending this form. Anything else than one of our forms stops all mail: the one-click button of mail programs
/// (RFC 8058), an empty body, one that can't be read.
pub(crate) async fn unsubscribe(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, Problem> {
    let is_form = body::content_type(request.headers()).is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let bytes = body::read(request.into_body(), MAX_FORM).await.ok().filter(|_| is_form).unwrap_or_default();
    shown(&app, unsubscribe::choose(&app.cx, &token, &choice(&bytes)).await?)
}

fn choice(form: &[u8]) -> Choice {
    let fields: HashMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    match field("action").as_str() {
        "resume" => Choice::Resume,
        "stop_survey" => Choice::StopSurvey(field("survey")),
        "resume_survey" => Choice::ResumeSurvey(field("survey")),
        "language" => Choice::Language(field("language")),
        "own_export" => Choice::OwnData(Wish::Export),
        "own_erase" => Choice::OwnData(Wish::Erase),
        _ => Choice::StopAll,
    }
}

fn shown(app: &App, view: Option<View>) -> Result<Response, Problem> {
    let invalid = "this link is not complete; open it from the message once more, or reply to the message and we will stop";
    let view = view.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, invalid))?;
    let title = view.words.get("title").map(String::as_str).unwrap_or_default();
    let frame = Frame { title, lang: Some(&view.lang), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "unsubscribe", &frame, &view))
}

#[derive(Serialize)]
struct ReferralView {
    landing: Landing,
    /// Somebody went on, and there is no place to send them to.
    done: bool,
}

/// `GET /r/{code}`: the page that a promoter's link leads to. It tells nothing about them, and looking at it counts nothing.
pub(crate) async fn referral(State(app): State<App>, Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let landing = referrals::landing(&app.cx, &code, &languages(&headers)).await?;
    Ok(welcome(&app, landing.ok_or_else(unknown)?, false))
}

/// `POST /r/{code}`: somebody goes on. Counted, and led to where the workspace wants them.
pub(crate) async fn follow(State(app): State<App>, Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let landing = referrals::visit(&app.cx, &code, &languages(&headers)).await?.ok_or_else(unknown)?;
    match &landing.target {
        Some(target) => Ok((StatusCode::SEE_OTHER, [(header::LOCATION, target.clone())]).into_response()),
        None => Ok(welcome(&app, landing, true)),
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "this link is not valid; ask whoever gave it to you for a new one")
}

fn welcome(app: &App, landing: Landing, done: bool) -> Response {
    let title = landing.words.get("title").cloned().unwrap_or_default();
    let lang = landing.lang.clone();
    // A browser asks for leave to send a form on to another place.
    let origin = landing.target.as_deref().map(|target| target.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"));
    let frame = Frame { title: &title, lang: Some(&lang), ..Frame::default() };
    let mut page = app.pages.page(StatusCode::OK, "referral", &frame, &ReferralView { landing, done });
    if let Some(leave) = origin.and_then(|origin| HeaderValue::from_str(&headers::content_security_with_forms_to(&origin)).ok()) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, leave);
    }
    page
}

/// What the browser says that its reader speaks, the best first.
pub(super) fn languages(headers: &HeaderMap) -> Vec<String> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').take(10).filter_map(|part| part.split(';').next()).map(|tag| tag.trim().to_owned()).collect()
}

/// `GET /t/{token}`: where a customer writes words that we may show.
pub(crate) async fn testimonial_page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    spoken(&app, testimonials::look(&app.cx, &token).await?)
}

/// `POST /t/{token}`: stores the words, or takes them back. The link is the permission.
pub(crate) async fn testimonial(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, Problem> {
    let bytes = body::read(request.into_body(), MAX_FORM).await?;
    let mut fields: HashMap<String, String> = form_urlencoded::parse(&bytes).into_owned().collect();
    let mut field = |name: &str| fields.remove(name).unwrap_or_default();
    let view = if field("action") == "withdraw" {
        testimonials::take_back(&app.cx, &token).await?
    } else {
        let given = Given { text: field("text"), name: field("name"), permission: field("permission") };
        testimonials::give(&app.cx, &token, &given).await?
    };
    spoken(&app, view)
}

fn spoken(app: &App, view: Option<testimonials::View>) -> Result<Response, Problem> {
    let invalid = "this link is not valid any more; open it from the message once more";
    let view = view.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, invalid))?;
    let title = view.words.get("title").map(String::as_str).unwrap_or_default();
    let frame = Frame { title, lang: Some(&view.lang), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "testimonial", &frame, &view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_form_of_ours_stops_all() {
        for form in ["", "List-Unsubscribe=One-Click", "action=stop", "action=", "action=unknown", "\u{1}%%%"] {
            assert_eq!(choice(form.as_bytes()), Choice::StopAll, "{form}");
        }
        assert_eq!(choice(b"action=stop_survey&survey=nps"), Choice::StopSurvey("nps".to_owned()));
        assert_eq!(choice(b"action=language&language=lt"), Choice::Language("lt".to_owned()));
    }
}
