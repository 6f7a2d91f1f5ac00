//! Addresses that must not be mailed: a customer who wants no more, known by the link that each mail carries, or by our own decision.
//!
//! Owns: what the link is good for, and the words of its page in the customer's language. Refuses to know: HTTP.

use std::collections::BTreeSet;

use hearback_core::{
    Email, Locale,
    id::{PersonId, WorkspaceId},
    text,
    token::Purpose,
};
use hearback_store::{bulk, lists, persons, suppressions, time::millis, workspaces};
use serde::Serialize;

use crate::{Ctx, EngineError, error::Fields};

/// What the page says, in the language of the person it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Language of the words.
    pub lang: String,
    /// Heading.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// The button.
    pub confirm: String,
    /// What is said afterwards.
    pub done: String,
    /// Name under which we write.
    pub company: String,
}

/// What the page behind a link says; `None` for a link that is not ours. Changes nothing.
pub async fn words(cx: &Ctx, token: &str) -> Result<Option<Words>, EngineError> {
    let Some((ws, id)) = open(cx, token) else { return Ok(None) };
    let person = persons::resolved(cx.db.read(), ws, id).await?;
    words_for(cx, ws, person.as_ref()).await
}

/// Stops mail to the person behind a link, once and for all; doing it again changes nothing. `None` for a link that is not ours.
pub async fn unsubscribe(cx: &Ctx, token: &str) -> Result<Option<Words>, EngineError> {
    let Some((ws, id)) = open(cx, token) else { return Ok(None) };
    let named = persons::by_id(cx.db.read(), ws, id).await?;
    let person = persons::resolved(cx.db.read(), ws, id).await?;
    // Both addresses of somebody who was merged; somebody who was erased is not mailed anyway.
    let addresses: BTreeSet<String> = [&named, &person].into_iter().flatten().filter_map(|row| row.email.clone()).collect();
    let row = |address| suppressions::Model {
        workspace_id: ws.uuid(),
        address,
        reason: "unsubscribed".to_owned(),
        created_at: millis(cx.now()),
        note: None,
    };
    let rows: Vec<suppressions::Model> = addresses.into_iter().map(row).collect();
    if !rows.is_empty() {
        let tx = cx.db.write().await?;
        bulk::insert_missing::<suppressions::Entity>(&tx, &rows).await?;
        tx.commit().await?;
    }
    words_for(cx, ws, person.as_ref()).await
}

/// Adds an address that must not be mailed, for a reason of ours. One that is there already stays as it is.
pub async fn suppress(cx: &Ctx, ws: WorkspaceId, address: &str, note: Option<&str>) -> Result<suppressions::Model, EngineError> {
    let mut fields = Fields::default();
    let address = fields.check("address", Email::parse(address));
    let note = fields.check_some("note", note.filter(|note| !note.trim().is_empty()), |note| text::line(note, text::MAX_PROPERTY));
    fields.done()?;
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let row = suppressions::Model {
        workspace_id: ws.uuid(),
        address: address.clone(),
        reason: "manual".to_owned(),
        created_at: millis(cx.now()),
        note,
    };
    let tx = cx.db.write().await?;
    bulk::insert_missing::<suppressions::Entity>(&tx, std::slice::from_ref(&row)).await?;
    tx.commit().await?;
    Ok(lists::suppression(cx.db.read(), ws, &address).await?.unwrap_or(row))
}

fn open(cx: &Ctx, token: &str) -> Option<(WorkspaceId, PersonId)> {
    let (ws, person) = cx.settings.secret_key.verify(Purpose::Unsubscribe, token)?;
    Some((WorkspaceId::from_uuid(ws), PersonId::from_uuid(person)))
}

async fn words_for(cx: &Ctx, ws: WorkspaceId, person: Option<&persons::Model>) -> Result<Option<Words>, EngineError> {
    let Some(workspace) = workspaces::by_id(cx.db.read(), ws).await? else { return Ok(None) };
    let tag = person.and_then(|person| person.locale.clone()).unwrap_or(workspace.locale);
    let language = cx.templates.languages().get(&Locale::parse(&tag).unwrap_or_default());
    let say = |key: &str| language.phrase(key).and_then(|phrase| phrase.fill(|_| None).ok()).unwrap_or_default();
    Ok(Some(Words {
        lang: language.code().to_owned(),
        title: say("unsubscribe.title"),
        question: say("unsubscribe.question"),
        confirm: say("unsubscribe.confirm"),
        done: say("unsubscribe.done"),
        company: workspace.name,
    }))
}
