//! What a fresh database has before anybody does anything.

use hearback_core::id::WorkspaceId;

use crate::{Ctx, EngineError};

/// The workspace `default` with its surveys, rules, calendar and team. Made when it is missing; safe when two nodes do it at once.
pub async fn ensure_workspace(_cx: &Ctx) -> Result<WorkspaceId, EngineError> {
    todo!()
}
