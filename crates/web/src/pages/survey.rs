//! The page on which customers answer: `/s/{token}` for somebody who was asked, `/p/{survey}` for whoever comes by.
//! Looking changes nothing, however often and by whom.

use std::collections::HashMap;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use hearback_core::Color;
use hearback_engine::surveys::page::{self, Form, Page, View, Wish};

use super::{Frame, public::languages};
use crate::route::{Access::Anyone, Route, get, post};
use crate::{App, Peer, body, error::Problem, headers};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/s/{token}", Anyone, "The survey of one invitation; looking answers nothing", show),
        post("/s/{token}", Anyone, "Answer by an invitation", answer),
        get("/p/{survey}", Anyone, "A survey by its public link", show_public),
        post("/p/{survey}", Anyone, "Answer by the public link", answer_public),
        get("/s-style/{file}", Anyone, "The colour of a workspace, as a style sheet", accent),
    ]
}

/// Largest form that is read: the longest comment, every letter of it written in twelve.
const MAX_FORM: usize = 160 * 1024;

/// `GET /s/{token}`
pub(crate) async fn show(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    shown(&app, page::look(&app.cx, &token, &wish(&headers, &uri)).await?)
}

/// `POST /s/{token}`. The link is the permission.
pub(crate) async fn answer(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, Problem> {
    counted(&app, &request, Some(&token))?;
    let wish = wish(request.headers(), request.uri());
    let form = form(request).await?;
    shown(&app, page::post(&app.cx, &token, &wish, &form).await?)
}

/// `GET /p/{survey}`
pub(crate) async fn show_public(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    shown(&app, page::look_public(&app.cx, &name, &public_wish(&headers, &uri)).await?)
}

/// `POST /p/{survey}`
pub(crate) async fn answer_public(State(app): State<App>, Path(name): Path<String>, request: Request) -> Result<Response, Problem> {
    counted(&app, &request, None)?;
    let wish = public_wish(request.headers(), request.uri());
    let form = form(request).await?;
    shown(&app, page::post_public(&app.cx, &name, &wish, &form).await?)
}

/// `GET /s-style/{file}`: the colour of a workspace. A page takes no style but from a file.
pub(crate) async fn accent(Path(file): Path<String>) -> Result<Response, Problem> {
    let color = file.strip_suffix(".css").and_then(|digits| Color::parse(&format!("#{digits}")));
    let color = color.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address"))?;
    let css = format!(":root{{--accent:{color};--on-accent:{}}}\n", color.ink());
    let kept = "public, max-age=31536000, immutable";
    Ok(([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, kept)], css).into_response())
}

/// Forms that come too often from one place, or by one link.
fn counted(app: &App, request: &Request, token: Option<&str>) -> Result<(), Problem> {
    if let Some(Peer(address)) = request.extensions().get::<Peer>() {
        app.buckets.answer(app.config.rates, *address)?;
    }
    token.map_or(Ok(()), |token| app.buckets.link(app.config.rates, token))
}

async fn form(request: Request) -> Result<Form, Problem> {
    let bytes = body::read(request.into_body(), MAX_FORM).await?;
    Ok(Form::read(form_urlencoded::parse(&bytes).into_owned()))
}

/// What the address asks for. Parameters of others (mail programs add theirs) are left alone.
fn wish(headers: &HeaderMap, uri: &Uri) -> Wish {
    let query: HashMap<String, String> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    Wish {
        languages: languages(headers),
        lang: query.get("lang").cloned().filter(|lang| !lang.is_empty()),
        score: query.get("score").and_then(|score| score.parse().ok()),
        kiosk: None,
        reference: query.get("ref").cloned(),
    }
}

fn public_wish(headers: &HeaderMap, uri: &Uri) -> Wish {
    let wish = wish(headers, uri);
    let is_kiosk = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).any(|(name, value)| name == "kiosk" && value == "1");
    if !is_kiosk {
        return wish;
    }
    // The next one starts afresh, in the language and at the place that the device was set up for.
    let home = format!("{}?", uri.path());
    let behind = home.len();
    let mut address = form_urlencoded::Serializer::for_suffix(home, behind);
    address.append_pair("kiosk", "1");
    for (name, value) in
        [("lang", &wish.lang), ("ref", &wish.reference)].into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)))
    {
        address.append_pair(name, value);
    }
    Wish { kiosk: Some(address.finish()), ..wish }
}

fn shown(app: &App, page: Page) -> Result<Response, Problem> {
    let (status, view) = match page {
        Page::Shown(view) => (StatusCode::OK, view),
        Page::Gone(view) => (StatusCode::GONE, view),
        Page::Unknown => {
            return Err(Problem::new(StatusCode::NOT_FOUND, "this link is not valid; open it from the message once more"));
        }
    };
    Ok(render(app, status, &view))
}

fn render(app: &App, status: StatusCode, view: &View) -> Response {
    let title = format!("{} · {}", view.heading, view.wording.company);
    let frame = Frame { title: &title, lang: Some(&view.wording.lang), ..Frame::default() };
    let mut response = app.pages.page(status, "survey", &frame, view);
    let policy = if view.is_preview { headers::SURVEY_PREVIEW } else { headers::SURVEY };
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
