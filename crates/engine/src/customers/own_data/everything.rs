//! What is kept about somebody, as it is told to them: for programs (JSON) and for reading. Pure.
//!
//! Told is what they said and did, what we sent them and when we tried to reach them. What our people wrote for each other (notes,
//! tasks, causes) is about our work, may name others, and is left to a person of ours to hand out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{timeline::Entry, token::SecretKey};
use hearback_mailer::Language;
use hearback_store::{events, messages, own_data::Everything, persons, time::from_millis};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{incentives::pools, workspace::Workspace};

/// One kind of what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// In words.
    pub title: String,
    /// In order of time.
    pub lines: Vec<Line>,
}

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The day; empty where there is none.
    pub at: String,
    /// What it is.
    pub what: String,
    /// Somebody's own words; empty where there are none.
    pub words: String,
}

fn time(millis: i64) -> String {
    from_millis(millis).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn times(millis: Option<i64>) -> Option<String> {
    millis.map(time)
}

/// Stored JSON as it is.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn survey(workspace: &Workspace, id: Uuid) -> String {
    workspace.survey(id).map(|survey| survey.key.clone()).unwrap_or_default()
}

/// All of it, for a program.
pub(super) fn json(key: &SecretKey, workspace: &Workspace, persons: &[persons::Model], rows: &Everything, now: DateTime<Utc>) -> Value {
    let list = Value::Array;
    json!({
        "company": workspace.name,
        "made_at": now,
        "persons": list(persons.iter().map(person).collect()),
        "former_addresses": list(rows.former_addresses.iter().map(|row| json!({ "address": row.address, "until": time(row.left_at) })).collect()),
        "no_mail": list(rows.suppressions.iter().map(|row| json!({ "address": row.address, "reason": row.reason, "since": time(row.created_at) })).collect()),
        "no_mail_about": list(rows.preferences.iter().map(|row| json!({ "survey": row.survey_key, "since": time(row.stopped_at) })).collect()),
        "answers": answers(workspace, rows),
        "answers_not_confirmed": list(rows.unconfirmed.iter().map(|row| json!({
            "survey": survey(workspace, row.survey_id), "score": row.score, "comment": row.comment,
            "answers": row.answers.as_deref().map(read), "given_at": time(row.given_at),
        })).collect()),
        "mails_to_you": list(rows.deliveries.iter().map(|row| json!({
            "kind": row.kind, "address": row.to_address, "name": row.to_name, "subject": row.subject, "words": row.words,
            "status": row.status, "made_at": time(row.created_at), "sent_at": times(row.sent_at),
        })).collect()),
        "mails_from_you": list(rows.messages.iter().map(|row| json!({
            "kind": row.kind, "state": row.state, "from": row.from_address, "subject": row.subject, "text": row.text,
            "whole_text": row.whole(), "attachments": row.attachments(), "received_at": time(row.received_at),
        })).collect()),
        "invitations": list(rows.invitations.iter().map(|row| json!({
            "survey": survey(workspace, row.survey_id), "campaign": row.campaign, "channel": row.channel, "state": row.state,
            "reason": row.reason, "due_at": time(row.due_at), "sent_at": times(row.sent_at), "answered_at": times(row.answered_at),
        })).collect()),
        "interactions": list(rows.interactions.iter().map(|row| json!({ "event": row.event, "id": row.external_id, "at": time(row.at) })).collect()),
        "testimonials": list(rows.testimonials.iter().map(|row| json!({
            "text": row.text, "name": row.name, "permission": row.permission, "state": row.state, "given_at": time(row.given_at),
        })).collect()),
        "referral_links": list(rows.referrals.iter().map(|row| json!({ "code": row.code, "visits": row.visits, "made_at": time(row.created_at) })).collect()),
        "codes": list(rows.codes.iter().map(|row| json!({ "code": pools::code(key, row).ok(), "given_at": times(row.given_at) })).collect()),
    })
}

fn person(row: &persons::Model) -> Value {
    json!({
        "email": row.email, "external_id": row.external_id, "name": row.name, "language": row.locale, "timezone": row.timezone,
        "account": row.account_key, "looked_after_by": row.owner, "properties": read(&row.properties),
        "wants_no_mail": row.opted_out_for, "wants_no_mail_since": times(row.opted_out_at), "merged": row.merged_into.is_some(), "known_since": time(row.created_at), "updated_at": time(row.updated_at),
    })
}

/// Answers with what the customer changed, and when we tried to reach them about it.
fn answers(workspace: &Workspace, rows: &Everything) -> Value {
    let cases: HashMap<Uuid, _> = rows.cases.iter().map(|case| (case.response_id, case)).collect();
    let answer = |row: &hearback_store::responses::Model| {
        let case = cases.get(&row.id);
        let in_case = |id: Uuid| case.is_some_and(|case| case.id == id);
        let changes = rows.events.iter().filter(|event| in_case(event.case_id)).filter_map(change);
        let contacts = rows.contacts.iter().filter(|contact| in_case(contact.case_id));
        json!({
            "survey": survey(workspace, row.survey_id), "score": row.score, "comment": row.comment, "id": row.external_id,
            "answers": row.answers.as_deref().map(read), "may_contact": row.may_contact, "channel": row.channel, "language": row.locale,
            "properties_then": read(&row.properties), "revision": row.revision, "first_score": row.first_score,
            "answered_at": time(row.answered_at), "updated_at": time(row.updated_at), "changes": changes.collect::<Vec<_>>(),
            "follow_up": case.map(|case| json!({ "status": case.loop_status, "closed_at": times(case.closed_at) })),
            "contacts": contacts.map(|row| json!({ "channel": row.channel, "outcome": row.outcome, "at": time(row.at) })).collect::<Vec<_>>(),
        })
    };
    Value::Array(rows.responses.iter().map(answer).collect())
}

fn change(event: &events::Model) -> Option<Value> {
    let Ok(Entry::Corrected { from, to, .. }) = event.entry() else { return None };
    Some(json!({ "at": time(event.at), "from": from, "to": to }))
}

/// All of it, for reading; kinds of which there is nothing are left out.
pub(super) fn sections(
    key: &SecretKey,
    workspace: &Workspace,
    persons: &[persons::Model],
    rows: &Everything,
    language: &Language,
) -> Vec<Section> {
    let day = |millis: i64| language.date(from_millis(millis).date_naive());
    let line = |at: i64, what: String, words: Option<&str>| Line { at: day(at), what, words: words.unwrap_or_default().to_owned() };
    let joined = |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" · ");
    let written = |row: &messages::Model| {
        let sent: Vec<_> = row.attachments().into_iter().map(|sent| sent.name).collect();
        line(row.received_at, joined(&[&row.from_address, &row.subject, &sent.join(", ")]), Some(row.whole()))
    };
    let all: [(&str, Vec<Line>); 7] = [
        ("profile", {
            let former = rows.former_addresses.iter().map(|row| line(row.left_at, row.address.clone(), None));
            persons.iter().flat_map(profile).chain(former).collect()
        }),
        (
            "wishes",
            (rows.suppressions.iter().map(|row| line(row.created_at, joined(&[&row.address, &row.reason]), None)))
                .chain(rows.preferences.iter().map(|row| line(row.stopped_at, row.survey_key.clone(), None)))
                .collect(),
        ),
        ("answers", {
            let said = |row: &hearback_store::responses::Model| {
                let what = format!("{}: {}", survey(workspace, row.survey_id), row.score);
                let more = row.answers.as_deref().map(|text| plain(&read(text))).unwrap_or_default();
                line(row.answered_at, joined(&[&what, &row.channel, &more]), row.comment.as_deref())
            };
            rows.responses.iter().map(said).collect()
        }),
        ("contacts", rows.contacts.iter().map(|row| line(row.at, joined(&[&row.channel, &row.outcome]), None)).collect()),
        (
            "mails",
            (rows.deliveries.iter())
                .map(|row| {
                    line(row.created_at, joined(&[row.subject.as_deref().unwrap_or(&row.kind), row.status.as_str()]), row.words.as_deref())
                })
                .chain(rows.messages.iter().map(written))
                .chain(
                    rows.invitations
                        .iter()
                        .map(|row| line(row.due_at, joined(&[&survey(workspace, row.survey_id), row.state.as_str()]), None)),
                )
                .collect(),
        ),
        (
            "testimonials",
            rows.testimonials
                .iter()
                .map(|row| line(row.given_at, joined(&[&row.permission, row.state.as_str()]), Some(&row.text)))
                .collect(),
        ),
        (
            "others",
            (rows.codes.iter().map(|row| line(row.given_at.unwrap_or(row.created_at), pools::code(key, row).unwrap_or_default(), None)))
                .chain(rows.referrals.iter().map(|row| line(row.created_at, row.code.clone(), None)))
                .chain(rows.interactions.iter().map(|row| line(row.at, joined(&[&row.event, &row.external_id]), None)))
                .chain((rows.unconfirmed.iter()).map(|row| {
                    line(row.given_at, format!("{}: ({})", survey(workspace, row.survey_id), row.score), row.comment.as_deref())
                }))
                .collect(),
        ),
    ];
    let title =
        |key: &str| language.phrase(&format!("own_data.about.{key}")).and_then(|phrase| phrase.fill(|_| None).ok()).unwrap_or_default();
    all.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(key, lines)| Section { title: title(key), lines }).collect()
}

/// Who somebody is.
fn profile(row: &persons::Model) -> Vec<Line> {
    let texts = [&row.name, &row.email, &row.external_id, &row.account_key, &row.locale, &row.timezone];
    let properties = plain(&read(&row.properties));
    let texts = texts.into_iter().flatten().cloned().chain(Some(properties).filter(|text| !text.is_empty()));
    texts.map(|what| Line { at: String::new(), what, words: String::new() }).collect()
}

/// JSON as people write it down: `plan: gold, seats: 3`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_written_as_people_write() {
        assert_eq!(
            plain(&json!({ "plan": "gold", "seats": 3, "tags": ["a", "b"], "none": null })),
            "none: , plan: gold, seats: 3, tags: a, b"
        );
        assert_eq!(plain(&json!({})), "");
    }
}
