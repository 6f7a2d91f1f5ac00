//! Group commit of the send ledger: notes before the final dot and results after it, of all connections together.
//!
//! Entries are committed in the order in which they came. A connection that goes on to its next mail notes that mail's
//! dot behind the result of the one before, so at any time at most one mail a connection is between its dot and its
//! recorded result: the bound on duplicates after a crash.

use super::after_sending;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, case,
    id::WorkspaceId,
    state::DeliveryStatus,
    timeline::{ClosedBy, Entry},
};
use hearback_store::{
    StoreError, Tx, bulk, cases, events,
    ledger::{self, DeliveryOutcome, Mark, Reported, Writes},
    outbox::{Lease, Outcome},
    time::millis,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    Actor, Ctx, EngineError, faults,
    incentives::pools,
    mail::untaken::{self, Untaken},
    rows::{self, core_case, write_case},
    workspace::Workspace,
};

/// Most entries in one transaction.
const MAX_BATCH: usize = 128;
/// How long a commit waits at most for the connections that are about to join it.
const COMPANY: Duration = Duration::from_millis(2);
/// How often a batch is written again that met another writer in opposite order.
const RACES: u32 = 3;

/// What became of one mail, with everything that follows from it.
#[derive(Debug)]
pub struct Report {
    /// The claim under which it was sent; settled together with the report.
    pub lease: Lease,
    /// What becomes of the job.
    pub outcome: Outcome,
    /// For the ledger.
    pub delivery_outcome: DeliveryOutcome,
    /// The case it belongs to.
    pub case: Option<uuid::Uuid>,
    /// Whether it acknowledges the customer's answer.
    pub acknowledges: bool,
    /// Whether a code that this mail carries goes back to its pool when the mail ends unsent: no attempt was ever in doubt.
    pub frees_code: bool,
    /// A customer's address did not take it: it may be given up.
    pub untaken: Option<Untaken>,
    /// What the timeline says of it.
    pub entry: Option<Entry>,
}

enum Request {
    Mark(Mark, oneshot::Sender<Result<bool, StoreError>>),
    Report(Box<Report>, oneshot::Sender<Result<(), StoreError>>),
}

impl Request {
    const fn delivery(&self) -> uuid::Uuid {
        match self {
            Self::Mark(mark, _) => mark.delivery,
            Self::Report(report, _) => report.delivery_outcome.delivery,
        }
    }
}

/// Where marks and reports wait to be committed together.
#[derive(Debug, Clone)]
pub struct Ledger(mpsc::Sender<Request>);

/// What waits.
pub struct Queue(mpsc::Receiver<Request>);

impl Ledger {
    /// A ledger and its queue, to be started.
    pub fn new() -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(4 * MAX_BATCH);
        (Self(sender), Queue(receiver))
    }

    /// Commits that the end of this mail may be sent; false when it must not be.
    pub(crate) async fn mark(&self, mark: Mark) -> Result<bool, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.put(Request::Mark(mark, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Queues a report behind all that was queued before; the receiver tells when it is committed.
    pub(crate) async fn report(&self, report: Report) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.put(Request::Report(Box::new(report), reply)).await?;
        Ok(answer)
    }

    async fn put(&self, request: Request) -> Result<(), StoreError> {
        self.0.send(request).await.map_err(|_| stopped())
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the server is stopping".to_owned())
}

impl Queue {
    /// Starts the writer, which is told how many mails are under way. It ends when the context is gone.
    pub fn start(mut self, cx: &Ctx, under_way: impl Fn() -> usize + Send + Sync + 'static) {
        let weak = cx.downgrade();
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MAX_BATCH);
            while self.0.recv_many(&mut batch, MAX_BATCH).await > 0 {
                let Some(cx) = Ctx::upgrade(&weak) else { break };
                wait_for_company(&mut self.0, &mut batch, &cx, &under_way).await;
                for together in one_a_mail(std::mem::take(&mut batch)) {
                    commit(&cx, together).await;
                }
            }
        });
    }
}

/// A commit costs nearly the same for one mail as for ten. It waits a moment for half of the mails that are under way: while
/// they commit, the connections of the other half talk to the mail server. On PostgreSQL, where a statement costs far more than the mails
/// that it is about, it waits for all of them. A mail that is alone never waits.
async fn wait_for_company(
    queue: &mut mpsc::Receiver<Request>,
    batch: &mut Vec<Request>,
    cx: &Ctx,
    under_way: &(impl Fn() -> usize + Sync),
) {
    let until = Instant::now() + COMPANY;
    let enough = |mails: usize| if cx.db.costs_by_statement() { mails } else { mails.div_ceil(2) };
    let marks = |batch: &[Request]| batch.iter().filter(|entry| matches!(entry, Request::Mark(..))).count();
    while batch.len() < MAX_BATCH && marks(batch) < enough(under_way()) {
        let room = MAX_BATCH - batch.len();
        match timeout_at(until, queue.recv_many(batch, room)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
}

/// The entries in order, apart where two are of one mail: of two rows for one delivery a statement would keep either, and
/// a worker that lost its claim would be answered as the one who has it now.
fn one_a_mail(mut batch: Vec<Request>) -> Vec<Vec<Request>> {
    let mut rounds = Vec::new();
    while !batch.is_empty() {
        let mut seen = HashSet::new();
        let (first, rest) = batch.into_iter().partition(|entry| seen.insert(entry.delivery()));
        rounds.push(first);
        batch = rest;
    }
    rounds
}

async fn commit(cx: &Ctx, batch: Vec<Request>) {
    let mut marks = Vec::new();
    let mut reports = Vec::new();
    for entry in batch {
        match entry {
            Request::Mark(mark, reply) => marks.push((mark, reply)),
            Request::Report(report, reply) => reports.push((*report, reply)),
        }
    }
    let mut race = 0;
    let written = loop {
        match write(cx, marks.iter().map(|(mark, _)| *mark).collect(), reports.iter().map(|(report, _)| report).collect()).await {
            // Nothing was written, and mails that were taken over must not be forgotten for that.
            Err(error) if error.is_race() && race < RACES => race += 1,
            written => break written,
        }
    };
    match written {
        Ok(marked) => {
            for (mark, reply) in marks {
                let _ = reply.send(Ok(marked.contains(&mark.delivery)));
            }
            for (_, reply) in reports {
                let _ = reply.send(Ok(()));
            }
        }
        Err(error) => {
            tracing::error!(error = %error, "the send ledger could not be written; the mails concerned are tried again");
            let text = error.to_string();
            for (_, reply) in marks {
                let _ = reply.send(Err(StoreError::Unavailable(text.clone())));
            }
            for (_, reply) in reports {
                let _ = reply.send(Err(StoreError::Unavailable(text.clone())));
            }
        }
    }
}

/// One read and one write, whatever the number of mails, or one write alone: on the way to the database and back nothing is sent.
async fn write(cx: &Ctx, marks: Vec<Mark>, reports: Vec<&Report>) -> Result<HashSet<uuid::Uuid>, StoreError> {
    let now = cx.guarded_now();
    faults::pass("ledger.begin")?;
    if !reports.iter().any(|report| report.has_consequences()) {
        let delivery_outcomes = reports.iter().map(|report| &report.delivery_outcome).collect();
        let settled = reports.iter().map(|report| (&report.lease, report.outcome.clone())).collect();
        let writes =
            Writes { delivery_outcomes, settled, marks, most_a_day: Some(cx.settings.limits.mails_per_person_day), ..Writes::default() };
        let marked = ledger::write_alone(&cx.db, &writes, now).await?;
        faults::pass("ledger.committed")?;
        return Ok(marked);
    }
    let tx = cx.db.write().await?;
    let looked_at = reports.iter().filter(|report| report.has_consequences());
    let keys: Vec<_> =
        looked_at.map(|report| (report.delivery_outcome.workspace, report.delivery_outcome.delivery, report.moves())).collect();
    let mut open: HashMap<uuid::Uuid, Reported> =
        ledger::lock_reported(&tx, &keys).await?.into_iter().map(|reported| (reported.delivery, reported)).collect();
    let mut writes = Writes { marks, most_a_day: Some(cx.settings.limits.mails_per_person_day), ..Writes::default() };
    let mut outcomes = Outcomes::default();
    let mut moved = HashSet::new();
    for report in reports {
        writes.settled.push((&report.lease, report.outcome.clone()));
        if !report.has_consequences() {
            writes.delivery_outcomes.push(&report.delivery_outcome);
            continue;
        }
        // Somebody else has recorded it as sent or cancelled: then it is not told a second time.
        let Some(Reported { case, config_revision, .. }) = open.remove(&report.delivery_outcome.delivery) else { continue };
        let workspace = workspace(cx, &tx, report, config_revision).await?;
        writes.delivery_outcomes.push(&report.delivery_outcome);
        writes.events.extend(timeline_entry(report, now));
        if let Some(row) = case.filter(|row| moved.insert(row.id)) {
            outcomes.closed.extend(acknowledge(&tx, &workspace, &row, now, &mut writes));
        }
        outcomes.reports.push(report);
        outcomes.workspaces.insert(report.delivery_outcome.workspace, workspace);
    }
    let marked = ledger::write(&tx, &writes, now).await?;
    free_codes(cx, &tx, &outcomes.reports, now).await?;
    for report in &outcomes.reports {
        if let Some(untaken) = &report.untaken {
            untaken::note(&tx, WorkspaceId::from_uuid(report.delivery_outcome.workspace), untaken, now).await?;
        }
    }
    let asked = after_sending::after_sending(&tx, &outcomes, now).await?;
    faults::pass("ledger.commit")?;
    tx.commit().await?;
    faults::pass("ledger.committed")?;
    if asked {
        cx.wake.notify_one();
    }
    Ok(marked)
}

/// What the results of a batch of mails made happen.
#[derive(Debug, Default)]
pub struct Outcomes<'a> {
    /// The reports that counted.
    pub reports: Vec<&'a Report>,
    /// The cases whose loops they closed.
    pub closed: Vec<cases::Model>,
    /// The workspaces concerned.
    pub workspaces: BTreeMap<uuid::Uuid, Arc<Workspace>>,
}

/// The workspace of a mail: from memory, unless its set-up has changed.
async fn workspace(cx: &Ctx, tx: &Tx, report: &Report, revision: i64) -> Result<Arc<Workspace>, StoreError> {
    let id = WorkspaceId::from_uuid(report.delivery_outcome.workspace);
    cx.workspaces.at_revision(&**tx, id, revision).await.map_err(|error| match error {
        EngineError::Store(error) => error,
        other => StoreError::Unavailable(other.to_string()),
    })
}

impl Report {
    /// Whether anything follows from it besides what the ledger says itself, which keeps what is final.
    fn has_consequences(&self) -> bool {
        self.case.is_some() || self.untaken.is_some()
    }

    /// The case that this report moves on: an accepted acknowledgement does.
    fn moves(&self) -> Option<uuid::Uuid> {
        self.case.filter(|_| self.acknowledges && self.delivery_outcome.status == DeliveryStatus::Sent)
    }
}

fn timeline_entry(report: &Report, now: DateTime<Utc>) -> Option<events::Model> {
    Some(rows::event_of(report.delivery_outcome.workspace, report.case?, &Actor::System, report.entry.as_ref()?, now))
}

/// Codes whose mail never left go back to their pools.
async fn free_codes(cx: &Ctx, tx: &Tx, reports: &[&Report], now: DateTime<Utc>) -> Result<(), StoreError> {
    let is_over = |report: &&&Report| {
        report.frees_code
            && matches!(report.delivery_outcome.status, DeliveryStatus::Bounced | DeliveryStatus::Suppressed | DeliveryStatus::Dead)
    };
    let mut by_workspace: BTreeMap<uuid::Uuid, Vec<uuid::Uuid>> = BTreeMap::new();
    for report in reports.iter().filter(is_over) {
        by_workspace.entry(report.delivery_outcome.workspace).or_default().extend(report.case);
    }
    for (ws, mut cases) in by_workspace {
        cases.sort_unstable();
        bulk::insert::<events::Entity>(tx, &pools::take_back(cx, tx, ws, &cases, now).await?).await?;
    }
    Ok(())
}

/// An accepted acknowledgement moves its case on; for passives and promoters it may close the loop. Gives the case when
/// that changed where the loop stands.
fn acknowledge(tx: &Tx, workspace: &Workspace, locked: &cases::Model, now: DateTime<Utc>, writes: &mut Writes) -> Option<cases::Model> {
    let next = case::step(&core_case(locked), &CaseEvent::Acknowledged, workspace.terms(locked), now).ok()?;
    let mut row = locked.clone();
    write_case(next, &mut row);
    row.acknowledged_at = row.acknowledged_at.or(Some(millis(now)));
    row.updated_at = millis(now);
    tx.case_moved(Some(locked), &row);
    writes.cases.push(row.clone());
    if row.loop_status == locked.loop_status {
        return None;
    }
    writes.events.push(rows::event(&row, &Actor::System, &Entry::closed_by(ClosedBy::Acknowledged), now));
    Some(row)
}
