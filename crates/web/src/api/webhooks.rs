//! `/api/v1/webhooks`: other programs that rules call, and chat rooms that they write to.

use hearback_core::Word as _;
use hearback_engine::{
    role::Scope::Admin,
    webhooks as calls,
    webhooks::{Kind, NewWebhook, Webhook},
};
use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::{List, Time};
use crate::{
    call::{Call, Created, Json, delete, get, post},
    error::Problem,
    route::Route,
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/webhooks", Admin, "Programs and chat rooms that rules call", list),
        post("/webhooks", Admin, "Make a webhook; the only answer that shows its secret", create).may_conflict(),
        delete("/webhooks/{key}", Admin, "Take a webhook away", remove),
        post("/webhooks/{key}/enable", Admin, "Use a webhook again that was switched off", enable),
    ]
}

/// One webhook as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WebhookView {
    key: String,
    #[schemars(with = "Kind")]
    kind: String,
    /// Without its path for a chat room, whose whole address is a secret.
    url: String,
    enabled: bool,
    /// Why it is switched off.
    reason: Option<String>,
    created_at: Time,
    disabled_at: Option<Time>,
    /// Signs messages; only ever shown to whoever makes the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    secret: Option<String>,
}

impl WebhookView {
    fn of(webhook: Webhook) -> Self {
        let row = webhook.row;
        // One that can't be opened is shown as such, so that it can be taken away and made anew.
        let (url, unreadable) = match webhook.url {
            Ok(url) => (url.expose_secret().to_owned(), None),
            Err(why) => (String::new(), Some(format!("its address {why}"))),
        };
        let host_end = url.find("://").and_then(|at| url.get(at + 3..)?.find('/').map(|path| at + 3 + path));
        let hidden = if row.kind == Kind::Chat.as_str() { host_end } else { None };
        Self {
            url: hidden.and_then(|end| url.get(..end)).map_or_else(|| url.clone(), |host| format!("{host}/...")),
            enabled: row.disabled_at.is_none(),
            key: row.key,
            kind: row.kind,
            reason: unreadable.or(row.reason),
            created_at: Time(row.created_at),
            disabled_at: row.disabled_at.map(Time),
            secret: None,
        }
    }
}

/// `GET /webhooks`: all of them, by key.
pub(crate) async fn list(call: Call) -> Result<Json<List<WebhookView>>, Problem> {
    let rows = calls::list(call.cx(), call.ws()).await?;
    Ok(Json(List { items: rows.into_iter().map(WebhookView::of).collect(), next: None }))
}

/// `POST /webhooks`: makes one; the answer is the only one that shows its secret.
pub(crate) async fn create(call: Call, Json(new): Json<NewWebhook>) -> Result<Created<WebhookView>, Problem> {
    let (webhook, secret) = calls::create(call.cx(), call.ws(), &call.actor(), new).await?;
    Ok(Created(WebhookView { secret: Some(secret), ..WebhookView::of(webhook) }))
}

/// `DELETE /webhooks/{key}`.
pub(crate) async fn remove(call: Call) -> Result<(), Problem> {
    calls::delete(call.cx(), call.ws(), &call.actor(), call.key()).await?;
    Ok(())
}

/// `POST /webhooks/{key}/enable`: uses one again that was switched off.
pub(crate) async fn enable(call: Call) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(WebhookView::of(calls::enable(call.cx(), call.ws(), &call.actor(), call.key()).await?)))
}
