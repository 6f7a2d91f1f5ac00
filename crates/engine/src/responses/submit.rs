//! The way of a response, from the door to the commit: what comes in, how it is checked, and how answers
//! that wait at the same time share one transaction.
//!
//! Owns: the input shapes, the checks, the queue in front of the single writer. The transaction itself is in
//! [`crate::responses::intake`], changes of an answer are in [`crate::responses::correct`].

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use hearback_core::{
    LoopStatus, Score, Segment,
    id::{CaseId, InvitationId, ResponseId, WorkspaceId},
    survey::Answers,
    text,
};
use hearback_rules::Property;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Ctx, EngineError,
    customers::people::{CheckedPerson, NewPerson, check_person},
    error::{Fields, fail_all},
    faults,
    reading::Survey,
    responses::{Responses, intake::Entry},
    workspace::Workspace,
};

/// An answer as it comes in, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResponse {
    /// Key of a published survey.
    #[schemars(length(min = 1, max = 64))]
    pub survey: String,
    /// On the survey's scale.
    #[schemars(range(min = 0, max = 10))]
    pub score: i64,
    /// At most 10,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = hearback_core::text::MAX_COMMENT))]
    pub comment: Option<String>,
    /// Who answered; empty for an anonymous answer.
    #[serde(default)]
    pub person: NewPerson,
    /// The sender's own id of this answer: the same id is stored once for a survey, in whatever version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = hearback_core::text::MAX_LINE))]
    pub external_id: Option<String>,
    /// When it was given; now when absent. From 2000 to one day ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responded_at: Option<DateTime<Utc>>,
    /// `api` when absent; 1-64 of `a-z 0-9 - _`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z0-9_-]{1,64}$"))]
    pub channel: Option<String>,
    /// Answers to the survey's further questions, by the key of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// Whether the customer wants to be contacted about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_contact: Option<bool>,
    /// What an export says of it besides. Nothing that a sender can say.
    #[serde(skip)]
    pub past: Option<Past>,
}

/// What is known of an answer that was stored before, here or in another house, and comes back from an export: it keeps its id, and
/// stays as it was when it was given whatever became of the customer since.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The response.
    pub id: ResponseId,
    /// Its case.
    pub case: Option<CaseId>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Since when it was meant as it is; when it was stored where nobody says.
    pub settled_at: Option<DateTime<Utc>>,
    /// Which revision it is.
    pub revision: u32,
    /// What was answered first.
    pub first_score: Option<u8>,
    /// The customer's language then.
    pub locale: Option<String>,
    /// The customer's properties then.
    pub properties: BTreeMap<String, Property>,
}

/// Whether follow-ups start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Rules are asked, clocks run.
    On,
    /// As `On`, for answers that an operator brings in bulk and wants followed up: no limit of mails per rule.
    Bulk,
    /// History: the case is marked as not needed, nothing starts.
    Off,
}

impl FollowUp {
    /// Whether rules are asked.
    pub const fn starts(self) -> bool {
        matches!(self, Self::On | Self::Bulk)
    }
}

/// When rules may act on what a customer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settles {
    /// As usual where it came from: a click in a mail may still be changed, everything else is meant as it was sent.
    ByChannel,
    /// Now: the customer is done.
    AtOnce,
    /// When nothing was changed for a while: more may come.
    Later,
}

impl Settles {
    /// When that is, for an answer that was given or changed at `edited`; `None` for at once.
    pub fn at(self, cx: &Ctx, channel: &str, edited: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let rests = match self {
            Self::ByChannel => channel == "email",
            Self::AtOnce => false,
            Self::Later => true,
        };
        (rests && cx.settings.settle_delay > chrono::Duration::zero()).then(|| edited + cx.settings.settle_delay)
    }
}

/// What the sender gets back once everything is durable.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Receipt {
    /// The response.
    pub id: ResponseId,
    /// Its segment.
    pub segment: Segment,
    /// Its score.
    pub score: u8,
    /// Its revision.
    pub revision: u32,
    /// Its case.
    pub case: ReceiptCase,
    /// What the rules decided: action, rule, when.
    pub effects: Vec<ReceiptEffect>,
    /// False when the same answer had been stored before.
    #[serde(skip)]
    pub created: bool,
}

/// The case of a [`Receipt`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReceiptCase {
    /// The case.
    pub id: CaseId,
    /// Where its loop stands.
    pub loop_status: LoopStatus,
}

/// One effect of a [`Receipt`].
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReceiptEffect {
    /// `send_mail`, `open_task`, ...
    #[serde(rename = "do")]
    pub action: &'static str,
    /// Key of the rule.
    pub rule: String,
    /// When.
    pub due: DateTime<Utc>,
}

/// A change of an answer; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The new score.
    #[serde(default)]
    pub score: Option<i64>,
    /// The new comment; an empty one takes it away.
    #[serde(default)]
    pub comment: Option<String>,
    /// Answers to further questions; an empty one is taken away, those that are not named stay.
    #[serde(default)]
    pub answers: Option<Answers>,
    /// Whether the customer wants to be contacted.
    #[serde(default)]
    pub may_contact: Option<bool>,
}

/// An answer that passed all checks.
#[derive(Debug, Clone)]
pub struct CheckedResponse {
    /// The survey that was answered.
    pub survey: Survey,
    /// On its scale.
    pub score: Score,
    /// The customer's words.
    pub comment: Option<String>,
    /// Who answered.
    pub person: CheckedPerson,
    /// The sender's own id.
    pub external_id: Option<String>,
    /// What it is stored under once; `None` for an answer that can't come again.
    pub idem_key: Option<String>,
    /// Answers to further questions.
    pub answers: Answers,
    /// Whether the customer wants to be contacted, if they said so.
    pub may_contact: Option<bool>,
    /// Which invitation it answers.
    pub invitation: Option<InvitationId>,
    /// When rules may act on it.
    pub settles: Settles,
    /// When it was given, if the sender says so.
    pub responded_at: Option<DateTime<Utc>>,
    /// Where it came from.
    pub channel: String,
    /// SHA-256 of what was sent: tells a repeat from another answer under the same id.
    pub body_hash: String,
    /// What an export says of it besides.
    pub past: Option<Past>,
}

/// Answers are accepted from the year 2000 on.
const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(946_684_800, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// Checks an answer; every refused field is named at once.
pub fn check(workspace: &Workspace, new: NewResponse, now: DateTime<Utc>) -> Result<CheckedResponse, EngineError> {
    let body_hash = hearback_core::token::fingerprint(&serde_json::to_string(&new).unwrap_or_default());
    let mut fields = Fields::default();
    let survey = workspace.surveys.get(&new.survey);
    if survey.is_none() {
        workspace.can_read(&new.survey)?;
        let mut known: Vec<&str> = workspace.surveys.keys().map(String::as_str).collect();
        known.sort_unstable();
        fields.refuse("survey", format!("there is no published survey with this key; there are: {}", known.join(", ")));
    }
    let score = survey.and_then(|survey| fields.check("score", Score::new(survey.scale, new.score)));
    let comment = fields.check_some("comment", new.comment, |comment| text::block(&comment, text::MAX_COMMENT)).flatten();
    let external_id = fields.check_some("external_id", new.external_id, |id| text::line(&id, text::MAX_LINE));
    let channel = fields.check("channel", new.channel.map_or(Ok("api".to_owned()), |channel| text::key(&channel)));
    if let Some(at) = new.responded_at
        && (at < EARLIEST || at > now + chrono::Duration::days(1))
    {
        fields.refuse("responded_at", "must be between 2000-01-01 and one day ahead of now");
    }
    let answers = score.zip(survey).and_then(|(score, survey)| {
        let sent = new.answers.unwrap_or_default();
        // What was answered and corrected since may stand beside a score that it is not asked for any more.
        let checked =
            if new.past.is_some() { survey.body.check_past_answers(sent) } else { survey.body.check_answers(score.segment(), sent) };
        checked.map_err(|refused| fields.refuse_all(refused)).ok()
    });
    let person = check_person(&mut fields, new.person);
    fields.done()?;
    match (survey, score, channel) {
        (Some(survey), Some(score), Some(channel)) => Ok(CheckedResponse {
            survey: survey.clone(),
            score,
            comment,
            person,
            idem_key: match (&external_id, &new.past) {
                (Some(id), _) => Some(external_key(&survey.key, id)),
                (None, Some(past)) => Some(own_key(past.id)),
                (None, None) => None,
            },
            external_id,
            answers: answers.unwrap_or_default(),
            may_contact: new.may_contact,
            invitation: None,
            settles: if new.past.is_some() { Settles::AtOnce } else { Settles::ByChannel },
            responded_at: new.responded_at,
            channel,
            body_hash,
            past: new.past,
        }),
        // Unreachable after `done`: each of the three left a refused field behind. Said as a value all the same.
        _ => Err(EngineError::field("survey", "could not be read")),
    }
}

/// What an answer with an id of the sender's is stored under. Keys of surveys have no colon, so that no id of another survey, and no
/// key of a page, widget or invitation, reads the same.
fn external_key(survey: &str, id: &str) -> String {
    format!("{survey}:{id}")
}

/// What an answer is stored under that nobody can send again.
pub(crate) fn own_key(id: ResponseId) -> String {
    format!("#{id}")
}

/// Stores answers; each item stands for itself: a bad one never stops its neighbours. Returns when all that was
/// accepted is durable, in the order of `items`.
pub async fn submit_responses(
    cx: &Responses,
    ws: WorkspaceId,
    items: Vec<NewResponse>,
    follow_up: FollowUp,
) -> Vec<Result<Receipt, EngineError>> {
    let now = cx.now();
    let workspace = match workspace_of(cx, ws, &items).await {
        Ok(workspace) => workspace,
        Err(error) => return fail_all(items.len(), &error),
    };
    if let Err(error) = faults::pass("intake.checked") {
        return fail_all(items.len(), &error.into());
    }
    let mut results: Vec<Option<Result<Receipt, EngineError>>> = Vec::with_capacity(items.len());
    let mut places = Vec::with_capacity(items.len());
    let mut entries = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        match check(&workspace, item, now) {
            Ok(checked) => {
                places.push(place);
                entries.push(Entry::new(ws, checked, follow_up));
                results.push(None);
            }
            Err(error) => results.push(Some(Err(error))),
        }
    }
    for (place, outcome) in places.into_iter().zip(cx.intake.store(entries).await) {
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(outcome);
        }
    }
    results.into_iter().map(|result| result.unwrap_or(Err(EngineError::Busy))).collect()
}

/// The workspace to check answers against: as it was a moment ago, unless one of them is for a survey that was not there then.
/// (The rules are asked as they are when the answers are stored.)
async fn workspace_of(cx: &Ctx, ws: WorkspaceId, items: &[NewResponse]) -> Result<Arc<Workspace>, EngineError> {
    let recent = cx.workspaces.recent(cx.db.read(), ws).await?;
    if items.iter().all(|item| recent.surveys.contains_key(&item.survey)) {
        return Ok(recent);
    }
    cx.workspaces.get(cx.db.read(), ws).await
}
