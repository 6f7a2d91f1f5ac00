//! The HTTP API and the pages: parse, call a use case, show what came of it.
//!
//! Owns: connections, authentication of requests, limits, statuses, HTML. Refuses to know: SQL and decisions.

mod api;
mod auth;
mod body;
mod call;
mod dispatch;
mod error;
mod headers;
mod limits;
mod operations;
mod pages;
mod parameters;
mod query;
pub mod route;
pub mod serve;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    http::{HeaderMap, header},
    middleware,
};
use hearback_core::id::WorkspaceId;
use hearback_engine::Engine;

pub use limits::Rates;
pub use operations::operations_router;
use pages::Pages;
pub use pages::TemplateError;
pub use serve::{Limits, Peer, serve};
pub use watch::Patience;

/// Settings of the web side, filled in by the composition root.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// The workspace that the first-run page makes the first user of.
    pub workspace: WorkspaceId,
    /// Where people and customers reach this server, without a trailing slash. With `https`, cookies and headers insist on it.
    pub public_url: String,
    /// Where customers reach the pages that are for them; the same, or a host of their own under which nothing else is served.
    pub survey_url: String,
    /// The folder where mail is written instead of being sent, to be read on the page `/mail`.
    pub captured_mail: Option<PathBuf>,
    /// What the first-run page asks for before it makes the first user; `None` closes that page.
    pub setup_token: Option<String>,
    /// How often somebody may call.
    pub rates: Rates,
    /// A folder whose files replace page templates of the same name.
    pub page_templates: Option<PathBuf>,
}

/// What every handler has; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Parts>);

/// What an [`App`] points to.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) cx: Engine,
    pub(crate) config: AppConfig,
    pub(crate) pages: Pages,
    pub(crate) buckets: limits::Buckets,
}

impl App {
    /// Whether browsers reach us over TLS.
    fn is_https(&self) -> bool {
        self.config.public_url.starts_with("https://")
    }

    /// Whether this request came to the host that is for customers alone.
    fn is_customers_host(&self, headers: &HeaderMap) -> bool {
        let host = |url: &str| url.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
        let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        // Browsers leave out the usual port.
        let asked = asked.strip_suffix(if self.is_https() { ":443" } else { ":80" }).unwrap_or(&asked);
        self.config.survey_url != self.config.public_url && host(&self.config.survey_url).as_deref() == Some(asked)
    }

    /// Whether mail is written to files and can be read here.
    fn captures_mail(&self) -> bool {
        self.config.captured_mail.is_some()
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The description of the API, as `GET /api/v1/openapi.json` gives it.
pub fn description() -> &'static serde_json::Value {
    api::description()
}

/// Whether the page templates of a folder, and the built-in ones beside them, can be used.
pub fn check_pages(folder: Option<&Path>) -> Result<(), TemplateError> {
    Pages::load(folder).map(|_| ())
}

/// Everything that is served: API and pages. Fails on a page template that can't be used.
pub fn router(cx: Engine, config: AppConfig) -> Result<Router, TemplateError> {
    let pages = Pages::load(config.page_templates.as_deref())?;
    let app = App(Arc::new(Parts { cx, config, pages, buckets: limits::Buckets::default() }));
    Ok(dispatch::router(&app, route::all()).layer(middleware::from_fn_with_state(app, headers::secure)))
}
