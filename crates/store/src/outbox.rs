//! Deferred actions. The id is derived from what caused the action, so that nothing is queued twice.

pub mod stuck;
mod waiting;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::{CaseId, DeliveryId, InvitationId, JobId, WaveId, WorkspaceId},
    state::JobState,
};
use hearback_rules::{StepRef, Trigger};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, QueryOrder, QueryResult, QuerySelect, Statement, Value,
    entity::prelude::{
        ActiveModelBehavior, ColumnTrait, DbErr, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter, Expr,
        PaginatorTrait, PrimaryKeyTrait, QueryFilter, Uuid,
    },
    sea_query::ExprTrait as _,
};
use serde::{Deserialize, Serialize};

use crate::{
    Db, StoreError, Tx,
    bulk::{Kind, select, to_json, uuids},
    script::Script,
    stored::{Stored, quoted, words},
    time::{from_millis, millis},
};

pub use stuck::{dead, unreadable};
pub use waiting::{ON_HOLD, RULE_PAUSED, UNREADABLE, WAVE_PAUSED, cancel_held, wake, wake_held, wake_paused, wake_waves};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub payload: String,
    pub state: Stored<JobState>,
    pub run_at: i64,
    pub attempts: i64,
    pub lease_id: Option<Uuid>,
    pub leased_until: Option<i64>,
    pub case_id: Option<Uuid>,
    pub revision: Option<i64>,
    pub error: Option<String>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A deferred action. The set is closed; one that is none of these, or has a field that is not known here, was written by a newer
/// version and waits for a node that can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Hand one mail to the mail server.
    Mail { delivery: DeliveryId },
    /// Hand one message to a webhook or a chat room.
    Post { delivery: DeliveryId },
    /// A delayed step of a rule is due. `chain` names the rules that led to it, when rules set each other off. `closed` is the
    /// closing that it waits behind, for a step that another opening calls off.
    Step {
        case: CaseId,
        step: StepRef,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chain: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed: Option<i64>,
    },
    /// Something happened to a case that rules listen to: ask them. `chain` names the rules that made it happen.
    Trigger { case: CaseId, revision: u32, trigger: Trigger, chain: Vec<String> },
    /// Something happened to a case while an enabled rule could not be read: ask that rule, by its key, once it can be. Holds for every
    /// revision of the answer.
    TriggerLater { case: CaseId, trigger: Trigger, previous_score: Option<u8>, chain: Vec<String>, rule: String },
    /// An answer has rested long enough to act on.
    Settle { case: CaseId, revision: u32 },
    /// Plan a wave, then ask its people as their time comes, until all of them have their end.
    Wave { wave: WaveId },
    /// The same for one person who was invited alone.
    Invite { invitation: InvitationId },
    /// Nothing; measures the queue.
    Noop,
}

impl Job {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Mail { .. } => "mail",
            Self::Step { .. } => "step",
            Self::Post { .. } => "post",
            Self::Trigger { .. } => "trigger",
            Self::TriggerLater { .. } => "trigger_later",
            Self::Settle { .. } => "settle",
            Self::Wave { .. } => "wave",
            Self::Invite { .. } => "invite",
            Self::Noop => "noop",
        }
    }
}

/// A timed claim on a job. `fence` changes with each claim: a worker that overslept settles nothing.
#[derive(Debug, Clone)]
pub struct Lease {
    pub workspace: WorkspaceId,
    pub id: JobId,
    pub fence: Uuid,
    /// What to do, or why the payload can't be read.
    pub job: Result<Job, String>,
    /// This claim included; only claims that ended in no outcome (a crash) or in [`Outcome::Retry`] count.
    pub attempt: u32,
    pub run_at: DateTime<Utc>,
}

/// What became of a claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The handler settled the job itself, in the transaction that did the work.
    Settled,
    /// Something went wrong: try again later, with growing pauses, until [`MAX_ATTEMPTS`].
    Retry(String),
    /// Not now; costs no attempt.
    Snooze(DateTime<Utc>, String),
    /// It must not happen any more.
    Cancel(String),
    /// It can't ever be done; somebody has to look.
    Dead(String),
}

/// Claims and retries before a job is given up as dead.
pub const MAX_ATTEMPTS: u32 = 10;
/// Crashes of a process that had claimed a job before the job is given up as dead.
pub const MAX_CRASHES: u32 = 5;
/// No worker claims anything for so long: a claim that reaches further was made by a clock that was wrong at that moment.
const LONGEST_CLAIM: chrono::Duration = chrono::Duration::hours(1);
/// Jobs of dead workers that one look takes up.
pub const PER_RESCUE: u64 = 1_000;

/// A new row. `cause` names what made the job: the same cause is queued once, whoever tries again.
pub fn row(
    workspace: WorkspaceId,
    job: &Job,
    cause: &str,
    run_at: DateTime<Utc>,
    now: DateTime<Utc>,
    about: Option<(CaseId, u32)>,
) -> Model {
    Model {
        workspace_id: workspace.uuid(),
        id: JobId::beside(cause).uuid(),
        kind: job.kind().to_owned(),
        payload: serde_json::to_string(job).unwrap_or_default(),
        state: JobState::Queued.into(),
        run_at: millis(run_at),
        attempts: 0,
        lease_id: None,
        leased_until: None,
        case_id: about.map(|(case, _)| case.uuid()),
        revision: about.map(|(_, revision)| i64::from(revision)),
        error: None,
        created_at: millis(now),
        finished_at: None,
    }
}

/// Queues jobs in the business transaction; those that were queued before are left alone.
pub async fn enqueue(tx: &Tx, rows: &[Model]) -> Result<(), StoreError> {
    crate::bulk::insert_missing::<Entity>(tx, rows).await.map(|_| ())
}

/// Takes up to `limit` due jobs for `lease`, oldest first. Other workers skip what one has locked.
pub async fn claim(db: &Db, now: DateTime<Utc>, lease: Duration, limit: u64) -> Result<Vec<Lease>, StoreError> {
    let fence = JobId::new(now).uuid();
    let backend = db.backend();
    if backend == DbBackend::Sqlite && !is_any_due(db, now).await? {
        // An idle worker never takes the only write lock.
        return Ok(Vec::new());
    }
    let lock = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let (queued, running) = (quoted(JobState::Queued), quoted(JobState::Running));
    let sql = format!(
        "WITH picked AS MATERIALIZED (SELECT workspace_id AS w, id AS i FROM outbox WHERE state = {queued} AND run_at <= $1 \
         ORDER BY run_at, id LIMIT $2 {lock}) \
         UPDATE outbox SET state = {running}, lease_id = $3, leased_until = $4, attempts = attempts + 1 \
         FROM picked WHERE outbox.workspace_id = picked.w AND outbox.id = picked.i \
         RETURNING workspace_id, id, payload, attempts, run_at"
    );
    let until = millis(now) + i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 4);
    let values: [Value; 4] = [millis(now).into(), i64::try_from(limit).unwrap_or(i64::MAX).into(), fence.into(), until.into()];
    let tx = db.write().await?;
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let leases = rows.iter().map(|row| read_lease(row, fence)).collect::<Result<Vec<_>, DbErr>>()?;
    if leases.is_empty() {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(leases)
}

async fn is_any_due(db: &Db, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let due = Entity::find().filter(Column::State.eq(JobState::Queued.as_str())).filter(Column::RunAt.lte(millis(now)));
    Ok(due.limit(1).one(db.read()).await?.is_some())
}

fn read_lease(row: &QueryResult, fence: Uuid) -> Result<Lease, DbErr> {
    let payload: String = row.try_get_by_index(2)?;
    Ok(Lease {
        workspace: WorkspaceId::from_uuid(row.try_get_by_index(0)?),
        id: JobId::from_uuid(row.try_get_by_index(1)?),
        fence,
        job: serde_json::from_str(&payload).map_err(|error| error.to_string()),
        attempt: u32::try_from(row.try_get_by_index::<i64>(3)?).unwrap_or(u32::MAX),
        run_at: from_millis(row.try_get_by_index(4)?),
    })
}

/// Settles jobs of one or several leases; how many. Where a lease was lost nothing is written: somebody else has the job now.
pub async fn settle(tx: &Tx, settled: &[(&Lease, Outcome)], now: DateTime<Utc>) -> Result<u64, StoreError> {
    let (done, other): (Vec<_>, Vec<_>) = settled.iter().partition(|(_, outcome)| *outcome == Outcome::Done);
    let done = write_done(tx, done.into_iter().map(|(lease, _)| *lease), now).await?;
    Ok(done + write_outcomes(tx, other.iter().filter_map(|(lease, outcome)| record(lease, outcome, now)).collect()).await?)
}

/// Settles jobs as part of a script; for those whose lease was lost nothing is written.
pub fn settle_in(script: &mut Script, settled: &[(&Lease, Outcome)], now: DateTime<Utc>) {
    script.update(
        SET_OUTCOME,
        &OUTCOME_FIELDS,
        IS_HELD,
        settled.iter().filter_map(|(lease, outcome)| record(lease, outcome, now)).collect::<Vec<_>>().into_iter(),
    );
}

/// The record `x` names a job by its workspace `w` and id `i`, and its claim by `fence`. Only what runs has a claim; asking for the state
/// too would send PostgreSQL through all that run, which it believes to be few.
const IS_HELD: &str = "outbox.workspace_id = x.w AND outbox.id = x.i AND outbox.lease_id = x.fence";
const SET_OUTCOME: &str = "UPDATE outbox SET state = x.new_state, run_at = x.new_run_at, attempts = attempts - x.refund, \
     error = x.new_error, finished_at = x.ended, lease_id = NULL, leased_until = NULL";
const OUTCOME_FIELDS: [(&str, Kind); 8] = [
    ("w", Kind::Uuid),
    ("i", Kind::Uuid),
    ("fence", Kind::Uuid),
    ("new_state", Kind::Text),
    ("new_run_at", Kind::Int),
    ("refund", Kind::Int),
    ("new_error", Kind::Text),
    ("ended", Kind::Int),
];

/// The usual end, which is the same for all that were claimed together: only their ids travel.
async fn write_done(tx: &Tx, leases: impl Iterator<Item = &Lease>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut claims: BTreeMap<(Uuid, Uuid), Vec<String>> = BTreeMap::new();
    for lease in leases {
        claims.entry((lease.workspace.uuid(), lease.fence)).or_default().push(lease.id.uuid().simple().to_string());
    }
    let backend = tx.get_database_backend();
    let sql = format!(
        "UPDATE outbox SET state = {}, error = NULL, finished_at = $3, lease_id = NULL, leased_until = NULL \
         WHERE workspace_id = $1 AND id IN {} AND lease_id = $2",
        quoted(JobState::Done),
        uuids(backend, 4)
    );
    let mut settled = 0;
    for ((workspace, fence), ids) in claims {
        let values = [Value::from(workspace), fence.into(), millis(now).into(), serde_json::Value::from(ids).to_string().into()];
        settled += tx.execute_raw(Statement::from_sql_and_values(backend, sql.clone(), values)).await?.rows_affected();
    }
    Ok(settled)
}

/// Writes what became of jobs, as far as the claims in the records still hold; how many did.
async fn write_outcomes(tx: &Tx, records: Vec<[Value; 8]>) -> Result<u64, StoreError> {
    if records.is_empty() {
        return Ok(0);
    }
    let backend = tx.get_database_backend();
    let sql = format!("WITH x AS ({}) {SET_OUTCOME} FROM x WHERE {IS_HELD}", select(backend, &OUTCOME_FIELDS, 1));
    let json = to_json(backend, records.into_iter());
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, [Value::from(json)])).await?.rows_affected())
}

fn record(lease: &Lease, outcome: &Outcome, now: DateTime<Utc>) -> Option<[Value; 8]> {
    let (state, run_at, refund, error) = match outcome {
        Outcome::Settled => return None,
        Outcome::Done => (JobState::Done, lease.run_at, 0, None),
        Outcome::Retry(why) if lease.attempt >= MAX_ATTEMPTS => (JobState::Dead, lease.run_at, 0, Some(why)),
        Outcome::Retry(why) => (JobState::Queued, now + backoff(lease.attempt), 0, Some(why)),
        Outcome::Snooze(until, why) => (JobState::Queued, *until, 1, Some(why)),
        Outcome::Cancel(why) => (JobState::Cancelled, lease.run_at, 0, Some(why)),
        Outcome::Dead(why) => (JobState::Dead, lease.run_at, 0, Some(why)),
    };
    let ended = (state != JobState::Queued).then(|| millis(now));
    Some([
        lease.workspace.uuid().into(),
        lease.id.uuid().into(),
        lease.fence.into(),
        state.as_str().into(),
        millis(run_at).into(),
        i64::from(refund).into(),
        error.cloned().into(),
        ended.into(),
    ])
}

/// The pause before attempt `attempt + 1`: 2 s, doubled each time, at most an hour.
pub fn backoff(attempt: u32) -> chrono::Duration {
    chrono::Duration::seconds(std::cmp::min(1_i64 << std::cmp::min(attempt, 12), 3_600))
}

/// Keeps claims alive while their jobs run. Those that are being settled this moment need it no more, and are not waited for: two
/// that wait for each other in a circle would end with an error.
pub async fn renew(db: &Db, fences: &[Uuid], now: DateTime<Utc>, lease: Duration) -> Result<(), StoreError> {
    let until = millis(now) + i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 4);
    let backend = db.backend();
    let lock = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "WITH held AS MATERIALIZED (SELECT workspace_id AS w, id AS i FROM outbox WHERE state = {} AND lease_id IN {} {lock}) \
         UPDATE outbox SET leased_until = $1 FROM held WHERE outbox.workspace_id = held.w AND outbox.id = held.i",
        quoted(JobState::Running),
        uuids(backend, 2)
    );
    let fences: Vec<String> = fences.iter().map(|fence| fence.simple().to_string()).collect();
    let values = [Value::from(until), serde_json::Value::from(fences).to_string().into()];
    let tx = db.write().await?;
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.commit().await
}

/// Returns jobs whose worker died to the queue, by a clock that can be believed; a job that was claimed in [`MAX_CRASHES`] crashes is dead. Nobody knows
/// which of the jobs that were claimed together ended the process: from the second crash on they come back one by one,
/// spread over a growing time, so that the one that does it is soon alone. At most [`PER_RESCUE`] at a time.
pub async fn rescue(db: &Db, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let ended = Condition::any().add(Column::LeasedUntil.lt(millis(now))).add(Column::LeasedUntil.gt(millis(now + LONGEST_CLAIM)));
    let expired = Condition::all().add(Column::State.eq(JobState::Running.as_str())).add(ended);
    let lost = Entity::find().filter(expired).limit(PER_RESCUE).all(db.read()).await?;
    if lost.is_empty() {
        return Ok(0);
    }
    let tx = db.write().await?;
    let rescued = write_outcomes(&tx, lost.iter().map(|job| after_crash(job, now)).collect()).await?;
    tx.commit().await?;
    Ok(rescued)
}

/// What becomes of a job whose worker died.
fn after_crash(job: &Model, now: DateTime<Utc>) -> [Value; 8] {
    let is_over = job.attempts >= i64::from(MAX_CRASHES);
    let (state, ended) = if is_over { (JobState::Dead, Some(millis(now))) } else { (JobState::Queued, None) };
    let seconds = match job.attempts {
        ..=1 => 0,
        2 => 60,
        _ => 300,
    };
    // The end of an id is as good as random, and each crash looks at other bytes of it: who met once does not meet again.
    let byte = 10 + usize::try_from(job.attempts).unwrap_or_default() % 6;
    let chance = job.id.as_bytes().get(byte).copied().unwrap_or_default();
    let run_at = millis(now) + seconds * 1_000 * i64::from(chance) / 256;
    [
        job.workspace_id.into(),
        job.id.into(),
        job.lease_id.into(),
        state.as_str().into(),
        run_at.into(),
        0_i64.into(),
        format!("the process ended while this job was claimed, crash {} of {MAX_CRASHES}", job.attempts).into(),
        ended.into(),
    ]
}

/// Gives unfinished claims back at a clean shutdown, without costing an attempt.
pub async fn release(db: &Db, fences: &[Uuid]) -> Result<(), StoreError> {
    let tx = db.write().await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Queued.as_str()))
        .col_expr(Column::LeaseId, Expr::value(Option::<Uuid>::None))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .filter(Column::State.eq(JobState::Running.as_str()))
        .filter(Column::LeaseId.is_in(fences.iter().copied()))
        .exec(&*tx)
        .await?;
    tx.commit().await
}

/// Whether this claim still holds; asked inside a transaction before it does what can't be undone.
pub async fn is_held(tx: &Tx, lease: &Lease) -> Result<bool, StoreError> {
    let row = Entity::find_by_id((lease.workspace.uuid(), lease.id.uuid())).lock_exclusive().one(&**tx).await?;
    Ok(row.is_some_and(|row| row.state == JobState::Running && row.lease_id == Some(lease.fence)))
}

/// Whether any of these jobs still has to be done.
pub async fn is_any_open(tx: &Tx, workspace: WorkspaceId, jobs: &[JobId]) -> Result<bool, StoreError> {
    if jobs.is_empty() {
        return Ok(false);
    }
    let open = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace.uuid()))
        .filter(Column::Id.is_in(jobs.iter().map(|job| job.uuid())))
        .filter(Column::State.is_in(words(&JobState::OPEN)));
    Ok(open.limit(1).one(&**tx).await?.is_some())
}

/// Cancels what still waits in a case from revisions before `revision`; returns what that was, in the order of its time.
pub async fn cancel_older(
    tx: &Tx,
    workspace: WorkspaceId,
    case: CaseId,
    revision: u32,
    why: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Model>, StoreError> {
    let waiting = Condition::all()
        .add(Column::WorkspaceId.eq(workspace.uuid()))
        .add(Column::CaseId.eq(case.uuid()))
        .add(Column::Revision.lt(i64::from(revision)))
        .add(Column::State.eq(JobState::Queued.as_str()));
    let rows = Entity::find().filter(waiting.clone()).order_by_asc(Column::RunAt).lock_exclusive().all(&**tx).await?;
    if !rows.is_empty() {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(JobState::Cancelled.as_str()))
            .col_expr(Column::Error, Expr::value(why))
            .col_expr(Column::FinishedAt, Expr::value(millis(now)))
            .filter(waiting)
            .exec(&**tx)
            .await?;
    }
    Ok(rows)
}

/// What was to happen later happens now, if it still waits.
pub async fn hasten(tx: &Tx, workspace: WorkspaceId, job: JobId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let due = Entity::update_many().col_expr(Column::RunAt, Expr::value(millis(now))).filter(Column::WorkspaceId.eq(workspace.uuid()));
    let waits =
        due.filter(Column::Id.eq(job.uuid())).filter(Column::State.eq(JobState::Queued.as_str())).filter(Column::RunAt.gt(millis(now)));
    Ok(waits.exec(&**tx).await?.rows_affected > 0)
}

/// When the next queued job is due; `None` when nothing waits.
pub async fn next_due(db: &Db) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row =
        Entity::find().filter(Column::State.eq(JobState::Queued.as_str())).order_by_asc(Column::RunAt).limit(1).one(db.read()).await?;
    Ok(row.map(|row| from_millis(row.run_at)))
}

/// How many jobs are claimed now, by living workers or dead ones.
pub async fn running(db: &Db) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::State.eq(JobState::Running.as_str())).count(db.read()).await?)
}

/// Deletes jobs that ended before `before`; at most `limit`.
pub async fn prune(db: &Db, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
    let old = Entity::find()
        .filter(Column::State.is_in(words(&JobState::ENDED)))
        .filter(Column::FinishedAt.lt(millis(before)))
        .limit(limit)
        .all(db.read())
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    let tx = db.write().await?;
    let gone = Entity::delete_many().filter(Column::Id.is_in(old.iter().map(|row| row.id))).exec(&*tx).await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
