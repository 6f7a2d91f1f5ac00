//! Places on other sites where a survey is asked: which there are, on whose pages they work, whom they ask and what comes back.
//!
//! Owns: the public key and the secret of each, the origins that may use it, the rest between two questions. What a visitor sees
//! and sends is in `asking`, who a visitor is in `visitor`. Refuses to know: HTTP, and the script on the page.

mod question;
mod visitor;

use hearback_core::{
    id::{RecordId, WorkspaceId},
    seal::Sealed,
    text::{self, MAX_LINE},
    token::{fingerprint, random_secret},
};
use hearback_store::{bulk, time::millis, widgets as store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use question::{Given, Question, Words, answer, ask};
pub use visitor::Claim;

use crate::{Actor, Ctx, EngineError, access::no_randomness, audit, error::Fields};

/// What every public key starts with. It opens nothing but one question.
pub const KEY_PREFIX: &str = "hb_pub_";
/// Most origins of one widget.
const MAX_ORIGINS: usize = 20;
/// Days between two questions to one visitor, where a widget does not say otherwise.
const RECONTACT_DAYS: u16 = 30;

/// A widget to be made, unchecked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWidget {
    /// What our people call it.
    pub name: String,
    /// Key of a published survey.
    pub survey: String,
    /// Whose pages may use it: `https://www.example.com`.
    #[schemars(length(min = 1, max = 20))]
    pub origins: Vec<String>,
    /// Days between two questions to one visitor, 1 to 365; 30 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub recontact_days: Option<u16>,
}

/// What is stored of a widget beside its columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Body {
    recontact_days: u16,
}

/// A widget as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget {
    /// The row.
    pub row: store::Model,
    /// Whose pages may use it.
    pub origins: Vec<String>,
    /// Days between two questions to one visitor.
    pub recontact_days: u16,
}

impl Widget {
    fn of(row: store::Model) -> Self {
        let origins = serde_json::from_str(&row.origins).unwrap_or_default();
        let recontact_days = serde_json::from_str::<Body>(&row.body).map_or(RECONTACT_DAYS, |body| body.recontact_days);
        Self { row, origins, recontact_days }
    }

    /// Whether pages of this origin may use it.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    /// What its site signs its visitors with.
    fn secret(&self, cx: &Ctx) -> Result<String, EngineError> {
        let opened =
            cx.settings.secret_key.open(Sealed::WidgetSecret, self.row.workspace_id, self.row.id.as_bytes(), &self.row.sealed_secret);
        opened.map_err(EngineError::sealed(format!("the secret of the widget {}", self.row.name)))
    }

    const fn ws(&self) -> WorkspaceId {
        WorkspaceId::from_uuid(self.row.workspace_id)
    }
}

/// Makes a widget. Beside it, the secret: it is the only time to see it.
pub async fn create(cx: &Ctx, ws: WorkspaceId, actor: &Actor, new: NewWidget) -> Result<(Widget, String), EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let mut fields = Fields::default();
    let name = fields.check("name", text::line(&new.name, MAX_LINE)).unwrap_or_default();
    if !workspace.surveys.contains_key(&new.survey) {
        let mut known: Vec<&str> = workspace.surveys.keys().map(String::as_str).collect();
        known.sort_unstable();
        fields.refuse("survey", format!("there is no published survey with this key; there are: {}", known.join(", ")));
    }
    let origins = check_origins(&mut fields, &new.origins);
    let recontact_days = new.recontact_days.unwrap_or(RECONTACT_DAYS);
    if !(1..=365).contains(&recontact_days) {
        fields.refuse("recontact_days", format!("must be from 1 to 365, got {recontact_days}"));
    }
    fields.done()?;
    let now = cx.now();
    let public: String = fingerprint(&random_secret().map_err(no_randomness)?).chars().take(32).collect();
    let (id, secret) = (RecordId::new(now).uuid(), random_secret().map_err(no_randomness)?);
    let sealed = cx.settings.secret_key.seal(Sealed::WidgetSecret, ws.uuid(), id.as_bytes(), &secret);
    let row = store::Model {
        workspace_id: ws.uuid(),
        id,
        public_key: format!("{KEY_PREFIX}{public}"),
        name,
        survey: new.survey,
        origins: serde_json::to_string(&origins).unwrap_or_default(),
        sealed_secret: sealed.map_err(EngineError::sealed("the secret of the widget"))?,
        body: serde_json::to_string(&Body { recontact_days }).unwrap_or_default(),
        created_at: millis(now),
        disabled_at: None,
    };
    let tx = cx.db.write().await?;
    bulk::insert::<store::Entity>(&tx, std::slice::from_ref(&row)).await?;
    let data = json!({ "name": row.name, "survey": row.survey });
    audit::note(&tx, ws, actor, "widget.created", &row.public_key, data, now);
    tx.commit().await?;
    Ok((Widget::of(row), secret))
}

fn check_origins(fields: &mut Fields, given: &[String]) -> Vec<String> {
    if !(1..=MAX_ORIGINS).contains(&given.len()) {
        fields.refuse("origins", format!("must be 1 to {MAX_ORIGINS} origins such as https://www.example.com, got {}", given.len()));
    }
    let mut origins: Vec<String> = Vec::new();
    for (at, text) in given.iter().take(MAX_ORIGINS).enumerate() {
        let found = fields.check(&format!("origins[{at}]"), origin(text));
        origins.extend(found.filter(|origin| !origins.contains(origin)));
    }
    origins
}

/// An origin as browsers send it: scheme, host, a port where it is not the usual one, nothing else.
fn origin(text: &str) -> Result<String, &'static str> {
    let origin = text.trim().to_ascii_lowercase();
    let (host, usual) = match origin.split_once("://") {
        Some(("https", host)) => (host, ":443"),
        Some(("http", host)) => (host, ":80"),
        _ => return Err("must start with https:// (or http:// for a test)"),
    };
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_host {
        return Err("must be a scheme and a host alone, without a path: https://www.example.com (other letters as xn--)");
    }
    Ok(origin.strip_suffix(usual).unwrap_or(&origin).to_owned())
}

/// All of them, those that were switched off too, the oldest first.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Widget>, EngineError> {
    Ok(store::all(cx.db.read(), ws).await?.into_iter().map(Widget::of).collect())
}

/// Switches a widget off: from now on it asks nobody and takes nothing.
pub async fn disable(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: RecordId) -> Result<(), EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let row = store::disable(&tx, ws, id, millis(now)).await?.ok_or_else(|| EngineError::not_found("widget", id))?;
    audit::note(&tx, ws, actor, "widget.disabled", &row.public_key, json!({ "name": row.name }), now);
    tx.commit().await?;
    Ok(())
}

/// The widget of a public key; `None` for one that is not ours or was switched off.
pub async fn by_key(cx: &Ctx, public_key: &str) -> Result<Option<Widget>, EngineError> {
    if !public_key.starts_with(KEY_PREFIX) {
        return Ok(None);
    }
    Ok(store::by_public_key(cx.db.read(), public_key).await?.map(Widget::of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for (text, wanted) in [
            ("https://www.example.com", "https://www.example.com"),
            (" HTTPS://Shop.Example:443 ", "https://shop.example"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(wanted));
        }
        for bad in [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://a.lt/",
            "https://a.lt/x",
            "ftp://a.lt",
            "https://ąžuolas.lt",
            "https://a b",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
