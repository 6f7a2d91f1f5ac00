//! Pages for customers: stopping mail, and where a referral link leads. Looking at either changes nothing.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use hearback_core::id::WorkspaceId;
use hearback_engine::unsubscribe::{self, Words};
use hearback_store::{lists, workspaces};
use serde::Serialize;

use super::Frame;
use crate::{App, error::Problem};

#[derive(Serialize)]
struct UnsubscribeView {
    words: Words,
    done: bool,
}

/// `GET /u/{token}`: asks. Link checkers and previews may fetch it as often as they like.
pub(crate) async fn unsubscribe_page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let words = unsubscribe::words(&app.cx, &token).await?;
    shown(&app, words, false)
}

/// `POST /u/{token}`: stops, also for the one-click button of mail programs (RFC 8058). The link is the permission: it needs no
/// session, so another site can gain nothing by sending this form. What is in the body does not matter.
pub(crate) async fn unsubscribe(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let words = unsubscribe::unsubscribe(&app.cx, &token).await?;
    shown(&app, words, true)
}

fn shown(app: &App, words: Option<Words>, done: bool) -> Result<Response, Problem> {
    let invalid = "this link is not complete; open it from the message once more, or reply to the message and we will stop";
    let words = words.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, invalid))?;
    let (title, lang) = (words.title.clone(), words.lang.clone());
    let frame = Frame { title: &title, lang: Some(&lang), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "unsubscribe", &frame, &UnsubscribeView { words, done }))
}

#[derive(Serialize)]
struct ReferralView {
    company: String,
}

/// `GET /r/{code}`: the page that a promoter's link leads to. It tells nothing about them.
pub(crate) async fn referral(State(app): State<App>, Path(code): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "this link is not valid; ask whoever gave it to you for a new one");
    let referral = lists::referral(app.cx.db.read(), &code).await?.ok_or_else(unknown)?;
    let workspace = workspaces::by_id(app.cx.db.read(), WorkspaceId::from_uuid(referral.workspace_id)).await?.ok_or_else(unknown)?;
    let title = format!("An invitation from {}", workspace.name);
    Ok(app.pages.page(StatusCode::OK, "referral", &Frame { title: &title, ..Frame::default() }, &ReferralView { company: workspace.name }))
}
