//! The surveys: what is asked, in which words, since when; writing the next version, publishing it, closing.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{
    Metric, Segment,
    survey::{Body, Words},
};
use hearback_engine::{
    access::Role,
    surveys::{self, DraftChange, NewSurvey},
    wording::{Wording, wording},
    workspace::{Workspace, read_survey},
};
use hearback_store::{lists, surveys::Model};
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Input, Visitor, see_other},
    words::When,
};
use crate::{App, api::workspace_key, error::Problem, query::Params};

/// One version.
#[derive(Debug, Serialize)]
struct VersionRow {
    key: String,
    name: String,
    version: i64,
    measures: String,
    status: &'static str,
    since: When,
    preview: String,
}

impl VersionRow {
    fn of(app: &App, row: &Model) -> Self {
        let since = row.closed_at.or(row.published_at).unwrap_or(row.created_at);
        Self {
            key: row.key.clone(),
            name: row.name.clone(),
            version: row.version,
            measures: format!("{} up to {}", row.metric.to_uppercase(), row.scale_max),
            status: status(&row.status),
            since: When::past(since, app.cx.now().timestamp_millis()),
            preview: surveys::preview_path(&app.cx, row),
        }
    }
}

fn status(word: &str) -> &'static str {
    match word {
        "draft" => "Draft",
        "published" => "Published",
        "replaced" => "Replaced, links go on",
        _ => "Closed",
    }
}

#[derive(Serialize)]
struct ListView {
    surveys: Vec<VersionRow>,
    may_change: bool,
}

/// One text of a survey in each language.
#[derive(Debug, Serialize)]
struct TextRow {
    label: &'static str,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    /// Name of the field.
    field: String,
    lang: String,
    language: String,
    /// What the survey says itself.
    own: String,
    /// What is said where it says nothing.
    usual: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a template asks plain questions")]
struct OneView {
    key: String,
    name: String,
    is_published: bool,
    has_draft: bool,
    public_url: Option<String>,
    versions: Vec<VersionRow>,
    shown: VersionRow,
    languages: Vec<Language>,
    texts: Vec<TextRow>,
    questions: String,
    ask_contact: bool,
    is_public: bool,
    answer_days: u16,
    may_change: bool,
}

#[derive(Debug, Serialize)]
struct Language {
    code: String,
    name: String,
}

/// Name of the field, what people call it, the place of both in a body and in what is said.
type Text = (&'static str, &'static str, fn(&mut Body) -> &mut Words, fn(&Wording) -> &str);

const TEXTS: [Text; 9] = [
    ("question", "Question", |body| &mut body.question, |said| &said.question),
    ("low", "Lowest score", |body| &mut body.low, |said| &said.low),
    ("high", "Highest score", |body| &mut body.high, |said| &said.high),
    ("why.detractor", "Why, to the unhappy", |body| &mut body.why.detractor, |said| said.why.of(Segment::Detractor)),
    ("why.passive", "Why, to those in between", |body| &mut body.why.passive, |said| said.why.of(Segment::Passive)),
    ("why.promoter", "Why, to the happy", |body| &mut body.why.promoter, |said| said.why.of(Segment::Promoter)),
    ("thanks.detractor", "Thanks to the unhappy", |body| &mut body.thanks.detractor, |said| said.thanks.of(Segment::Detractor)),
    ("thanks.passive", "Thanks to those in between", |body| &mut body.thanks.passive, |said| said.thanks.of(Segment::Passive)),
    ("thanks.promoter", "Thanks to the happy", |body| &mut body.thanks.promoter, |said| said.thanks.of(Segment::Promoter)),
];

/// `GET /surveys`: each survey in the version that is asked, or else the newest.
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let rows = lists::surveys(app.cx.db.read(), visitor.ws).await?;
    let mut shown: BTreeMap<&str, &Model> = BTreeMap::new();
    for row in &rows {
        let better = |before: &&Model| row.status == "published" || (before.status != "published" && row.version > before.version);
        if shown.get(row.key.as_str()).is_none_or(better) {
            shown.insert(&row.key, row);
        }
    }
    let surveys = shown.into_values().map(|row| VersionRow::of(&app, row)).collect();
    let view = ListView { surveys, may_change: visitor.role >= Role::Manager };
    let frame = Frame { title: "Surveys", here: "surveys", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "surveys", &frame, &view))
}

/// `GET /surveys/{key}`: its words, its versions, and what it looks like.
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(key): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let versions = surveys::versions(&app.cx, visitor.ws, &key).await?;
    let newest = versions.first().ok_or_else(|| Problem::not_found("survey", &key))?;
    let workspace = app.cx.workspaces.get(app.cx.db.read(), visitor.ws).await?;
    let workspace_key = workspace_key(&app, visitor.ws).await?;
    let mut body = surveys::body(newest);
    let languages: Vec<Language> =
        app.cx.templates.languages().all().map(|known| Language { code: known.code().to_owned(), name: known.name().to_owned() }).collect();
    let view = OneView {
        name: newest.name.clone(),
        is_published: versions.iter().any(|row| row.status == "published"),
        has_draft: newest.status == "draft",
        public_url: versions.iter().find_map(|row| surveys::public_url(&app.cx, &workspace_key, row)),
        versions: versions.iter().map(|row| VersionRow::of(&app, row)).collect(),
        shown: VersionRow::of(&app, newest),
        texts: texts(&app, &workspace, newest, &mut body, &languages)?,
        questions: if body.questions.is_empty() {
            String::new()
        } else {
            serde_json::to_string_pretty(&body.questions).unwrap_or_default()
        },
        ask_contact: body.ask_contact,
        is_public: body.public,
        answer_days: body.answer_days,
        languages,
        may_change: visitor.role >= Role::Manager,
        key,
    };
    let frame = Frame { title: &view.name, here: "surveys", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "survey_one", &frame, &view))
}

fn texts(app: &App, workspace: &Workspace, row: &Model, body: &mut Body, languages: &[Language]) -> Result<Vec<TextRow>, Problem> {
    let plain = read_survey(&Model { body: None, ..row.clone() })?;
    let usual: Vec<Wording> = languages.iter().map(|known| wording(&app.cx, workspace, &plain, Some(&known.code))).collect();
    let rows = TEXTS.into_iter().map(|(field, label, own, said)| {
        let words = own(body);
        let cells = languages.iter().zip(&usual).map(|(known, usual)| Cell {
            field: format!("{field}.{}", known.code),
            lang: known.code.clone(),
            language: known.name.clone(),
            own: words.exactly(&known.code).unwrap_or_default().to_owned(),
            usual: said(usual).to_owned(),
        });
        TextRow { label, cells: cells.collect() }
    });
    Ok(rows.collect())
}

/// `POST /surveys`: a new one, as a draft.
pub(crate) async fn create(State(app): State<App>, form: Form) -> Result<Response, Problem> {
    let metric = Metric::parse(&form.input.required("metric")).ok_or_else(|| Problem::field("metric", "must be nps, csat or ces"))?;
    let scale_max = form.input.text("scale_max").map(|text| text.trim().parse::<u8>()).transpose();
    let scale_max = scale_max.map_err(|_| Problem::field("scale_max", "must be a whole number"))?;
    let (key, name) = (form.input.required("key"), form.input.required("name"));
    let new = NewSurvey { key, name, metric, scale_max, body: Body::default() };
    let row = surveys::create(&app.cx, form.visitor.ws, &form.visitor.actor(), new).await?;
    Ok(see_other(&format!("/surveys/{}", row.key)))
}

/// `POST /surveys/{key}/{step}`: `draft`, `publish`, `close`.
pub(crate) async fn act(State(app): State<App>, Path((key, step)): Path<(String, String)>, form: Form) -> Result<Response, Problem> {
    let (ws, actor) = (form.visitor.ws, form.visitor.actor());
    match step.as_str() {
        "draft" => {
            let codes: Vec<String> = app.cx.templates.languages().all().map(|known| known.code().to_owned()).collect();
            let change = DraftChange { name: form.input.text("name"), body: Some(written(&form.input, &codes)?), ..DraftChange::default() };
            surveys::change_draft(&app.cx, ws, &actor, &key, change).await?;
        }
        "publish" => drop(surveys::publish(&app.cx, ws, &actor, &key).await?),
        "close" => drop(surveys::close(&app.cx, ws, &actor, &key).await?),
        _ => return Err(Problem::not_found("step", step)),
    }
    Ok(see_other(&format!("/surveys/{key}")))
}

/// `GET /surveys/{key}/{step}`: somebody reloaded after a form; back to the survey.
pub(crate) async fn back(_: Visitor, Path((key, _)): Path<(String, String)>) -> Response {
    see_other(&format!("/surveys/{key}"))
}

/// What the form says: the whole body.
fn written(input: &Input, codes: &[String]) -> Result<Body, Problem> {
    let questions = input.text("questions").map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    let questions = questions.map_err(|error| Problem::field("questions", format!("can't be read: {error}")))?;
    let days = input.text("answer_days").map_or(Ok(Body::default().answer_days), |days| days.trim().parse());
    let answer_days = days.map_err(|_| Problem::field("answer_days", "must be a whole number of days"))?;
    let is_ticked = |name| input.text(name).is_some();
    let mut body = Body { questions, answer_days, ask_contact: is_ticked("ask_contact"), public: is_ticked("public"), ..Body::default() };
    for (field, _, own, _) in TEXTS {
        let said = codes.iter().filter_map(|code| Some((code.clone(), input.text(&format!("{field}.{code}"))?)));
        *own(&mut body) = said.collect();
    }
    Ok(body)
}
