//! What waits from earlier revisions of an answer, called off.

use hearback_core::{
    Word as _,
    id::{CaseId, DeliveryId, WorkspaceId},
    timeline::{Entry, Step},
};
use hearback_rules::StepRef;
use hearback_store::{
    Tx, ledger,
    outbox::{self, Job},
    responses,
    snapshot::{self, CaseRows},
    time::millis,
};

use crate::{
    Actor, Ctx, EngineError,
    automation::apply::Changes,
    incentives::pools,
    reading,
    rows::{self, event},
};

/// What waits from earlier revisions must not happen any more; the timeline says what that was.
pub(super) async fn cancel(
    cx: &Ctx,
    tx: &Tx,
    rows: &mut CaseRows,
    before: &responses::Model,
    changes: &mut Changes,
) -> Result<(), EngineError> {
    let now = cx.now();
    let ws = WorkspaceId::from_uuid(rows.case.workspace_id);
    let why = format!("the answer was changed from {} to {}", before.score, rows.response.score);
    let cancelled = outbox::cancel_older(tx, ws, CaseId::from_uuid(rows.case.id), rows::small(rows.response.revision), &why, now).await?;
    let jobs: Vec<Job> = cancelled.iter().filter_map(|row| serde_json::from_str(&row.payload).ok()).collect();
    let mails: Vec<uuid::Uuid> = jobs.iter().filter_map(mail_of).map(DeliveryId::uuid).collect();
    let called_off = ledger::cancel(tx, ws.uuid(), &mails, millis(now)).await?;
    if !called_off.is_empty() {
        changes.events.extend(pools::take_back(cx, tx, ws.uuid(), &[rows.case.id], now).await?);
    }
    let what = describe(tx, rows, &jobs).await?;
    if !what.is_empty() {
        changes.events.push(event(&rows.case, &Actor::System, &Entry::Cancelled { steps: what, why }, now));
    }
    Ok(())
}

const fn mail_of(job: &Job) -> Option<DeliveryId> {
    match job {
        Job::Mail { delivery } | Job::Post { delivery } => Some(*delivery),
        Job::Step { .. }
        | Job::Settle { .. }
        | Job::Trigger { .. }
        | Job::TriggerLater { .. }
        | Job::Wave { .. }
        | Job::Invite { .. }
        | Job::Noop => None,
    }
}

/// What the cancelled jobs would have done, for the timeline.
async fn describe(tx: &Tx, rows: &CaseRows, jobs: &[Job]) -> Result<Vec<Step>, EngineError> {
    let (_, deliveries) = snapshot::work_of_case(&**tx, rows.case.workspace_id, rows.case.id).await?;
    let mut what = Vec::new();
    for job in jobs {
        match job {
            Job::Mail { delivery } => {
                let kind = deliveries.iter().find(|mail| mail.id == delivery.uuid()).map(|mail| mail.kind.clone());
                what.push(Step { action: hearback_rules::ActionKind::SendMail.as_str().to_owned(), template: kind, ..Step::default() });
            }
            Job::Post { delivery } => {
                let to = deliveries.iter().find(|message| message.id == delivery.uuid()).map(|message| message.to_address.clone());
                what.push(Step { action: hearback_rules::ActionKind::CallWebhook.as_str().to_owned(), webhook: to, ..Step::default() });
            }
            Job::Step { step, .. } => what.extend(describe_step(tx, rows, *step).await?),
            Job::Settle { .. } | Job::Trigger { .. } | Job::TriggerLater { .. } | Job::Wave { .. } | Job::Invite { .. } | Job::Noop => {}
        }
    }
    Ok(what)
}

async fn describe_step(tx: &Tx, rows: &CaseRows, step: StepRef) -> Result<Option<Step>, EngineError> {
    let versions = snapshot::rule_versions(&**tx, rows.case.workspace_id, &[step.rule.uuid()]).await?;
    // What a rule would have done that can't be read is not known; it is called off all the same.
    let Some(version) = versions.first().and_then(|row| reading::rule(row).ok()) else { return Ok(None) };
    let Some(action) = usize::try_from(step.index).ok().and_then(|index| version.rule.then.get(index)).map(|step| &step.action) else {
        return Ok(None);
    };
    let template = match action {
        hearback_rules::Action::SendMail { template, .. } => Some(template.clone()),
        _ => None,
    };
    Ok(Some(Step { action: action.as_str().to_owned(), template, rule: Some(version.rule.key), ..Step::default() }))
}
