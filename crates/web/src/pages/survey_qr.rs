//! The public link of a survey as a picture that phones read.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use hearback_engine::surveys;
use qrcode::{QrCode, render::svg};

use super::session::Visitor;
use crate::{App, api::workspace_key, error::Problem};

/// Its name below the survey's address.
pub(super) const FILE: &str = "qr.svg";
/// Least width of the picture; scaling it loses nothing.
const WIDTH: u32 = 320;

/// `GET /surveys/{key}/qr.svg`; there is none where nobody may answer by the public link.
pub(super) async fn picture(app: &App, visitor: &Visitor, key: &str) -> Result<Response, Problem> {
    let versions = surveys::versions(&app.cx, visitor.ws, key).await?;
    let workspace_key = workspace_key(app, visitor.ws).await?;
    let url = versions.iter().find_map(|row| surveys::public_url(&app.cx, &workspace_key, row));
    let url = url.ok_or_else(|| Problem::not_found("public link of survey", key))?;
    let code = QrCode::new(&url).map_err(|error| {
        tracing::error!(%error, "the public link does not fit into a QR code");
        Problem::internal()
    })?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(WIDTH, WIDTH).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
