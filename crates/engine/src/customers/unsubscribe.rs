//! What a customer decides by the link that each mail carries: no more mail, none about one survey, in which language.
//!
//! Owns: what the link is good for. Looking changes nothing; the link is the permission. Refuses to know: HTTP, and the words
//! of the page ([`crate::customers::preferences`]).

use std::collections::BTreeSet;

use hearback_core::{
    id::{PersonId, WorkspaceId},
    token::Purpose,
};
use hearback_store::{Tx, bulk, persons, preferences as stored, time::millis};

use crate::{
    Ctx, EngineError,
    customers::{
        own_data::{self, Wish},
        preferences::{View, surveys, view},
        suppressions::{self, OptOut},
    },
};

/// What a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// No mail at all; also what the one-click button of mail programs asks for (RFC 8058).
    StopAll,
    /// Mail again. Not after a complaint, and not to a mailbox that does not exist.
    Resume,
    /// No mail about one survey, by key.
    StopSurvey(String),
    /// Mail about that survey again.
    ResumeSurvey(String),
    /// Mail in this language.
    Language(String),
    /// To see or to delete what we keep: a mail to their own address leads on.
    OwnData(Wish),
}

/// The page behind a link; `None` for a link that is not ours. Changes nothing.
pub async fn look(cx: &Ctx, token: &str) -> Result<Option<View>, EngineError> {
    let Some((ws, id)) = open(cx, token) else { return Ok(None) };
    view(cx, ws, id, "").await
}

/// Does what the person behind a link asks for; asking twice changes nothing more. `None` for a link that is not ours.
pub async fn choose(cx: &Ctx, token: &str, choice: &Choice) -> Result<Option<View>, EngineError> {
    let Some((ws, id)) = open(cx, token) else { return Ok(None) };
    if let Choice::OwnData(wish) = choice {
        let known = persons::resolved(cx.db.read(), ws, id).await?.map_or(id, |person| PersonId::from_uuid(person.id));
        let is_sent = own_data::request(cx, ws, known, *wish).await?;
        return view(cx, ws, id, if is_sent { "own_sent" } else { "own_blocked" }).await;
    }
    // Of somebody who was merged both rows, as each has an address of its own.
    let now_known_as = persons::resolved(cx.db.read(), ws, id).await?.map(|person| PersonId::from_uuid(person.id));
    let both: BTreeSet<PersonId> = now_known_as.into_iter().chain([id]).collect();
    let tx = cx.db.write().await?;
    for id in both {
        // Somebody who was erased has no address any more, and is not mailed anyway.
        if let Some(person) = persons::lock(&tx, ws, id).await? {
            apply(cx, &tx, ws, person, choice).await?;
        }
    }
    tx.commit().await?;
    let done = match choice {
        Choice::StopAll => "done",
        Choice::Resume => "resumed",
        Choice::StopSurvey(_) | Choice::ResumeSurvey(_) | Choice::Language(_) | Choice::OwnData(_) => "saved",
    };
    view(cx, ws, id, done).await
}

async fn apply(cx: &Ctx, tx: &Tx, ws: WorkspaceId, person: persons::Model, choice: &Choice) -> Result<(), EngineError> {
    let (id, now) = (PersonId::from_uuid(person.id), cx.now());
    match choice {
        Choice::StopAll => {
            suppressions::opt_out(tx, ws, id, OptOut::Unsubscribed, now).await?;
        }
        Choice::Resume => suppressions::taken_back(tx, &person).await?,
        Choice::StopSurvey(key) => {
            if surveys(cx, ws).await?.contains_key(key) {
                let row = stored::Model { workspace_id: ws.uuid(), person_id: person.id, survey_key: key.clone(), stopped_at: millis(now) };
                bulk::insert_missing::<stored::Entity>(tx, &[row]).await?;
            }
        }
        Choice::ResumeSurvey(key) => stored::remove(tx, ws, id, key).await?,
        Choice::Language(code) => {
            let known = cx.templates.languages().all().any(|language| language.code() == code);
            // An erased person stays without any property.
            if known && person.email.is_some() {
                persons::save(tx, persons::Model { locale: Some(code.clone()), updated_at: millis(now), ..person }).await?;
            }
        }
        Choice::OwnData(_) => {}
    }
    Ok(())
}

fn open(cx: &Ctx, token: &str) -> Option<(WorkspaceId, PersonId)> {
    let (ws, person) = cx.settings.secret_key.verify(Purpose::Unsubscribe, token)?;
    Some((WorkspaceId::from_uuid(ws), PersonId::from_uuid(person)))
}
