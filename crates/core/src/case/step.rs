//! The state machine of a case: one event, one next state. Owns which step is legal when; refuses to know who takes it.

use chrono::{DateTime, Utc};

use super::{Case, CaseEvent, ContactOutcome, IllegalStep, LoopStatus};
use crate::policy::{Requirement, Terms};

/// The case after `event`, or why it can't happen. `terms` are those of the segment that the case has after it. Never
/// leaves `closed` without [`CaseEvent::Reopen`], [`CaseEvent::Corrected`] or, where the policy wants it, a reply.
pub fn step(case: &Case, event: &CaseEvent, terms: Terms<'_>, now: DateTime<Utc>) -> Result<Case, IllegalStep> {
    let mut next = case.clone();
    let active = case.status.is_active();
    let is_finished = matches!(case.status, LoopStatus::Closed | LoopStatus::Lapsed);
    let needs_active = |what| {
        if active { Ok(()) } else { Err(IllegalStep::NotNow { from: case.status, what, reopen: true }) }
    };
    match event {
        CaseEvent::Contact(ContactOutcome::Replied) if is_finished && terms.policy.reopen_on_reply => {
            // Whatever was settled is not: the customer has more to say, and we owe an answer.
            reopen(&mut next, terms, now);
            next.first_contact_at = next.first_contact_at.or(Some(now));
        }
        CaseEvent::Contact(outcome) => {
            needs_active("contacted")?;
            contact(&mut next, *outcome, terms, now);
        }
        CaseEvent::Acknowledged => {
            next.acknowledged = true;
            if !terms.policy.needs(Requirement::Contact) {
                next.first_contact_at = next.first_contact_at.or(Some(now));
            }
            close_if_nothing_is_left(&mut next, terms, now);
        }
        CaseEvent::TaskOpened => {
            needs_active("given a task")?;
            next.open_tasks += 1;
        }
        CaseEvent::TaskFinished => {
            next.open_tasks = next.open_tasks.saturating_sub(1);
            close_if_nothing_is_left(&mut next, terms, now);
        }
        CaseEvent::Resolve { root_cause, resolution } => {
            needs_active("resolved")?;
            resolve(&mut next, root_cause.as_ref(), resolution.as_ref(), terms, now)?;
        }
        CaseEvent::Close => {
            needs_active("closed")?;
            let lacks = case.lacks(terms);
            if !lacks.is_empty() {
                return Err(IllegalStep::Lacks(lacks));
            }
            finish(&mut next, LoopStatus::Closed, terms, now);
        }
        CaseEvent::Wait => {
            needs_active("waiting for the customer")?;
            if case.waiting_since.is_some() {
                return Err(IllegalStep::Waiting("the case waits for the customer already"));
            }
            next.waiting_since = Some(now);
        }
        CaseEvent::Resume => {
            if case.waiting_since.is_none() {
                return Err(IllegalStep::Waiting("the case does not wait for the customer"));
            }
            resume(&mut next, terms, now);
        }
        CaseEvent::Reopen => {
            if active {
                return Err(IllegalStep::NotNow { from: case.status, what: "reopened", reopen: false });
            }
            reopen(&mut next, terms, now);
        }
        CaseEvent::NotNeeded => {
            needs_active("marked as not needed")?;
            finish(&mut next, LoopStatus::NotNeeded, terms, now);
        }
        CaseEvent::Lapse => {
            needs_active("given up")?;
            finish(&mut next, LoopStatus::Lapsed, terms, now);
        }
        CaseEvent::Corrected(segment) => {
            next.segment = *segment;
            if *segment != case.segment {
                // The acknowledgement answered another score.
                next.acknowledged = false;
                if !active {
                    reopen(&mut next, terms, now);
                }
            }
        }
    }
    Ok(next)
}

fn contact(next: &mut Case, outcome: ContactOutcome, terms: Terms<'_>, now: DateTime<Utc>) {
    let counts = match outcome {
        ContactOutcome::Reached | ContactOutcome::Replied => {
            next.first_contact_at = next.first_contact_at.or(Some(now));
            resume(next, terms, now);
            true
        }
        ContactOutcome::NoAnswer | ContactOutcome::WrongNumber => {
            next.attempts += 1;
            next.first_attempt_at = next.first_attempt_at.or(Some(now));
            next.last_attempt_at = Some(now);
            terms.tried_enough(next.attempts, next.first_attempt_at, next.last_attempt_at)
        }
    };
    if counts {
        next.contacted_at = next.contacted_at.or(Some(now));
        if next.status == LoopStatus::Open {
            next.status = LoopStatus::Contacted;
        }
    }
}

fn resolve(
    next: &mut Case,
    root_cause: Option<&String>,
    resolution: Option<&String>,
    terms: Terms<'_>,
    now: DateTime<Utc>,
) -> Result<(), IllegalStep> {
    let codes = &terms.policy.root_causes;
    if root_cause.is_some_and(|cause| !codes.is_empty() && !codes.contains(cause)) {
        return Err(IllegalStep::UnknownCause(codes.clone()));
    }
    let may_resolve = next.contacted_at.is_some() || !terms.policy.needs(Requirement::Contact);
    if terms.policy.forced_order && !may_resolve {
        return Err(IllegalStep::TooEarly(vec![next.lacks_contact(terms)]));
    }
    next.root_cause = root_cause.cloned().or_else(|| next.root_cause.take());
    next.resolution = resolution.cloned().or_else(|| next.resolution.take());
    // "Resolved" promises that somebody was in touch: keep what was entered, but don't skip the contact.
    if may_resolve {
        next.status = LoopStatus::Resolved;
        resume(next, terms, now);
    }
    next.resolved_at = Some(now);
    Ok(())
}

/// The time waited, in business time, is given back to the clock for closing.
fn resume(next: &mut Case, terms: Terms<'_>, now: DateTime<Utc>) {
    if let Some(since) = next.waiting_since.take() {
        let waited = terms.calendar.business_between(since, now).max(0);
        next.close_due_at = next.close_due_at.map(|due| terms.calendar.add_business(due, waited));
    }
}

fn finish(next: &mut Case, status: LoopStatus, terms: Terms<'_>, now: DateTime<Utc>) {
    resume(next, terms, now);
    next.status = status;
    if status == LoopStatus::Closed {
        next.closed_at = Some(now);
    }
}

/// Everything that closing takes is asked for again, and the clock for closing starts anew.
fn reopen(next: &mut Case, terms: Terms<'_>, now: DateTime<Utc>) {
    next.status = LoopStatus::Open;
    next.attempts = 0;
    next.first_attempt_at = None;
    next.last_attempt_at = None;
    next.contacted_at = None;
    next.resolved_at = None;
    next.closed_at = None;
    next.resolution = None;
    next.close_due_at = Some(terms.policy.close.after(terms.calendar, now));
}

/// Where an acknowledgement is all that closing takes, the loop closes by itself once there is one and no task is open.
fn close_if_nothing_is_left(next: &mut Case, terms: Terms<'_>, now: DateTime<Utc>) {
    if terms.policy.closes_by_itself() && next.acknowledged && next.open_tasks == 0 && next.status.is_active() {
        finish(next, LoopStatus::Closed, terms, now);
    }
}
