//! `/api/v1/widgets`: places on other sites where a survey is asked.

use hearback_engine::{
    role::Scope::Admin,
    widgets::{self, NewWidget, Widget},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{List, Time};
use crate::{
    App,
    call::{Call, Created, Json, delete, get, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/widgets", Admin, "Places on other sites where a survey is asked, those that were switched off too, the oldest first", list),
        post("/widgets", Admin, "Make a widget; its secret is told only now", create),
        delete("/widgets/{id}", Admin, "Switch a widget off: it asks nobody and takes nothing any more", disable),
    ]
}

/// One widget as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
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
    #[schemars(with = "String")]
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
pub(crate) async fn list(call: Call) -> Result<Json<List<WidgetView>>, Problem> {
    let all = widgets::list(call.cx(), call.ws()).await?;
    Ok(Json(List::whole(all.into_iter().map(|widget| WidgetView::of(&call.app, widget)))))
}

/// `POST /widgets`: makes one; the answer is the only one that shows its secret.
pub(crate) async fn create(call: Call, Json(new): Json<NewWidget>) -> Result<Created<WidgetView>, Problem> {
    let (widget, secret) = widgets::create(call.cx(), call.ws(), &call.actor(), new).await?;
    Ok(Created(WidgetView { secret: Some(secret), ..WidgetView::of(&call.app, widget) }))
}

/// `DELETE /widgets/{id}`: it asks nobody and takes nothing any more.
pub(crate) async fn disable(call: Call) -> Result<(), Problem> {
    widgets::disable(call.cx(), call.ws(), &call.actor(), call.id("widget")?).await?;
    Ok(())
}
