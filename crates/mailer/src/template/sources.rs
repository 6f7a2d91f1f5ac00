//! The template files: found, checked against the variables and the languages, set into their layout, compiled.
//!
//! Refuses to know how a compiled template is rendered.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use handlebars::Handlebars;
use hearback_core::text;
use rust_embed::RustEmbed;

use super::lint::{self, Kind};
use crate::{Languages, TemplateError, context::VARIABLES, source};

#[derive(RustEmbed)]
#[folder = "../../templates/mail"]
struct Shipped;

/// Where a layout takes the body in.
const BODY: &str = "@@body@@";

/// The template files by their path below `mail/`: where each was found, and its text.
pub(super) struct Sources(BTreeMap<String, (String, String)>);

impl Sources {
    pub(super) fn read(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let mut files = BTreeMap::new();
        for (name, text) in source::embedded::<Shipped>()? {
            files.insert(name.clone(), (format!("mail/{name}"), text));
        }
        let folder = folder.map(|folder| folder.join("mail"));
        for (path, name, text) in source::folder(folder.as_deref(), "hbs")? {
            files.insert(name, (path, text));
        }
        for mail in source::subfolders(folder.as_deref())? {
            text::key(&mail).map_err(|error| TemplateError::new(&format!("mail/{mail}"), None, &error.to_string()))?;
            let inside = folder.as_ref().map(|folder| folder.join(&mail));
            for (path, name, text) in source::folder(inside.as_deref(), "hbs")? {
                files.insert(format!("{mail}/{name}"), (path, text));
            }
        }
        Ok(Self(files))
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.keys().filter_map(|path| path.split_once('/')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Checks a file, sets it into its layout and compiles it under its path.
    pub(super) fn register(
        &self,
        engine: &mut Handlebars<'_>,
        languages: &Languages,
        kind: Kind,
        path: &str,
        layout: Option<&str>,
    ) -> Result<(), TemplateError> {
        let body = self.checked(languages, kind, path)?;
        let whole = match layout {
            None => body.to_owned(),
            Some(layout) => {
                let around = self.checked(languages, kind, layout)?;
                if around.matches(BODY).count() != 1 {
                    return Err(self.error(layout, None, &format!("must have exactly one `{BODY}`, where the mail's body goes")));
                }
                around.replace(BODY, body.trim_end())
            }
        };
        engine.register_template_string(path, whole).map_err(|error| self.error(path, None, &error.to_string()))
    }

    /// Whether a file says something with this variable, itself or by a string of a language.
    pub(super) fn mentions(&self, languages: &Languages, kind: Kind, path: &str, variable: &str) -> bool {
        let Some((_, text)) = self.0.get(path) else { return false };
        let in_words = |key: &str| {
            languages.all().filter_map(|language| language.phrase(key)).any(|phrase| phrase.placeholders().any(|name| name == variable))
        };
        text.contains(variable) || lint::lint(text, kind, &VARIABLES).is_ok_and(|found| found.keys.iter().any(|key| in_words(&key.text)))
    }

    fn checked(&self, languages: &Languages, kind: Kind, path: &str) -> Result<&str, TemplateError> {
        let (_, text) = self.0.get(path).ok_or_else(|| TemplateError::new(&format!("mail/{path}"), None, "the file is missing"))?;
        let found = lint::lint(text, kind, &VARIABLES).map_err(|problem| self.error(path, Some(problem.line), &problem.text))?;
        for key in found.keys {
            for language in languages.all() {
                let Some(phrase) = language.phrase(&key.text) else {
                    let hint = format!("no language has the string `{}`; add it to lang/en.json", key.text);
                    return Err(self.error(path, Some(key.line), &hint));
                };
                if let Some(name) = phrase.placeholders().find(|name| !VARIABLES.contains(name)) {
                    let hint = format!("the string `{}` in lang/{}.json uses the unknown variable `{name}`", key.text, language.code());
                    return Err(self.error(path, Some(key.line), &hint));
                }
            }
        }
        Ok(text)
    }

    fn error(&self, path: &str, line: Option<usize>, problem: &str) -> TemplateError {
        let file = self.0.get(path).map_or(path, |(file, _)| file);
        TemplateError::new(file, line, problem)
    }
}
