//! What lies sealed in the database: which secret keys it needs, and sealing it anew after the key was changed.

use std::collections::BTreeSet;

use hearback_core::{id::WorkspaceId, token::SecretKey};
use hearback_store::{Db, StoreError, seals, workspaces};
use serde::Serialize;
use serde_json::json;

use crate::{Actor, Ctx, EngineError, audit};

/// Values sealed anew in one transaction.
const BATCH: u64 = 500;

/// Which keys sealed what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Ids of keys that stand beside the current one: something is still sealed with them.
    pub older: BTreeSet<String>,
    /// Ids of keys that nobody gave us: what they sealed can't be used.
    pub missing: BTreeSet<String>,
}

/// Looks at everything that is sealed. Without a key, all of it is out of reach.
pub async fn keys(db: &Db, key: Option<&SecretKey>) -> Result<Keys, StoreError> {
    let mut found = Keys::default();
    for workspace in workspaces::all(db.read()).await? {
        for id in seals::keys(db.read(), WorkspaceId::from_uuid(workspace.id)).await? {
            match key {
                Some(key) if id == key.id() => {}
                Some(key) if key.knows(&id) => _ = found.older.insert(id),
                _ => _ = found.missing.insert(id),
            }
        }
    }
    Ok(found)
}

/// What came of sealing anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Resealed {
    /// Values that the current key seals now.
    pub sealed: u64,
    /// Values that no known key opens; they stay as they are.
    pub unreadable: u64,
}

/// Seals everything with the current key that an older one sealed. It may be broken off and begun again at any time, also while
/// servers work that know both keys.
pub async fn reseal(cx: &Ctx) -> Result<Resealed, EngineError> {
    let mut all = Resealed::default();
    for workspace in workspaces::all(cx.db.read()).await? {
        let ws = WorkspaceId::from_uuid(workspace.id);
        let mut here = Resealed::default();
        for place in &seals::PLACES {
            let mut after = None;
            while let Some(last) = reseal_some(cx, ws, place, after.as_ref(), &mut here).await? {
                after = Some(last);
            }
        }
        if here.sealed > 0 {
            let tx = cx.db.write().await?;
            audit::note(&tx, ws, &Actor::Operator, "secrets.resealed", &cx.settings.secret_key.id(), json!(here), cx.now());
            tx.commit().await?;
        }
        all.sealed += here.sealed;
        all.unreadable += here.unreadable;
    }
    Ok(all)
}

/// Some of one column; the last row that was looked at.
async fn reseal_some(
    cx: &Ctx,
    ws: WorkspaceId,
    place: &seals::Place,
    after: Option<&seals::Row>,
    done: &mut Resealed,
) -> Result<Option<seals::Row>, EngineError> {
    let key = &cx.settings.secret_key;
    let mut last = None;
    let tx = cx.db.write().await?;
    for (row, old) in seals::of_other_keys(&*tx, ws, place, &key.id(), after, BATCH).await? {
        if let Ok(secret) = key.open(place.what, ws.uuid(), row.bytes(), &old) {
            let new = key.seal(place.what, ws.uuid(), row.bytes(), &secret).map_err(EngineError::sealed("a secret"))?;
            let lookup = place.is_found().then(|| key.lookup(place.what, ws.uuid(), &secret));
            done.sealed += u64::from(seals::replace(&tx, ws, place, &row, &old, &new, lookup.as_deref()).await?);
        } else {
            done.unreadable += 1;
        }
        last = Some(row);
    }
    tx.commit().await?;
    Ok(last)
}
