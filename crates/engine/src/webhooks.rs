//! Other programs that rules call, and chat rooms that they write to.
//!
//! Owns: which there are, their secrets, switching off and on; the message, its signature and what becomes of it (`send`).
//! A message is a delivery like a mail: decided in a transaction, sent by a job, tried again, found in the ledger.

mod address;
mod chat;
mod http;
mod send;
mod sign;

use hearback_core::{
    Word as _,
    id::WorkspaceId,
    seal::{Sealed, Unreadable},
    text::{self, MAX_LINE},
    token::{SecretKey, random_secret},
};
use hearback_store::{StoreError, Tx, bulk, time::millis, webhooks};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{
    Actor, Ctx, EngineError,
    alerts::{self, Alert, AlertKind},
    audit,
    error::Fields,
};
use http::Target;

pub(crate) use send::send;

/// What a webhook takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, IntoStaticStr, EnumString, VariantArray)]
#[schemars(rename = "WebhookKind", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The whole event as JSON, signed.
    Webhook,
    /// A line of text, as chat programs take it.
    Chat,
}

/// A webhook to be made, unchecked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// How rules name it: 1-64 of `a-z 0-9 - _`.
    pub key: String,
    /// `webhook` or `chat`; `webhook` when absent.
    #[serde(default)]
    #[schemars(with = "Option<Kind>")]
    pub kind: Option<String>,
    /// Where it is: `https://...`.
    #[schemars(with = "String")]
    #[schemars(url)]
    pub url: SecretString,
    /// `whsec_` and base64 of 24 to 64 bytes; made up when absent.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<SecretString>,
}

/// A webhook as those see it who look after it.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The row; its secrets are sealed.
    pub row: webhooks::Model,
    /// Where it is, opened. For a chat room, all of it is a secret.
    pub url: Result<SecretString, Unreadable>,
}

impl Webhook {
    fn of(cx: &Ctx, row: webhooks::Model) -> Self {
        let url = open(&cx.settings.secret_key, Sealed::WebhookUrl, &row).map(SecretString::from);
        Self { row, url }
    }
}

/// One of the two secrets of a webhook.
fn open(key: &SecretKey, what: Sealed, row: &webhooks::Model) -> Result<String, Unreadable> {
    let sealed = if what == Sealed::WebhookUrl { &row.sealed_url } else { &row.sealed_secret };
    key.open(what, row.workspace_id, row.key.as_bytes(), sealed)
}

/// All of them, by key.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Webhook>, EngineError> {
    Ok(webhooks::all(cx.db.read(), ws).await?.into_iter().map(|row| Webhook::of(cx, row)).collect())
}

/// Makes a webhook. Beside it, what its messages are signed with: it is the only time to see it.
pub async fn create(cx: &Ctx, ws: WorkspaceId, actor: &Actor, new: NewWebhook) -> Result<(Webhook, String), EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(&new.key));
    let kind = Kind::parse(new.kind.as_deref().unwrap_or(Kind::Webhook.as_str()));
    let kind = fields.check("kind", kind.ok_or("must be webhook or chat"));
    let url = fields.check("url", text::line(new.url.expose_secret(), MAX_LINE));
    match url.as_deref().map(Target::parse) {
        Some(Err(why)) => fields.refuse("url", why),
        Some(Ok(target)) if target.is_inside() && !cx.settings.private_webhooks => {
            fields.refuse("url", "is not on the open internet; the setting webhooks.allow_private would allow it");
        }
        _ => {}
    }
    let secret = match new.secret {
        Some(given) => fields.check("secret", sign::secret(given.expose_secret()).map(|_| given.expose_secret().to_owned())),
        None => Some(made_up()?),
    };
    fields.done()?;
    let (Some(key), Some(kind), Some(url), Some(secret)) = (key, kind, url, secret) else {
        return Err(EngineError::field("key", "could not be read"));
    };
    let now = cx.now();
    let seal = |what, field: &str, text: &str| {
        let sealed = cx.settings.secret_key.seal(what, ws.uuid(), key.as_bytes(), text);
        sealed.map_err(EngineError::sealed(format!("the {field} of the webhook")))
    };
    let row = webhooks::Model {
        workspace_id: ws.uuid(),
        kind: kind.as_str().to_owned(),
        sealed_url: seal(Sealed::WebhookUrl, "address", &url)?,
        sealed_secret: seal(Sealed::WebhookSecret, "secret", &secret)?,
        key,
        created_at: millis(now),
        disabled_at: None,
        reason: None,
    };
    let tx = cx.db.write().await?;
    match bulk::insert::<webhooks::Entity>(&tx, std::slice::from_ref(&row)).await {
        Err(StoreError::Taken(_)) => {
            return Err(EngineError::conflict(format!("there is a webhook `{}` already; delete it first or choose another key", row.key)));
        }
        result => result?,
    }
    audit::note(&tx, ws, actor, "webhook.created", &row.key, json!({ "kind": row.kind }), now);
    tx.commit().await?;
    Ok((Webhook { row, url: Ok(url.into()) }, secret))
}

fn made_up() -> Result<String, EngineError> {
    let random = random_secret().map_err(|error| EngineError::field("secret", format!("the system gives no random numbers: {error}")))?;
    // 43 letters of base64 as bytes: more than enough, and within the length that the specification allows.
    Ok(sign::write(random.as_bytes()))
}

/// Takes a webhook away. What still waits to be sent to it ends as failed.
pub async fn delete(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<(), EngineError> {
    let tx = cx.db.write().await?;
    if !webhooks::delete(&tx, ws, key).await? {
        return Err(EngineError::not_found("webhook", key));
    }
    audit::note(&tx, ws, actor, "webhook.deleted", key, serde_json::Value::Null, cx.now());
    Ok(tx.commit().await?)
}

/// Uses a webhook again that was switched off.
pub async fn enable(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Webhook, EngineError> {
    let tx = cx.db.write().await?;
    let row = webhooks::by_key(&*tx, ws, key).await?.ok_or_else(|| EngineError::not_found("webhook", key))?;
    let row = webhooks::Model { disabled_at: None, reason: None, ..row };
    webhooks::save(&tx, row.clone()).await?;
    audit::note(&tx, ws, actor, "webhook.enabled", key, serde_json::Value::Null, cx.now());
    tx.commit().await?;
    Ok(Webhook::of(cx, row))
}

/// Switches a webhook off and says so.
async fn disable(cx: &Ctx, tx: &Tx, row: webhooks::Model, why: &str) -> Result<(), StoreError> {
    let (ws, now) = (WorkspaceId::from_uuid(row.workspace_id), cx.now());
    let message = format!("{why}. Nothing is sent to it any more; when the other side takes messages again, enable it");
    let alert = Alert::new(AlertKind::WebhookDisabled, &row.key, message);
    webhooks::save(tx, webhooks::Model { disabled_at: Some(millis(now)), reason: Some(why.to_owned()), ..row }).await?;
    alerts::raise(tx, ws, &[alert], now).await
}
