//! The follow-up of one response: its loop status, what may happen to it, and what closing it takes.
//!
//! Owns the state machine. [`step`] is the only function that changes a loop status; it is pure, so
//! the same history always gives the same case. It refuses to know who may act (that is `web`) and
//! what a rule wants (that is `rules`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::metric::Segment;

/// How far the loop with this customer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopStatus {
    /// An explicit rule (or an import of history) said that nothing has to be done.
    NotNeeded,
    /// Nobody has been in touch yet.
    Open,
    /// The customer was reached, or enough attempts were made.
    Contacted,
    /// The cause is known and something was done about it.
    Resolved,
    /// Everything that closing takes is there.
    Closed,
    /// Given up: too old to be answered well.
    Lapsed,
}

impl LoopStatus {
    /// All of them, in the order of a case's life.
    pub const ALL: [Self; 6] = [Self::NotNeeded, Self::Open, Self::Contacted, Self::Resolved, Self::Closed, Self::Lapsed];

    /// The word used in files, URLs and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "not_needed",
            Self::Open => "open",
            Self::Contacted => "contacted",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Lapsed => "lapsed",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether somebody still has to do something.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::Contacted | Self::Resolved)
    }
}

/// What came of one try to reach the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactOutcome {
    /// We spoke, or they read and reacted.
    Reached,
    /// Nobody answered.
    NoAnswer,
    /// The number or address is wrong.
    WrongNumber,
    /// The customer wrote back.
    Replied,
}

impl ContactOutcome {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Reached, Self::NoAnswer, Self::WrongNumber, Self::Replied];

    /// The word used in files, URLs and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NoAnswer => "no_answer",
            Self::WrongNumber => "wrong_number",
            Self::Replied => "replied",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// How many tries without an answer stand in for a conversation with a detractor.
pub const ATTEMPTS_WITHOUT_ANSWER: u32 = 3;

/// What the state machine has to know of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Segment of the response's current revision.
    pub segment: Segment,
    /// Where the loop stands.
    pub status: LoopStatus,
    /// Tries that reached nobody.
    pub attempts: u32,
    /// Tasks that are not done.
    pub open_tasks: u32,
    /// First contact of any kind that counts: reached, replied, or an accepted acknowledgement.
    pub first_contact_at: Option<DateTime<Utc>>,
    /// When the case was last resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When the case was last closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Why the customer was unhappy, in the workspace's words.
    pub root_cause: Option<String>,
    /// What was done about it.
    pub resolution: Option<String>,
    /// Whether a mail server accepted our acknowledgement of this answer.
    pub acknowledged: bool,
}

impl Case {
    /// A case as a response opens it.
    pub const fn open(segment: Segment) -> Self {
        Self {
            segment,
            status: LoopStatus::Open,
            attempts: 0,
            open_tasks: 0,
            first_contact_at: None,
            resolved_at: None,
            closed_at: None,
            root_cause: None,
            resolution: None,
            acknowledged: false,
        }
    }

    /// What is still missing before this case may be closed, in words for its owner; empty when nothing is.
    pub fn lacks(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        match self.segment {
            Segment::Detractor => {
                if !self.is_contacted() {
                    lacks.push(format!(
                        "a contact: log a call or reply that reached the customer, or {} tries without an answer (so far {})",
                        ATTEMPTS_WITHOUT_ANSWER, self.attempts
                    ));
                }
                if self.root_cause.is_none() {
                    lacks.push("root_cause: say what caused the low score".to_owned());
                }
                if self.resolution.is_none() {
                    lacks.push("resolution: say what was done about it".to_owned());
                }
            }
            Segment::Passive | Segment::Promoter => {
                if !self.acknowledged && !self.is_contacted() {
                    lacks.push("an acknowledgement: the thank-you mail has not been accepted yet, and no contact is logged".to_owned());
                }
            }
        }
        if self.open_tasks > 0 {
            lacks.push(format!("tasks: {} still open", self.open_tasks));
        }
        lacks
    }

    const fn is_contacted(&self) -> bool {
        matches!(self.status, LoopStatus::Contacted | LoopStatus::Resolved | LoopStatus::Closed) || self.attempts >= ATTEMPTS_WITHOUT_ANSWER
    }
}

/// Something that happens to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseEvent {
    /// Somebody tried to reach the customer.
    Contact(ContactOutcome),
    /// A mail server accepted the acknowledgement.
    Acknowledged,
    /// A task was opened, or taken up again; a finished case is reopened first.
    TaskOpened,
    /// A task was done or dropped.
    TaskFinished,
    /// The cause is known and something was done.
    Resolve {
        /// Why the customer was unhappy.
        root_cause: Option<String>,
        /// What was done.
        resolution: Option<String>,
    },
    /// Close the loop; refused while something is missing.
    Close,
    /// Work on it again.
    Reopen,
    /// An explicit rule: nothing has to be done.
    NotNeeded,
    /// Given up.
    Lapse,
    /// The customer changed the answer; the new segment decides what closing takes.
    Corrected(Segment),
}

/// Why an event can't happen to a case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllegalStep {
    /// Closing needs more.
    #[error("the case can't be closed yet; it lacks {}", .0.join("; "))]
    Lacks(Vec<String>),
    /// The status does not allow it.
    #[error("a case that is {} can't be {what}{}", .from.as_str(), if *.reopen { "; reopen it first" } else { "" })]
    NotNow {
        /// The present status.
        from: LoopStatus,
        /// What was tried.
        what: &'static str,
        /// Whether reopening would allow it.
        reopen: bool,
    },
}

/// The case after `event`, or why it can't happen. Never leaves `closed` without [`CaseEvent::Reopen`]
/// or [`CaseEvent::Corrected`].
pub fn step(case: &Case, event: &CaseEvent, now: DateTime<Utc>) -> Result<Case, IllegalStep> {
    let mut next = case.clone();
    let refuse = |what| Err(IllegalStep::NotNow { from: case.status, what, reopen: !case.status.is_active() });
    match event {
        CaseEvent::Contact(outcome) => {
            if !case.status.is_active() {
                return refuse("contacted");
            }
            contact(&mut next, *outcome, now);
        }
        CaseEvent::Acknowledged => {
            next.acknowledged = true;
            if case.segment != Segment::Detractor {
                next.first_contact_at = next.first_contact_at.or(Some(now));
            }
            close_if_nothing_is_left(&mut next, now);
        }
        CaseEvent::TaskOpened => {
            if !case.status.is_active() {
                return refuse("given a task");
            }
            next.open_tasks += 1;
        }
        CaseEvent::TaskFinished => {
            next.open_tasks = next.open_tasks.saturating_sub(1);
            close_if_nothing_is_left(&mut next, now);
        }
        CaseEvent::Resolve { root_cause, resolution } => {
            if !case.status.is_active() {
                return refuse("resolved");
            }
            next.root_cause = root_cause.clone().or(next.root_cause);
            next.resolution = resolution.clone().or(next.resolution);
            // "Resolved" promises that somebody was in touch: keep what was entered, but don't skip the contact.
            if next.is_contacted() || next.segment != Segment::Detractor {
                next.status = LoopStatus::Resolved;
            }
            next.resolved_at = Some(now);
        }
        CaseEvent::Close => {
            if !case.status.is_active() {
                return refuse("closed");
            }
            let lacks = case.lacks();
            if !lacks.is_empty() {
                return Err(IllegalStep::Lacks(lacks));
            }
            next.status = LoopStatus::Closed;
            next.closed_at = Some(now);
        }
        CaseEvent::Reopen => {
            if case.status.is_active() {
                return Err(IllegalStep::NotNow { from: case.status, what: "reopened", reopen: false });
            }
            reopen(&mut next);
        }
        CaseEvent::NotNeeded => {
            if !case.status.is_active() {
                return refuse("marked as not needed");
            }
            next.status = LoopStatus::NotNeeded;
        }
        CaseEvent::Lapse => {
            if !case.status.is_active() {
                return refuse("given up");
            }
            next.status = LoopStatus::Lapsed;
        }
        CaseEvent::Corrected(segment) => {
            next.segment = *segment;
            if *segment != case.segment {
                // The acknowledgement answered another score.
                next.acknowledged = false;
                if !case.status.is_active() {
                    reopen(&mut next);
                }
            }
        }
    }
    Ok(next)
}

fn contact(next: &mut Case, outcome: ContactOutcome, now: DateTime<Utc>) {
    match outcome {
        ContactOutcome::Reached | ContactOutcome::Replied => {
            next.first_contact_at = next.first_contact_at.or(Some(now));
            if next.status == LoopStatus::Open {
                next.status = LoopStatus::Contacted;
            }
        }
        ContactOutcome::NoAnswer | ContactOutcome::WrongNumber => {
            next.attempts += 1;
            if next.attempts >= ATTEMPTS_WITHOUT_ANSWER && next.status == LoopStatus::Open {
                next.status = LoopStatus::Contacted;
            }
        }
    }
}

fn reopen(next: &mut Case) {
    next.status = LoopStatus::Open;
    next.attempts = 0;
    next.resolved_at = None;
    next.closed_at = None;
    next.resolution = None;
}

/// A passive's or promoter's loop closes by itself once they were thanked and no task is open.
fn close_if_nothing_is_left(next: &mut Case, now: DateTime<Utc>) {
    if next.segment != Segment::Detractor && next.acknowledged && next.open_tasks == 0 && next.status.is_active() {
        next.status = LoopStatus::Closed;
        next.closed_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn resolve() -> CaseEvent {
        CaseEvent::Resolve { root_cause: Some("delivery".into()), resolution: Some("sent again".into()) }
    }

    fn after(mut case: Case, events: &[CaseEvent]) -> Case {
        for event in events {
            case = step(&case, event, NOW).unwrap();
        }
        case
    }

    #[test]
    fn a_detractor_needs_contact_cause_and_resolution() {
        let open = Case::open(Segment::Detractor);
        let Err(IllegalStep::Lacks(lacks)) = step(&open, &CaseEvent::Close, NOW) else { panic!("closed too early") };
        assert_eq!(lacks.len(), 3);
        let closed = after(open, &[CaseEvent::Contact(ContactOutcome::Reached), resolve(), CaseEvent::Close]);
        assert_eq!(closed.status, LoopStatus::Closed);
        assert_eq!(closed.first_contact_at, Some(NOW));
    }

    #[test]
    fn three_tries_without_an_answer_stand_in_for_a_contact() {
        let tried = after(
            Case::open(Segment::Detractor),
            &[CaseEvent::Contact(ContactOutcome::NoAnswer), CaseEvent::Contact(ContactOutcome::WrongNumber), resolve()],
        );
        assert!(step(&tried, &CaseEvent::Close, NOW).is_err());
        let closed = after(tried, &[CaseEvent::Contact(ContactOutcome::NoAnswer), CaseEvent::Close]);
        assert_eq!(closed.status, LoopStatus::Closed);
        assert_eq!(closed.first_contact_at, None, "nobody was reached");
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
            Just(CaseEvent::Reopen),
            Just(CaseEvent::NotNeeded),
            Just(CaseEvent::Lapse),
            prop::sample::select(Segment::ALL.to_vec()).prop_map(CaseEvent::Corrected),
        ]
    }

    proptest! {
        #[test]
        fn nothing_leaves_closed_but_a_reopening(segment in prop::sample::select(Segment::ALL.to_vec()), events in prop::collection::vec(any_event(), 0..40)) {
            let mut case = Case::open(segment);
            for event in events {
                let Ok(next) = step(&case, &event, NOW) else { continue };
                if case.status == LoopStatus::Closed && next.status != LoopStatus::Closed {
                    prop_assert!(matches!(event, CaseEvent::Reopen | CaseEvent::Corrected(_)));
                }
                if next.status == LoopStatus::Closed && case.status != LoopStatus::Closed {
                    prop_assert!(next.lacks().is_empty(), "closed although it lacks {:?}", next.lacks());
                    prop_assert_eq!(next.closed_at, Some(NOW));
                }
                case = next;
            }
        }
    }
}
