//! What the results of mails made happen in cases, noted for the rules in the transaction that stores the results.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, state::DeliveryStatus};
use hearback_store::{StoreError, Tx, cases, outbox};

use super::ledger::{Outcomes, Report};
use crate::trigger_events;

/// Notes what the results of mails made happen: the loops that they closed, the mails to customers that came back. Whether
/// anything was noted.
pub(crate) async fn after_sending(tx: &Tx, outcomes: &Outcomes<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let Outcomes { reports, closed, workspaces } = outcomes;
    let came_back =
        |report: &&&Report| report.delivery_outcome.status == DeliveryStatus::Bounced && report.acknowledges && report.case.is_some();
    let mut bounced: BTreeMap<uuid::Uuid, Vec<uuid::Uuid>> = BTreeMap::new();
    for report in reports.iter().filter(came_back) {
        bounced.entry(report.delivery_outcome.workspace).or_default().push(report.delivery_outcome.delivery);
    }
    let mut by_workspace: BTreeMap<uuid::Uuid, Vec<&cases::Model>> = bounced.keys().map(|ws| (*ws, Vec::new())).collect();
    for case in closed {
        by_workspace.entry(case.workspace_id).or_default().push(case);
    }
    let mut jobs = Vec::new();
    for (ws, cases) in by_workspace {
        let Some(workspace) = workspaces.get(&ws) else { continue };
        // Who was thanked by a rule is not closed by that rule: the mail server's word closed the loop, and no chain begins.
        jobs.extend(cases.into_iter().filter_map(|case| trigger_events::moved(workspace, LoopStatus::Open, case, Vec::new, now)));
        if let Some(mails) = bounced.get(&ws) {
            jobs.extend(trigger_events::came_back(tx, workspace, mails, now).await?);
        }
    }
    outbox::enqueue(tx, &jobs).await?;
    Ok(!jobs.is_empty())
}
