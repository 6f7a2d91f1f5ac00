//! Waves and the jobs that work on them.

use std::collections::BTreeMap;

use hearback_store::{
    ConnectionTrait, StoreError,
    integrity::{self, Rows},
};
use uuid::Uuid;

use super::{Found, mail::is_live};
use crate::campaigns::waves::job_of;

/// A wave that has no end yet has a job that is not done: it ends the wave at its next look after the last invitation has
/// ended. One that ended badly (`dead`) is kept with its reason, for somebody to look at.
pub(super) async fn check(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    found.all("waves", integrity::waves(conn).await?);
    let mut by_workspace: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (ws, wave) in integrity::open_waves(conn).await? {
        by_workspace.entry(ws).or_default().push(wave);
    }
    for (ws, waves) in by_workspace {
        let jobs = integrity::words_of(conn, Rows::Outbox, ws, waves.iter().map(|wave| job_of(*wave).uuid())).await?;
        let is_live = |wave: &Uuid| jobs.get(&job_of(*wave).uuid()).is_some_and(|state| is_live(state));
        for wave in waves.iter().filter(|wave| !is_live(wave)) {
            found.one("waves", format!("wave {wave} has no end, and no job works on it"));
        }
    }
    Ok(())
}
