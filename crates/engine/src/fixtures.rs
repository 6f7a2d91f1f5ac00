//! What unit tests decide about: settings, an answer and its case, without a database.

use chrono::{DateTime, Utc};
use hearback_core::{
    Email, Segment, Span,
    id::{CaseId, PersonId, ResponseId, SurveyId, WorkspaceId},
    token::SecretKey,
};
use hearback_store::{cases, persons, responses, time::millis};

use crate::{Settings, settings::Limits};

/// A Monday morning.
pub fn monday() -> DateTime<Utc> {
    at("2026-03-09 10:00")
}

/// `2026-03-09 10:00`, UTC.
pub fn at(text: &str) -> DateTime<Utc> {
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc()
}

pub fn workspace_id() -> WorkspaceId {
    WorkspaceId::derived("workspace")
}

pub fn settings() -> Settings {
    Settings {
        public_url: "https://feedback.example".to_owned(),
        survey_url: "https://feedback.example".to_owned(),
        mail_from: Email::parse("care@shop.example").unwrap(),
        mail_from_name: "The Shop".to_owned(),
        mail_connections: 1,
        dispatch: crate::settings::Dispatch::default(),
        keep_quarantined: chrono::Duration::days(30),
        erasures: None,
        secret_key: SecretKey::new(&[7; 32]).unwrap(),
        max_batch: 1,
        max_waiting: 1,
        settle_delay: chrono::Duration::zero(),
        first_contact: Span::BusinessDays(2),
        close: Span::BusinessDays(5),
        warn_before: Span::BusinessHours(4),
        limits: Limits { mails_per_person_day: 3, mails_per_rule_hour: 100 },
        log_ins: crate::settings::LogInRules::default(),
        private_webhooks: false,
        folders: Vec::new(),
    }
}

/// Somebody with an address.
pub fn person() -> persons::Model {
    let email = Some("anna@example.com".to_owned());
    persons::Model {
        email,
        ..persons::Model::new(workspace_id(), PersonId::derived("anna"), "email:anna@example.com".to_owned(), monday())
    }
}

/// The open case of Anna's answer on [`monday`].
pub fn case(segment: Segment) -> cases::Model {
    let answer = responses::Model {
        workspace_id: workspace_id().uuid(),
        id: ResponseId::derived("answer").uuid(),
        survey_id: SurveyId::derived("survey").uuid(),
        person_id: person().id,
        idem_key: "answer".to_owned(),
        body_hash: String::new(),
        external_id: None,
        score: 3,
        first_score: 3,
        segment: segment.as_str().to_owned(),
        comment: None,
        channel: "api".to_owned(),
        locale: None,
        properties: "{}".to_owned(),
        revision: 1,
        answered_at: millis(monday()),
        created_at: millis(monday()),
        updated_at: millis(monday()),
        answers: None,
        invitation_id: None,
        may_contact: None,
        settled_at: Some(millis(monday())),
    };
    cases::Model::opened_by(&answer, CaseId::derived("case"), monday())
}
