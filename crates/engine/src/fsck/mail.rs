//! Unsent mails and the jobs that send them: each has the other.

use std::collections::BTreeMap;

use hearback_core::{
    Word as _,
    id::JobId,
    state::{JobState, Medium},
};
use hearback_store::{
    ConnectionTrait, StoreError,
    integrity::{self, Rows},
    outbox::Job,
};
use uuid::Uuid;

use super::{Found, PAGE};

pub(super) async fn check(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    unsent_have_jobs(conn, found).await?;
    jobs_have_mails(conn, found).await
}

/// A job that ended badly (`dead`) is kept with its reason, for somebody to look at; one that is done or cancelled sends nothing.
async fn unsent_have_jobs(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = integrity::unsent_after(conn, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.workspace_id, last.id));
        let mut by_workspace: BTreeMap<Uuid, Vec<(Uuid, Uuid)>> = BTreeMap::new();
        for mail in &page {
            let kind = if mail.medium == Medium::Mail { "mail" } else { "post" };
            let job = JobId::beside(&format!("{kind}/{}", mail.id)).uuid();
            by_workspace.entry(mail.workspace_id).or_default().push((mail.id, job));
        }
        for (ws, pairs) in by_workspace {
            let jobs = integrity::words_of(conn, Rows::Outbox, ws, pairs.iter().map(|(_, job)| *job)).await?;
            let is_live = |job: &Uuid| jobs.get(job).is_some_and(|state| is_live(state));
            for (mail, _) in pairs.iter().filter(|(_, job)| !is_live(job)) {
                found.one("mail", format!("delivery {mail} is not sent, and no job sends it"));
            }
        }
    }
}

/// Whether a job in this state may still do its work.
pub(super) fn is_live(state: &str) -> bool {
    JobState::parse(state).is_some_and(|state| !JobState::ENDED.contains(&state))
}

async fn jobs_have_mails(conn: &impl ConnectionTrait, found: &mut Found) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = integrity::mail_jobs_after(conn, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.workspace_id, last.id));
        let mut by_workspace: BTreeMap<Uuid, Vec<(Uuid, Uuid)>> = BTreeMap::new();
        for job in &page {
            // What this version can't read was written by a newer one; the worker says so.
            if let Ok(Job::Mail { delivery } | Job::Post { delivery }) = serde_json::from_str(&job.payload) {
                by_workspace.entry(job.workspace_id).or_default().push((job.id, delivery.uuid()));
            }
        }
        for (ws, pairs) in by_workspace {
            let mails = integrity::words_of(conn, Rows::Deliveries, ws, pairs.iter().map(|(_, mail)| *mail)).await?;
            for (job, mail) in pairs.iter().filter(|(_, mail)| !mails.contains_key(mail)) {
                found.one("mail", format!("job {job} sends delivery {mail}, which is not there"));
            }
        }
    }
}
