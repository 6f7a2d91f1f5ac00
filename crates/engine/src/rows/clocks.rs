//! The clocks of a case: when things are due in it, and when time alone will change something.
//!
//! Owns: setting the due times, and the next deadline, the one moment at which the clock has to look at a case again. Pure: rows in,
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

/// Sets all clocks of a case, as from `from`, and the next deadline.
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

/// Sets the next deadline, the next moment at which time alone changes something; to none when it never will.
pub fn wind(row: &mut cases::Model, terms: Terms<'_>) {
    row.next_deadline_at = matters(row, terms).map(|(at, _)| at).min();
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

#[cfg(test)]
mod tests {
    use hearback_core::{Calendar, LoopStatus, Segment, Span, policy::Policy};

    use super::*;
    use crate::fixtures::{at, case, monday};

    /// The usual policy, with both clocks that are usually off.
    fn policy() -> Policy {
        let (lapse_after, reassign_after) = (Some(Span::BusinessDays(20)), Some(Span::BusinessDays(3)));
        Policy { lapse_after, reassign_after, ..Policy::of_segment(Segment::Detractor) }
    }

    fn started(change: impl FnOnce(&mut cases::Model)) -> (cases::Model, Policy, Calendar) {
        let (mut row, policy, calendar) = (case(Segment::Detractor), policy(), Calendar::default());
        start(&mut row, Terms { policy: &policy, calendar: &calendar }, monday());
        change(&mut row);
        wind(&mut row, Terms { policy: &policy, calendar: &calendar });
        (row, policy, calendar)
    }

    fn touched(row: &mut cases::Model) {
        row.loop_status = LoopStatus::Contacted.into();
        row.first_contact_at = Some(millis(monday()));
    }

    /// What has happened to a case; when it is looked at next; what is due at which moment.
    #[test]
    fn each_matter_comes_in_its_time() {
        use Matter::{CloseDueSoon, CloseOverdue, ContactDueSoon, ContactOverdue, Lapse, Reassign};
        type Change = fn(&mut cases::Model);
        type Due = (&'static str, Option<Matter>);
        let table: [(&str, Change, Option<&str>, &[Due]); 9] = [
            (
                "nothing yet",
                |_| (),
                Some("2026-03-10 14:00"),
                &[
                    ("2026-03-10 13:59", None),
                    ("2026-03-10 14:00", Some(ContactDueSoon)),
                    // What is overdue comes before any warning, the oldest first.
                    ("2026-03-11 10:00", Some(ContactOverdue)),
                    ("2026-04-30 10:00", Some(ContactOverdue)),
                ],
            ),
            (
                "warned",
                |row| row.warned_at = Some(millis(at("2026-03-10 14:00"))),
                Some("2026-03-11 10:00"),
                &[("2026-03-10 15:00", None), ("2026-03-13 14:00", Some(ContactOverdue))],
            ),
            (
                "nobody was in touch in time",
                |row| row.contact_overdue_at = Some(millis(at("2026-03-11 10:00"))),
                Some("2026-03-12 10:00"),
                &[("2026-03-11 11:00", None), ("2026-03-12 10:00", Some(Reassign))],
            ),
            (
                "contacted",
                touched,
                Some("2026-03-13 14:00"),
                &[("2026-03-12 10:00", None), ("2026-03-13 14:00", Some(CloseDueSoon)), ("2026-03-16 10:00", Some(CloseOverdue))],
            ),
            (
                "waits for the customer",
                |row| {
                    touched(row);
                    row.waiting_since = Some(millis(monday()));
                },
                Some("2026-04-06 10:00"),
                &[("2026-03-30 10:00", None), ("2026-04-06 10:00", Some(Lapse))],
            ),
            (
                "not closed in time",
                |row| {
                    touched(row);
                    row.close_overdue_at = Some(millis(at("2026-03-16 10:00")));
                },
                Some("2026-04-06 10:00"),
                &[("2026-03-17 10:00", None), ("2026-04-06 10:00", Some(Lapse))],
            ),
            (
                "without a policy that gives cases up",
                |row| {
                    touched(row);
                    row.close_overdue_at = Some(millis(at("2026-03-16 10:00")));
                    row.lapse_at = None;
                },
                None,
                &[("2027-03-17 10:00", None)],
            ),
            ("closed", |row| row.loop_status = LoopStatus::Closed.into(), None, &[("2026-05-01 10:00", None)]),
            ("nothing to do", |row| row.loop_status = LoopStatus::NotNeeded.into(), None, &[("2026-05-01 10:00", None)]),
        ];
        for (what, change, deadline, moments) in table {
            let (row, policy, calendar) = started(change);
            let terms = Terms { policy: &policy, calendar: &calendar };
            assert_eq!(row.next_deadline_at.map(from_millis), deadline.map(at), "{what}");
            for (moment, matter) in moments {
                assert_eq!(due(&row, terms, at(moment)), *matter, "{what}, {moment}");
            }
        }
    }

    #[test]
    fn what_is_opened_again_is_closed_by_a_clock_of_its_own() {
        let (mut row, policy, calendar) = started(touched);
        row.close_overdue_at = Some(millis(at("2026-03-16 10:00")));
        let before = (row.first_contact_due_at, row.reassign_at);
        restart(&mut row, Terms { policy: &policy, calendar: &calendar }, at("2026-03-18 12:00"));
        assert_eq!(row.close_due_at.map(from_millis), Some(at("2026-03-25 12:00")));
        assert_eq!(row.lapse_at.map(from_millis), Some(at("2026-04-15 12:00")));
        assert_eq!((row.first_contact_due_at, row.reassign_at), before);
        assert_eq!((row.close_overdue_at, row.next_deadline_at.map(from_millis)), (None, Some(at("2026-03-24 16:00"))));
    }

    #[test]
    fn a_due_time_that_moved_on_is_warned_of_again() {
        let (mut row, policy, calendar) = started(|row| row.warned_at = Some(millis(at("2026-03-10 14:00"))));
        let terms = Terms { policy: &policy, calendar: &calendar };
        row.first_contact_due_at = Some(millis(at("2026-03-12 10:00")));
        assert_eq!(due(&row, terms, at("2026-03-11 14:00")), Some(Matter::ContactDueSoon));
    }
}
