//! The mails that we ship, as types: which exist, who reads them, and a sample of what each is filled with.
//!
//! A rule names a mail by its folder, so a company can add folders of its own; this list is what comes with
//! the product. Refuses to know how a mail is rendered or sent.

use chrono::NaiveDate;
use hearback_core::Locale;

use crate::context::{Choice, MailContext};

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
    /// To a customer: one question, answered by a click on a number.
    SurveyInvitation,
    /// To a customer who has not answered it: the same question once more.
    SurveyReminder,
    /// To a customer: what one of us wrote to them.
    AgentReply,
    /// To a customer who wants to see what we keep about them: a link that proves the address.
    OwnDataExport,
    /// To a customer who wants it deleted: the same.
    OwnDataErase,
    /// To one of us: you have a task.
    TaskAssigned,
    /// To one of us: a case was handed to you.
    Escalation,
    /// To one of us: a case of yours is due soon, or overdue.
    DueSoon,
    /// To one of us: the customer of a case of yours wrote.
    CustomerWrote,
}

/// Who reads a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// A customer: in the customer's language, with a way to stop such mails.
    Customer,
    /// A customer who asked for it: about what is theirs, whatever other mail they want.
    Owner,
    /// One of us: with a link to the case.
    Staff,
}

/// Why a mail is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Something happened, and the program writes about it.
    Automatic,
    /// Many are asked the same.
    Bulk,
    /// One of us has written it.
    Person,
}

impl Mail {
    /// Every shipped mail.
    pub const ALL: [Self; 15] = [
        Self::DetractorOutreach,
        Self::PassiveThanks,
        Self::PromoterThanks,
        Self::ReferralInvitation,
        Self::ReviewInvitation,
        Self::TestimonialRequest,
        Self::SurveyInvitation,
        Self::SurveyReminder,
        Self::AgentReply,
        Self::OwnDataExport,
        Self::OwnDataErase,
        Self::TaskAssigned,
        Self::Escalation,
        Self::DueSoon,
        Self::CustomerWrote,
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
            Self::SurveyInvitation => "survey_invitation",
            Self::SurveyReminder => "survey_reminder",
            Self::AgentReply => "agent_reply",
            Self::OwnDataExport => "own_data_export",
            Self::OwnDataErase => "own_data_erase",
            Self::TaskAssigned => "task_assigned",
            Self::Escalation => "escalation",
            Self::DueSoon => "due_soon",
            Self::CustomerWrote => "customer_wrote",
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
            | Self::TestimonialRequest
            | Self::SurveyInvitation
            | Self::SurveyReminder
            | Self::AgentReply => Audience::Customer,
            Self::OwnDataExport | Self::OwnDataErase => Audience::Owner,
            Self::TaskAssigned | Self::Escalation | Self::DueSoon | Self::CustomerWrote => Audience::Staff,
        }
    }

    /// Why it is written, which mail programs are told.
    pub const fn origin(self) -> Origin {
        match self {
            Self::SurveyInvitation | Self::SurveyReminder => Origin::Bulk,
            Self::AgentReply => Origin::Person,
            Self::DetractorOutreach
            | Self::PassiveThanks
            | Self::PromoterThanks
            | Self::ReferralInvitation
            | Self::ReviewInvitation
            | Self::TestimonialRequest
            | Self::OwnDataExport
            | Self::OwnDataErase
            | Self::TaskAssigned
            | Self::Escalation
            | Self::DueSoon
            | Self::CustomerWrote => Origin::Automatic,
        }
    }

    /// Whether a rule can ask for it: the others are about something that a rule does not know.
    pub const fn is_for_rules(self) -> bool {
        !matches!(self, Self::CustomerWrote)
            && !matches!(self.origin(), Origin::Bulk | Origin::Person)
            && !matches!(self.audience(), Audience::Owner)
    }

    /// What a typical mail is filled with: for previews, for `doctor`, and for tests.
    pub fn sample(self, locale: Locale) -> MailContext {
        let everything = MailContext::sample(locale);
        match self {
            Self::SurveyInvitation | Self::SurveyReminder => MailContext {
                question: everything.question,
                scale_low: everything.scale_low,
                scale_high: everything.scale_high,
                answer_url: everything.answer_url,
                scores: everything.scores,
                accent: everything.accent,
                unsubscribe_url: everything.unsubscribe_url,
                ..MailContext { company: everything.company, locale: everything.locale, ..MailContext::default() }
            },
            Self::AgentReply => MailContext {
                words: everything.words,
                agent: everything.agent,
                unsubscribe_url: everything.unsubscribe_url,
                ..MailContext { company: everything.company, locale: everything.locale, ..MailContext::default() }
            },
            Self::OwnDataExport | Self::OwnDataErase => MailContext {
                own_data_url: everything.own_data_url,
                ..MailContext { company: everything.company, locale: everything.locale, ..MailContext::default() }
            },
            Self::DetractorOutreach => MailContext {
                referral_url: None,
                incentive_code: None,
                case_url: None,
                task_title: None,
                reason: None,
                ..everything.without_survey()
            },
            Self::PassiveThanks => MailContext {
                score: Some(7),
                comment: None,
                scheduling_url: None,
                referral_url: None,
                case_url: None,
                task_title: None,
                reason: None,
                due_date: None,
                ..everything.without_survey()
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
                ..everything.without_survey()
            },
            Self::TaskAssigned | Self::Escalation | Self::DueSoon | Self::CustomerWrote => MailContext {
                unsubscribe_url: None,
                scheduling_url: None,
                referral_url: None,
                incentive_code: None,
                ..everything.without_survey()
            },
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
            own_data_url: Some("https://hearback.example/me/token".to_owned()),
            referral_url: Some("https://hearback.example/r/code".to_owned()),
            review_url: Some("https://reviews.example/write".to_owned()),
            testimonial_url: Some("https://hearback.example/t/token".to_owned()),
            scheduling_url: Some("https://hearback.example/meet".to_owned()),
            incentive_code: Some("THANKS-10".to_owned()),
            task_title: Some("Call the customer".to_owned()),
            reason: Some("no contact within two days".to_owned()),
            question: Some("How likely are you to recommend Example Ltd to a friend or colleague?".to_owned()),
            scale_low: Some("Not at all likely".to_owned()),
            scale_high: Some("Extremely likely".to_owned()),
            answer_url: Some("https://hearback.example/s/token".to_owned()),
            scores: (0..=10).map(|number| Choice { number, url: format!("https://hearback.example/s/token?score={number}") }).collect(),
            accent: None,
            words: Some("Your parcel is on its way now.\nI am sorry that it took so long.".to_owned()),
            subject: Some("Re: Where is my parcel?".to_owned()),
        }
    }

    /// About an answer that was given, or written by a program: without what only a survey or a person of ours would say.
    fn without_survey(self) -> Self {
        Self {
            own_data_url: None,
            question: None,
            scale_low: None,
            scale_high: None,
            answer_url: None,
            scores: Vec::new(),
            words: None,
            subject: None,
            ..self
        }
    }
}
