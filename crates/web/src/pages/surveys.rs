//! The surveys: which there are, since when; making, publishing and closing one. Its words are [`super::survey_form`].

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};
use hearback_core::{Metric, state::SurveyStatus, survey::Body};
use hearback_engine::{
    role::Role,
    surveys::{self, NewSurvey},
};
use hearback_store::{lists, surveys::Model};
use serde::Serialize;

use super::{
    Frame,
    session::{Form, Visitor, see_other},
    survey_form, survey_qr,
    words::When,
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::{Manager, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/surveys", User(Viewer), "Surveys and their versions", list),
        post("/surveys", User(Manager), "Make a survey, as a draft", create),
        get("/surveys/{key}/{step}", User(Viewer), "The QR code of the public link, or back to the survey", back),
        post("/surveys/{key}/{step}", User(Manager), "Write the draft, publish or close a survey", act),
    ]
}

/// One version.
#[derive(Debug, Serialize)]
pub(super) struct VersionRow {
    key: String,
    name: String,
    version: i64,
    measures: String,
    status: &'static str,
    since: When,
    preview: String,
}

impl VersionRow {
    pub(super) fn of(app: &App, row: &Model) -> Self {
        let since = row.closed_at.or(row.published_at).unwrap_or(row.created_at);
        Self {
            key: row.key.clone(),
            name: row.name.clone(),
            version: row.version,
            measures: format!("{} up to {}", row.metric.to_uppercase(), row.scale_max),
            status: status(*row.status),
            since: When::past(since, app.cx.now().timestamp_millis()),
            preview: surveys::preview_path(&app.cx, row),
        }
    }
}

fn status(status: SurveyStatus) -> &'static str {
    match status {
        SurveyStatus::Draft => "Draft",
        SurveyStatus::Published => "Published",
        SurveyStatus::Replaced => "Replaced, links go on",
        SurveyStatus::Closed => "Closed",
    }
}

#[derive(Serialize)]
struct ListView {
    surveys: Vec<VersionRow>,
    may_change: bool,
}

/// `GET /surveys`: each survey in the version that is asked, or else the newest.
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &["limit"])?;
    let rows = lists::surveys(app.cx.db.read(), visitor.ws).await?;
    let mut shown: BTreeMap<&str, &Model> = BTreeMap::new();
    for row in &rows {
        let better = |before: &&Model| {
            row.status == SurveyStatus::Published || (before.status != SurveyStatus::Published && row.version > before.version)
        };
        if shown.get(row.key.as_str()).is_none_or(better) {
            shown.insert(&row.key, row);
        }
    }
    let surveys = shown.into_values().map(|row| VersionRow::of(&app, row)).collect();
    let view = ListView { surveys, may_change: visitor.role >= Role::Manager };
    let frame = Frame { title: "Surveys", here: "surveys", visitor: Some(&visitor), mail: app.captures_mail(), ..Frame::default() };
    Ok(app.pages.page(StatusCode::OK, "surveys", &frame, &view))
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
        "draft" => return survey_form::draft(&app, &form, &key).await,
        "publish" => drop(surveys::publish(&app.cx, ws, &actor, &key).await?),
        "close" => drop(surveys::close(&app.cx, ws, &actor, &key).await?),
        _ => return Err(Problem::not_found("step", step)),
    }
    Ok(see_other(&format!("/surveys/{key}")))
}

/// `GET /surveys/{key}/{step}`: the picture of its link; else somebody reloaded after a form, and goes back to the survey.
pub(crate) async fn back(State(app): State<App>, visitor: Visitor, Path((key, step)): Path<(String, String)>) -> Result<Response, Problem> {
    match step.as_str() {
        survey_qr::FILE => survey_qr::picture(&app, &visitor, &key).await,
        _ => Ok(see_other(&format!("/surveys/{key}"))),
    }
}
