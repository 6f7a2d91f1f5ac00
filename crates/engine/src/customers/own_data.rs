//! What somebody can ask about themselves: everything that we keep, or that we forget it.
//!
//! Whoever has a link of a mail may ask; only a mail to the person's own address leads on, for an hour. Owns: that mail, what its
//! link is good for. What is told is in `everything`, what the mail says in `proof`. Looking changes nothing. Refuses to know: HTTP.

mod everything;
mod proof;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    Locale,
    id::{DeliveryId, PersonId, WorkspaceId},
    token::Purpose,
};
use hearback_store::{bulk, deliveries, merge, outbox, own_data as store, persons, suppressions as suppressed, time::millis};
use serde::Serialize;
use serde_json::json;

pub use everything::{Line, Section};
pub(crate) use proof::{is_wish, mail};

use crate::{
    Actor, Ctx, EngineError, audit,
    customers::{people::erase_person, suppressions::Reason},
};

/// How long the link in the mail works, and how long it takes until the same can be asked for once more.
const WORKS_FOR: Duration = Duration::minutes(60);
/// What the page says, by the last part of its key in the language files.
const WORDS: [&str; 13] = [
    "title",
    "intro",
    "download",
    "show",
    "erase_title",
    "erase_text",
    "erase_sure",
    "erase",
    "erased",
    "expired",
    "again",
    "missing",
    "none",
];

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Everything that is kept about them.
    Export,
    /// That it is deleted.
    Erase,
}

/// Where the page behind a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything can be had or deleted.
    Ready,
    /// The same; what would be deleted was not confirmed.
    Unsure,
    /// The link is too old.
    Expired,
    /// Nothing is kept about them any more.
    Erased,
}

/// The page behind a link, in the language of the person it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Language of the words.
    pub lang: String,
    /// Name under which we write.
    pub company: String,
    /// Everything that the page says, by the last part of its key.
    pub words: BTreeMap<&'static str, String>,
    /// See [`State`].
    pub state: State,
    /// Where a new link can be asked for.
    pub again: String,
    /// Everything that is kept, when it is asked for.
    pub sections: Vec<Section>,
}

/// Puts the mail that proves the address on its way, once an hour at most. Whether one is on its way now: not to an address
/// whose mailbox does not exist or whose owner called our mail unwanted.
pub(crate) async fn request(cx: &Ctx, ws: WorkspaceId, id: PersonId, wish: Wish) -> Result<bool, EngineError> {
    let (now, kind) = (cx.now(), proof::template(wish));
    let tx = cx.db.write().await?;
    let Some(person) = persons::lock(&tx, ws, id).await? else { return Ok(false) };
    let Some(address) = person.email.clone() else { return Ok(false) };
    if suppressed::of_person(&*tx, &person).await?.is_some_and(|reason| is_unreachable(&reason)) {
        return Ok(false);
    }
    if store::was_asked(&*tx, ws, id, kind, millis(now - WORKS_FOR)).await? {
        return Ok(true);
    }
    let mail = mail_row(cx, &person, address, kind, now);
    let job = outbox::Job::Mail { delivery: DeliveryId::from_uuid(mail.id) };
    let row = outbox::row(ws, &job, &format!("mail/{}", mail.id), now, now, None);
    bulk::insert::<deliveries::Entity>(&tx, &[mail]).await?;
    bulk::insert::<outbox::Entity>(&tx, &[row]).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(true)
}

fn is_unreachable(reason: &str) -> bool {
    match Reason::parse(reason) {
        Some(Reason::Manual | Reason::Unsubscribed) => false,
        Some(Reason::HardBounce | Reason::Complaint) | None => true,
    }
}

fn mail_row(cx: &Ctx, person: &persons::Model, address: String, kind: &str, now: DateTime<Utc>) -> deliveries::Model {
    let id = DeliveryId::new(now);
    let ws = WorkspaceId::from_uuid(person.workspace_id);
    deliveries::Model {
        person_id: Some(person.id),
        to_name: person.name.clone(),
        ..deliveries::Model::queued(ws, id, kind, address, cx.settings.mail_from.domain(), now)
    }
}

/// Whoever a genuine link is for, and whether it still works.
struct Opened {
    ws: WorkspaceId,
    id: PersonId,
    works: bool,
}

fn open(cx: &Ctx, token: &str) -> Option<Opened> {
    let (ws, person, until) = cx.settings.secret_key.verify_at(Purpose::OwnData, token)?;
    Some(Opened { ws: WorkspaceId::from_uuid(ws), id: PersonId::from_uuid(person), works: until >= cx.now() })
}

/// Somebody, and those who were merged into them; nobody when they were erased.
async fn known(cx: &Ctx, opened: &Opened) -> Result<Vec<persons::Model>, EngineError> {
    let person = persons::resolved(cx.db.read(), opened.ws, opened.id).await?.filter(|person| person.email.is_some());
    let Some(person) = person else { return Ok(Vec::new()) };
    let merged = merge::signposts(cx.db.read(), opened.ws, PersonId::from_uuid(person.id)).await?;
    Ok(std::iter::once(person).chain(merged).collect())
}

/// The page behind a link; `None` for a link that is not ours. Changes nothing.
pub async fn look(cx: &Ctx, token: &str) -> Result<Option<View>, EngineError> {
    let Some(opened) = open(cx, token) else { return Ok(None) };
    let persons = known(cx, &opened).await?;
    Ok(Some(view(cx, &opened, persons.first(), None).await?))
}

/// Everything that is kept, on the page; `None` for a link that is not ours.
pub async fn show(cx: &Ctx, token: &str) -> Result<Option<View>, EngineError> {
    let Some(opened) = open(cx, token) else { return Ok(None) };
    let persons = known(cx, &opened).await?;
    let mut view = view(cx, &opened, persons.first(), None).await?;
    if view.state == State::Ready {
        let workspace = cx.workspaces.get(cx.db.read(), opened.ws).await?;
        let rows = store::of(cx.db.read(), opened.ws, &persons).await?;
        let language = cx.templates.languages().get(&Locale::parse(&view.lang).unwrap_or_default());
        view.sections = everything::sections(&cx.settings.secret_key, &workspace, &persons, &rows, language);
        note(cx, &opened).await?;
    }
    Ok(Some(view))
}

/// Everything that is kept, for a program; `None` where the page of [`look`] says why not.
pub async fn export(cx: &Ctx, token: &str) -> Result<Option<serde_json::Value>, EngineError> {
    let Some(opened) = open(cx, token).filter(|opened| opened.works) else { return Ok(None) };
    let persons = known(cx, &opened).await?;
    if persons.is_empty() {
        return Ok(None);
    }
    let workspace = cx.workspaces.get(cx.db.read(), opened.ws).await?;
    let rows = store::of(cx.db.read(), opened.ws, &persons).await?;
    note(cx, &opened).await?;
    Ok(Some(everything::json(&cx.settings.secret_key, &workspace, &persons, &rows, cx.now())))
}

/// That somebody was told what we keep stands in the audit log.
async fn note(cx: &Ctx, opened: &Opened) -> Result<(), EngineError> {
    let tx = cx.db.write().await?;
    audit::note(&tx, opened.ws, &Actor::Customer, "person.exported", &opened.id.to_string(), json!({}), cx.now());
    tx.commit().await?;
    Ok(())
}

/// Forgets the person behind a link, if they are sure; `None` for a link that is not ours. Asking twice changes nothing more.
pub async fn erase(cx: &Ctx, token: &str, is_sure: bool) -> Result<Option<View>, EngineError> {
    let Some(opened) = open(cx, token) else { return Ok(None) };
    let persons = known(cx, &opened).await?;
    let person = persons.first().filter(|_| opened.works);
    let state = match person {
        Some(person) if is_sure => {
            erase_person(cx, opened.ws, &Actor::Customer, PersonId::from_uuid(person.id)).await?;
            Some(State::Erased)
        }
        Some(_) => Some(State::Unsure),
        None => None,
    };
    Ok(Some(view(cx, &opened, persons.first(), state).await?))
}

async fn view(cx: &Ctx, opened: &Opened, person: Option<&persons::Model>, state: Option<State>) -> Result<View, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), opened.ws).await?;
    let tag = person.and_then(|person| person.locale.as_ref()).unwrap_or(&workspace.locale);
    let language = cx.templates.languages().get(&Locale::parse(tag).unwrap_or_default());
    let company = |name: &str| (name == "company").then_some(workspace.name.as_str());
    let say = |key: &str| language.phrase(&format!("own_data.{key}")).and_then(|phrase| phrase.fill(company).ok()).unwrap_or_default();
    let token = cx.settings.secret_key.sign(Purpose::Unsubscribe, opened.ws.uuid(), opened.id.uuid());
    let found = match person {
        None => State::Erased,
        Some(_) if !opened.works => State::Expired,
        Some(_) => State::Ready,
    };
    Ok(View {
        lang: language.code().to_owned(),
        company: workspace.name.clone(),
        words: WORDS.into_iter().map(|key| (key, say(key))).collect(),
        state: state.unwrap_or(found),
        again: format!("/u/{token}"),
        sections: Vec::new(),
    })
}
