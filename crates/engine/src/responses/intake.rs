//! Group commit: answers that wait at the same time share one transaction.
//!
//! A writer takes all that waits (no delay), stores it in one transaction, then answers everyone. What must stay
//! true: nobody is answered before the commit; one bad item never fails its neighbours; a lost connection during the
//! commit is resolved by reading what is stored, never by guessing.

mod batch;
mod people;
pub(crate) mod repeats;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hearback_core::id::WorkspaceId;
use hearback_store::{StoreError, snapshot};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    Ctx, EngineError,
    ctx::Parts,
    error::fail_all,
    faults,
    responses::submit::{CheckedResponse, FollowUp, Receipt},
};
use batch::Batch;

pub(crate) use batch::answers_column;
pub use repeats::receipt_of;

/// How often the writer lets others run, in a row, without anybody joining the batch.
const PATIENCE: u32 = 8;
/// How often a batch is tried again when another node stored the same key first.
const RACES: u32 = 5;

/// One checked answer on its way into the database.
#[derive(Debug, Clone)]
pub struct Entry {
    workspace: WorkspaceId,
    new: CheckedResponse,
    follow_up: FollowUp,
}

impl Entry {
    /// Puts an answer on its way.
    pub const fn new(workspace: WorkspaceId, new: CheckedResponse, follow_up: FollowUp) -> Self {
        Self { workspace, new, follow_up }
    }
}

type Outcome = Result<Receipt, EngineError>;

struct Waiting {
    entries: Vec<Entry>,
    reply: oneshot::Sender<Vec<Outcome>>,
}

/// The door of the writer.
#[derive(Debug, Clone)]
pub struct Intake(mpsc::Sender<Waiting>, Arc<Counters>);

/// What went through the door since the process started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answers that were stored, or had been before.
    pub stored: AtomicU64,
    /// Answers that were not.
    pub refused: AtomicU64,
}

/// What waits behind the door.
pub struct Queue(mpsc::Receiver<Waiting>);

impl Intake {
    /// A door behind which at most `max_waiting` requests wait.
    pub fn new(max_waiting: usize) -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(max_waiting.max(1));
        (Self(sender, Arc::default()), Queue(receiver))
    }

    /// What went through since the process started.
    pub fn counters(&self) -> &Counters {
        &self.1
    }

    /// Stores the entries and returns their outcomes, in order.
    pub(crate) async fn store(&self, entries: Vec<Entry>) -> Vec<Outcome> {
        let outcomes = self.pass(entries).await;
        let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.1.stored.fetch_add(stored as u64, Ordering::Relaxed);
        self.1.refused.fetch_add((outcomes.len() - stored) as u64, Ordering::Relaxed);
        outcomes
    }

    async fn pass(&self, entries: Vec<Entry>) -> Vec<Outcome> {
        let count = entries.len();
        if count == 0 {
            return Vec::new();
        }
        let (reply, outcome) = oneshot::channel();
        if self.0.try_send(Waiting { entries, reply }).is_err() {
            return fail_all(count, &EngineError::Busy);
        }
        outcome.await.unwrap_or_else(|_| fail_all(count, &EngineError::Busy))
    }
}

impl Queue {
    /// Starts the writers. They end when the context is gone.
    pub fn start(self, cx: &Ctx) {
        let waiting = Arc::new(Mutex::new(self.0));
        for _ in 0..cx.db.writers() {
            tokio::spawn(write(Arc::clone(&waiting), cx.downgrade(), cx.settings.max_batch.max(1)));
        }
    }
}

/// One writer: takes all that waits, stores it, answers, and looks again.
async fn write(waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>, weak: Weak<Parts>, max_batch: usize) {
    loop {
        let mut queue = waiting.lock().await;
        let Some(first) = queue.recv().await else { break };
        let mut size = first.entries.len();
        let mut batch = vec![first];
        let mut quiet = 0;
        while size < max_batch && quiet < PATIENCE {
            if let Ok(more) = queue.try_recv() {
                size += more.entries.len();
                batch.push(more);
                quiet = 0;
            } else {
                // No pause: only those who are ready to run right now get the chance to join.
                quiet += 1;
                tokio::task::yield_now().await;
            }
        }
        drop(queue);
        let Some(cx) = Ctx::upgrade(&weak) else { break };
        answer(&cx, batch).await;
        cx.db.grew(size);
    }
}

async fn answer(cx: &Ctx, batch: Vec<Waiting>) {
    let mut sizes = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    let mut entries = Vec::new();
    for waiting in batch {
        sizes.push(waiting.entries.len());
        replies.push(waiting.reply);
        entries.extend(waiting.entries);
    }
    let mut outcomes = store_all(cx, entries).await.into_iter();
    for (reply, size) in replies.into_iter().zip(sizes) {
        // The sender may have hung up meanwhile; what it sent is stored all the same.
        let _ = reply.send(outcomes.by_ref().take(size).collect());
    }
}

/// Stores all entries in one transaction; when that fails for a reason of one of them, each in its own.
async fn store_all(cx: &Ctx, entries: Vec<Entry>) -> Vec<Outcome> {
    let count = entries.len();
    match store_together(cx, &entries).await {
        Ok(outcomes) => outcomes,
        Err(EngineError::Store(error)) if error.is_passing() || count == 1 => fail_all(count, &EngineError::Store(error)),
        Err(_) => {
            let mut outcomes = Vec::with_capacity(count);
            for entry in entries {
                match store_together(cx, std::slice::from_ref(&entry)).await {
                    Ok(mut one) => outcomes.append(&mut one),
                    Err(error) => outcomes.push(Err(error)),
                }
            }
            outcomes
        }
    }
}

async fn store_together(cx: &Ctx, entries: &[Entry]) -> Result<Vec<Outcome>, EngineError> {
    let mut race = 0;
    loop {
        match try_store(cx, entries).await {
            Err(EngineError::Store(error)) if race < RACES && error.is_race() => race += 1,
            result => return result,
        }
    }
}

async fn try_store(cx: &Ctx, entries: &[Entry]) -> Result<Vec<Outcome>, EngineError> {
    let now = cx.now();
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<usize>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        by_workspace.entry(entry.workspace).or_default().push(place);
    }
    faults::pass("intake.begin")?;
    let tx = cx.db.write().await?;
    let mut outcomes: Vec<Option<Outcome>> = entries.iter().map(|_| None).collect();
    let mut witness = None;
    let mut queued = false;
    for (ws, places) in by_workspace {
        let mut batch = Batch::load(cx, &tx, ws, places.iter().filter_map(|place| entries.get(*place)), now).await?;
        faults::pass("intake.loaded")?;
        for place in places {
            if let (Some(entry), Some(slot)) = (entries.get(place), outcomes.get_mut(place)) {
                *slot = Some(batch.add(entry));
            }
        }
        witness = witness.or(batch.first());
        queued |= batch.queues();
        batch.write(&tx).await?;
    }
    faults::pass("intake.commit")?;
    if faults::forgets_to_commit() {
        return Ok(finished(outcomes));
    }
    if let Err(error) = tx.commit().await {
        confirm(cx, witness, error).await?;
    }
    faults::pass("intake.committed")?;
    if queued {
        cx.wake.notify_one();
    }
    Ok(finished(outcomes))
}

fn finished(outcomes: Vec<Option<Outcome>>) -> Vec<Outcome> {
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(EngineError::Busy))).collect()
}

/// The connection was lost during the commit: what is stored tells whether it happened.
async fn confirm(cx: &Ctx, witness: Option<(uuid::Uuid, uuid::Uuid)>, error: StoreError) -> Result<(), EngineError> {
    let Some(key) = witness else { return Err(error.into()) };
    for _ in 0..20 {
        match snapshot::response(cx.db.read(), key.0, key.1).await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
    Err(error.into())
}
