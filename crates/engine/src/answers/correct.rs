//! Changing an answer: a new revision. What waits from the old one is cancelled, what it did is kept, and the rules are
//! asked anew.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, Counts, Score, Segment, case,
    id::{CaseId, DeliveryId, ResponseId, WorkspaceId},
    text,
};
use hearback_rules::{StepRef, Trigger};
use hearback_store::{
    Tx, cases, ingest, ledger,
    outbox::{self, Job},
    responses,
    snapshot::{self, CaseRows},
    time::{from_millis, millis},
};
use serde_json::{Value, json};

use crate::{
    Actor, Ctx, EngineError,
    apply::{Changes, event},
    clocks,
    decide::{Occasion, decide},
    error::Fields,
    facts,
    intake::receipt_of,
    pools,
    roster::Roster,
    submit::{Correction, Receipt},
    work::{core_case, write_case},
    workspace::{Survey, Workspace},
};

/// Changes an answer. Asking for what is stored already changes nothing and makes no revision.
pub async fn correct_response(cx: &Ctx, ws: WorkspaceId, id: ResponseId, change: Correction) -> Result<Receipt, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let tx = cx.db.write().await?;
    let missing = || EngineError::not_found("response", id);
    let case = snapshot::case_of_response(&*tx, ws.uuid(), id.uuid()).await?.ok_or_else(missing)?;
    let mut rows = snapshot::case(&*tx, ws.uuid(), case.id).await?.ok_or_else(missing)?;
    let survey = workspace.survey(rows.case.survey_id).ok_or_else(|| EngineError::not_found("survey", rows.case.survey_id))?;
    let (score, comment) = check(survey, &rows.response, change)?;
    if i64::from(score.value()) == rows.response.score && comment == rows.response.comment {
        return receipt_of(&*tx, &rows.response).await;
    }
    let before = rows.response.clone();
    // Teams are taken before the counters: everybody takes the two in this order.
    let roster = Roster::load(&tx, &workspace, &workspace.asked, cx.now()).await?;
    let mut changes = Changes { roster, ..Changes::default() };
    revise(cx, &mut rows, score, comment);
    count(&tx, survey, &before, &rows.response).await?;
    cancel_pending(cx, &tx, &mut rows, &before, &mut changes).await?;
    move_case(cx.now(), &workspace, &mut rows, &before, score.segment());
    follow_up(cx, &tx, &workspace, &mut rows, &before, &mut changes).await?;
    cases::save(&tx, rows.case.clone()).await?;
    responses::save(&tx, rows.response.clone()).await?;
    changes.write(&tx, ws.uuid(), cx.now()).await?;
    let receipt = receipt_of(&*tx, &rows.response).await?;
    tx.commit().await?;
    cx.wake.notify_one();
    Ok(receipt)
}

fn check(survey: &Survey, stored: &responses::Model, change: Correction) -> Result<(Score, Option<String>), EngineError> {
    let mut fields = Fields::default();
    let score = fields.check("score", Score::new(survey.scale, change.score.unwrap_or(stored.score)));
    let comment = match change.comment {
        Some(comment) => fields.check("comment", text::block(&comment, text::MAX_COMMENT)).flatten(),
        None => stored.comment.clone(),
    };
    fields.done()?;
    let score = score.ok_or_else(|| EngineError::field("score", "could not be read"))?;
    Ok((score, comment))
}

fn revise(cx: &Ctx, rows: &mut CaseRows, score: Score, comment: Option<String>) {
    rows.response.score = i64::from(score.value());
    score.segment().as_str().clone_into(&mut rows.response.segment);
    rows.response.comment = comment;
    rows.response.revision += 1;
    rows.response.updated_at = millis(cx.now());
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

/// What waits from earlier revisions must not happen any more; the timeline says what that was.
async fn cancel_pending(
    cx: &Ctx,
    tx: &Tx,
    rows: &mut CaseRows,
    before: &responses::Model,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    let now = cx.now();
    let actor = Actor::Customer;
    let corrected = json!({
        "from": before.score, "to": rows.response.score, "revision": rows.response.revision,
        "comment": before.comment != rows.response.comment,
    });
    changes.events.push(event(&rows.case, "corrected", &actor, &corrected, now));
    let ws = WorkspaceId::from_uuid(rows.case.workspace_id);
    let why = format!("the answer was changed from {} to {}", before.score, rows.response.score);
    let cancelled = outbox::cancel_older(tx, ws, CaseId::from_uuid(rows.case.id), facts::small(rows.response.revision), &why, now).await?;
    let jobs: Vec<Job> = cancelled.iter().filter_map(|row| serde_json::from_str(&row.payload).ok()).collect();
    let mails: Vec<uuid::Uuid> = jobs.iter().filter_map(mail_of).map(DeliveryId::uuid).collect();
    let called_off = ledger::cancel(tx, ws.uuid(), &mails, millis(now)).await?;
    if !called_off.is_empty() {
        changes.events.extend(pools::take_back(cx, tx, ws.uuid(), &[rows.case.id], now).await?);
    }
    let what = describe(tx, rows, &jobs).await?;
    if !what.is_empty() {
        changes.events.push(event(&rows.case, "cancelled", &Actor::System, &json!({ "steps": what, "why": why }), now));
    }
    Ok(())
}

const fn mail_of(job: &Job) -> Option<DeliveryId> {
    match job {
        Job::Mail { delivery } | Job::Post { delivery } => Some(*delivery),
        Job::Step { .. } | Job::Settle { .. } | Job::Ask { .. } | Job::Noop => None,
    }
}

/// What the cancelled jobs would have done, for the timeline.
async fn describe(tx: &Tx, rows: &CaseRows, jobs: &[Job]) -> Result<Vec<Value>, EngineError> {
    let (_, deliveries) = snapshot::work_of_case(&**tx, rows.case.workspace_id, rows.case.id).await?;
    let mut what = Vec::new();
    for job in jobs {
        match job {
            Job::Mail { delivery } => {
                let kind = deliveries.iter().find(|mail| mail.id == delivery.uuid()).map(|mail| mail.kind.clone());
                what.push(json!({ "do": "send_mail", "template": kind }));
            }
            Job::Post { delivery } => {
                let to = deliveries.iter().find(|message| message.id == delivery.uuid()).map(|message| message.to_address.clone());
                what.push(json!({ "do": "call_webhook", "webhook": to }));
            }
            Job::Step { step, .. } => what.extend(describe_step(tx, rows, *step).await?),
            Job::Settle { .. } | Job::Ask { .. } | Job::Noop => {}
        }
    }
    Ok(what)
}

async fn describe_step(tx: &Tx, rows: &CaseRows, step: StepRef) -> Result<Option<Value>, EngineError> {
    let versions = snapshot::rule_versions(&**tx, rows.case.workspace_id, &[step.rule.uuid()]).await?;
    let Some(version) = versions.first().map(crate::workspace::read_version).transpose()? else { return Ok(None) };
    let Some(action) = usize::try_from(step.index).ok().and_then(|index| version.rule.then.get(index)).map(|step| &step.action) else {
        return Ok(None);
    };
    let template = match action {
        hearback_rules::Action::SendMail { template, .. } => Some(template.clone()),
        _ => None,
    };
    Ok(Some(json!({ "do": action.as_str(), "template": template, "rule": version.rule.key })))
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

/// Asks the rules about the new revision, at once or after it has rested.
async fn follow_up(
    cx: &Ctx,
    tx: &Tx,
    workspace: &Workspace,
    rows: &mut CaseRows,
    before: &responses::Model,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    if rows.case.first_contact_due_at.is_none() {
        return Ok(());
    }
    let revision = facts::small(rows.response.revision);
    if rows.response.channel == "email" && cx.settings.settle_delay > chrono::Duration::zero() {
        let case = CaseId::from_uuid(rows.case.id);
        let job = Job::Settle { case, revision };
        let due = from_millis(rows.response.updated_at) + cx.settings.settle_delay;
        let cause = format!("settle/{}/{revision}", rows.response.id);
        changes.jobs.push(outbox::row(workspace.id, &job, &cause, due, cx.now(), Some((case, revision))));
        return Ok(());
    }
    let previous = u8::try_from(before.score).ok();
    let corrected = Occasion { previous_score: previous, ..Trigger::ResponseCorrected.into() };
    decide(cx, tx, workspace, rows, corrected, changes).await?;
    Ok(())
}
