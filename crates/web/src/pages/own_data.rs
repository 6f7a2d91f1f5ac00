//! What somebody has from us about themselves, behind a link that proves their address: to read, to take away, to have deleted.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hearback_engine::customers::own_data::{self, State as Stands, View};

use super::Frame;
use crate::route::{
    Access::{Anyone, Form},
    Counted::Both,
    Route, get, post,
};
use crate::{App, body, error::Problem};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/me/{token}", Anyone, "What a customer can ask about their own data", page),
        post("/me/{token}", Form(Both), "Show or erase the own data", act),
    ]
}

/// Largest form that is read.
const MAX_FORM: usize = 8 * 1024;

/// `GET /me/{token}`: what can be done. Changes nothing.
pub(crate) async fn page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    shown(&app, own_data::look(&app.cx, &token).await?)
}

/// `POST /me/{token}`: tells or deletes everything. The link is the permission.
pub(crate) async fn act(State(app): State<App>, Path(token): Path<String>, request: Request) -> Result<Response, Problem> {
    let bytes = body::read(request.into_body(), MAX_FORM).await?;
    let fields: HashMap<String, String> = form_urlencoded::parse(&bytes).into_owned().collect();
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    match field("action") {
        "export" => match own_data::export(&app.cx, &token).await? {
            Some(everything) => {
                let file = [(header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\"")];
                Ok((file, Json(everything)).into_response())
            }
            None => shown(&app, own_data::look(&app.cx, &token).await?),
        },
        "show" => shown(&app, own_data::show(&app.cx, &token).await?),
        "erase" => shown(&app, own_data::erase(&app.cx, &token, field("sure") == "yes").await?),
        _ => shown(&app, own_data::look(&app.cx, &token).await?),
    }
}

fn shown(app: &App, view: Option<View>) -> Result<Response, Problem> {
    let invalid = "this link is not complete; open it from the message once more";
    let view = view.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, invalid))?;
    let title = view.words.get("title").map(String::as_str).unwrap_or_default();
    let frame = Frame { title, lang: Some(&view.lang), ..Frame::default() };
    let status = match view.state {
        Stands::Ready | Stands::Erased => StatusCode::OK,
        Stands::Unsure => StatusCode::UNPROCESSABLE_ENTITY,
        Stands::Expired => StatusCode::GONE,
    };
    Ok(app.pages.page(status, "own_data", &frame, &view))
}
