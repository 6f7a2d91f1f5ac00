//! The same step for many cases: each with the same checks as alone, each in its own transaction, none held up by another.

use hearback_core::id::{CaseId, WorkspaceId};

use super::{CaseChange, close};
use crate::{Actor, Ctx, EngineError};

/// Most cases of one call.
pub const MAX_CASES: usize = 500;

/// Closes these cases; what became of each, in their order.
pub async fn close_many(
    cx: &Ctx,
    ws: WorkspaceId,
    ids: &[CaseId],
    actor: &Actor,
    change: &CaseChange,
) -> Result<Vec<Result<(), EngineError>>, EngineError> {
    if ids.is_empty() || ids.len() > MAX_CASES {
        return Err(EngineError::field("ids", format!("must be 1 to {MAX_CASES} cases, got {}", ids.len())));
    }
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push(close(cx, ws, *id, actor, change.clone()).await);
    }
    Ok(results)
}
