//! What closing a case takes, in which order, and how long things may take: settings of a workspace, per survey and segment.
//!
//! Owns: the shape of a policy, what makes one impossible, and the due times that follow from it. Refuses to know: which
//! policy is whose (that is `engine`) and what happens to a case (that is [`crate::case`]).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Calendar, Segment, Span,
    text::{self, MAX_LINE},
};

/// Most codes for root causes.
const MAX_CAUSES: usize = 100;
/// Most tries that a policy may ask for.
const MAX_ATTEMPTS: u32 = 20;

/// Something that must be there before a case may be closed. That no task is open is always asked as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// The customer was reached or wrote back, or enough tries stayed without an answer.
    Contact,
    /// Why the customer was unhappy.
    RootCause,
    /// What was done about it.
    Resolution,
    /// A mail server accepted our acknowledgement, or a contact is logged.
    Acknowledgement,
}

impl Requirement {
    /// What may be written, for messages.
    pub const EXPECTED: &'static str = "must be contact, root_cause, resolution or acknowledgement";

    /// The word used in files and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::RootCause => "root_cause",
            Self::Resolution => "resolution",
            Self::Acknowledgement => "acknowledgement",
        }
    }

    /// Reads the word back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Contact, Self::RootCause, Self::Resolution, Self::Acknowledgement].into_iter().find(|need| need.as_str() == word)
    }
}

/// How the loop of one segment is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// From the answer until somebody should have been in touch.
    pub first_contact: Span,
    /// From the answer until the case should be closed; waiting for the customer stops this clock.
    pub close: Span,
    /// How long before each of the two a warning is given; zero is never.
    pub warn_before: Span,
    /// How many tries without an answer stand in for a contact, 1 to 20.
    #[schemars(range(min = 1, max = MAX_ATTEMPTS))]
    pub attempts: u32,
    /// Over how long those tries must be spread. In business days it counts the working days from the first try to the
    /// last, both included: `5bd` is Monday to Friday. Zero: three tries within an hour are enough.
    pub over: Span,
    /// What closing takes.
    pub needs: BTreeSet<Requirement>,
    /// Whether a case must be contacted, then resolved, then closed.
    pub forced_order: bool,
    /// The root causes that may be entered; empty: any text.
    #[schemars(length(max = MAX_CAUSES))]
    pub root_causes: Vec<String>,
    /// After how long an unfinished case is given up; never when absent.
    pub lapse_after: Option<Span>,
    /// After how long without a contact a case goes to somebody else of the team; never when absent.
    pub reassign_after: Option<Span>,
    /// Whether a finished case is open again once the customer replies.
    pub reopen_on_reply: bool,
}

/// When things are due in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The first contact.
    pub first_contact: DateTime<Utc>,
    /// The close.
    pub close: DateTime<Utc>,
    /// When the case is given up.
    pub lapse: Option<DateTime<Utc>>,
    /// When it goes to somebody else.
    pub reassign: Option<DateTime<Utc>>,
}

/// What a case is worked under: the policy of its survey and segment, the calendar of its owner's team.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// See [`Policy`].
    pub policy: &'a Policy,
    /// Business time runs by it.
    pub calendar: &'a Calendar,
}

impl Policy {
    /// What holds unless a workspace says otherwise: an unhappy customer is contacted, the cause found and something done;
    /// everybody else is thanked. First contact within 2 business days, closed within 5.
    pub fn of_segment(segment: Segment) -> Self {
        let needs = match segment {
            Segment::Detractor => [Requirement::Contact, Requirement::RootCause, Requirement::Resolution].into(),
            Segment::Passive | Segment::Promoter => [Requirement::Acknowledgement].into(),
        };
        Self {
            first_contact: Span::BusinessDays(2),
            close: Span::BusinessDays(5),
            warn_before: Span::BusinessHours(4),
            attempts: 3,
            over: Span::BusinessDays(5),
            needs,
            forced_order: false,
            root_causes: Vec::new(),
            lapse_after: None,
            reassign_after: None,
            reopen_on_reply: true,
        }
    }

    /// Fields that make no sense, with what was expected; empty when all do.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let never_zero = [
            ("first_contact", Some(self.first_contact)),
            ("close", Some(self.close)),
            ("lapse_after", self.lapse_after),
            ("reassign_after", self.reassign_after),
        ];
        for (field, _) in never_zero.into_iter().filter(|(_, span)| span.is_some_and(Span::is_zero)) {
            found.push((field, "must be longer than 0, such as 48h or 2bd".to_owned()));
        }
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts) {
            found.push(("attempts", format!("must be 1 to {MAX_ATTEMPTS}, got {}", self.attempts)));
        }
        if self.root_causes.len() > MAX_CAUSES {
            found.push(("root_causes", format!("must be at most {MAX_CAUSES}, got {}", self.root_causes.len())));
        }
        for (place, cause) in self.root_causes.iter().enumerate() {
            match text::line(cause, MAX_LINE) {
                Err(error) => found.push(("root_causes", format!("number {}: {error}", place + 1))),
                Ok(line) if line != *cause => found.push(("root_causes", format!("number {} has spaces around it", place + 1))),
                Ok(_) if self.root_causes.iter().take(place).any(|other| other == cause) => {
                    found.push(("root_causes", format!("`{cause}` stands there twice")));
                }
                Ok(_) => {}
            }
        }
        found
    }

    /// When things are due in a case that starts at `from`.
    pub fn clocks(&self, calendar: &Calendar, from: DateTime<Utc>) -> Clocks {
        Clocks {
            first_contact: self.first_contact.after(calendar, from),
            close: self.close.after(calendar, from),
            lapse: self.lapse_after.map(|span| span.after(calendar, from)),
            reassign: self.reassign_after.map(|span| span.after(calendar, from)),
        }
    }

    /// When to warn of something that is due; `None` when nobody wants to be warned.
    pub fn warning(&self, calendar: &Calendar, due: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (!self.warn_before.is_zero()).then(|| self.warn_before.before(calendar, due))
    }

    /// Whether the loop closes by itself once the customer was thanked.
    pub fn closes_by_itself(&self) -> bool {
        self.needs.iter().eq([&Requirement::Acknowledgement])
    }

    /// Whether closing takes this.
    pub fn needs(&self, need: Requirement) -> bool {
        self.needs.contains(&need)
    }
}

impl Terms<'_> {
    /// Whether tries that reached nobody, the first and the last at these times, stand in for a contact.
    pub fn tried_enough(&self, attempts: u32, first: Option<DateTime<Utc>>, last: Option<DateTime<Utc>>) -> bool {
        let spread = |first, last| match self.policy.over {
            Span::BusinessDays(days) => self.calendar.work_days_between(first, last) >= days,
            over => over.after(self.calendar, first) <= last,
        };
        attempts >= self.policy.attempts && (self.policy.over.is_zero() || first.zip(last).is_some_and(|(first, last)| spread(first, last)))
    }

    /// What tries must be like, in words: `3 tries without an answer over 5 working days`.
    pub fn tries_in_words(&self) -> String {
        let tries = self.policy.attempts;
        let tries = if tries == 1 { "1 try without an answer".to_owned() } else { format!("{tries} tries without an answer") };
        match self.policy.over {
            over if over.is_zero() => tries,
            Span::BusinessDays(days) => format!("{tries} over {days} working days"),
            over => format!("{tries} over {over}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn tries_count_once_they_are_spread_over_working_days() {
        let (policy, calendar) = (Policy::of_segment(Segment::Detractor), Calendar::default());
        let terms = Terms { policy: &policy, calendar: &calendar };
        let monday = Some(at("2026-11-16T10:00:00Z"));
        assert!(!terms.tried_enough(3, monday, monday));
        assert!(!terms.tried_enough(3, monday, Some(at("2026-11-19T16:00:00Z"))), "Thursday is the fourth day");
        assert!(terms.tried_enough(3, monday, Some(at("2026-11-20T09:00:00Z"))));
        assert!(!terms.tried_enough(2, monday, Some(at("2026-11-20T09:00:00Z"))));
        let policy = Policy { over: Span::ZERO, attempts: 1, ..policy };
        assert!(Terms { policy: &policy, calendar: &calendar }.tried_enough(1, None, None));
        let policy = Policy { over: Span::Minutes(60), ..policy };
        assert!(!Terms { policy: &policy, calendar: &calendar }.tried_enough(1, monday, monday));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let good = Policy::of_segment(Segment::Detractor);
        assert_eq!(good.mistakes(), []);
        let bad = Policy {
            close: Span::ZERO,
            lapse_after: Some(Span::ZERO),
            attempts: 0,
            root_causes: vec!["price".to_owned(), "price".to_owned(), String::new()],
            ..good
        };
        let fields: Vec<&str> = bad.mistakes().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["close", "lapse_after", "attempts", "root_causes", "root_causes"]);
    }

    #[test]
    fn a_policy_is_stored_as_it_is_written() {
        let policy = Policy::of_segment(Segment::Passive);
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!((json["close"].as_str(), &json["needs"]), (Some("5bd"), &serde_json::json!(["acknowledgement"])));
        assert_eq!(serde_json::from_value::<Policy>(json).unwrap(), policy);
        assert!(policy.closes_by_itself() && !Policy::of_segment(Segment::Detractor).closes_by_itself());
    }
}
