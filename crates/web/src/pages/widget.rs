//! What the script on other sites loads and calls: itself, the question, the answer.
//!
//! Nothing here takes or sets a cookie. A browser lets pages of other sites read an answer only when it names their origin: the
//! answers name the origins of the widget and no others.

use std::{collections::HashMap, net::IpAddr};

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use hearback_engine::widgets::{self, Claim, Given, Question, Widget};
use serde::Serialize;

use crate::route::{Access::Anyone, Route, get, options, post};
use crate::{App, Peer, body, error::Problem, query::Params};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/widget.js", Anyone, "The script on other sites", script),
        get("/w/{key}", Anyone, "What a widget asks, for its origins alone", ask),
        post("/w/{key}", Anyone, "An answer by a widget, from its origins alone", answer),
        options("/w/{key}", Anyone, "Whether another site may ask and answer", preflight),
    ]
}

/// Largest answer that is read.
const MAX_ANSWER: usize = 8 * 1024;
/// Who visits, as the page says: `email=..&signature=..` or `id=..&signature=..`. Not in the address, which others write down.
const VISITOR: HeaderName = HeaderName::from_static("hearback-visitor");

/// `GET /widget.js`
pub(crate) async fn script(State(app): State<App>) -> Response {
    app.pages.widget()
}

/// What the script is told.
#[derive(Serialize)]
struct Asked {
    ask: bool,
    #[serde(flatten)]
    question: Option<Question>,
}

/// `GET /w/{key}`: what to ask this visitor, if anything. Changes nothing.
pub(crate) async fn ask(State(app): State<App>, Path(key): Path<String>, uri: Uri, request: Request) -> Result<Response, Problem> {
    let (widget, origin) = opened(&app, &key, peer(&request), request.headers()).await?;
    let asked = asked(&app, &widget, &uri, request.headers()).await;
    Ok(readable_by(&origin, asked.map(|asked| Json(asked).into_response())))
}

async fn asked(app: &App, widget: &Widget, uri: &Uri, headers: &HeaderMap) -> Result<Asked, Problem> {
    app.buckets.widget(app.config.rates, widget.row.id)?;
    let params = Params::read(uri, &["locale"])?;
    let question = widgets::ask(&app.cx, widget, &claim(headers), params.text("locale")).await?;
    Ok(Asked { ask: question.is_some(), question })
}

/// What an answer is answered with.
#[derive(Serialize)]
struct Saved {
    saved: bool,
    revision: u32,
}

/// `POST /w/{key}`: an answer, or more of one.
pub(crate) async fn answer(State(app): State<App>, Path(key): Path<String>, request: Request) -> Result<Response, Problem> {
    let (widget, origin) = opened(&app, &key, peer(&request), request.headers()).await?;
    Ok(readable_by(&origin, store(&app, &widget, request).await))
}

async fn store(app: &App, widget: &Widget, request: Request) -> Result<Response, Problem> {
    app.buckets.widget(app.config.rates, widget.row.id)?;
    let claim = claim(request.headers());
    let bytes = body::read(request.into_body(), MAX_ANSWER).await?;
    let given: Given = body::parse(&bytes)?;
    let receipt = widgets::answer(&app.cx, widget, &claim, given).await?;
    let status = if receipt.created && receipt.revision == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Saved { saved: true, revision: receipt.revision })).into_response())
}

/// `OPTIONS /w/{key}`: browsers ask whether a page may send what it wants to send.
pub(crate) async fn preflight(State(app): State<App>, Path(key): Path<String>, request: Request) -> Result<Response, Problem> {
    let (_, origin) = opened(&app, &key, peer(&request), request.headers()).await?;
    let may = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, hearback-visitor"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    Ok(readable_by(&origin, Ok((StatusCode::NO_CONTENT, may).into_response())))
}

/// The widget of this key, for a page of one of its origins.
async fn opened(app: &App, key: &str, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(Widget, HeaderValue), Problem> {
    if let Some(address) = peer {
        app.buckets.visit(app.config.rates, address)?;
    }
    let widget = widgets::by_key(&app.cx, key).await?;
    let widget = widget.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no widget with this key"))?;
    let origin = headers.get(header::ORIGIN).filter(|origin| origin.to_str().is_ok_and(|text| widget.allows(text)));
    match origin.cloned() {
        Some(origin) => Ok((widget, origin)),
        None => Err(Problem::forbidden("this widget is for other pages; whoever set it up can add the origin of this one")),
    }
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0)
}

/// Lets a page of that origin read the answer, also when it says that something is wrong.
fn readable_by(origin: &HeaderValue, result: Result<Response, Problem>) -> Response {
    let mut response = result.unwrap_or_else(Problem::into_response);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// Who visits, as the page says; proven or not is for others to decide.
fn claim(headers: &HeaderMap) -> Claim {
    let said = headers.get(VISITOR).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut fields: HashMap<String, String> = form_urlencoded::parse(said).into_owned().collect();
    Claim { email: fields.remove("email"), id: fields.remove("id"), signature: fields.remove("signature").unwrap_or_default() }
}
