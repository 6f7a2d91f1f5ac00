//! Rows as the values of the core, and back: columns, a case as the state machine sees it, entries of its timeline.
//!
//! Pure: rows in, rows out. Refuses to know: who reads them, who decides, and when they are written.

pub mod clocks;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    Email, Owner, Segment,
    case::Case,
    id::{CaseId, WorkspaceId},
    timeline::Entry,
};
use hearback_rules::Property;
use hearback_store::{
    cases, events,
    time::{from_millis, millis},
};

use crate::Actor;

/// The owner in a text column; `None` for anything that is not one.
pub fn read_owner(text: Option<&str>) -> Option<Owner> {
    Owner::parse(text?).ok()
}

/// The address in a text column.
pub fn read_email(text: Option<&str>) -> Option<Email> {
    Email::parse(text?).ok()
}

/// A time column.
pub fn read_time(millis: Option<i64>) -> Option<DateTime<Utc>> {
    millis.map(from_millis)
}

/// A properties column.
pub fn read_properties(json: &str) -> BTreeMap<String, Property> {
    serde_json::from_str(json).unwrap_or_default()
}

/// A segment column; a word that is none reads as detractor, so that somebody looks.
pub fn read_segment(word: &str) -> Segment {
    Segment::parse(word).unwrap_or(Segment::Detractor)
}

/// A count column, never negative.
pub fn small(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// The row as the state machine sees it.
pub(crate) fn core_case(row: &cases::Model) -> Case {
    Case {
        segment: read_segment(&row.segment),
        status: *row.loop_status,
        attempts: small(row.attempts),
        open_tasks: small(row.open_tasks),
        first_attempt_at: row.first_attempt_at.map(from_millis),
        last_attempt_at: row.last_attempt_at.map(from_millis),
        first_contact_at: row.first_contact_at.map(from_millis),
        contacted_at: row.contacted_at.map(from_millis),
        close_due_at: row.close_due_at.map(from_millis),
        waiting_since: row.waiting_since.map(from_millis),
        resolved_at: row.resolved_at.map(from_millis),
        closed_at: row.closed_at.map(from_millis),
        root_cause: row.root_cause.clone(),
        resolution: row.resolution.clone(),
        acknowledged: row.acknowledged_at.is_some(),
    }
}

/// Writes what the state machine decided into the row; the clock never has to look at a finished case. When the
/// acknowledgement was accepted is for the caller to say.
pub(crate) fn write_case(case: Case, row: &mut cases::Model) {
    case.segment.as_str().clone_into(&mut row.segment);
    row.loop_status = case.status.into();
    row.attempts = i64::from(case.attempts);
    row.open_tasks = i64::from(case.open_tasks);
    row.first_attempt_at = case.first_attempt_at.map(millis);
    row.last_attempt_at = case.last_attempt_at.map(millis);
    row.first_contact_at = case.first_contact_at.map(millis);
    row.contacted_at = case.contacted_at.map(millis);
    row.close_due_at = case.close_due_at.map(millis);
    row.waiting_since = case.waiting_since.map(millis);
    row.resolved_at = case.resolved_at.map(millis);
    row.closed_at = case.closed_at.map(millis);
    row.root_cause = case.root_cause;
    row.resolution = case.resolution;
    row.acknowledged_at = row.acknowledged_at.filter(|_| case.acknowledged);
    row.next_deadline_at = row.next_deadline_at.filter(|_| case.status.is_active());
}

/// One timeline entry of a case.
pub fn event(case: &cases::Model, actor: &Actor, entry: &Entry, now: DateTime<Utc>) -> events::Model {
    event_of(case.workspace_id, case.id, actor, entry, now)
}

/// One timeline entry of a case that is known by its id.
pub fn event_of(ws: uuid::Uuid, case: uuid::Uuid, actor: &Actor, entry: &Entry, now: DateTime<Utc>) -> events::Model {
    events::row(WorkspaceId::from_uuid(ws), CaseId::from_uuid(case), &actor.to_string(), entry, now)
}
