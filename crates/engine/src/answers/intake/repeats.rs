//! Answers that come again: the same one is answered as the first time, another one under the same id is a conflict.

use std::{collections::HashMap, sync::Arc};

use hearback_core::id::{CaseId, ResponseId, WorkspaceId};
use hearback_rules::{Facts, Plan, RuleVersion};
use hearback_store::{StoreError, Tx, cases, erasure, ingest, responses, runs, snapshot, time::from_millis};

use super::Outcome;
use crate::{
    EngineError, facts,
    submit::{CheckedResponse, Receipt, ReceiptCase, ReceiptEffect},
};

/// An answer that is stored already, or was added earlier in the same batch.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) body_hash: String,
    pub(super) receipt: Receipt,
}

/// The same id again: the first answer if it is the same, a conflict if it says something else.
pub(super) fn repeat(stored: &Stored, new: &CheckedResponse) -> Outcome {
    if stored.body_hash == new.body_hash {
        return Ok(Receipt { created: false, ..stored.receipt.clone() });
    }
    let id = new.external_id.clone().unwrap_or_default();
    Err(EngineError::conflict(format!(
        "another answer is stored under external_id `{id}`; use PATCH /responses/{} to correct it, or send a new external_id",
        stored.receipt.id
    )))
}

/// An effect as the receipt tells it.
pub(super) fn receipt_effect(planned: &hearback_rules::Planned) -> ReceiptEffect {
    ReceiptEffect { action: planned.effect.as_str(), rule: planned.rule_key.clone(), due: planned.due }
}

/// The answers that are stored under these keys.
pub(super) async fn load_stored<'e>(
    tx: &Tx,
    ws: WorkspaceId,
    keys: impl Iterator<Item = &'e str>,
) -> Result<HashMap<String, Stored>, EngineError> {
    let keys: Vec<&str> = keys.collect();
    let mut stored = HashMap::new();
    if keys.is_empty() {
        return Ok(stored);
    }
    let rows = ingest::responses_by_keys(tx, ws.uuid(), &keys).await?;
    let ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.id).collect();
    let mut cases: HashMap<uuid::Uuid, cases::Model> =
        snapshot::cases_of_responses(&**tx, ws.uuid(), &ids).await?.into_iter().map(|case| (case.response_id, case)).collect();
    for row in rows {
        let (key, Some(case)) = (row.idem_key.clone(), cases.remove(&row.id)) else { continue };
        // History was never put to the rules: there is no run to look for.
        let effects = if case.first_contact_due_at.is_some() { effects_of(&**tx, &row, &case).await? } else { Vec::new() };
        let receipt = stored_receipt(&row, &case, effects);
        stored.insert(key, Stored { body_hash: row.body_hash, receipt });
    }
    Ok(stored)
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
        Some(run) => replay(connection, &run).await?.effects.iter().map(receipt_effect).collect(),
        None => Vec::new(),
    })
}

fn stored_receipt(row: &responses::Model, case: &cases::Model, effects: Vec<ReceiptEffect>) -> Receipt {
    Receipt {
        id: ResponseId::from_uuid(row.id),
        segment: facts::read_segment(&row.segment),
        score: u8::try_from(row.score).unwrap_or(u8::MAX),
        revision: facts::small(row.revision),
        case: ReceiptCase { id: CaseId::from_uuid(case.id), loop_status: crate::apply::read_status(&case.loop_status) },
        effects,
        created: false,
    }
}

/// What a run decided, computed again from what it saw.
pub async fn replay(connection: &impl hearback_store::ConnectionTrait, run: &runs::Model) -> Result<Plan, EngineError> {
    let versions: Arc<[RuleVersion]> = crate::workspace::versions(connection, run.workspace_id, &run.rules).await?.into();
    let facts: Facts = serde_json::from_str(&run.facts).map_err(|error| StoreError::Unreadable {
        table: "runs",
        id: run.id.to_string(),
        why: error.to_string(),
    })?;
    Ok(hearback_rules::plan(&versions, &facts, from_millis(run.at)))
}
