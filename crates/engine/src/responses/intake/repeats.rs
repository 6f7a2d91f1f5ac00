//! Answers that come again: the same one is answered as the first time, another one under the same id is a conflict.

use std::collections::HashMap;

use hearback_core::id::{CaseId, ResponseId, WorkspaceId};
use hearback_store::{StoreError, Tx, cases, erasure, ingest, responses, runs, snapshot};

use super::{Outcome, answers_column};
use crate::{
    EngineError,
    automation::replay::RuleSets,
    responses::submit::{CheckedResponse, Receipt, ReceiptCase, ReceiptEffect, own_key},
    rows,
};

/// An answer that is stored already, or was added earlier in the same batch.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) body_hash: String,
    pub(super) said: Said,
    pub(super) receipt: Receipt,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Said {
    score: i64,
    comment: Option<String>,
    answers: Option<String>,
    may_contact: Option<bool>,
}

impl Said {
    pub(crate) fn of(row: &responses::Model) -> Self {
        let (comment, answers) = (row.comment.clone(), row.answers.clone());
        Self { score: row.score, comment, answers, may_contact: row.may_contact }
    }

    pub(crate) fn sent(new: &CheckedResponse) -> Self {
        Self {
            score: i64::from(new.score.value()),
            comment: new.comment.clone(),
            answers: answers_column(&new.answers),
            may_contact: new.may_contact,
        }
    }
}

/// What an answer is known by: the key that it is stored under, and where it comes from an export its id.
pub(crate) fn keys(new: &CheckedResponse) -> Vec<String> {
    let own = new.past.as_ref().map(|past| own_key(past.id)).filter(|own| new.idem_key.as_ref() != Some(own));
    new.idem_key.clone().into_iter().chain(own).collect()
}

/// The same id again: the first answer if it is the same, a conflict if it says something else. An answer from an export is the same
/// as the one that it was made of, however that came here.
pub(super) fn repeat(stored: &Stored, new: &CheckedResponse) -> Outcome {
    let comes_back = new.past.as_ref().is_some_and(|past| past.id == stored.receipt.id) && stored.said == Said::sent(new);
    if comes_back || stored.body_hash == new.body_hash {
        return Ok(Receipt { created: false, ..stored.receipt.clone() });
    }
    let id = stored.receipt.id;
    Err(is_another(new, &format!("is stored under it; use PATCH /responses/{id} to correct it, or send a new external_id")))
}

/// Why an answer is refused whose id another one has.
pub(crate) fn is_another(new: &CheckedResponse, what: &str) -> EngineError {
    let id = match (&new.external_id, &new.past) {
        (Some(id), _) => format!("external_id `{id}`"),
        (None, Some(past)) => format!("id `{}`", past.id),
        (None, None) => "id".to_owned(),
    };
    EngineError::conflict(format!("{id}: another answer to this survey {what}"))
}

/// An effect as the receipt tells it.
pub(super) fn receipt_effect(planned: &hearback_rules::Planned) -> ReceiptEffect {
    ReceiptEffect { action: planned.effect.as_str(), rule: planned.rule_key.clone(), due: planned.due }
}

/// The stored answers that these may be, by what they are known by.
pub(super) async fn load_stored<'e>(
    tx: &Tx,
    ws: WorkspaceId,
    sent: impl Iterator<Item = &'e CheckedResponse>,
) -> Result<HashMap<String, Stored>, EngineError> {
    let mut stored = HashMap::new();
    let rows = rows_of(&**tx, ws, sent).await?;
    if rows.is_empty() {
        return Ok(stored);
    }
    let ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.id).collect();
    let mut cases: HashMap<uuid::Uuid, cases::Model> =
        snapshot::cases_of_responses(&**tx, ws.uuid(), &ids).await?.into_iter().map(|case| (case.response_id, case)).collect();
    for row in rows {
        let Some(case) = cases.remove(&row.id) else { continue };
        // History was never put to the rules: there is no run to look for.
        let effects = if case.first_contact_due_at.is_some() { effects_of(&**tx, &row, &case).await? } else { Vec::new() };
        let known = Stored { body_hash: row.body_hash.clone(), said: Said::of(&row), receipt: stored_receipt(&row, &case, effects) };
        stored.insert(own_key(ResponseId::from_uuid(row.id)), known.clone());
        stored.insert(row.idem_key, known);
    }
    Ok(stored)
}

/// The rows of the stored answers that these may be, each once.
pub(crate) async fn rows_of<'e>(
    conn: &impl hearback_store::ConnectionTrait,
    ws: WorkspaceId,
    sent: impl Iterator<Item = &'e CheckedResponse>,
) -> Result<Vec<responses::Model>, StoreError> {
    let (mut keys, mut ids) = (Vec::new(), Vec::new());
    for new in sent {
        keys.extend(new.idem_key.as_deref());
        ids.extend(new.past.as_ref().map(|past| past.id.uuid()));
    }
    let mut rows = if keys.is_empty() { Vec::new() } else { ingest::responses_by_keys(conn, ws.uuid(), &keys).await? };
    ids.retain(|id| rows.iter().all(|row| row.id != *id));
    if !ids.is_empty() {
        rows.extend(responses::by_ids(conn, ws, ids).await?);
    }
    Ok(rows)
}

/// The receipt of a stored answer, with the effects that its run gave, recomputed.
pub async fn receipt_of(connection: &impl hearback_store::ConnectionTrait, row: &responses::Model) -> Result<Receipt, EngineError> {
    let case = snapshot::case_of_response(connection, row.workspace_id, row.id).await?;
    let case = case.ok_or_else(|| EngineError::not_found("case of response", row.id))?;
    let effects = effects_of(connection, row, &case).await?;
    Ok(stored_receipt(row, &case, effects))
}

async fn effects_of(
    connection: &impl hearback_store::ConnectionTrait,
    row: &responses::Model,
    case: &cases::Model,
) -> Result<Vec<ReceiptEffect>, EngineError> {
    let runs = runs::of_case(connection, row.workspace_id, case.id).await?;
    let is_of_answer =
        |run: &runs::Model| run.revision == row.revision && run.trigger.starts_with("response_") && run.facts != erasure::NO_FACTS;
    Ok(match runs.into_iter().rev().find(is_of_answer) {
        Some(run) => RuleSets::default().replay(connection, &run).await?.effects.iter().map(receipt_effect).collect(),
        None => Vec::new(),
    })
}

fn stored_receipt(row: &responses::Model, case: &cases::Model, effects: Vec<ReceiptEffect>) -> Receipt {
    Receipt {
        id: ResponseId::from_uuid(row.id),
        segment: rows::read_segment(&row.segment),
        score: u8::try_from(row.score).unwrap_or(u8::MAX),
        revision: rows::small(row.revision),
        case: ReceiptCase { id: CaseId::from_uuid(case.id), loop_status: *case.loop_status },
        effects,
        created: false,
    }
}
