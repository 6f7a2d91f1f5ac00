//! What happens to a case beyond its answer, and that rules may listen to: it was resolved, it was closed, a mail came back.
//!
//! It is noted as a job in the transaction that made it happen, with the rules whose effects led to it; the job asks the
//! rules. Nothing is noted that no enabled rule listens to.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, Word as _, id::CaseId};
use hearback_rules::Trigger;
use hearback_store::{
    StoreError, Tx, cases, deliveries,
    outbox::{self, Job},
    snapshot,
    time::millis,
};

use crate::{rows::small, workspace::Workspace};

/// What the rules are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerEvent {
    /// What happened.
    pub trigger: Trigger,
    /// The score before a correction.
    pub previous_score: Option<u8>,
    /// Keys of the rules whose effects made it happen, the first one first.
    pub chain: Vec<String>,
}

impl From<Trigger> for TriggerEvent {
    /// Something that no rule made happen.
    fn from(trigger: Trigger) -> Self {
        Self { trigger, previous_score: None, chain: Vec::new() }
    }
}

/// The job that asks the rules about a case whose loop has moved on since it stood at `before`.
pub(crate) fn moved(
    workspace: &Workspace,
    before: LoopStatus,
    case: &cases::Model,
    led_by: impl FnOnce() -> Vec<String>,
    now: DateTime<Utc>,
) -> Option<outbox::Model> {
    if case.loop_status == before {
        return None;
    }
    let trigger = match *case.loop_status {
        LoopStatus::Closed => Trigger::CaseClosed,
        LoopStatus::Resolved => Trigger::CaseResolved,
        LoopStatus::NotNeeded | LoopStatus::Open | LoopStatus::Contacted | LoopStatus::Lapsed => return None,
    };
    workspace.listens(trigger).then(|| {
        let about = (CaseId::from_uuid(case.id), small(case.revision));
        // A case can be closed again after it was reopened: the moment tells the two apart.
        job(workspace, trigger, about, led_by(), &millis(now).to_string(), now)
    })
}

/// The jobs that ask the rules which can't be read now, each once it can be. What is the same occasion is noted once.
pub(crate) fn later<'a>(
    workspace: &'a Workspace,
    case: &'a cases::Model,
    occasion: &'a TriggerEvent,
    now: DateTime<Utc>,
) -> impl Iterator<Item = outbox::Model> + 'a {
    let TriggerEvent { trigger, previous_score, chain } = occasion;
    workspace.unread_rules.iter().map(move |rule| {
        let id = CaseId::from_uuid(case.id);
        let cause = format!("later/{id}/{}/{}/{rule}", trigger.as_str(), millis(now));
        let (trigger, previous_score, chain, rule) = (*trigger, *previous_score, chain.clone(), rule.clone());
        let job = Job::TriggerLater { case: id, trigger, previous_score, chain, rule };
        // Without a revision: a corrected answer does not call it off, since the rule has seen nothing of it yet.
        outbox::Model { case_id: Some(case.id), ..outbox::row(workspace.id, &job, &cause, now, now, None) }
    })
}

/// The job that asks the rules about a customer whose recommendation led somewhere; each time is told apart by `occasion`.
pub(crate) fn converted(workspace: &Workspace, about: (CaseId, u32), occasion: &str, now: DateTime<Utc>) -> Option<outbox::Model> {
    let trigger = Trigger::ReferralConverted;
    workspace.listens(trigger).then(|| job(workspace, trigger, about, Vec::new(), occasion, now))
}

/// The jobs that ask the rules about mails which a server had taken over and that came back later.
pub(crate) async fn came_back(
    tx: &Tx,
    workspace: &Workspace,
    mails: &[uuid::Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<outbox::Model>, StoreError> {
    if workspace.listens(Trigger::MailBounced) { returned(tx, workspace, mails, now).await } else { Ok(Vec::new()) }
}

/// One job for each mail that came back.
async fn returned(tx: &Tx, workspace: &Workspace, mails: &[uuid::Uuid], now: DateTime<Utc>) -> Result<Vec<outbox::Model>, StoreError> {
    let ws = workspace.id.uuid();
    let mails = deliveries::by_ids(tx, ws, mails).await?;
    let versions: Vec<uuid::Uuid> = mails.iter().filter_map(|mail| mail.rule_version_id).collect();
    let versions = snapshot::rule_versions(&**tx, ws, &versions).await?;
    let keys: HashMap<uuid::Uuid, String> = versions.into_iter().map(|version| (version.id, version.key)).collect();
    let of = |mail: &deliveries::Model| {
        let about = (CaseId::from_uuid(mail.case_id?), small(mail.revision?));
        let before: Vec<String> = mail.chain.as_deref().and_then(|chain| serde_json::from_str(chain).ok()).unwrap_or_default();
        let own = mail.rule_version_id.and_then(|id| keys.get(&id).cloned());
        Some(job(workspace, Trigger::MailBounced, about, before.into_iter().chain(own).collect(), &mail.id.to_string(), now))
    };
    Ok(mails.iter().filter_map(of).collect())
}

fn job(
    workspace: &Workspace,
    trigger: Trigger,
    (case, revision): (CaseId, u32),
    chain: Vec<String>,
    occasion: &str,
    now: DateTime<Utc>,
) -> outbox::Model {
    let cause = format!("ask/{case}/{}/{occasion}", trigger.as_str());
    outbox::row(workspace.id, &Job::Trigger { case, revision, trigger, chain }, &cause, now, now, Some((case, revision)))
}
