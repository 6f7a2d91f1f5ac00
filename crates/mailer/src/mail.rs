//! The mails that we ship, as types: which exist, who reads them, and a sample of what each is filled with.
//!
//! A rule names a mail by its folder, so a company can add folders of its own; this list is what comes with
//! the product. Refuses to know how a mail is rendered or sent.

use chrono::NaiveDate;
use hearback_core::Locale;

use crate::context::MailContext;

/// A mail that comes with the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mail {
    /// To a detractor: we are sorry, this is who looks after you, reply to this message.
    DetractorOutreach,
    /// To a passive: what is the one thing we could do better?
    PassiveThanks,
    /// To a promoter, at once: thank you.
    PromoterThanks,
    /// To a promoter, later: a link to share.
    ReferralInvitation,
    /// To any customer, whatever the score: would you review us in public?
    ReviewInvitation,
    /// To a happy customer: may we show what you say about us?
    TestimonialRequest,
    /// To one of us: you have a task.
    TaskAssigned,
    /// To one of us: a case was handed to you.
    Escalation,
    /// To one of us: a case of yours is due soon, or overdue.
    DueSoon,
}

/// Who reads a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// A customer: in the customer's language, with a way to stop such mails.
    Customer,
    /// One of us: with a link to the case.
    Staff,
}

impl Mail {
    /// Every shipped mail.
    pub const ALL: [Self; 9] = [
        Self::DetractorOutreach,
        Self::PassiveThanks,
        Self::PromoterThanks,
        Self::ReferralInvitation,
        Self::ReviewInvitation,
        Self::TestimonialRequest,
        Self::TaskAssigned,
        Self::Escalation,
        Self::DueSoon,
    ];

    /// The folder under `templates/mail`, which is also the word in rules and in the send ledger.
    pub const fn template(self) -> &'static str {
        match self {
            Self::DetractorOutreach => "detractor_outreach",
            Self::PassiveThanks => "passive_thanks",
            Self::PromoterThanks => "promoter_thanks",
            Self::ReferralInvitation => "referral_invitation",
            Self::ReviewInvitation => "review_invitation",
            Self::TestimonialRequest => "testimonial_request",
            Self::TaskAssigned => "task_assigned",
            Self::Escalation => "escalation",
            Self::DueSoon => "due_soon",
        }
    }

    /// The shipped mail of this folder; `None` for a company's own.
    pub fn of_template(template: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mail| mail.template() == template)
    }

    /// Who reads it.
    pub const fn audience(self) -> Audience {
        match self {
            Self::DetractorOutreach
            | Self::PassiveThanks
            | Self::PromoterThanks
            | Self::ReferralInvitation
            | Self::ReviewInvitation
            | Self::TestimonialRequest => Audience::Customer,
            Self::TaskAssigned | Self::Escalation | Self::DueSoon => Audience::Staff,
        }
    }

    /// What a typical mail is filled with: for previews, for `doctor`, and for tests.
    pub fn sample(self, locale: Locale) -> MailContext {
        let everything = MailContext::sample(locale);
        match self {
            Self::DetractorOutreach => {
                MailContext { referral_url: None, incentive_code: None, case_url: None, task_title: None, reason: None, ..everything }
            }
            Self::PassiveThanks => MailContext {
                score: Some(7),
                comment: None,
                scheduling_url: None,
                referral_url: None,
                case_url: None,
                task_title: None,
                reason: None,
                due_date: None,
                ..everything
            },
            Self::PromoterThanks | Self::ReferralInvitation | Self::ReviewInvitation | Self::TestimonialRequest => MailContext {
                score: Some(10),
                comment: Some("Quick, kind and clear.".to_owned()),
                scheduling_url: None,
                incentive_code: None,
                case_url: None,
                task_title: None,
                reason: None,
                due_date: None,
                ..everything
            },
            Self::TaskAssigned | Self::Escalation | Self::DueSoon => {
                MailContext { unsubscribe_url: None, scheduling_url: None, referral_url: None, incentive_code: None, ..everything }
            }
        }
    }
}

impl MailContext {
    /// A context in which every variable has a value.
    pub fn sample(locale: Locale) -> Self {
        Self {
            company: "Example Ltd".to_owned(),
            locale,
            person_name: Some("Anna Example".to_owned()),
            score: Some(3),
            comment: Some("The parcel came late.\nNobody answered the phone.".to_owned()),
            agent: Some("Ieva Petraitė".to_owned()),
            team: Some("Support".to_owned()),
            due_date: NaiveDate::from_ymd_opt(2026, 3, 9),
            case_url: Some("https://hearback.example/cases/1".to_owned()),
            unsubscribe_url: Some("https://hearback.example/u/token".to_owned()),
            referral_url: Some("https://hearback.example/r/code".to_owned()),
            review_url: Some("https://reviews.example/write".to_owned()),
            testimonial_url: Some("https://hearback.example/t/token".to_owned()),
            scheduling_url: Some("https://hearback.example/meet".to_owned()),
            incentive_code: Some("THANKS-10".to_owned()),
            task_title: Some("Call the customer".to_owned()),
            reason: Some("no contact within two days".to_owned()),
        }
    }
}
