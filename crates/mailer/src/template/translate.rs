//! The helper `{{t "key"}}`: a string in the reader's language, with its placeholders filled from the mail.
//!
//! It returns plain text; the engine escapes it like any value, so neither a translation nor a customer's
//! words can bring in markup.

use std::sync::Arc;

use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;

use crate::Languages;

pub(super) struct Translate(pub(super) Arc<Languages>);

impl HelperDef for Translate {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = |name: &str| context.data().get(name).and_then(Value::as_str);
        let key = helper.param(0).and_then(|param| param.value().as_str()).ok_or(RenderErrorReason::ParamNotFoundForIndex("t", 0))?;
        let language = self.0.by_code(value("lang").unwrap_or_default());
        let phrase = language.phrase(key).ok_or_else(|| RenderErrorReason::Other(format!("there is no string `{key}`")))?;
        let filled = phrase.fill(value).map_err(|name| RenderErrorReason::MissingVariable(Some(name)))?;
        Ok(ScopedJson::Derived(Value::String(filled)))
    }
}
