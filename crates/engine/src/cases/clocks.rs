//! The clocks of a case: when things are due in it, and when time alone will change something.
//!
//! Owns: setting the due times, and the alarm, the one moment at which the clock has to look at a case again. Pure: rows in,
//! rows out. Refuses to know: what happens then (that is `ticks`).

use chrono::{DateTime, Utc};
use hearback_core::{LoopStatus, policy::Terms};
use hearback_store::{
    cases,
    time::{from_millis, millis},
};

/// Something that time brings about in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// The first contact is due soon.
    ContactDueSoon,
    /// Nobody was in touch in time.
    ContactOverdue,
    /// The close is due soon.
    CloseDueSoon,
    /// The case was not closed in time.
    CloseOverdue,
    /// Nobody was in touch for so long that somebody else shall try.
    Reassign,
    /// The case is too old to be answered well.
    Lapse,
}

/// Sets all clocks of a case, as from `from`, and the alarm.
pub fn start(row: &mut cases::Model, terms: Terms<'_>, from: DateTime<Utc>) {
    let clocks = terms.policy.clocks(terms.calendar, from);
    row.first_contact_due_at = Some(millis(clocks.first_contact));
    row.close_due_at = Some(millis(clocks.close));
    row.lapse_at = clocks.lapse.map(millis);
    row.reassign_at = clocks.reassign.map(millis);
    row.contact_overdue_at = None;
    row.close_overdue_at = None;
    row.warned_at = None;
    wind(row, terms);
}

/// A case that was opened again: its clock for closing runs anew, and so does the time after which it is given up.
pub fn restart(row: &mut cases::Model, terms: Terms<'_>, now: DateTime<Utc>) {
    let clocks = terms.policy.clocks(terms.calendar, now);
    row.close_due_at = Some(millis(clocks.close));
    row.lapse_at = clocks.lapse.map(millis);
    row.close_overdue_at = None;
    wind(row, terms);
}

/// Sets the alarm to the next moment at which time alone changes something; to none when it never will.
pub fn wind(row: &mut cases::Model, terms: Terms<'_>) {
    row.alarm_at = matters(row, terms).map(|(at, _)| at).min();
}

/// What is due in this case now: the oldest matter first, a warning only when nothing worse has come.
pub fn due(row: &cases::Model, terms: Terms<'_>, now: DateTime<Utc>) -> Option<Matter> {
    let is_warning = |matter| matches!(matter, Matter::ContactDueSoon | Matter::CloseDueSoon);
    let due = matters(row, terms).filter(|(at, _)| *at <= millis(now));
    due.min_by_key(|(at, matter)| (is_warning(*matter), *at)).map(|(_, matter)| matter)
}

/// All that still lies ahead of a case, or is due by now.
fn matters(row: &cases::Model, terms: Terms<'_>) -> impl Iterator<Item = (i64, Matter)> {
    let active = row.loop_status.is_active();
    let untouched = row.loop_status == LoopStatus::Open && row.first_contact_at.is_none();
    let contact = row.first_contact_due_at.filter(|_| untouched && row.contact_overdue_at.is_none());
    let close = row.close_due_at.filter(|_| row.close_overdue_at.is_none() && row.waiting_since.is_none());
    // A warning counts for the due time that it was given for: one that moved on is warned of again.
    let warning = |due: Option<i64>| {
        let at = terms.policy.warning(terms.calendar, from_millis(due?)).map(millis)?;
        row.warned_at.is_none_or(|warned| warned < at).then_some(at)
    };
    let all = [
        (warning(contact), Matter::ContactDueSoon),
        (contact, Matter::ContactOverdue),
        (warning(close), Matter::CloseDueSoon),
        (close, Matter::CloseOverdue),
        (row.reassign_at.filter(|_| untouched), Matter::Reassign),
        (row.lapse_at, Matter::Lapse),
    ];
    all.into_iter().filter(move |_| active).filter_map(|(at, matter)| Some((at?, matter)))
}
