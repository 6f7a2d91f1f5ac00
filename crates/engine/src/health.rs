//! What is wrong with this installation, as long as it is: told in alerts that end by themselves, and to whoever asks `/readyz`.
//!
//! Owns: which lasting things are told, in which words, and that an alert ends when what it tells is over. Refuses to know: what
//! happens once (whoever notices that raises an alert by itself).
//!
//! Any number of nodes look. One may see what another doesn't: what this version can't read, a mail server that is far from here. So an alert
//! is said again while somebody sees its cause, and ended by whoever said it last or when nobody has said it for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use hearback_core::{
    id::WorkspaceId,
    state::{JobState, WaveStatus},
};
use hearback_store::{
    StoreError, Unreadable, alerts,
    operations::{self, OpenTransaction},
    outbox::{self, stuck::Stuck},
    time::from_millis,
    waves, workspaces,
};

use crate::{
    Actor, Ctx, EngineError, alerts as told,
    alerts::{Alert, AlertKind},
    campaigns::waves::job_of,
    disk,
    inbound::InboundMail,
    mail::deliverability,
    reading, sending_pause,
};

/// How often a lasting alert is said again.
const AFRESH: Duration = Duration::minutes(2);
/// How long ago an alert was said last that nobody sees a cause for any more.
const STALE: Duration = Duration::minutes(5);
/// Failures in a row after which the job of a wave does not go on by itself.
const FAILURES: i64 = 3;
/// How long a transaction may stay open in the database. Our own are over within seconds, but for a backup or `fsck` of a large one.
const LONGEST_TRANSACTION: Duration = Duration::minutes(10);
/// Characters that are told of why something can't be read.
const WHY: usize = 200;

/// Kinds of alerts that are kept up to date here.
const LASTING: [AlertKind; 7] = [
    AlertKind::Unreadable,
    AlertKind::JobsGivenUp,
    AlertKind::MailServer,
    AlertKind::DiskFull,
    AlertKind::WaveStalled,
    AlertKind::DatabaseDamaged,
    AlertKind::OpenTransaction,
];

/// What this node knows besides what is stored.
#[derive(Debug, Default)]
pub struct Health {
    /// Alerts that this node saw a cause for when it looked last.
    seen: Mutex<BTreeSet<Key>>,
    /// What the database's own check found.
    damage: Mutex<Option<String>>,
}

/// The context with what this node knows of the health of the installation.
#[derive(Debug, Clone)]
pub struct Monitoring {
    inner: InboundMail,
    health: Arc<Health>,
}

impl Monitoring {
    pub(crate) fn new(inner: InboundMail) -> Self {
        Self { inner, health: Arc::default() }
    }
}

impl Deref for Monitoring {
    type Target = InboundMail;

    fn deref(&self) -> &InboundMail {
        &self.inner
    }
}

/// What tells open alerts apart.
type Key = (WorkspaceId, AlertKind, String);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wrong, as far as it is known, each kind once: for strangers too, so without a name.
pub async fn reasons(cx: &Monitoring) -> Result<BTreeSet<AlertKind>, StoreError> {
    let kinds: Vec<&str> = LASTING.iter().chain([&AlertKind::Mailbox]).map(|kind| kind.as_str()).collect();
    let open = alerts::open_of(cx.db.read(), &kinds).await?;
    let mut reasons: BTreeSet<AlertKind> = open.iter().filter_map(|row| AlertKind::parse(&row.kind)).collect();
    // On a full disk nothing can be told; and whoever only serves pages has nobody who looks.
    reasons.extend(full_disks(cx).into_iter().map(|alert| alert.kind));
    reasons.extend(lock(&cx.health.damage).is_some().then_some(AlertKind::DatabaseDamaged));
    Ok(reasons)
}

/// Looks at everything that lasts, tells what is new and ends what is over; how much that was.
pub async fn look(cx: &Monitoring) -> Result<u64, EngineError> {
    let now = cx.now();
    let found = find(cx, now).await?;
    let kinds = LASTING.map(AlertKind::as_str);
    let mut open: BTreeMap<Key, alerts::Model> = BTreeMap::new();
    for row in alerts::open_of(cx.db.read(), &kinds).await? {
        if let Some(kind) = AlertKind::parse(&row.kind) {
            open.insert((WorkspaceId::from_uuid(row.workspace_id), kind, row.subject.clone()), row);
        }
    }
    let mut changed = 0;
    let mut said: BTreeMap<WorkspaceId, Vec<Alert>> = BTreeMap::new();
    for ((ws, kind, subject), message) in &found {
        let before = open.get(&(*ws, *kind, subject.clone()));
        let is_said = before.is_some_and(|row| row.message == *message && now - from_millis(row.last_at) < AFRESH);
        if !is_said {
            changed += u64::from(before.is_none());
            said.entry(*ws).or_default().push(Alert::new(*kind, subject.clone(), message.clone()));
        }
    }
    for (ws, alerts) in &said {
        let tx = cx.db.write().await?;
        told::hold(&tx, *ws, alerts, now).await?;
        tx.commit().await?;
    }
    let before = std::mem::replace(&mut *lock(&cx.health.seen), found.keys().cloned().collect());
    for (key, row) in open.iter().filter(|(key, _)| !found.contains_key(*key) && key.1 != AlertKind::MailServer) {
        // Of the mail server only a mail that it takes tells that it works.
        if before.contains(key) || now - from_millis(row.last_at) > STALE {
            let tx = cx.db.write().await?;
            told::over(&tx, key.0, key.1, &key.2, now).await?;
            tx.commit().await?;
            changed += 1;
        }
    }
    Ok(changed)
}

async fn find(cx: &Monitoring, now: DateTime<Utc>) -> Result<BTreeMap<Key, String>, EngineError> {
    let conn = cx.db.read();
    let mut found = BTreeMap::new();
    let open = operations::oldest_transaction(&cx.db).await?.and_then(|open| left_open(&open, now));
    let everywhere: Vec<Alert> =
        deliverability::standing(cx, now).into_iter().chain(full_disks(cx)).chain(damage(cx)).chain(open).collect();
    for ws in workspaces::ids(conn).await? {
        let mut here: Vec<Alert> = reading::unreadable(conn, ws).await?.iter().map(unreadable).collect();
        here.extend(stalled(cx, ws).await?);
        found.extend(here.into_iter().chain(everywhere.iter().cloned()).map(|alert| ((ws, alert.kind, alert.subject), alert.message)));
    }
    for Stuck { workspace, kind, jobs } in outbox::unreadable(conn).await? {
        let message = format!(
            "{jobs} jobs of the kind `{kind}` wait for a version of Hearback that can read them, or what they need: a newer one wrote it. They are \
             done once this server is updated; `hearback jobs list` shows them."
        );
        found.insert((workspace, AlertKind::Unreadable, format!("job {kind}")), message);
    }
    let mut given_up: BTreeMap<WorkspaceId, Vec<Stuck>> = BTreeMap::new();
    for stuck in outbox::dead(conn).await? {
        given_up.entry(stuck.workspace).or_default().push(stuck);
    }
    for (ws, kinds) in given_up {
        let kinds = kinds.iter().map(|stuck| format!("{} {}", stuck.jobs, stuck.kind)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "Jobs were given up ({kinds}): what they should have done is not done. `hearback jobs list` says why; mend that and put them back with \
             `hearback jobs retry`, or do without them with `hearback jobs discard`."
        );
        found.insert((ws, AlertKind::JobsGivenUp, "jobs".to_owned()), message);
    }
    Ok(found)
}

/// What stands still because of a row, and what does not.
fn unreadable(row: &Unreadable) -> Alert {
    let (what, why): (_, String) = (row.what(), row.why.chars().take(WHY).collect());
    let key = &row.key;
    let follows = match row.table {
        "rule_versions" => format!(
            "It decides nothing here; what it would have done for answers that come meanwhile is done once it can be read. Update this server, or \
             publish the rule anew, or switch it off with `hearback rules disable {key}`."
        ),
        "surveys" => "It takes no answers here: whoever sends one is asked to send it again later. Update this server.".to_owned(),
        "policies" => "What holds without it holds here meanwhile. Update this server, or set the policy anew.".to_owned(),
        "calendars" => "The usual hours count in its place meanwhile. Update this server, or set the calendar anew.".to_owned(),
        _ => "It asks nobody here meanwhile. Update this server, or change it.".to_owned(),
    };
    let message =
        format!("The {what} can't be read by this version of Hearback ({why}): a newer one wrote it, or it was changed by hand. {follows}");
    Alert::new(AlertKind::Unreadable, what, message)
}

/// Waves whose job does not go on by itself.
async fn stalled(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Alert>, StoreError> {
    let waves = waves::open(cx.db.read(), ws).await?.into_iter().filter(|wave| wave.status != WaveStatus::Paused).collect::<Vec<_>>();
    if waves.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = waves.iter().map(|wave| job_of(wave.id)).collect();
    let jobs: BTreeMap<_, _> = outbox::stuck::by_ids(cx.db.read(), ws, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let told = |wave: &waves::Model| {
        let job = jobs.get(&job_of(wave.id).uuid());
        let why = match job {
            None => "no job works on it".to_owned(),
            Some(job) if JobState::OPEN.contains(&job.state) && job.attempts < FAILURES => return None,
            Some(job) => job.error.clone().unwrap_or_else(|| format!("its job is {}", job.state)),
        };
        let (name, campaign) = (format!("{} of {}", wave.name, wave.campaign), &wave.campaign);
        let message = format!(
            "The wave {name} stands still: {}. Mend that and put its job back with `hearback jobs retry`, or cancel the wave and run another \
             one with `hearback waves run {campaign}`.",
            why.chars().take(WHY).collect::<String>()
        );
        Some(Alert::new(AlertKind::WaveStalled, name, message))
    };
    Ok(waves.iter().filter_map(told).collect())
}

fn full_disks(cx: &Ctx) -> Vec<Alert> {
    let low = cx.settings.folders.iter().filter_map(|folder| Some((folder, disk::free(folder)?)));
    let told = |(folder, free): (&std::path::PathBuf, u64)| {
        let folder = folder.display().to_string();
        let message = format!(
            "Less than {} MiB are free on the disk of `{folder}`. Once it is full, no answer is taken and no mail is sent. Free some space; \
             what waits goes on by itself.",
            disk::LEAST_FREE >> 20
        );
        (free < disk::LEAST_FREE).then(|| Alert::new(AlertKind::DiskFull, folder, message))
    };
    low.filter_map(told).collect()
}

fn damage(cx: &Monitoring) -> Option<Alert> {
    let why = lock(&cx.health.damage).clone()?;
    let message = format!(
        "The database is damaged ({why}). Sending is on hold in all workspaces. Stop the server, restore the last backup into a new database, and \
         look at the disk; `hearback doctor` checks the file again."
    );
    Some(Alert::new(AlertKind::DatabaseDamaged, "database", message))
}

/// A transaction that nobody seems to end. The message is the same as long as it is the same one.
fn left_open(open: &OpenTransaction, now: DateTime<Utc>) -> Option<Alert> {
    let since = from_millis(open.since);
    let message = format!(
        "A transaction in the database has been open since {}, by {}. PostgreSQL can't clean up behind writers meanwhile: tables grow, and everything \
         becomes slower. Find out what began it and end it; `{}` does so at once.",
        since.format("%Y-%m-%d %H:%M UTC"),
        open.holder,
        open.ended_by
    );
    (now - since > LONGEST_TRANSACTION).then(|| Alert::new(AlertKind::OpenTransaction, "database", message))
}

/// Looks at the pages of the database file. Where they are damaged, sending is held in all workspaces, and what was found is returned.
/// A hold that can't be written is an error: nothing may be sent then.
pub async fn check_pages(cx: &Monitoring) -> Result<Option<String>, EngineError> {
    let found = cx.db.quick_check().await?;
    let Some(first) = found.first() else { return Ok(None) };
    let why: String = first.chars().take(WHY).collect();
    *lock(&cx.health.damage) = Some(why.clone());
    for row in workspaces::all(cx.db.read()).await?.iter().filter(|row| row.sending_held_at.is_none()) {
        let reason = format!("the database is damaged ({}): restore the last backup", why.replace(char::is_control, " "));
        sending_pause::hold(cx, WorkspaceId::from_uuid(row.id), &Actor::System, &reason).await?;
    }
    Ok(Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_told_once_it_is_open_for_longer_than_any_of_ours() {
        let open = OpenTransaction { since: 1_773_651_600_000, holder: "process 7 (psql, user ona)".into(), ended_by: "SELECT 1".into() };
        let told = |minutes: i64| left_open(&open, from_millis(open.since) + Duration::minutes(minutes));
        assert_eq!([-1, 0, 10].map(told), [None, None, None], "a clock that is behind tells nothing");
        let alert = told(11).unwrap();
        assert_eq!((alert.kind, alert.subject.as_str()), (AlertKind::OpenTransaction, "database"));
        assert!(alert.message.contains("2026-03-16 09:00 UTC, by process 7 (psql, user ona)") && alert.message.contains("`SELECT 1`"));
        assert_eq!(told(600), Some(alert), "one alert, however long it lasts");
    }
}
