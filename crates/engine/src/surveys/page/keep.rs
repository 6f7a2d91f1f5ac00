//! Storing what was said by hand as an answer, and what was not as an unconfirmed score.

use hearback_core::{
    Score,
    id::{InvitationId, ResponseId},
    survey::Answers,
    text::{self, MAX_COMMENT},
    token::fingerprint,
};
use hearback_rules::Property;
use hearback_store::{responses, time::millis, unconfirmed as store};

use super::{
    door::{Asked, Who, key as invitation_key},
    form::{Form, Part},
    ticket::Ticket,
};
use crate::{
    Ctx, EngineError,
    customers::people::{CheckedPerson, NewPerson, check_person},
    error::Fields,
    reading::Survey,
    responses::{
        Responses,
        correct::{correct_response, read_answers},
        intake::Entry,
        submit::{CheckedResponse, Correction, FollowUp, Settles},
    },
};

/// What somebody said so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    score: Option<i64>,
    pub(super) comment: String,
    pub(super) answers: Answers,
    pub(super) may_contact: bool,
    /// Whether any of it is kept already.
    pub(super) is_kept: bool,
}

impl Stored {
    pub(super) fn of(row: &responses::Model) -> Self {
        Self {
            score: Some(row.score),
            comment: row.comment.clone().unwrap_or_default(),
            answers: read_answers(row),
            may_contact: row.may_contact.unwrap_or_default(),
            is_kept: true,
        }
    }

    /// With what a form says besides. On later screens the score is the one that was kept: another window may have changed it.
    pub(super) fn with(self, form: &Form) -> Self {
        Self {
            score: if form.part == Part::Score { form.score } else { self.score.or(form.score) },
            comment: form.comment.clone().unwrap_or(self.comment),
            may_contact: if form.says_why() { form.may_contact } else { self.may_contact },
            ..self
        }
    }

    pub(super) fn score(&self, survey: &Survey) -> Option<Score> {
        Score::new(survey.scale, self.score?).ok()
    }
}

/// What an answer is stored under; `None` where nothing is.
fn key(asked: &Asked, ticket: &Ticket) -> Option<String> {
    match &asked.who {
        Who::Invited { invitation, .. } => Some(invitation_key(invitation.id)),
        Who::Passerby { .. } => Some(ticket.key()),
        Who::Preview => None,
    }
}

/// What was said on earlier screens of this walk.
pub(super) async fn find(cx: &Ctx, asked: &Asked, ticket: &Ticket) -> Result<Stored, EngineError> {
    if let Some(row) = asked.stored() {
        return Ok(Stored::of(row));
    }
    let row = match &asked.who {
        Who::Passerby { .. } => responses::by_key(cx.db.read(), asked.workspace.id, &ticket.key()).await?,
        Who::Invited { .. } | Who::Preview => None,
    };
    Ok(row.as_ref().map(Stored::of).unwrap_or_default())
}

/// Keeps a score that nobody confirmed, apart from all answers. What was confirmed once is not doubted again.
pub(super) async fn unconfirmed(cx: &Ctx, asked: &Asked, score: Score, form: &Form) -> Result<(), EngineError> {
    let Who::Invited { invitation, person, stored: None, .. } = &asked.who else { return Ok(()) };
    let now = millis(cx.now());
    let row = store::Model {
        workspace_id: asked.workspace.id.uuid(),
        invitation_id: invitation.id,
        survey_id: invitation.survey_id,
        person_id: person.id,
        score: i64::from(score.value()),
        comment: form.comment.as_deref().and_then(|comment| text::block(comment, MAX_COMMENT).ok().flatten()),
        answers: None,
        tries: 1,
        given_at: now,
        last_at: now,
    };
    let tx = cx.db.write().await?;
    store::note(&tx, row).await?;
    tx.commit().await?;
    Ok(())
}

/// Keeps what was said: a new answer, or a new revision of the one that this walk or invitation has.
pub(super) async fn keep(
    cx: &Responses,
    asked: &Asked,
    ticket: &Ticket,
    score: Score,
    change: &Correction,
    settles: Settles,
) -> Result<(), EngineError> {
    let Some(key) = key(asked, ticket) else { return Ok(()) };
    let ws = asked.workspace.id;
    if let Some(row) = responses::by_key(cx.db.read(), ws, &key).await? {
        return correct_response(cx, ws, ResponseId::from_uuid(row.id), change.clone(), settles).await.map(|_| ());
    }
    let entry = Entry::new(ws, checked(asked, &key, score, change, settles)?, FollowUp::On);
    match cx.intake.store(vec![entry]).await.pop().unwrap_or(Err(EngineError::Busy)) {
        Err(EngineError::Conflict { .. }) => {
            // The form was sent twice at the same moment, with a difference: the other one was first.
            let row = responses::by_key(cx.db.read(), ws, &key).await?.ok_or(EngineError::Busy)?;
            correct_response(cx, ws, ResponseId::from_uuid(row.id), change.clone(), settles).await.map(|_| ())
        }
        stored => stored.map(|_| ()),
    }
}

fn checked(asked: &Asked, key: &str, score: Score, change: &Correction, settles: Settles) -> Result<CheckedResponse, EngineError> {
    let sent = (score.value(), &change.comment, &change.answers, change.may_contact);
    let (person, invitation, channel) = match &asked.who {
        Who::Invited { invitation, person, .. } => {
            (known(&person.key), Some(InvitationId::from_uuid(invitation.id)), invitation.channel.as_str())
        }
        Who::Passerby { kiosk, reference, .. } => {
            (stranger(asked, reference.as_deref())?, None, if kiosk.is_some() { "kiosk" } else { "link" })
        }
        Who::Preview => return Err(EngineError::conflict("nothing is stored of a preview")),
    };
    Ok(CheckedResponse {
        survey: asked.survey.clone(),
        score,
        comment: change.comment.as_deref().and_then(|comment| text::block(comment, MAX_COMMENT).ok().flatten()),
        person,
        external_id: None,
        idem_key: Some(key.to_owned()),
        answers: asked.survey.body.check_answers(score.segment(), change.answers.clone().unwrap_or_default()).unwrap_or_default(),
        may_contact: change.may_contact,
        invitation,
        settles,
        responded_at: None,
        channel: channel.to_owned(),
        body_hash: fingerprint(&serde_json::to_string(&sent).unwrap_or_default()),
        past: None,
    })
}

/// Somebody who is stored, as they are.
fn known(key: &str) -> CheckedPerson {
    CheckedPerson {
        key: key.to_owned(),
        email: None,
        external_id: None,
        name: None,
        locale: None,
        timezone: None,
        account: None,
        owner: None,
        properties: std::collections::BTreeMap::new(),
        opted_out: None,
        taken: std::collections::BTreeSet::new(),
        past: None,
    }
}

fn stranger(asked: &Asked, reference: Option<&str>) -> Result<CheckedPerson, EngineError> {
    let properties = reference.map(|text| ("ref".to_owned(), Property::Text(text.to_owned()))).into_iter().collect();
    let mut fields = Fields::default();
    let person = check_person(&mut fields, NewPerson { locale: asked.lang.clone(), properties, ..NewPerson::default() });
    fields.done()?;
    Ok(person)
}
