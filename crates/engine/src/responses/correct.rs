//! Changing an answer: a new revision. What waits from the old one is cancelled, what it did is kept, and the rules are
//! asked anew.

mod pending;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, Counts, Score, Segment, case,
    id::{CaseId, JobId, ResponseId, WorkspaceId},
    survey::Answers,
    text,
    timeline::Entry,
};
use hearback_rules::Trigger;
use hearback_store::{
    Tx, cases, ingest,
    outbox::{self, Job},
    responses,
    snapshot::{self, CaseRows},
    time::{from_millis, millis},
};

use crate::{
    Actor, Ctx, EngineError,
    automation::{apply::Changes, decide::decide},
    error::Fields,
    reading::Survey,
    responses::{
        intake::{answers_column, receipt_of},
        submit::{Correction, Receipt, Settles},
    },
    rows::{self, clocks, core_case, event, write_case},
    team::roster::Roster,
    trigger_events::TriggerEvent,
    workspace::Workspace,
};

/// An answer as it is to be stored.
struct Revised {
    score: Score,
    comment: Option<String>,
    answers: Option<String>,
    may_contact: Option<bool>,
}

/// Changes an answer. Asking for what is stored already changes nothing and makes no revision; whether the customer is done
/// is noted all the same.
pub async fn correct_response(
    cx: &Ctx,
    ws: WorkspaceId,
    id: ResponseId,
    change: Correction,
    settles: Settles,
) -> Result<Receipt, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let missing = || EngineError::not_found("response", id);
    let case = snapshot::case_of_response(&*tx, ws.uuid(), id.uuid()).await?.ok_or_else(missing)?;
    let mut rows = snapshot::case(&*tx, ws.uuid(), case.id).await?.ok_or_else(missing)?;
    let survey = workspace.needed_survey(rows.case.survey_id)?;
    let revised = check(survey, &rows.response, change)?;
    if revised.says_the_same(&rows.response) {
        return unchanged(cx, tx, ws, &rows.response, settles).await;
    }
    let before = rows.response.clone();
    // Teams are taken before the counters: everybody takes the two in this order.
    let roster = Roster::load(&tx, &workspace, &workspace.asked, cx.now()).await?;
    let mut changes = Changes { roster, ..Changes::default() };
    let segment = revised.score.segment();
    revise(cx, &mut rows, revised);
    count(&tx, survey, &before, &rows.response).await?;
    note(&rows, &before, &mut changes, cx.now());
    pending::cancel(cx, &tx, &mut rows, &before, &mut changes).await?;
    move_case(cx.now(), &workspace, &mut rows, &before, segment);
    follow_up(cx, &tx, &workspace, &mut rows, &before, settles, &mut changes).await?;
    cases::save(&tx, rows.case.clone()).await?;
    responses::save(&tx, rows.response.clone()).await?;
    changes.write(&tx, ws.uuid(), cx.now()).await?;
    let receipt = receipt_of(&*tx, &rows.response).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(receipt)
}

/// Nothing is said anew; somebody who is done need not wait until their answer has rested.
async fn unchanged(cx: &Ctx, tx: Tx, ws: WorkspaceId, stored: &responses::Model, settles: Settles) -> Result<Receipt, EngineError> {
    let receipt = receipt_of(&*tx, stored).await?;
    if settles == Settles::AtOnce && outbox::hasten(&tx, ws, JobId::beside(&settle_cause(stored)), cx.now()).await? {
        tx.commit().await?;
        cx.wake.notify_one();
    }
    Ok(receipt)
}

/// What makes the job that settles a revision, once.
pub(crate) fn settle_cause(response: &responses::Model) -> String {
    format!("settle/{}/{}", response.id, response.revision)
}

fn check(survey: &Survey, stored: &responses::Model, change: Correction) -> Result<Revised, EngineError> {
    let mut fields = Fields::default();
    let score = fields.check("score", Score::new(survey.scale, change.score.unwrap_or(stored.score)));
    let comment = match change.comment {
        Some(comment) => fields.check("comment", text::block(&comment, text::MAX_COMMENT)).flatten(),
        None => stored.comment.clone(),
    };
    let answers = score.map(|score| merged(survey, score.segment(), stored, change.answers.unwrap_or_default(), &mut fields));
    fields.done()?;
    let score = score.ok_or_else(|| EngineError::field("score", "could not be read"))?;
    let answers = answers.and_then(|answers| answers_column(&answers));
    Ok(Revised { score, comment, answers, may_contact: change.may_contact.or(stored.may_contact) })
}

/// What was answered before with what is answered now; questions that somebody with this score is not asked are left out.
fn merged(survey: &Survey, segment: Segment, stored: &responses::Model, sent: Answers, fields: &mut Fields) -> Answers {
    let mut answers = read_answers(stored);
    let asked = |key: &str| survey.body.questions_for(segment).any(|question| question.key == key);
    answers.retain(|key, _| asked(key) && !sent.contains_key(key));
    match survey.body.check_answers(segment, sent) {
        Ok(checked) => answers.extend(checked),
        Err(refused) => fields.refuse_all(refused),
    }
    answers
}

/// Answers to further questions, as stored.
pub fn read_answers(row: &responses::Model) -> Answers {
    row.answers.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

impl Revised {
    fn says_the_same(&self, stored: &responses::Model) -> bool {
        i64::from(self.score.value()) == stored.score
            && self.comment == stored.comment
            && self.answers == stored.answers
            && self.may_contact == stored.may_contact
    }
}

fn revise(cx: &Ctx, rows: &mut CaseRows, revised: Revised) {
    rows.response.score = i64::from(revised.score.value());
    revised.score.segment().as_str().clone_into(&mut rows.response.segment);
    rows.response.comment = revised.comment;
    rows.response.answers = revised.answers;
    rows.response.may_contact = revised.may_contact;
    rows.response.revision += 1;
    rows.response.updated_at = millis(cx.now());
}

/// The timeline tells of it, unless somebody only went on answering.
fn note(rows: &CaseRows, before: &responses::Model, changes: &mut Changes, now: DateTime<Utc>) {
    let after = &rows.response;
    if before.settled_at.is_none() && before.score == after.score {
        return;
    }
    let corrected = Entry::Corrected {
        from: before.score,
        to: after.score,
        revision: after.revision,
        comment: before.comment != after.comment,
        answers: before.answers != after.answers,
    };
    changes.events.push(event(&rows.case, &Actor::Customer, &corrected, now));
}

/// The roll-up of the hour of the answer loses the old value and gains the new one.
async fn count(tx: &Tx, survey: &Survey, before: &responses::Model, after: &responses::Model) -> Result<(), EngineError> {
    let of = |row: &responses::Model| Counts::of(Score::new(survey.scale, row.score).ok(), row.comment.is_some());
    let delta = of(after) - of(before);
    if delta == Counts::default() {
        return Ok(());
    }
    let key = (after.survey_id, ingest::hour(after.answered_at));
    Ok(ingest::add_rollups(tx, after.workspace_id, &BTreeMap::from([(key, delta)])).await?)
}

/// The new segment decides what closing takes; a case that becomes a detractor's starts its clocks now.
fn move_case(now: DateTime<Utc>, workspace: &Workspace, rows: &mut CaseRows, before: &responses::Model, segment: Segment) {
    rows.case.score = rows.response.score;
    rows.case.revision = rows.response.revision;
    rows.case.updated_at = millis(now);
    let history = rows.case.first_contact_due_at.is_none();
    if history {
        segment.as_str().clone_into(&mut rows.case.segment);
        return;
    }
    let human_contact = rows.case.contacts > 0;
    let before_step = core_case(&rows.case);
    segment.as_str().clone_into(&mut rows.case.segment);
    let terms = workspace.terms(&rows.case);
    if let Ok(next) = case::step(&before_step, &CaseEvent::Corrected(segment), terms, now) {
        write_case(next, &mut rows.case);
    }
    if before.segment != rows.response.segment {
        rows.case.acknowledged_at = None;
        if !human_contact {
            rows.case.first_contact_at = None;
        }
        clocks::start(&mut rows.case, terms, now);
    }
}

/// Asks the rules about the new revision, at once or after it has rested. An answer that they never saw is new to them.
async fn follow_up(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    before: &responses::Model,
    settles: Settles,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    if rows.case.first_contact_due_at.is_none() {
        return Ok(());
    }
    let revision = rows::small(rows.response.revision);
    if let Some(due) = settles.at(cx, &rows.response.channel, from_millis(rows.response.updated_at)) {
        let case = CaseId::from_uuid(rows.case.id);
        let job = Job::Settle { case, revision };
        changes.jobs.push(outbox::row(workspace.id, &job, &settle_cause(&rows.response), due, cx.now(), Some((case, revision))));
        return Ok(());
    }
    let occasion = match before.settled_at {
        Some(_) => TriggerEvent { previous_score: u8::try_from(before.score).ok(), ..Trigger::ResponseCorrected.into() },
        None => Trigger::ResponseSettled.into(),
    };
    decide(cx, tx, workspace, rows, occasion, changes).await?;
    rows.response.settled_at = before.settled_at.or(Some(millis(cx.now())));
    Ok(())
}
