//! Fetching: what is new in the mailbox is taken in, then marked as seen. Nothing is deleted.
//!
//! A message is stored before anything is marked: a crash in between fetches it again, and it is known by what it says. Any
//! number of nodes may fetch at once.

use std::time::Duration;

use hearback_mailer::{
    Mailbox, MailboxError, Open,
    inbound::{MAX_BYTES, Refused},
};

use super::{Door, noted, take, take_unread};
use crate::{EngineError, faults, inbound::InboundMail};

/// Messages between two notes of how far the mailbox was read.
const BATCH: usize = 50;
/// Failures in a row before somebody is told.
const FAILURES: u32 = 3;
/// The longest pause after failures.
const LONGEST: Duration = Duration::from_mins(15);

/// What one look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polled {
    /// Messages that were new.
    pub taken: u64,
    /// Messages that were known already.
    pub known: u64,
}

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The mailbox.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// Our side.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<hearback_store::StoreError> for PollError {
    fn from(error: hearback_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Looks into the mailbox again and again; never ends. Pauses grow while it fails, and somebody is told.
pub async fn watch(cx: &InboundMail, mailbox: &Mailbox, period: Duration) {
    let mut failures = 0_u32;
    // Somebody may have been told of it before this process began.
    let mut may_be_told = true;
    loop {
        match poll(cx, mailbox).await {
            Ok(_) => {
                failures = 0;
                if may_be_told {
                    match noted::works(cx, &mailbox.name()).await {
                        Ok(()) => may_be_told = false,
                        Err(error) => tracing::warn!(%error, "an alert about the mailbox could not be ended; trying again"),
                    }
                }
            }
            Err(error) => {
                failures += 1;
                may_be_told |= failures >= FAILURES;
                tracing::warn!(%error, failures, "the mailbox for incoming mail can't be read");
                if failures == FAILURES
                    && let Err(error) = noted::tell(cx, &mailbox.name(), what_failed(&error), FAILURES).await
                {
                    tracing::error!(%error, "nobody could be told");
                }
            }
        }
        tokio::time::sleep((period * 2_u32.pow(failures.min(10))).min(LONGEST.max(period))).await;
    }
}

/// What failed, without a word of the server's: they may quote an address.
fn what_failed(error: &PollError) -> &'static str {
    match error {
        PollError::Mailbox(MailboxError::Io { step, .. } | MailboxError::Refused { step, .. } | MailboxError::Timeout(step)) => step,
        PollError::Mailbox(MailboxError::Url(_) | MailboxError::Tls(_)) => "setting it up",
        PollError::Engine(_) => "storing what is in it",
    }
}

/// Looks once: takes all that is new.
pub async fn poll(cx: &InboundMail, mailbox: &Mailbox) -> Result<Polled, PollError> {
    let mut open = mailbox.open().await?;
    let polled = read(cx, &mailbox.name(), &mut open).await;
    open.close().await;
    polled
}

async fn read(cx: &InboundMail, name: &str, open: &mut Open) -> Result<Polled, PollError> {
    let validity = i64::from(open.uid_validity);
    let from = noted::read_up_to(cx, name, validity).await?;
    let mut polled = Polled::default();
    let uids = open.list(from).await?;
    for batch in uids.chunks(BATCH) {
        let mut taken = Vec::with_capacity(batch.len());
        for uid in batch {
            if let Some(is_new) = fetch(cx, name, open, *uid).await? {
                taken.push(*uid);
                *(if is_new { &mut polled.taken } else { &mut polled.known }) += 1;
            }
        }
        faults::pass("inbound.stored")?;
        open.seen(&taken).await?;
        let next_uid = batch.last().map_or(i64::from(from), |uid| i64::from(*uid) + 1);
        noted::note(cx, name, validity, next_uid).await?;
    }
    Ok(polled)
}

/// Takes one message: whether it was new; `None` when it is gone.
async fn fetch(cx: &InboundMail, name: &str, open: &mut Open, uid: u32) -> Result<Option<bool>, PollError> {
    let which = format!("{name}/{}/{uid}", open.uid_validity);
    let Some(size) = open.size(uid).await? else { return Ok(None) };
    if size as usize > MAX_BYTES {
        return Ok(Some(take_unread(cx, &which, Refused::Size).await?.is_new));
    }
    let Some(raw) = open.fetch(uid, size).await? else { return Ok(None) };
    match take(cx, raw, None, Door::Installation).await {
        Ok(taken) => Ok(Some(taken.is_new)),
        Err(error @ EngineError::Store(_)) => Err(error.into()),
        // Whatever is odd about one mail must not keep the next ones away.
        Err(error) => {
            tracing::error!(%error, uid, "a mail can't be taken in; it stays in the mailbox, and its place is in quarantine");
            Ok(Some(take_unread(cx, &which, Refused::Broken).await?.is_new))
        }
    }
}
