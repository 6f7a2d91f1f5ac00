//! `/api/v1/widgets`: places on other sites where a survey is asked.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
};
use hearback_engine::widgets::{self, NewWidget, Widget};
use serde::Serialize;
use uuid::Uuid;

use super::{Time, Whole, path_id};
use crate::route::{Access::Key, Route, delete, get, post};
use crate::{App, auth::Caller, body, error::Problem, query::Params};
use hearback_engine::access::Scope::Admin;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/widgets",
            Key(Admin),
            "Places on other sites where a survey is asked, those that were switched off too, the oldest first",
            list,
        ),
        post("/widgets", Key(Admin), "Make a widget; its secret is told only now", create),
        delete("/widgets/{id}", Key(Admin), "Switch a widget off: it asks nobody and takes nothing any more", disable),
    ]
}

/// One widget as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct WidgetView {
    id: Uuid,
    name: String,
    survey: String,
    public_key: String,
    origins: Vec<String>,
    recontact_days: u16,
    created_at: Time,
    disabled_at: Option<Time>,
    /// What to paste into the pages.
    script: String,
    /// Signs who a visitor is; only ever shown to whoever makes the widget.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl WidgetView {
    fn of(app: &App, widget: Widget) -> Self {
        let Widget { row, origins, recontact_days } = widget;
        Self {
            script: format!(r#"<script src="{}/widget.js" data-key="{}" async></script>"#, app.config.survey_url, row.public_key),
            id: row.id,
            name: row.name,
            survey: row.survey,
            public_key: row.public_key,
            origins,
            recontact_days,
            created_at: Time(row.created_at),
            disabled_at: row.disabled_at.map(Time),
            secret: None,
        }
    }
}

/// `GET /widgets`: all of them, those that were switched off too, the oldest first.
pub(crate) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Json<Whole<WidgetView>>, Problem> {
    Params::read(&uri, &[])?;
    let all = widgets::list(&app.cx, caller.0.ws).await?;
    Ok(Json(Whole::of(all.into_iter().map(|widget| WidgetView::of(&app, widget)))))
}

/// `POST /widgets`: makes one; the answer is the only one that shows its secret.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    body::Json(new): body::Json<NewWidget>,
) -> Result<(StatusCode, Json<WidgetView>), Problem> {
    let (widget, secret) = widgets::create(&app.cx, caller.0.ws, &caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(WidgetView { secret: Some(secret), ..WidgetView::of(&app, widget) })))
}

/// `DELETE /widgets/{id}`: it asks nobody and takes nothing any more.
pub(crate) async fn disable(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    widgets::disable(&app.cx, caller.0.ws, &caller.actor(), path_id("widget", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
