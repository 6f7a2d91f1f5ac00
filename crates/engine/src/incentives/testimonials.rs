//! Words of customers that we may show: asked for by a rule, given on a page, released by somebody of ours.
//!
//! Owns: what the link in the mail is good for; that nothing is shown without leave; that the customer can take it back at any
//! time. Looking changes nothing. Refuses to know: HTTP.

use std::collections::BTreeMap;

use hearback_core::{
    Locale,
    id::{CaseId, RecordId, WorkspaceId},
    state::TestimonialState,
    text::{self, MAX_LINE},
    timeline::Entry,
    token::Purpose,
};
use hearback_store::{bulk, events, lists, persons, testimonials as store, time::millis, workspaces};
use serde::Serialize;

pub use hearback_store::testimonials::{Filter, Model as Testimonial};

use crate::{Actor, Ctx, EngineError, audit, rows::event};

/// Longest testimonial, in characters.
const MAX_TEXT: usize = 2_000;
/// How words may be shown.
pub const PERMISSIONS: [&str; 3] = ["public", "anonymous", "none"];
/// What the page says, by the last part of its key in the language files.
const WORDS: [&str; 9] = ["title", "text", "name", "permission", "public", "anonymous", "none", "save", "withdraw"];

/// The page behind a link, in the language of the person it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Language of the words.
    pub lang: String,
    /// Name under which we write.
    pub company: String,
    /// Everything that the page says, by the last part of its key.
    pub words: BTreeMap<&'static str, String>,
    /// What was just done, or what is missing; empty when somebody only looks.
    pub done: String,
    /// What the customer wrote.
    pub text: String,
    /// The name to show.
    pub name: String,
    /// The permissions, with the chosen one.
    pub permissions: Vec<PermissionChoice>,
    /// Whether there is something to take back.
    pub given: bool,
    /// Whether it can be changed: not any more once it was released.
    pub can_change: bool,
}

/// One way to show words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermissionChoice {
    /// `public`, `anonymous` or `none`.
    pub key: String,
    /// In words.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// What a customer sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The words.
    pub text: String,
    /// The name to show.
    pub name: String,
    /// One of [`PERMISSIONS`].
    pub permission: String,
}

/// The page behind a link; `None` for a link that is not ours, or whose customer was erased. Changes nothing.
pub async fn look(cx: &Ctx, token: &str) -> Result<Option<View>, EngineError> {
    let Some((ws, case)) = open(cx, token) else { return Ok(None) };
    view(cx, ws, case, "").await
}

/// Stores what a customer says, over what they said before, unless that was released already.
pub async fn give(cx: &Ctx, token: &str, given: &Given) -> Result<Option<View>, EngineError> {
    let Some((ws, case)) = open(cx, token) else { return Ok(None) };
    let words = text::block(&given.text, MAX_TEXT).ok().flatten();
    let permission = PERMISSIONS.into_iter().find(|known| *known == given.permission);
    let (Some(words), Some(permission)) = (words, permission) else { return view(cx, ws, case, "missing").await };
    let now = cx.now();
    let Some(row) = lists::case(cx.db.read(), ws, case).await? else { return Ok(None) };
    let id = RecordId::derived(&format!("testimonial/{case}"));
    let fresh = Testimonial {
        workspace_id: ws.uuid(),
        id: id.uuid(),
        case_id: row.id,
        person_id: row.person_id,
        text: words,
        permission: permission.to_owned(),
        state: TestimonialState::Given.into(),
        given_at: millis(now),
        updated_at: millis(now),
        name: text::line(&given.name, MAX_LINE).ok(),
        approved_by: None,
        approved_at: None,
    };
    let tx = cx.db.write().await?;
    // An erased customer's link opens nothing any more, whoever has it.
    let is_gone =
        persons::by_id(&*tx, ws, hearback_core::id::PersonId::from_uuid(row.person_id)).await?.is_none_or(|person| person.email.is_none());
    if is_gone {
        return Ok(None);
    }
    match store::lock(&tx, ws, id).await? {
        Some(known) if known.state == TestimonialState::Approved => return view(cx, ws, case, "approved").await,
        Some(known) => store::save(&tx, Testimonial { given_at: known.given_at, ..fresh }).await?,
        None => {
            bulk::insert_missing::<store::Entity>(&tx, &[fresh]).await?;
            let entry = event(&row, &Actor::Customer, &Entry::TestimonialGiven { permission: permission.to_owned() }, now);
            bulk::insert::<events::Entity>(&tx, &[entry]).await?;
        }
    }
    tx.commit().await?;
    view(cx, ws, case, "given").await
}

/// The customer takes their words back: they are deleted, released or not.
pub async fn take_back(cx: &Ctx, token: &str) -> Result<Option<View>, EngineError> {
    let Some((ws, case)) = open(cx, token) else { return Ok(None) };
    let id = RecordId::derived(&format!("testimonial/{case}"));
    let tx = cx.db.write().await?;
    if store::lock(&tx, ws, id).await?.is_some() {
        store::remove(&tx, ws, id).await?;
        if let Some(row) = lists::case(&*tx, ws, case).await? {
            bulk::insert::<events::Entity>(&tx, &[event(&row, &Actor::Customer, &Entry::TestimonialWithdrawn {}, cx.now())]).await?;
        }
    }
    tx.commit().await?;
    view(cx, ws, case, "withdrawn").await
}

/// Releases words for showing. Refused without the customer's leave.
pub async fn approve(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: RecordId) -> Result<Testimonial, EngineError> {
    change(cx, ws, actor, id, true).await
}

/// Takes a release back; the words stay, and the customer can change them again.
pub async fn withdraw(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: RecordId) -> Result<Testimonial, EngineError> {
    change(cx, ws, actor, id, false).await
}

async fn change(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: RecordId, approved: bool) -> Result<Testimonial, EngineError> {
    let now = cx.now();
    let tx = cx.db.write().await?;
    let row = store::lock(&tx, ws, id).await?.ok_or_else(|| EngineError::not_found("testimonial", id))?;
    if approved && row.permission == "none" {
        return Err(EngineError::conflict("the customer does not want these words shown"));
    }
    let state = if approved { TestimonialState::Approved } else { TestimonialState::Given };
    if row.state == state {
        return Ok(row);
    }
    let row = Testimonial {
        state: state.into(),
        approved_by: approved.then(|| actor.to_string()),
        approved_at: approved.then(|| millis(now)),
        updated_at: millis(now),
        ..row
    };
    store::save(&tx, row.clone()).await?;
    let action = if approved { "testimonial.approved" } else { "testimonial.withdrawn" };
    audit::note(&tx, ws, actor, action, &id.to_string(), serde_json::Value::Null, now);
    tx.commit().await?;
    Ok(row)
}

fn open(cx: &Ctx, token: &str) -> Option<(WorkspaceId, CaseId)> {
    let (ws, case) = cx.settings.secret_key.verify(Purpose::Testimonial, token)?;
    Some((WorkspaceId::from_uuid(ws), CaseId::from_uuid(case)))
}

async fn view(cx: &Ctx, ws: WorkspaceId, case: CaseId, done: &str) -> Result<Option<View>, EngineError> {
    let db = cx.db.read();
    let (Some(workspace), Some(row)) = (workspaces::by_id(db, ws).await?, lists::case(db, ws, case).await?) else { return Ok(None) };
    let person =
        persons::by_id(db, ws, hearback_core::id::PersonId::from_uuid(row.person_id)).await?.filter(|person| person.email.is_some());
    let Some(person) = person else { return Ok(None) };
    let given = store::of_case(db, ws, case).await?;
    let tag = person.locale.as_ref().unwrap_or(&workspace.locale);
    let language = cx.templates.languages().get(&Locale::parse(tag).unwrap_or_default());
    let company = |name: &str| (name == "company").then_some(workspace.name.as_str());
    let say = |key: &str| language.phrase(&format!("testimonial.{key}")).and_then(|phrase| phrase.fill(company).ok()).unwrap_or_default();
    let is_approved = given.as_ref().is_some_and(|given| given.state == TestimonialState::Approved);
    let done = if done.is_empty() && is_approved { "approved" } else { done };
    let chosen = given.as_ref().map(|given| given.permission.clone()).unwrap_or_default();
    let choice = |key: &'static str| PermissionChoice { key: key.to_owned(), label: say(key), chosen: chosen == key };
    Ok(Some(View {
        lang: language.code().to_owned(),
        words: WORDS.into_iter().map(|key| (key, say(key))).collect(),
        done: if done.is_empty() { String::new() } else { say(done) },
        text: given.as_ref().map(|given| given.text.clone()).unwrap_or_default(),
        name: given.as_ref().and_then(|given| given.name.clone()).or(person.name).unwrap_or_default(),
        permissions: PERMISSIONS.into_iter().map(choice).collect(),
        given: given.is_some(),
        can_change: !is_approved,
        company: workspace.name.clone(),
    }))
}
