//! Surveys as things: a draft is written, published, replaced by the next version, and closed at last.
//!
//! Owns: what may become of a version. A published one never changes; what a key measures is fixed once it was published, so
//! that its scores can be compared over time. Refuses to know: what a body says (that is `core::survey`).

use hearback_core::{
    Metric, Scale,
    id::{SurveyId, WorkspaceId},
    state::{State as _, SurveyStatus},
    survey::Body,
    text::{self, MAX_LINE},
    token::Purpose,
};
use hearback_store::{
    StoreError, Tx, bulk,
    surveys::{self as store, Model},
    time::millis,
    workspaces,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit, error::Fields, reading};

/// A survey that is to be made, unchecked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSurvey {
    /// Its name in links, rules and reports: 1-64 of `a-z 0-9 - _`. Stays.
    #[schemars(regex(pattern = "^[a-z0-9_-]{1,64}$"))]
    pub key: String,
    /// What our people call it.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// What it measures.
    pub metric: Metric,
    /// The highest score; the usual one of the metric when absent.
    #[serde(default)]
    pub scale_max: Option<u8>,
    /// What it asks and says.
    #[serde(default)]
    pub body: Body,
}

/// What is to stand in the draft; what is absent stays as it is in the draft or, where there is none, in the newest version.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftChange {
    /// What our people call it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// What it measures; can't be changed once a version was published.
    #[serde(default)]
    pub metric: Option<Metric>,
    /// The highest score; can't be changed once a version was published.
    #[serde(default)]
    pub scale_max: Option<u8>,
    /// What it asks and says, all of it.
    #[serde(default)]
    pub body: Option<Body>,
}

/// Makes a survey with a draft.
pub async fn create(cx: &Ctx, ws: WorkspaceId, actor: &Actor, new: NewSurvey) -> Result<Model, EngineError> {
    let mut fields = Fields::default();
    let key = fields.check("key", text::key(&new.key)).unwrap_or_default();
    let scale_max = new.scale_max.or(Some(usual_max(new.metric)));
    let change = DraftChange { name: Some(new.name), metric: Some(new.metric), scale_max, body: Some(new.body) };
    let blank = blank(cx, ws, &key, 1);
    let row = drafted(&mut fields, blank, change, false);
    fields.done()?;
    let tx = cx.db.write().await?;
    workspaces::lock(&tx, ws).await?;
    if !store::versions(&*tx, ws, &key).await?.is_empty() {
        return Err(EngineError::conflict(format!("there is a survey `{key}` already; change its draft, or choose another key")));
    }
    bulk::insert::<store::Entity>(&tx, std::slice::from_ref(&row)).await?;
    audit::note(&tx, ws, actor, "survey.created", &key, json!({ "metric": row.metric, "scale_max": row.scale_max }), cx.now());
    tx.commit().await?;
    Ok(row)
}

/// Writes into the draft of a survey; the first change after a publication makes the next version.
pub async fn change_draft(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str, change: DraftChange) -> Result<Model, EngineError> {
    let tx = cx.db.write().await?;
    let versions = held(&tx, ws, key).await?;
    let newest = versions.first().cloned().ok_or_else(|| EngineError::not_found("survey", key))?;
    // What a newer version says would be lost in a draft of this one's.
    reading::survey(&newest).map_err(StoreError::from)?;
    let is_draft = newest.status == SurveyStatus::Draft;
    let was_published = versions.iter().any(|row| row.published_at.is_some());
    let base = if is_draft {
        newest
    } else {
        let fresh = blank(cx, ws, key, newest.version + 1);
        Model { name: newest.name, metric: newest.metric, scale_max: newest.scale_max, body: newest.body, ..fresh }
    };
    let mut fields = Fields::default();
    let row = drafted(&mut fields, base, change, was_published);
    fields.done()?;
    if is_draft {
        store::save(&tx, row.clone()).await?;
    } else {
        bulk::insert::<store::Entity>(&tx, std::slice::from_ref(&row)).await?;
    }
    audit::note(&tx, ws, actor, "survey.changed", key, json!({ "version": row.version }), cx.now());
    tx.commit().await?;
    Ok(row)
}

/// Publishes the draft in place of the version that is asked now. Links that lead to that one go on.
pub async fn publish(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let versions = held(&tx, ws, key).await?;
    let newest = versions.first().cloned().ok_or_else(|| EngineError::not_found("survey", key))?;
    if newest.status != SurveyStatus::Draft {
        return Err(EngineError::conflict(format!("survey `{key}` has no draft to publish; write one first")));
    }
    reading::survey(&newest).map_err(StoreError::from)?;
    store::move_all(&tx, ws, key, &[SurveyStatus::Published], SurveyStatus::Replaced, None).await?;
    let row = Model { status: SurveyStatus::Published.into(), published_at: Some(millis(now)), ..newest };
    store::save(&tx, row.clone()).await?;
    workspaces::bump_config(&tx, ws).await?;
    audit::note(&tx, ws, actor, "survey.published", key, json!({ "version": row.version }), now);
    tx.commit().await?;
    Ok(row)
}

/// Takes no answers any more, by no link to any version. A draft stays: it can be published.
pub async fn close(cx: &Ctx, ws: WorkspaceId, actor: &Actor, key: &str) -> Result<Model, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let versions = held(&tx, ws, key).await?;
    if versions.is_empty() {
        return Err(EngineError::not_found("survey", key));
    }
    let asked = versions.into_iter().find(|row| row.status == SurveyStatus::Published);
    let asked = asked.ok_or_else(|| EngineError::conflict(format!("survey `{key}` is not published: there is nothing to close")))?;
    store::move_all(&tx, ws, key, &SurveyStatus::before(SurveyStatus::Closed), SurveyStatus::Closed, Some(millis(now))).await?;
    workspaces::bump_config(&tx, ws).await?;
    audit::note(&tx, ws, actor, "survey.closed", key, json!({ "version": asked.version }), now);
    tx.commit().await?;
    Ok(Model { status: SurveyStatus::Closed.into(), closed_at: Some(millis(now)), ..asked })
}

/// All versions of a survey, the newest first.
pub async fn versions(cx: &Ctx, ws: WorkspaceId, key: &str) -> Result<Vec<Model>, EngineError> {
    let versions = store::versions(cx.db.read(), ws, key).await?;
    if versions.is_empty() { Err(EngineError::not_found("survey", key)) } else { Ok(versions) }
}

/// Where one of ours looks at a version as customers will see it.
pub fn preview_path(cx: &Ctx, row: &Model) -> String {
    format!("/s/{}", cx.settings.secret_key.sign(Purpose::Preview, row.workspace_id, row.id))
}

/// Where whoever comes by can answer; `None` for a version that is not asked, or not everybody.
pub fn public_url(cx: &Ctx, workspace_key: &str, row: &Model) -> Option<String> {
    let is_open = row.status == SurveyStatus::Published && body(row).public;
    let name = if workspace_key == "default" { row.key.clone() } else { format!("{workspace_key}~{}", row.key) };
    is_open.then(|| format!("{}/p/{name}", cx.settings.survey_url))
}

/// What a version asks and says. One that can't be read says what its metric says by itself.
pub fn body(row: &Model) -> Body {
    row.body.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

async fn held(tx: &Tx, ws: WorkspaceId, key: &str) -> Result<Vec<Model>, EngineError> {
    workspaces::lock(tx, ws).await?;
    Ok(store::versions(&**tx, ws, key).await?)
}

fn blank(cx: &Ctx, ws: WorkspaceId, key: &str, version: i64) -> Model {
    let now = cx.now();
    Model {
        workspace_id: ws.uuid(),
        id: SurveyId::new(now).uuid(),
        key: key.to_owned(),
        version,
        name: String::new(),
        metric: Metric::Nps.as_str().to_owned(),
        scale_max: 10,
        status: SurveyStatus::Draft.into(),
        created_at: millis(now),
        body: None,
        published_at: None,
        closed_at: None,
    }
}

/// The draft with what is to be changed.
fn drafted(fields: &mut Fields, row: Model, change: DraftChange, was_published: bool) -> Model {
    let name = change.name.and_then(|name| fields.check("name", text::line(&name, MAX_LINE)));
    let metric = change.metric.or_else(|| Metric::parse(&row.metric)).unwrap_or(Metric::Nps);
    let usual = if change.metric.is_some_and(|metric| metric.as_str() != row.metric) { usual_max(metric) } else { small(row.scale_max) };
    let max = change.scale_max.unwrap_or(usual);
    let scale = fields.check("scale_max", Scale::new(metric, max));
    if was_published && (metric.as_str() != row.metric || i64::from(max) != row.scale_max) {
        let why = format!(
            "was published with {} up to {}; its scores could not be compared any more: make another survey",
            row.metric, row.scale_max
        );
        fields.refuse("metric", why);
    }
    let body = change.body.and_then(|body| match body.checked() {
        Ok(body) => serde_json::to_string(&body).ok(),
        Err(refused) => {
            fields.refuse_all(refused.into_iter().map(|(field, why)| (format!("body.{field}"), why)).collect());
            None
        }
    });
    Model {
        name: name.unwrap_or(row.name),
        metric: metric.as_str().to_owned(),
        scale_max: scale.map_or(row.scale_max, |scale| i64::from(scale.max)),
        body: body.or(row.body),
        ..row
    }
}

const fn usual_max(metric: Metric) -> u8 {
    match metric {
        Metric::Nps => 10,
        Metric::Csat => 5,
        Metric::Ces => 7,
    }
}

fn small(max: i64) -> u8 {
    u8::try_from(max).unwrap_or_default()
}
