//! What mails say, read for many at once: jobs that wait at the same time share one query.
//!
//! Owns: the queue in front of the reader. Refuses to know: what a mail is sent for.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use hearback_store::{
    StoreError,
    ledger::{self, Sendable},
    time::millis,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::{Ctx, automation::guard, ctx::Parts, mail::smtp_pool::SmtpPool};

/// Most mails in one query.
const MAX_BATCH: usize = 128;
/// So many are waited for while nobody waits for them.
const COMPANY: usize = 16;
/// How long they are waited for at most, and how often it is looked whether somebody waits by now.
const PATIENCE: Duration = Duration::from_millis(5);
const LOOK: Duration = Duration::from_millis(1);

type Answer = Result<Option<Sendable>, StoreError>;

struct Asked {
    workspace: Uuid,
    delivery: Uuid,
    reply: oneshot::Sender<Answer>,
}

/// Where questions wait.
#[derive(Debug, Clone)]
pub struct Loader(mpsc::Sender<Asked>);

/// What waits.
pub struct Queue(mpsc::Receiver<Asked>);

impl Loader {
    /// A loader and its queue, to be started.
    pub fn new() -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(4 * MAX_BATCH);
        (Self(sender), Queue(receiver))
    }

    /// A delivery with what it is about; `None` when it is gone.
    pub(crate) async fn read(&self, workspace: Uuid, delivery: Uuid) -> Answer {
        let (reply, answer) = oneshot::channel();
        let stopped = || StoreError::Unavailable("the server is stopping".to_owned());
        self.0.send(Asked { workspace, delivery, reply }).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Queue {
    /// Starts the reader. It ends when the context is gone.
    pub fn start(self, cx: &Ctx, pool: &Arc<SmtpPool>) {
        tokio::spawn(read(self.0, cx.downgrade(), Arc::clone(pool)));
    }
}

async fn read(mut waiting: mpsc::Receiver<Asked>, weak: Weak<Parts>, pool: Arc<SmtpPool>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let Some(cx) = Ctx::upgrade(&weak) else { break };
        wait_for_company(&mut waiting, &mut batch, &cx, &pool).await;
        let keys: Vec<(Uuid, Uuid)> = batch.iter().map(|asked| (asked.workspace, asked.delivery)).collect();
        match ledger::sendables(&cx.db, &keys, millis(cx.guarded_now() - guard::DAY)).await {
            Ok(found) => answer(batch.drain(..), &found),
            Err(error) => {
                for asked in batch.drain(..) {
                    let _ = asked.reply.send(Err(StoreError::Unavailable(error.to_string())));
                }
            }
        }
    }
}

/// On PostgreSQL a query costs nearly the same for one mail as for many. While all connections to the mail server are taken, no mail that is
/// read now could leave.
async fn wait_for_company(waiting: &mut mpsc::Receiver<Asked>, batch: &mut Vec<Asked>, cx: &Ctx, pool: &SmtpPool) {
    if !cx.db.costs_by_statement() {
        return;
    }
    let until = Instant::now() + PATIENCE;
    while batch.len() < COMPANY && pool.is_busy() && Instant::now() < until {
        let room = MAX_BATCH - batch.len();
        if let Ok(0) = timeout(LOOK, waiting.recv_many(batch, room)).await {
            break;
        }
    }
}

/// The same mail may have been asked for twice, by a worker that lost its claim and the one who has it now.
fn answer(batch: impl Iterator<Item = Asked>, found: &HashMap<Uuid, Sendable>) {
    for asked in batch {
        let _ = asked.reply.send(Ok(found.get(&asked.delivery).cloned()));
    }
}
