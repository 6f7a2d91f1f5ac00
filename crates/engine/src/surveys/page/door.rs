//! Where a link of a survey leads: to whom it belongs, and whether it can still be answered.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hearback_core::{
    Locale,
    campaign::Reason,
    id::{InvitationId, PersonId, SurveyId, WorkspaceId},
    state::{InvitationState, WaveStatus},
    survey::Body,
    text::{self, MAX_LINE},
    token::Purpose,
};
use hearback_store::{invitations, persons, responses, surveys, time::from_millis, waves, workspaces};
use uuid::Uuid;

use super::Wish;
use crate::{Ctx, EngineError, reading::Survey, workspace::Workspace};

/// A survey, and who is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) workspace: Arc<Workspace>,
    pub(super) survey: Survey,
    pub(super) who: Who,
    /// Language of the page.
    pub(super) lang: Option<String>,
}

#[derive(Debug)]
pub(super) enum Who {
    /// Somebody by name, until then.
    Invited {
        invitation: Box<invitations::Model>,
        person: Box<persons::Model>,
        stored: Option<Box<responses::Model>>,
        until: DateTime<Utc>,
    },
    /// Whoever comes by.
    Passerby { kiosk: Option<String>, reference: Option<String> },
    /// One of ours, who looks at what customers will see.
    Preview,
}

/// What a link leads to.
#[derive(Debug)]
pub(super) enum Found {
    Open(Box<Asked>),
    Closed(Box<Asked>),
    Unknown,
}

impl Asked {
    /// What the tickets of this page are about.
    pub(super) fn subject(&self) -> Uuid {
        match &self.who {
            Who::Invited { invitation, .. } => invitation.id,
            Who::Passerby { .. } | Who::Preview => self.survey.id.uuid(),
        }
    }

    pub(super) const fn is_public(&self) -> bool {
        matches!(self.who, Who::Passerby { .. })
    }

    pub(super) const fn is_preview(&self) -> bool {
        matches!(self.who, Who::Preview)
    }

    /// What was answered before, as stored.
    pub(super) fn stored(&self) -> Option<&responses::Model> {
        match &self.who {
            Who::Invited { stored, .. } => stored.as_deref(),
            Who::Passerby { .. } | Who::Preview => None,
        }
    }

    /// Nobody can write to somebody without a name.
    pub(super) fn offers_contact(&self) -> bool {
        self.survey.body.ask_contact && !self.is_public()
    }
}

/// What an answer to an invitation is stored under.
pub(super) fn key(invitation: Uuid) -> String {
    format!("invitation/{invitation}")
}

pub(super) async fn by_token(cx: &Ctx, token: &str, wish: &Wish) -> Result<Found, EngineError> {
    let key = &cx.settings.secret_key;
    if let Some((ws, id)) = key.verify(Purpose::Survey, token) {
        return invited(cx, WorkspaceId::from_uuid(ws), InvitationId::from_uuid(id), wish).await;
    }
    match key.verify(Purpose::Preview, token) {
        Some((ws, id)) => preview(cx, WorkspaceId::from_uuid(ws), SurveyId::from_uuid(id), wish).await,
        None => Ok(Found::Unknown),
    }
}

async fn invited(cx: &Ctx, ws: WorkspaceId, id: InvitationId, wish: &Wish) -> Result<Found, EngineError> {
    let db = cx.db.read();
    let Some(invitation) = invitations::by_id(db, ws, id).await? else { return Ok(Found::Unknown) };
    let workspace = cx.workspaces.get(db, ws).await?;
    let survey = match workspace.needed_survey(invitation.survey_id) {
        Ok(survey) => Some(survey.clone()),
        Err(EngineError::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let person = persons::resolved(db, ws, PersonId::from_uuid(invitation.person_id)).await?;
    let (Some(survey), Some(person)) = (survey, person) else { return Ok(Found::Unknown) };
    let wave = match invitation.wave_id {
        Some(wave) => waves::by_id(db, ws, hearback_core::id::WaveId::from_uuid(wave)).await?,
        None => None,
    };
    let until = until(&invitation, &survey.body);
    // Who holds a link to what we believe not to have sent got it from the house that this one was restored from.
    let was_skipped = invitation.reason.as_deref() == Some(Reason::Skipped.as_str());
    let is_over = survey.closed
        || (matches!(*invitation.state, InvitationState::Cancelled | InvitationState::NotAsked | InvitationState::Expired) && !was_skipped)
        || wave.is_some_and(|wave| wave.status == WaveStatus::Cancelled)
        || until <= cx.now()
        || is_erased(&person);
    let stored = match invitation.response_id {
        Some(_) => responses::by_key(db, ws, &key(invitation.id)).await?.map(Box::new),
        None => None,
    };
    let lang = wish.lang.clone().or_else(|| person.locale.clone()).or_else(|| if is_over { spoken(cx, wish) } else { None });
    let who = Who::Invited { invitation: Box::new(invitation), person: Box::new(person), stored, until };
    let asked = Box::new(Asked { workspace, survey, who, lang });
    Ok(if is_over { Found::Closed(asked) } else { Found::Open(asked) })
}

/// Until when a link can be answered, where nobody said so when it was made.
fn until(invitation: &invitations::Model, body: &Body) -> DateTime<Utc> {
    let from = invitation.sent_at.unwrap_or(invitation.due_at);
    from_millis(invitation.expires_at.unwrap_or_else(|| from + TimeDelta::days(i64::from(body.answer_days)).num_milliseconds()))
}

/// Nothing of somebody who was erased is left but a number.
fn is_erased(person: &persons::Model) -> bool {
    person.email.is_none() && person.external_id.is_none() && person.key == format!("anon:{}", person.id)
}

/// Drafts can be looked at too: they are not among what the workspace shows to customers.
async fn preview(cx: &Ctx, ws: WorkspaceId, id: SurveyId, wish: &Wish) -> Result<Found, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let Some(row) = surveys::by_id(cx.db.read(), ws, id).await? else { return Ok(Found::Unknown) };
    let survey = Survey { closed: false, ..crate::reading::survey(&row).map_err(hearback_store::StoreError::from)? };
    Ok(Found::Open(Box::new(Asked { workspace, survey, who: Who::Preview, lang: wish.lang.clone() })))
}

/// `SURVEY` of the workspace `default`, or `WORKSPACE~SURVEY`.
pub(super) async fn by_name(cx: &Ctx, name: &str, wish: &Wish) -> Result<Found, EngineError> {
    let (workspace, survey) = name.split_once('~').unwrap_or(("default", name));
    let Some(row) = workspaces::by_key(cx.db.read(), workspace).await? else { return Ok(Found::Unknown) };
    let workspace = cx.workspaces.get(cx.db.read(), WorkspaceId::from_uuid(row.id)).await?;
    workspace.can_read(survey)?;
    let survey = workspace.surveys.get(survey).or_else(|| workspace.closed(survey)).filter(|survey| survey.body.public).cloned();
    let Some(survey) = survey else { return Ok(Found::Unknown) };
    let lang = wish.lang.clone().or_else(|| spoken(cx, wish));
    let reference = wish.reference.as_deref().and_then(|text| text::line(text, MAX_LINE).ok());
    let who = Who::Passerby { kiosk: wish.kiosk.clone(), reference };
    let asked = Box::new(Asked { workspace, survey, who, lang });
    Ok(if asked.survey.closed { Found::Closed(asked) } else { Found::Open(asked) })
}

/// The first language of the visitor's that we speak.
fn spoken(cx: &Ctx, wish: &Wish) -> Option<String> {
    let known = |tag: &&String| {
        let language = Locale::parse(tag).ok().map(|locale| locale.language().to_owned());
        language.is_some_and(|language| cx.templates.languages().all().any(|known| known.code() == language))
    };
    wish.languages.iter().find(known).cloned()
}
