//! What the guard rails say when they stop something: an alert, and an entry in the story of the case.
//!
//! Owns: how many mails may go out. Those of a rule are counted as they are decided on, in that transaction: a rule that
//! suddenly matches everybody is paused before its mails are on their way. Those to a customer are counted as they are sent.
//! How long a chain of rules and how long a list of effects may be is decided where they are computed
//! (`hearback_rules::plan`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{id::WorkspaceId, state::Medium, timeline::Entry};
use hearback_rules::{MAX_EFFECTS, Outline};
use hearback_store::{
    StoreError, Tx, cases, deliveries, ledger::Sendable, outbox, outbox::Outcome, rule_hours, rule_versions, time::millis,
};

use crate::{
    Actor,
    alerts::{Alert, AlertKind},
    automation::apply::Changes,
    rows::event,
    settings::Limits,
};

/// The time in which mails to a customer are counted.
pub const DAY: Duration = Duration::hours(24);
/// How long a mail of a paused rule rests before it looks again. Resuming the rule wakes it earlier.
const REST: Duration = Duration::minutes(10);

/// What a mail does whose rule is paused; `None` when it may go on.
pub(crate) fn wait(mail: &Sendable, now: DateTime<Utc>) -> Option<Outcome> {
    mail.rule_paused_at.map(|_| Outcome::Snooze(now + REST, outbox::RULE_PAUSED.to_owned()))
}

/// Why a customer must not get this mail as well; `None` when they got few lately.
pub(crate) fn too_many(mail: &Sendable, limits: Limits) -> Option<String> {
    (mail.person_id.is_some() && mail.lately >= i64::from(limits.mails_per_person_day)).then(|| {
        format!("this customer got {} mails within 24 hours already, and {} are the limit", mail.lately, limits.mails_per_person_day)
    })
}

/// Counts the mails that rules have decided on, and pauses the rules that wanted too many within this clock hour. Gives the
/// alerts to be raised.
pub(crate) async fn count(
    tx: &Tx,
    ws: WorkspaceId,
    decided: &[deliveries::Model],
    most: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Alert>, StoreError> {
    let mut more: BTreeMap<uuid::Uuid, i64> = BTreeMap::new();
    for mail in decided.iter().filter(|mail| mail.medium == Medium::Mail && !mail.exempt) {
        if let Some(version) = mail.rule_version_id {
            *more.entry(version).or_default() += 1;
        }
    }
    let added: Vec<(uuid::Uuid, i64)> = more.iter().map(|(version, mails)| (*version, *mails)).collect();
    let hour = millis(now).div_euclid(3_600_000);
    let most = i64::from(most);
    let mut alerts = Vec::new();
    for (version, mails) in rule_hours::add(tx, ws.uuid(), hour, &added).await? {
        // Only the step over the limit pauses: who resumes the rule is not stopped again within the hour.
        let is_over = mails > most && mails - more.get(&version).copied().unwrap_or(0) <= most;
        if is_over && let Some(key) = rule_versions::pause(tx, ws, version, millis(now)).await? {
            let message = format!(
                "rule {key} wanted to send {mails} mails within an hour, and {most} are the limit. Its mails wait. If that many are right, \
                 resume the rule and they are sent; if not, disable it and they are cancelled"
            );
            alerts.push(Alert::new(AlertKind::RulePaused, key, message));
        }
    }
    Ok(alerts)
}

/// Notes which rules of this decision were stopped, and which had steps dropped.
pub fn note(decided: &Outline, case: &cases::Model, now: DateTime<Utc>, changes: &mut Changes) {
    let stopped = decided.stopped.iter().map(|(key, why)| (AlertKind::RuleLoop, key, why.clone()));
    let dropped = decided.dropped.iter().collect::<BTreeSet<_>>().into_iter().map(|key| {
        let why = format!(
            "steps of rule {key} were dropped: one answer may have at most {MAX_EFFECTS} effects. Take steps out of the rules \
             that match together, or make their `when` narrower"
        );
        (AlertKind::RuleEffects, key, why)
    });
    for (kind, key, why) in stopped.chain(dropped) {
        changes.events.push(event(case, &Actor::System, &Entry::RuleStopped { rule: key.clone(), why: why.clone() }, now));
        changes.alerts.push(Alert::new(kind, key, why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{case, monday};
    use hearback_core::Segment;

    #[test]
    fn what_was_stopped_is_told_and_nothing_else() {
        let named = |key: &str| key.to_owned();
        let decided = Outline {
            asked: 4,
            stopped: vec![(named("chained"), named("it set itself off"))],
            dropped: vec![named("greedy"), named("greedy")],
            ..Outline::default()
        };
        let (row, mut changes) = (case(Segment::Detractor), Changes::default());
        note(&decided, &row, monday(), &mut changes);
        let told: Vec<(AlertKind, &str)> = changes.alerts.iter().map(|alert| (alert.kind, alert.subject.as_str())).collect();
        assert_eq!(told, [(AlertKind::RuleLoop, "chained"), (AlertKind::RuleEffects, "greedy")]);
        assert_eq!(changes.events.len(), 2);
        assert!(changes.events.iter().all(|entry| entry.kind == "rule_stopped" && entry.case_id == row.id));
        assert!(changes.deliveries.is_empty() && changes.jobs.is_empty());
    }
}
