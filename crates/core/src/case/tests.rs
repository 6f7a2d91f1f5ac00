use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{Calendar, Policy, Span};

/// A Thursday.
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn resolve() -> CaseEvent {
    CaseEvent::Resolve { root_cause: Some("delivery".into()), resolution: Some("sent again".into()) }
}

/// One step under the default policy of the segment that the case has after it, `days` after [`NOW`].
fn on_day(days: i64, case: &Case, event: &CaseEvent) -> Result<Case, IllegalStep> {
    let segment = if let CaseEvent::Corrected(segment) = event { *segment } else { case.segment };
    let (policy, calendar) = (Policy::of_segment(segment), Calendar::default());
    step(case, event, Terms { policy: &policy, calendar: &calendar }, NOW + TimeDelta::days(days))
}

fn under(policy: &Policy, case: &Case, event: &CaseEvent) -> Result<Case, IllegalStep> {
    step(case, event, Terms { policy, calendar: &Calendar::default() }, NOW)
}

fn after(mut case: Case, events: &[CaseEvent]) -> Case {
    for event in events {
        case = on_day(0, &case, event).unwrap();
    }
    case
}

#[test]
fn a_detractor_needs_contact_cause_and_resolution() {
    let open = Case::open(Segment::Detractor);
    let Err(IllegalStep::Lacks(lacks)) = on_day(0, &open, &CaseEvent::Close) else { panic!("closed too early") };
    assert_eq!(lacks.len(), 3);
    let closed = after(open, &[CaseEvent::Contact(ContactOutcome::Reached), resolve(), CaseEvent::Close]);
    assert_eq!(closed.status, LoopStatus::Closed);
    assert_eq!(closed.first_contact_at, Some(NOW));
}

#[test]
fn three_tries_over_five_working_days_stand_in_for_a_contact() {
    let try_again = |days, case: &Case| on_day(days, case, &CaseEvent::Contact(ContactOutcome::NoAnswer)).unwrap();
    let hasty = try_again(0, &try_again(0, &try_again(0, &Case::open(Segment::Detractor))));
    assert_eq!((hasty.status, hasty.attempts), (LoopStatus::Open, 3), "three calls in a row are one try");
    // Thursday, Friday, Monday to Wednesday: the fifth working day.
    let patient = try_again(6, &hasty);
    assert_eq!((patient.status, patient.contacted_at), (LoopStatus::Contacted, Some(NOW + TimeDelta::days(6))));
    let resolved = on_day(6, &patient, &resolve()).unwrap();
    let closed = on_day(6, &resolved, &CaseEvent::Close).unwrap();
    assert_eq!((closed.status, closed.first_contact_at), (LoopStatus::Closed, None), "nobody was reached");
}

#[test]
fn a_forced_order_is_contact_resolve_close() {
    let policy = Policy { forced_order: true, ..Policy::of_segment(Segment::Detractor) };
    let open = Case::open(Segment::Detractor);
    assert!(matches!(under(&policy, &open, &resolve()), Err(IllegalStep::TooEarly(_))));
    let contacted = under(&policy, &open, &CaseEvent::Contact(ContactOutcome::Reached)).unwrap();
    let known = Case { root_cause: Some("price".into()), resolution: Some("credit".into()), ..contacted };
    let Err(IllegalStep::Lacks(lacks)) = under(&policy, &known, &CaseEvent::Close) else { panic!("closed before resolved") };
    assert_eq!(lacks, ["the step before: resolve the case first, then close it"]);
    let resolved = under(&policy, &known, &resolve()).unwrap();
    assert_eq!(under(&policy, &resolved, &CaseEvent::Close).unwrap().status, LoopStatus::Closed);
}

#[test]
fn a_root_cause_is_one_of_the_codes_where_there_are_any() {
    let policy = Policy { root_causes: vec!["price".into(), "delivery".into()], ..Policy::of_segment(Segment::Detractor) };
    let cause = |cause: &str| CaseEvent::Resolve { root_cause: Some(cause.into()), resolution: None };
    let open = Case::open(Segment::Detractor);
    assert_eq!(under(&policy, &open, &cause("weather")), Err(IllegalStep::UnknownCause(policy.root_causes.clone())));
    assert_eq!(under(&policy, &open, &cause("price")).unwrap().root_cause.as_deref(), Some("price"));
}

#[test]
fn waiting_gives_the_business_time_back_to_the_second_clock_only() {
    let ten = TimeDelta::hours(10);
    let due = |case: &Case| case.close_due_at.unwrap() - NOW;
    let policy = Policy::of_segment(Segment::Detractor);
    let terms = Terms { policy: &policy, calendar: &Calendar::default() };
    let open = Case { close_due_at: Some(NOW + TimeDelta::days(7) + ten), ..Case::open(Segment::Detractor) };
    let waits = step(&open, &CaseEvent::Wait, terms, NOW + ten).unwrap();
    assert!(matches!(step(&waits, &CaseEvent::Wait, terms, NOW + ten), Err(IllegalStep::Waiting(_))));
    // From Thursday 10:00 to Monday 10:00: 16 hours of work.
    let monday = NOW + TimeDelta::days(4) + ten;
    let goes_on = step(&waits, &CaseEvent::Resume, terms, monday).unwrap();
    assert_eq!((due(&goes_on), goes_on.waiting_since), (TimeDelta::days(11) + ten, None));
    let replied = step(&waits, &CaseEvent::Contact(ContactOutcome::Replied), terms, monday).unwrap();
    assert_eq!((due(&replied), replied.waiting_since), (TimeDelta::days(11) + ten, None), "a reply ends the wait by itself");
    let tried = step(&waits, &CaseEvent::Contact(ContactOutcome::NoAnswer), terms, monday).unwrap();
    assert!(tried.waiting_since.is_some(), "a try does not");
    assert!(matches!(step(&open, &CaseEvent::Resume, terms, NOW), Err(IllegalStep::Waiting(_))));
}

#[test]
fn a_reply_opens_a_closed_case_where_the_policy_wants_it() {
    let closed = after(Case::open(Segment::Detractor), &[CaseEvent::Contact(ContactOutcome::Reached), resolve(), CaseEvent::Close]);
    let reply = CaseEvent::Contact(ContactOutcome::Replied);
    let again = on_day(1, &closed, &reply).unwrap();
    assert_eq!((again.status, again.contacted_at, again.closed_at), (LoopStatus::Open, None, None), "we owe an answer");
    let strict = Policy { reopen_on_reply: false, ..Policy::of_segment(Segment::Detractor) };
    assert!(under(&strict, &closed, &reply).is_err());
    assert!(under(&strict, &closed, &CaseEvent::Contact(ContactOutcome::Reached)).is_err());
    let lapsed = after(Case::open(Segment::Detractor), &[CaseEvent::Lapse]);
    assert_eq!(after(lapsed, &[CaseEvent::Reopen]).status, LoopStatus::Open);
}

#[test]
fn thanks_close_a_promoter_unless_a_task_is_open() {
    let thanked = after(Case::open(Segment::Promoter), &[CaseEvent::Acknowledged]);
    assert_eq!(thanked.status, LoopStatus::Closed);
    let busy = after(Case::open(Segment::Passive), &[CaseEvent::TaskOpened, CaseEvent::Acknowledged]);
    assert_eq!(busy.status, LoopStatus::Open);
    assert_eq!(after(busy, &[CaseEvent::TaskFinished]).status, LoopStatus::Closed);
    assert_eq!(after(Case::open(Segment::Detractor), &[CaseEvent::Acknowledged]).status, LoopStatus::Open);
}

#[test]
fn a_correction_to_a_lower_segment_reopens() {
    let thanked = after(Case::open(Segment::Promoter), &[CaseEvent::Acknowledged]);
    let low = after(thanked, &[CaseEvent::Corrected(Segment::Detractor)]);
    assert_eq!((low.status, low.acknowledged), (LoopStatus::Open, false));
}

fn any_event() -> impl Strategy<Value = CaseEvent> {
    prop_oneof![
        prop::sample::select(ContactOutcome::ALL.to_vec()).prop_map(CaseEvent::Contact),
        Just(CaseEvent::Acknowledged),
        Just(CaseEvent::TaskOpened),
        Just(CaseEvent::TaskFinished),
        Just(resolve()),
        Just(CaseEvent::Close),
        Just(CaseEvent::Wait),
        Just(CaseEvent::Resume),
        Just(CaseEvent::Reopen),
        Just(CaseEvent::NotNeeded),
        Just(CaseEvent::Lapse),
        prop::sample::select(Segment::ALL.to_vec()).prop_map(CaseEvent::Corrected),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let needs = prop::sample::subsequence(
        vec![Requirement::Contact, Requirement::RootCause, Requirement::Resolution, Requirement::Acknowledgement],
        0..=4,
    );
    (needs, any::<bool>(), any::<bool>(), 1_u32..4, prop::sample::select(vec![Span::ZERO, Span::BusinessDays(3)])).prop_map(
        |(needs, forced_order, reopen_on_reply, attempts, over)| Policy {
            needs: needs.into_iter().collect(),
            forced_order,
            reopen_on_reply,
            attempts,
            over,
            ..Policy::of_segment(Segment::Detractor)
        },
    )
}

proptest! {
    #[test]
    fn nothing_leaves_closed_but_a_reopening(
        policy in any_policy(),
        segment in prop::sample::select(Segment::ALL.to_vec()),
        events in prop::collection::vec((any_event(), 0_i64..100), 0..40),
    ) {
        let calendar = Calendar::default();
        let terms = Terms { policy: &policy, calendar: &calendar };
        let mut case = Case { close_due_at: Some(NOW), ..Case::open(segment) };
        let mut now = NOW;
        for (event, hours) in events {
            now += TimeDelta::hours(hours);
            let Ok(next) = step(&case, &event, terms, now) else { continue };
            if case.status == LoopStatus::Closed && next.status != LoopStatus::Closed {
                let reply = policy.reopen_on_reply && event == CaseEvent::Contact(ContactOutcome::Replied);
                prop_assert!(reply || matches!(event, CaseEvent::Reopen | CaseEvent::Corrected(_)));
            }
            if next.status == LoopStatus::Closed && case.status != LoopStatus::Closed {
                prop_assert!(next.lacks(terms).is_empty(), "closed although it lacks {:?}", next.lacks(terms));
                prop_assert_eq!(next.closed_at, Some(now));
            }
            prop_assert!(next.waiting_since.is_none() || next.status.is_active(), "a finished case waits for nobody");
            prop_assert!(next.close_due_at >= case.close_due_at || !case.status.is_active(), "the clock never runs backwards");
            prop_assert_eq!(next.closed_at.is_some(), next.status == LoopStatus::Closed);
            case = next;
        }
    }
}
