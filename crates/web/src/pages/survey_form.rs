//! One survey: its words, its questions, its versions, and what it looks like; the form that writes the next version, shown again with
//! what was refused beside the field.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{
    Segment,
    state::SurveyStatus,
    survey::{Body, Words},
};
use hearback_engine::{
    EngineError, FieldError, reading,
    role::Role,
    surveys::{
        self, DraftChange,
        wording::{Wording, wording},
    },
    workspace::Workspace,
};
use hearback_store::{StoreError, surveys::Model};
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Input, Visitor, see_other},
    survey_questions::{self as questions, KINDS, Row, SEGMENTS, name},
    surveys::VersionRow,
};
use crate::route::{Access::User, Route, get};
use crate::{App, api::workspace_key, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/surveys/{key}", User(Viewer), "One survey: its words, its questions, a preview", one)]
}

/// What was refused, by the field of the form.
type Refused = BTreeMap<String, String>;

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
    error: Option<String>,
}

/// What is typed: a line or a block of text.
#[derive(Debug, Serialize)]
struct Entry {
    field: String,
    value: String,
    error: Option<String>,
}

/// Something that is chosen.
#[derive(Debug, Serialize)]
struct Pick {
    field: String,
    value: &'static str,
    words: &'static str,
    chosen: bool,
}

/// One further question; an empty one is there to be filled.
#[derive(Debug, Serialize)]
struct QuestionView {
    number: usize,
    title: String,
    is_new: bool,
    /// Whether it is unfolded.
    is_open: bool,
    out: String,
    key: Entry,
    kind: Entry,
    kinds: Vec<Pick>,
    texts: Vec<Cell>,
    text_error: Option<String>,
    choices: Vec<Cell>,
    choices_field: String,
    choices_error: Option<String>,
    min: Entry,
    max: Entry,
    segments: Vec<Pick>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a template asks plain questions")]
struct OneView {
    key: String,
    name: Entry,
    is_published: bool,
    has_draft: bool,
    public_url: Option<String>,
    versions: Vec<VersionRow>,
    shown: VersionRow,
    languages: Vec<Language>,
    texts: Vec<TextRow>,
    questions: Vec<QuestionView>,
    questions_error: Option<String>,
    ask_contact: bool,
    is_public: bool,
    answer_days: Entry,
    refused: Option<String>,
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

/// What stands in the form.
struct Draft {
    name: String,
    /// Everything but the further questions, and the days.
    body: Body,
    answer_days: String,
    rows: Vec<Row>,
}

impl Draft {
    fn of(row: &Model, codes: &[String]) -> Self {
        let body = surveys::body(row);
        let rows = questions::rows(&body.questions, codes);
        Self { name: row.name.clone(), answer_days: body.answer_days.to_string(), rows, body }
    }

    fn read(input: &Input, codes: &[String]) -> Self {
        let is_ticked = |name| input.text(name).is_some();
        let mut body = Body { ask_contact: is_ticked("ask_contact"), public: is_ticked("public"), ..Body::default() };
        for (field, _, own, _) in TEXTS {
            let said = codes.iter().filter_map(|code| Some((code.clone(), input.text(&format!("{field}.{code}"))?)));
            *own(&mut body) = said.collect();
        }
        let answer_days = input.text("answer_days").unwrap_or_else(|| body.answer_days.to_string());
        Self { name: input.required("name"), body, answer_days, rows: questions::read(input, codes) }
    }

    /// The whole survey as it is to be stored, or each field that can't be read.
    fn change(&self, codes: &[String]) -> Result<DraftChange, Vec<FieldError>> {
        let refused = |message: &str| FieldError { field: "answer_days".to_owned(), message: message.to_owned() };
        let days = self.answer_days.trim().parse().map_err(|_| refused("must be a whole number of days"));
        match (questions::questions(&self.rows, codes), days) {
            (Ok(questions), Ok(answer_days)) => {
                let body = Body { questions, answer_days, ..self.body.clone() };
                Ok(DraftChange { name: Some(self.name.clone()), body: Some(body), ..DraftChange::default() })
            }
            (questions, days) => Err(questions.err().into_iter().flatten().chain(days.err()).collect()),
        }
    }
}

/// `GET /surveys/{key}`.
pub(crate) async fn one(State(app): State<App>, visitor: Visitor, Path(key): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    shown(&app, &visitor, &key, None).await
}

/// `POST /surveys/{key}/draft`: stored, or shown again with what was refused.
pub(super) async fn draft(app: &App, form: &Form, key: &str) -> Result<Response, Problem> {
    let codes = codes(app);
    let draft = Draft::read(&form.input, &codes);
    let stored = match draft.change(&codes) {
        Ok(change) => surveys::change_draft(&app.cx, form.visitor.ws, &form.visitor.actor(), key, change).await,
        Err(refused) => Err(EngineError::Invalid(refused)),
    };
    match stored {
        Ok(_) => Ok(see_other(&format!("/surveys/{key}"))),
        Err(EngineError::Invalid(refused)) => shown(app, &form.visitor, key, Some((draft, refused))).await,
        Err(error) => Err(error.into()),
    }
}

fn codes(app: &App) -> Vec<String> {
    app.cx.templates.languages().all().map(|known| known.code().to_owned()).collect()
}

/// The page, with the newest version in the form or with what was sent and refused.
async fn shown(app: &App, visitor: &Visitor, key: &str, sent: Option<(Draft, Vec<FieldError>)>) -> Result<Response, Problem> {
    let versions = surveys::versions(&app.cx, visitor.ws, key).await?;
    let newest = versions.first().ok_or_else(|| Problem::not_found("survey", key))?;
    let workspace = app.cx.workspaces.get(app.cx.db.read(), visitor.ws).await?;
    let workspace_key = workspace_key(app, visitor.ws).await?;
    let languages: Vec<Language> =
        app.cx.templates.languages().all().map(|known| Language { code: known.code().to_owned(), name: known.name().to_owned() }).collect();
    let status = if sent.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (mut draft, wrong) = sent.unwrap_or_else(|| (Draft::of(newest, &codes(app)), Vec::new()));
    let refused: Refused = wrong.iter().map(questions::place).collect();
    let view = OneView {
        is_published: versions.iter().any(|row| row.status == SurveyStatus::Published),
        has_draft: newest.status == SurveyStatus::Draft,
        public_url: versions.iter().find_map(|row| surveys::public_url(&app.cx, &workspace_key, row)),
        versions: versions.iter().map(|row| VersionRow::of(app, row)).collect(),
        shown: VersionRow::of(app, newest),
        questions: further(&draft.rows, &languages, &refused),
        questions_error: refused.get("questions").cloned(),
        texts: texts(app, &workspace, newest, &mut draft.body, &languages, &refused)?,
        ask_contact: draft.body.ask_contact,
        is_public: draft.body.public,
        answer_days: field("answer_days".to_owned(), &draft.answer_days, &refused),
        refused: (!wrong.is_empty()).then(|| match wrong.len() {
            1 => "Nothing was saved: one field can't be taken as it is.".to_owned(),
            many => format!("Nothing was saved: {many} fields can't be taken as they are."),
        }),
        name: field("name".to_owned(), &draft.name, &refused),
        may_change: visitor.role >= Role::Manager,
        languages,
        key: key.to_owned(),
    };
    let title = newest.name.as_str();
    let frame = Frame { title, here: "surveys", visitor: Some(visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(status, "survey_one", &frame, &view))
}

fn field(field: String, value: &str, refused: &Refused) -> Entry {
    Entry { error: refused.get(&field).cloned(), value: value.to_owned(), field }
}

fn texts(
    app: &App,
    workspace: &Workspace,
    row: &Model,
    body: &mut Body,
    languages: &[Language],
    refused: &Refused,
) -> Result<Vec<TextRow>, Problem> {
    let plain = reading::survey(&Model { body: None, ..row.clone() }).map_err(StoreError::from)?;
    let usual: Vec<Wording> = languages.iter().map(|known| wording(&app.cx, workspace, &plain, Some(&known.code))).collect();
    let rows = TEXTS.into_iter().map(|(field, label, own, said)| {
        let words = own(body);
        let cells = languages.iter().zip(&usual).map(|(known, usual)| {
            let own = words.exactly(&known.code).unwrap_or_default();
            Cell { usual: said(usual).to_owned(), ..cell(field, known, own, refused) }
        });
        TextRow { label, cells: cells.collect() }
    });
    Ok(rows.collect())
}

fn cell(field: &str, known: &Language, own: &str, refused: &Refused) -> Cell {
    let field = format!("{field}.{}", known.code);
    let error = refused.get(&field).cloned();
    Cell { field, lang: known.code.clone(), language: known.name.clone(), own: own.to_owned(), usual: String::new(), error }
}

/// The further questions, and empty rows behind them.
fn further(rows: &[Row], languages: &[Language], refused: &Refused) -> Vec<QuestionView> {
    let blank = Row { kind: "text".to_owned(), ..Row::default() };
    let all = rows.iter().map(|row| (row, false)).chain(std::iter::repeat((&blank, true)));
    all.zip(1..=questions::shown(rows.len())).map(|((row, is_new), number)| question(row, is_new, number, languages, refused)).collect()
}

fn question(row: &Row, is_new: bool, number: usize, languages: &[Language], refused: &Refused) -> QuestionView {
    let said = |part: &str, texts: &BTreeMap<String, String>| -> Vec<Cell> {
        let of = |known: &Language| cell(&name(number, part), known, texts.get(&known.code).map_or("", String::as_str), refused);
        languages.iter().map(of).collect()
    };
    let first = row.text.values().find(|text| !text.is_empty());
    let ours = name(number, "");
    QuestionView {
        number,
        title: first.cloned().unwrap_or_else(|| "Another question".to_owned()),
        is_new,
        is_open: refused.keys().any(|field| field.starts_with(&ours)),
        out: name(number, "out"),
        key: field(name(number, "key"), &row.key, refused),
        kind: field(name(number, "kind"), &row.kind, refused),
        kinds: KINDS.into_iter().map(|(value, words)| Pick { field: String::new(), value, words, chosen: value == row.kind }).collect(),
        texts: said("text", &row.text),
        text_error: refused.get(&name(number, "text")).cloned(),
        choices: said("choices", &row.choices),
        choices_field: name(number, "choices"),
        choices_error: refused.get(&name(number, "choices")).cloned(),
        min: field(name(number, "min"), &row.min, refused),
        max: field(name(number, "max"), &row.max, refused),
        segments: SEGMENTS
            .into_iter()
            .map(|(segment, words)| {
                let field = name(number, &format!("for.{}", segment.as_str()));
                Pick { field, value: "1", words, chosen: row.segments.contains(&segment) }
            })
            .collect(),
    }
}
