//! Style sheets and scripts of our own pages: each at an address that changes with its content, so that browsers may keep it.

use std::{collections::BTreeMap, path::Path};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use hearback_core::token::fingerprint;

use super::render::{self, TemplateError};

/// Name of the file, what templates call its address, its type.
const FILES: [(&str, &str, &str); 4] = [
    ("app.css", "app_css", "text/css; charset=utf-8"),
    ("live.js", "live_js", "text/javascript; charset=utf-8"),
    ("survey.css", "survey_css", "text/css; charset=utf-8"),
    ("survey.js", "survey_js", "text/javascript; charset=utf-8"),
];

/// The files.
#[derive(Debug)]
pub(crate) struct Assets {
    texts: BTreeMap<&'static str, (&'static str, String)>,
    /// Their addresses, for templates.
    pub(crate) addresses: BTreeMap<&'static str, String>,
}

impl Assets {
    /// The shipped files, or those of `folder` in their place.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let (mut texts, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for (file, name, kind) in FILES {
            let text = render::static_text(file, folder)?;
            let version: String = fingerprint(&text).chars().take(12).collect();
            addresses.insert(name, format!("/static/{file}?v={version}"));
            texts.insert(file, (kind, text));
        }
        Ok(Self { texts, addresses })
    }

    /// One of them; `None` where there is no such file.
    pub(crate) fn get(&self, file: &str) -> Option<Response> {
        let (kind, text) = self.texts.get(file)?;
        let headers = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
        Some((headers, text.clone()).into_response())
    }
}
