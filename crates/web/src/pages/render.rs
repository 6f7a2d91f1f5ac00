//! Templates and the style sheet: shipped in the binary, each replaceable by a file of the same name in a folder.

use std::{collections::BTreeMap, fs, path::Path};

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use handlebars::Handlebars;
use hearback_engine::role::Role;
use rust_embed::RustEmbed;
use serde::Serialize;
use thiserror::Error;

use super::{assets::Assets, lint, session::Visitor};
use crate::error::Problem;

#[derive(RustEmbed)]
#[folder = "../../templates/pages"]
struct Shipped;

#[derive(RustEmbed)]
#[folder = "../../templates/static"]
struct Static;

/// Name of the script that other sites embed.
const WIDGET: &str = "widget.js";
/// Largest file of the folder that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// A page template that can't be used.
#[derive(Debug, Error)]
#[error("page template {file}: {problem}")]
pub struct TemplateError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// All pages, ready to render.
#[derive(Debug)]
pub(crate) struct Pages {
    templates: Handlebars<'static>,
    /// Style sheets and scripts.
    pub(crate) assets: Assets,
    /// The script of widgets.
    widget: String,
}

/// What a page is wrapped in.
#[derive(Debug, Default)]
pub(crate) struct Frame<'a> {
    /// For the tab and the history.
    pub title: &'a str,
    /// Which entry of the navigation is the present one.
    pub here: &'static str,
    /// Language of the words.
    pub lang: Option<&'a str>,
    /// Who looks; `None` on pages for everybody.
    pub visitor: Option<&'a Visitor>,
    /// What was just done.
    pub notice: Option<&'static str>,
    /// What went wrong.
    pub problem: Option<&'a Problem>,
    /// Whether captured mail can be read.
    pub mail: bool,
}

/// The form in which templates see it.
#[derive(Serialize)]
struct Envelope<'a, V> {
    title: &'a str,
    here: &'static str,
    lang: &'a str,
    assets: &'a BTreeMap<&'static str, String>,
    user: Option<&'a str>,
    csrf: Option<String>,
    workspace: Option<&'a str>,
    #[serde(flatten)]
    may: May,
    held: Option<&'a str>,
    notice: Option<&'static str>,
    problem: Option<ProblemView>,
    mail: bool,
    view: &'a V,
}

/// Which controls to show; whether they may be used is decided by [`crate::dispatch`].
#[derive(Default, Serialize)]
struct May {
    can_work: bool,
    can_manage: bool,
    can_admin: bool,
}

impl May {
    fn of(visitor: &Visitor) -> Self {
        let at_least = |role| visitor.role >= role;
        Self { can_work: at_least(Role::Agent), can_manage: at_least(Role::Manager), can_admin: at_least(Role::Admin) }
    }
}

#[derive(Serialize)]
struct ProblemView {
    detail: String,
    items: Vec<String>,
}

impl ProblemView {
    fn of(problem: &Problem) -> Self {
        let fields = problem.errors.iter().map(|error| label(&error.field) + " " + &error.message);
        let items: Vec<String> =
            if problem.lacks.is_empty() { fields.collect() } else { problem.lacks.iter().map(|lack| label(lack)).collect() };
        let detail = if problem.errors.is_empty() && problem.lacks.is_empty() {
            label(&problem.detail)
        } else if problem.lacks.is_empty() {
            "Nothing was saved yet. Please look at this again:".to_owned()
        } else {
            "This case can't be closed yet. It still lacks:".to_owned()
        };
        Self { detail, items }
    }
}

/// A field's name, or a sentence that starts with one, as people write it.
pub(crate) fn label(field: &str) -> String {
    let (name, rest) = field.split_at(field.find(':').unwrap_or(field.len()).min(field.find(' ').unwrap_or(field.len())));
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str() + rest)
}

impl Pages {
    /// Compiles the shipped templates and those of `folder`; a broken one is an error here, not for a visitor.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        let mut includes = BTreeMap::new();
        for file in Shipped::iter() {
            let text = text_of::<Shipped>(&file, folder)?;
            let name = file.strip_suffix(".hbs").unwrap_or(&file);
            includes.insert(name.to_owned(), lint::check(name, &text).map_err(|problem| refused(&file, &problem))?);
            templates.register_template_string(name, text).map_err(|error| refused(&file, &error))?;
        }
        lint::check_all(&includes).map_err(|(name, problem)| refused(&format!("{name}.hbs"), &problem))?;
        let widget = dense(&text_of::<Static>(WIDGET, folder)?);
        Ok(Self { templates, assets: Assets::load(folder)?, widget })
    }

    /// The script of widgets. Sites embed it by an address that stays: an hour is what a change of it may take.
    pub(crate) fn widget(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
            (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        ];
        (headers, self.widget.clone()).into_response()
    }

    /// One page. A template that can't show its view is our fault: logged, and told without detail.
    pub(crate) fn page<V: Serialize>(&self, status: StatusCode, template: &str, frame: &Frame<'_>, view: &V) -> Response {
        let envelope = Envelope {
            title: frame.title,
            here: frame.here,
            lang: frame.lang.unwrap_or("en"),
            assets: &self.assets.addresses,
            user: frame.visitor.map(|visitor| visitor.user.name.as_str()),
            csrf: frame.visitor.map(Visitor::form_token),
            workspace: frame.visitor.map(|visitor| visitor.workspace.as_str()),
            may: frame.visitor.map(May::of).unwrap_or_default(),
            held: frame.visitor.and_then(|visitor| visitor.held.as_deref()),
            notice: frame.notice,
            problem: frame.problem.map(ProblemView::of),
            mail: frame.mail,
            view,
        };
        match self.templates.render(template, &envelope) {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!(template, %error, "a page can't be shown");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page can't be shown; the reason is in the server's log.").into_response()
            }
        }
    }

    /// An error as a page.
    pub(crate) fn error(&self, problem: &Problem) -> Response {
        #[derive(Serialize)]
        struct View<'a> {
            status: u16,
            heading: &'a str,
            detail: String,
        }
        let heading = match problem.status {
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::FORBIDDEN => "This is not for you",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "Too busy just now",
            status if status.is_server_error() => "That did not work",
            _ => "That can't be done",
        };
        let view = View { status: problem.status.as_u16(), heading, detail: label(&problem.detail) };
        self.page(problem.status, "error", &Frame { title: heading, ..Frame::default() }, &view)
    }
}

/// A script without its comments, empty lines and indentation.
fn dense(script: &str) -> String {
    script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| line.to_owned() + "\n").collect()
}

/// A style sheet or script.
pub(super) fn static_text(name: &str, folder: Option<&Path>) -> Result<String, TemplateError> {
    text_of::<Static>(name, folder)
}

/// The file in the folder, or the shipped one.
fn text_of<E: RustEmbed>(name: &str, folder: Option<&Path>) -> Result<String, TemplateError> {
    if let Some(path) = folder.map(|folder| folder.join(name)).filter(|path| path.is_file()) {
        let shown = path.display().to_string();
        let size = fs::metadata(&path).map_err(|error| refused(&shown, &error))?.len();
        if size > MAX_FILE {
            return Err(refused(&shown, &format!("has {size} bytes; at most {MAX_FILE} are allowed")));
        }
        return fs::read_to_string(&path).map_err(|error| refused(&shown, &error));
    }
    let file = E::get(name).ok_or_else(|| refused(name, &"is missing"))?;
    String::from_utf8(file.data.into_owned()).map_err(|error| refused(name, &error))
}

fn refused(file: &str, problem: &impl ToString) -> TemplateError {
    TemplateError { file: file.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        assert_eq!(label("root_cause: say what"), "Root cause: say what");
        assert_eq!(label("root_cause"), "Root cause");
        assert_eq!(label("a contact: log a call"), "A contact: log a call");
        assert_eq!(label(""), "");
    }

    #[test]
    fn the_shipped_templates_compile_and_a_folder_replaces_one() {
        Pages::load(None).unwrap();
    }

    #[test]
    fn a_page_of_ones_own_that_would_end_the_process_is_refused_before_anybody_visits() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text, why) in [
            ("error.hbs", r#"{{#*inline "a"}}{{> a}}{{/inline}}{{> a}}"#, "inline"),
            ("error.hbs", "{{> error}}", "includes itself"),
            ("case_rows.hbs", "{{> mail_line}}{{> case_rows}}", "includes itself"),
            ("layout.hbs", "{{> error}}", "includes itself"),
        ] {
            let path = folder.path().join(file);
            fs::write(&path, text).unwrap();
            let refused = Pages::load(Some(folder.path())).unwrap_err();
            assert!(refused.to_string().contains(file) && refused.to_string().contains(why), "{refused}");
            fs::remove_file(&path).unwrap();
        }
        fs::write(folder.path().join("error.hbs"), "{{#> layout}}<p>{{view.detail}}</p>{{/layout}}").unwrap();
        Pages::load(Some(folder.path())).unwrap();
    }

    #[test]
    fn the_script_of_widgets_is_small() {
        let widget = Pages::load(None).unwrap().widget;
        assert!(widget.len() < 6 * 1024, "{} bytes", widget.len());
        assert!(!widget.contains("innerHTML") && !widget.contains("//"), "no HTML from text, no comment");
    }
}
