//! Templates: read and checked once, compiled once, rendered for each mail.
//!
//! Each mail is a folder of `subject.txt.hbs`, `body.txt.hbs` and `body.html.hbs`; the two bodies are set into
//! `layout.txt.hbs` and `layout.html.hbs` at the line `@@body@@`. A folder can override any of these files and
//! add mails. Refuses to know who the mail goes to.

mod form;
mod html;
mod lint;
mod sources;
mod translate;

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use handlebars::{Context, Handlebars, RenderErrorReason};
use hearback_core::text;
use serde_json::Value;
use thiserror::Error;

use self::{form::Forms, lint::Kind, sources::Sources};
use crate::{Languages, Mail, MailContext, TemplateError, message::Quoted};

/// Largest rendered part.
const MAX_OUTPUT: usize = 512 * 1024;
/// Longest subject, in characters; what is over is cut.
const MAX_SUBJECT: usize = 200;
/// The files of a mail, and what its bodies are set into.
const SUBJECT_FILE: &str = "subject.txt.hbs";
const TEXT_FILE: &str = "body.txt.hbs";
const HTML_FILE: &str = "body.html.hbs";
const TEXT_LAYOUT: &str = "layout.txt.hbs";
const HTML_LAYOUT: &str = "layout.html.hbs";

/// A mail in words: what [`crate::Outgoing`] wraps and sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, at most 200 characters.
    pub subject: String,
    /// The plain text part, lines ended by `\n`.
    pub text: String,
    /// The HTML part, a whole document.
    pub html: String,
    /// Text and HTML as they are sent, where that is known.
    pub quoted: Option<[Quoted; 2]>,
}

/// Why a mail could not be put into words. It would fail again: hold the mail and tell someone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    /// No such folder.
    #[error("there is no mail template `{template}`; there are {known}")]
    NoTemplate {
        /// What was asked for.
        template: String,
        /// What exists, separated by commas.
        known: String,
    },
    /// The mail says something that we don't know about this customer or case.
    #[error("held: missing variable {variable} in template {template}")]
    Missing {
        /// The variable.
        variable: String,
        /// The template.
        template: String,
    },
    /// A link that is not a plain http(s) link.
    #[error(
        "held: {variable} in template {template} is not a link; it must start with https:// and have at most 900 visible ASCII characters"
    )]
    NotALink {
        /// The variable.
        variable: &'static str,
        /// The template.
        template: String,
    },
    /// Over 512 KiB, or the subject is empty.
    #[error("held: template {template}: {problem}")]
    Refused {
        /// The template.
        template: String,
        /// What is wrong.
        problem: String,
    },
}

/// All templates in all languages, ready to render. Shared behind an `Arc`.
pub struct Templates {
    engine: [Handlebars<'static>; 2],
    names: BTreeSet<String>,
    /// Those that can carry a code.
    with_code: BTreeSet<String>,
    languages: Arc<Languages>,
    forms: Forms,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Templates {
    /// Reads the shipped templates and languages, then those of `folder` (`mail/<name>/...`, `lang/<code>.json`)
    /// over them; checks and compiles everything. The error names file and line.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let languages = Arc::new(Languages::load(folder)?);
        for warning in languages.warnings() {
            tracing::warn!("{warning}");
        }
        let sources = Sources::read(folder)?;
        let names = sources.names();
        let mut engine = [Kind::Text, Kind::Html].map(|kind| new_engine(kind, &languages));
        let [texts, htmls] = &mut engine;
        for name in &names {
            sources.register(texts, &languages, Kind::Text, &format!("{name}/{SUBJECT_FILE}"), None)?;
            sources.register(texts, &languages, Kind::Text, &format!("{name}/{TEXT_FILE}"), Some(TEXT_LAYOUT))?;
            sources.register(htmls, &languages, Kind::Html, &format!("{name}/{HTML_FILE}"), Some(HTML_LAYOUT))?;
        }
        let can_carry = |name: &&String| {
            [(Kind::Text, SUBJECT_FILE), (Kind::Text, TEXT_FILE), (Kind::Html, HTML_FILE)]
                .iter()
                .any(|(kind, file)| sources.mentions(&languages, *kind, &format!("{name}/{file}"), "incentive_code"))
        };
        let with_code = names.iter().filter(can_carry).cloned().collect();
        Ok(Self { engine, names, with_code, languages, forms: Forms::default() })
    }

    /// All folders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The folders that can be named in a rule.
    pub fn for_rules(&self) -> impl Iterator<Item = &str> {
        self.names().filter(|name| Mail::of_template(name).is_none_or(Mail::is_for_rules))
    }

    /// The folders of mails that can carry a code from a pool.
    pub fn with_code(&self) -> &BTreeSet<String> {
        &self.with_code
    }

    /// The words of all languages.
    pub fn languages(&self) -> &Languages {
        &self.languages
    }

    /// Puts a mail into words, in the language of `context.locale`. Strict: a variable without a value, used
    /// outside an `if`, is an error and not a blank.
    pub fn render(&self, template: &str, context: &MailContext) -> Result<Rendered, RenderError> {
        if !self.names.contains(template) {
            let known = self.names().collect::<Vec<_>>().join(", ");
            return Err(RenderError::NoTemplate { template: template.to_owned(), known });
        }
        match self.forms.fill(template, context, |context| self.in_words(template, context))? {
            Some(rendered) => Ok(rendered),
            None => self.in_words(template, context),
        }
    }

    fn in_words(&self, template: &str, context: &MailContext) -> Result<Rendered, RenderError> {
        let language = self.languages.get(&context.locale);
        let values = context.values(language).map_err(|bad| RenderError::NotALink { variable: bad.0, template: template.to_owned() })?;
        let values = Context::from(Value::Object(values));
        let [texts, htmls] = &self.engine;
        let subject = text::clean_line(&part(texts, template, SUBJECT_FILE, &values)?);
        if subject.is_empty() {
            return Err(RenderError::Refused { template: template.to_owned(), problem: "the subject is empty".to_owned() });
        }
        Ok(Rendered {
            subject: subject.chars().take(MAX_SUBJECT).collect(),
            text: part(texts, template, TEXT_FILE, &values)?,
            html: part(htmls, template, HTML_FILE, &values)?,
            quoted: None,
        })
    }
}

fn new_engine(kind: Kind, languages: &Arc<Languages>) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    match kind {
        Kind::Text => engine.register_escape_fn(handlebars::no_escape),
        Kind::Html => engine.register_escape_fn(html::escape),
    }
    engine.register_helper("t", Box::new(translate::Translate(Arc::clone(languages))));
    engine
}

fn part(engine: &Handlebars<'_>, template: &str, file: &str, values: &Context) -> Result<String, RenderError> {
    let mut output = Capped(Vec::with_capacity(4096));
    let template = || template.to_owned();
    engine.render_with_context_to_write(&format!("{}/{file}", template()), values, &mut output).map_err(|error| match error.reason() {
        RenderErrorReason::MissingVariable(Some(variable)) => RenderError::Missing { variable: variable.clone(), template: template() },
        RenderErrorReason::IOError(_) => {
            RenderError::Refused { template: template(), problem: format!("{file} gives more than {MAX_OUTPUT} bytes") }
        }
        reason => RenderError::Refused { template: template(), problem: reason.to_string() },
    })?;
    String::from_utf8(output.0).map_err(|_| RenderError::Refused { template: template(), problem: format!("{file} gives no UTF-8") })
}

/// A buffer that refuses to grow past [`MAX_OUTPUT`].
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
