//! Forgetting a person: out of the database first, then out of what lies beside it.

use hearback_core::id::{PersonId, WorkspaceId};
use hearback_store::erasure;

use super::store;
use crate::{Actor, Ctx, EngineError, customers::erased};

/// Forgets a person: answers stay as anonymous counts; words, names and addresses go, what waits is cancelled, cases under
/// work are given up, captured mail is deleted. The list of those that must not be mailed knows them by a fingerprint only.
pub async fn erase_person(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: PersonId) -> Result<(), EngineError> {
    erase_row(cx, ws, actor, id).await?;
    sweep(cx).await?;
    // A node that can't read its database now adds it to the list with its next tick.
    if let Err(error) = erased::keep(cx).await {
        tracing::warn!(%error, "an erasure is not on the list beside the database yet");
    }
    Ok(())
}

/// Takes a person out of the database's rows and out of captured mail; [`sweep`] follows.
pub(crate) async fn erase_row(cx: &Ctx, ws: WorkspaceId, actor: &Actor, id: PersonId) -> Result<(), EngineError> {
    let mails = store::erase(cx, ws, actor, id).await?;
    if let Err(error) = cx.transport.forget(&mails).await {
        tracing::warn!(%error, "captured mail of somebody who was erased can't be deleted; delete the files in the mail folder");
    }
    Ok(())
}

/// Takes what was erased out of what the database keeps beside its rows: the gaps of SQLite's pages and its log, PostgreSQL's statistics.
pub(crate) async fn sweep(cx: &Ctx) -> Result<(), EngineError> {
    const LEFT: &str = "copies of what was erased may stand in unused parts of the database file until it is written anew: run VACUUM";
    // Whoever was erased stays erased, and goes on the list beside the database, also when a damaged page can't be looked at.
    match cx.db.clear_gaps().await {
        Ok(true) => {}
        Ok(false) => tracing::warn!("{LEFT}"),
        Err(error) => tracing::warn!(%error, "{LEFT}"),
    }
    if !cx.db.checkpoint().await? {
        tracing::warn!("what was erased stands in SQLite's log until nobody reads the database; erase once more, or restart the server");
    }
    if let Err(error) = erasure::renew_statistics(&cx.db).await {
        tracing::warn!(%error, "what was erased may stand in PostgreSQL's statistics until its next look: run ANALYZE");
    }
    Ok(())
}
