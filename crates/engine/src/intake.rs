//! Group commit: answers that wait at the same time share one transaction.
//!
//! A writer takes all that waits (no delay), stores it in one transaction, then answers everyone. What must stay
//! true: nobody is answered before the commit; one bad item never fails its neighbours; a lost connection during the
//! commit is resolved by reading what is stored, never by guessing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Weak},
    time::Duration,
};

use hearback_core::id::{CaseId, ResponseId, WorkspaceId};
use hearback_rules::{Facts, Plan, RuleVersion, Trigger};
use hearback_store::{
    StoreError, Tx, accounts, cases, erasure, ingest, merge, outbox, persons, responses, runs,
    script::Script,
    snapshot,
    time::{from_millis, millis},
};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    Ctx, EngineError,
    apply::{Changes, Scene, apply},
    clocks,
    ctx::Parts,
    facts, faults, guard, owners,
    people::CheckedPerson,
    roster::Roster,
    submit::{CheckedResponse, FollowUp, Receipt, ReceiptCase, ReceiptEffect, fail_all},
    workspace::Workspace,
};

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
pub struct Intake(mpsc::Sender<Waiting>);

/// What waits behind the door.
pub struct Queue(mpsc::Receiver<Waiting>);

impl Intake {
    /// A door behind which at most `max_waiting` requests wait.
    pub fn new(max_waiting: usize) -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(max_waiting.max(1));
        (Self(sender), Queue(receiver))
    }

    /// Stores the entries and returns their outcomes, in order.
    pub(crate) async fn store(&self, entries: Vec<Entry>) -> Vec<Outcome> {
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
        witness = witness.or(batch.responses.first().map(|row| (row.workspace_id, row.id)));
        queued |= !batch.changes.jobs.is_empty();
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

/// Answers of one workspace on their way into one transaction.
struct Batch<'a> {
    cx: &'a Ctx,
    workspace: Arc<Workspace>,
    now: chrono::DateTime<chrono::Utc>,
    stored: HashMap<String, Stored>,
    people: People,
    accounts: HashMap<String, accounts::Model>,
    responses: Vec<responses::Model>,
    cases: Vec<cases::Model>,
    runs: Vec<runs::Model>,
    rollups: BTreeMap<(uuid::Uuid, i64), hearback_core::Counts>,
    changes: Changes,
}

/// An answer that is stored already, or was added earlier in the same batch.
#[derive(Clone)]
struct Stored {
    body_hash: String,
    receipt: Receipt,
}

impl<'a> Batch<'a> {
    async fn load(
        cx: &'a Ctx,
        tx: &Tx,
        ws: WorkspaceId,
        entries: impl Iterator<Item = &Entry> + Clone,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Self, EngineError> {
        let stored = load_stored(tx, ws, entries.clone().filter_map(|entry| entry.new.external_id.as_deref())).await?;
        let (people, revision) = People::load(tx, ws, entries.clone().map(|entry| &entry.new.person)).await?;
        let workspace = cx.workspaces.at_revision(&**tx, ws, revision).await?;
        let keys = people.rows.iter().filter_map(|row| row.account_key.as_deref());
        let keys = keys.chain(entries.filter_map(|entry| entry.new.person.account.as_deref()));
        let accounts = load_accounts(tx, ws, keys).await?;
        let roster = Roster::load(tx, &workspace, &workspace.asked, now).await?;
        Ok(Self {
            cx,
            workspace,
            now,
            stored,
            people,
            accounts,
            responses: Vec::new(),
            cases: Vec::new(),
            runs: Vec::new(),
            rollups: BTreeMap::new(),
            changes: Changes { roster, ..Changes::default() },
        })
    }

    fn add(&mut self, entry: &Entry) -> Outcome {
        let key = entry.new.external_id.clone();
        if let Some(stored) = key.as_ref().and_then(|key| self.stored.get(key)) {
            return repeat(stored, &entry.new);
        }
        let person = self.people.merge(entry.new.person.clone(), self.workspace.id, self.now);
        let account = person.account_key.as_ref().and_then(|key| self.accounts.get(key));
        let account_owner = facts::account_owner(account);
        let response = response_row(entry, &person, self.now);
        let scene = Scene {
            settings: &self.cx.settings,
            workspace: &self.workspace,
            person: &person,
            account_owner: account_owner.as_ref(),
            now: self.now,
        };
        let mut case = case_row(&scene, &response, entry.follow_up.starts());
        let mut effects = Vec::new();
        if entry.follow_up.starts() {
            let facts = Facts {
                trigger: Trigger::ResponseSettled,
                chain: Vec::new(),
                response: facts::response_facts(&response, &entry.new.survey, None),
                person: facts::person_facts(&person),
                account: account.map(facts::account_facts),
                case: facts::case_facts(&case),
                calendar: self.workspace.hours_for_facts(&case),
            };
            if let Some(settle_at) = settle_at(self.cx, &entry.new, self.now) {
                let id = CaseId::from_uuid(case.id);
                let job = outbox::Job::Settle { case: id, revision: 1 };
                let cause = format!("settle/{}/1", response.id);
                self.changes.jobs.push(outbox::row(self.workspace.id, &job, &cause, settle_at, self.now, Some((id, 1))));
            } else {
                let plan = hearback_rules::plan(&self.workspace.rules, &facts, self.now);
                guard::note(&plan, &case, self.now, &mut self.changes);
                effects = plan.effects.iter().map(receipt_effect).collect();
                let before = self.changes.deliveries.len();
                let done = apply(&scene, &mut case, &plan.effects, &mut self.changes);
                self.changes.deliveries.iter_mut().skip(before).for_each(|mail| mail.exempt = entry.follow_up == FollowUp::Bulk);
                self.runs.push(run_row(&self.workspace.rule_ids, &case, &facts, &plan, done, self.now));
            }
        }
        if entry.follow_up.starts() {
            // Only now is it known who answers, and so whose working hours count.
            let (terms, answered) = (self.workspace.terms(&case), from_millis(case.answered_at));
            clocks::start(&mut case, terms, answered);
        }
        let receipt = Receipt {
            id: ResponseId::from_uuid(response.id),
            segment: entry.new.score.segment(),
            score: entry.new.score.value(),
            revision: 1,
            case: ReceiptCase { id: CaseId::from_uuid(case.id), loop_status: crate::apply::read_status(&case.loop_status) },
            effects,
            created: true,
        };
        let counts = hearback_core::Counts::of(Some(entry.new.score), response.comment.is_some());
        *self.rollups.entry((response.survey_id, ingest::hour(response.answered_at))).or_default() += counts;
        if let Some(key) = key {
            self.stored.insert(key, Stored { body_hash: entry.new.body_hash.clone(), receipt: receipt.clone() });
        }
        self.responses.push(response);
        self.cases.push(case);
        Ok(receipt)
    }

    /// Roll-ups come last and sorted: two nodes that meet on the same counters wait for each other, never in a circle.
    async fn write(self, tx: &Tx) -> Result<(), StoreError> {
        if self.responses.is_empty() {
            return Ok(());
        }
        let ws = self.workspace.id.uuid();
        let mut changes = self.changes;
        changes.give_incentives(tx, ws, self.now).await?;
        let mut script = Script::new(tx);
        ingest::put_persons(&mut script, &self.people.changed());
        script.insert::<responses::Entity>(&self.responses);
        script.insert::<cases::Entity>(&self.cases);
        script.insert::<runs::Entity>(&self.runs);
        changes.add_to(&mut script);
        ingest::put_rollups(&mut script, ws, &self.rollups);
        script.run(tx).await?;
        changes.write_rest(tx, ws, self.now).await?;
        Ok(faults::pass("intake.inserted")?)
    }
}

/// The same id again: the first answer if it is the same, a conflict if it says something else.
fn repeat(stored: &Stored, new: &CheckedResponse) -> Outcome {
    if stored.body_hash == new.body_hash {
        return Ok(Receipt { created: false, ..stored.receipt.clone() });
    }
    let id = new.external_id.clone().unwrap_or_default();
    Err(EngineError::conflict(format!(
        "another answer is stored under external_id `{id}`; use PATCH /responses/{} to correct it, or send a new external_id",
        stored.receipt.id
    )))
}

/// When a one-click answer may be acted on; `None` when it settles at once.
fn settle_at(cx: &Ctx, new: &CheckedResponse, now: chrono::DateTime<chrono::Utc>) -> Option<chrono::DateTime<chrono::Utc>> {
    (new.channel == "email" && cx.settings.settle_delay > chrono::Duration::zero()).then(|| now + cx.settings.settle_delay)
}

fn receipt_effect(planned: &hearback_rules::Planned) -> ReceiptEffect {
    ReceiptEffect { action: planned.effect.as_str(), rule: planned.rule_key.clone(), due: planned.due }
}

fn response_row(entry: &Entry, person: &persons::Model, now: chrono::DateTime<chrono::Utc>) -> responses::Model {
    let id = ResponseId::new(now);
    let new = &entry.new;
    responses::Model {
        workspace_id: entry.workspace.uuid(),
        id: id.uuid(),
        survey_id: new.survey.id.uuid(),
        person_id: person.id,
        // Never null: a null would be equal to nothing, and the key would guard nothing.
        idem_key: new.external_id.clone().unwrap_or_else(|| format!("#{id}")),
        body_hash: new.body_hash.clone(),
        external_id: new.external_id.clone(),
        score: i64::from(new.score.value()),
        first_score: i64::from(new.score.value()),
        segment: new.score.segment().as_str().to_owned(),
        comment: new.comment.clone(),
        channel: new.channel.clone(),
        locale: person.locale.clone(),
        properties: person.properties.clone(),
        revision: 1,
        answered_at: millis(new.responded_at.unwrap_or(now)),
        created_at: millis(now),
        updated_at: millis(now),
    }
}

/// A case without clocks: they are set once the rules have said whose it is.
/// The case that an answer opens, its clocks not running yet.
pub(crate) fn case_row(scene: &Scene, response: &responses::Model, follows: bool) -> cases::Model {
    let history = || scene.person.owner.clone().or_else(|| scene.account_owner.map(ToString::to_string));
    cases::Model {
        workspace_id: response.workspace_id,
        id: CaseId::new(scene.now).uuid(),
        response_id: response.id,
        person_id: scene.person.id,
        survey_id: response.survey_id,
        segment: response.segment.clone(),
        score: response.score,
        revision: 1,
        loop_status: if follows { "open" } else { "not_needed" }.to_owned(),
        owner: if follows { Some(owners::usual(scene).owner.to_string()) } else { history() },
        tags: "[]".to_owned(),
        answered_at: response.answered_at,
        first_contact_due_at: None,
        close_due_at: None,
        first_contact_at: None,
        contact_overdue_at: None,
        close_overdue_at: None,
        contacted_at: None,
        first_attempt_at: None,
        last_attempt_at: None,
        waiting_since: None,
        warned_at: None,
        lapse_at: None,
        reassign_at: None,
        alarm_at: None,
        acknowledged_at: None,
        escalated_at: None,
        resolved_at: None,
        closed_at: None,
        root_cause: None,
        resolution: None,
        attempts: 0,
        contacts: 0,
        open_tasks: 0,
        updated_at: millis(scene.now),
    }
}

/// The record of one evaluation: what the rules saw, which versions were asked, what came of it.
pub fn run_row(
    rule_ids: &str,
    case: &cases::Model,
    facts: &Facts,
    plan: &Plan,
    done: Vec<serde_json::Value>,
    now: chrono::DateTime<chrono::Utc>,
) -> runs::Model {
    runs::Model {
        workspace_id: case.workspace_id,
        id: hearback_core::id::RunId::new(now).uuid(),
        case_id: case.id,
        response_id: case.response_id,
        revision: case.revision,
        trigger: facts.trigger.as_str().to_owned(),
        rules: rule_ids.to_owned(),
        facts: serde_json::to_string(facts).unwrap_or_default(),
        trace: serde_json::to_string(&plan.trace).unwrap_or_default(),
        done: serde_json::Value::from(done).to_string(),
        at: millis(now),
    }
}

async fn load_stored<'e>(tx: &Tx, ws: WorkspaceId, keys: impl Iterator<Item = &'e str>) -> Result<HashMap<String, Stored>, EngineError> {
    let keys: Vec<&str> = keys.collect();
    let mut stored = HashMap::new();
    if keys.is_empty() {
        return Ok(stored);
    }
    let rows = ingest::responses_by_keys(tx, ws.uuid(), &keys).await?;
    let ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.id).collect();
    let mut cases: HashMap<uuid::Uuid, cases::Model> =
        snapshot::cases_of_responses(&**tx, ws.uuid(), &ids).await?.into_iter().map(|case| (case.response_id, case)).collect();
    for row in rows {
        let (Some(key), Some(case)) = (row.external_id.clone(), cases.remove(&row.id)) else { continue };
        // History was never put to the rules: there is no run to look for.
        let effects = if case.first_contact_due_at.is_some() { effects_of(&**tx, &row, &case).await? } else { Vec::new() };
        let receipt = stored_receipt(&row, &case, effects);
        stored.insert(key, Stored { body_hash: row.body_hash, receipt });
    }
    Ok(stored)
}

/// The receipt of a stored answer, with the effects that its run gave, recomputed.
pub async fn receipt_of(connection: &impl hearback_store::ConnectionTrait, row: &responses::Model) -> Result<Receipt, EngineError> {
    let case = snapshot::case_of_response(connection, row.workspace_id, row.id).await?;
    let case = case.ok_or_else(|| EngineError::not_found("case of response", row.id))?;
    let effects = effects_of(connection, row, &case).await?;
    Ok(stored_receipt(row, &case, effects))
}

async fn effects_of(
    connection: &impl hearback_store::ConnectionTrait,
    row: &responses::Model,
    case: &cases::Model,
) -> Result<Vec<ReceiptEffect>, EngineError> {
    let runs = runs::of_case(connection, row.workspace_id, case.id).await?;
    let is_of_answer =
        |run: &runs::Model| run.revision == row.revision && run.trigger.starts_with("response_") && run.facts != erasure::NO_FACTS;
    Ok(match runs.into_iter().rev().find(is_of_answer) {
        Some(run) => replay(connection, &run).await?.effects.iter().map(receipt_effect).collect(),
        None => Vec::new(),
    })
}

fn stored_receipt(row: &responses::Model, case: &cases::Model, effects: Vec<ReceiptEffect>) -> Receipt {
    Receipt {
        id: ResponseId::from_uuid(row.id),
        segment: facts::read_segment(&row.segment),
        score: u8::try_from(row.score).unwrap_or(u8::MAX),
        revision: facts::small(row.revision),
        case: ReceiptCase { id: CaseId::from_uuid(case.id), loop_status: crate::apply::read_status(&case.loop_status) },
        effects,
        created: false,
    }
}

/// What a run decided, computed again from what it saw.
pub async fn replay(connection: &impl hearback_store::ConnectionTrait, run: &runs::Model) -> Result<Plan, EngineError> {
    let versions: Arc<[RuleVersion]> = crate::workspace::versions(connection, run.workspace_id, &run.rules).await?.into();
    let facts: Facts = serde_json::from_str(&run.facts).map_err(|error| StoreError::Unreadable {
        table: "runs",
        id: run.id.to_string(),
        why: error.to_string(),
    })?;
    Ok(hearback_rules::plan(&versions, &facts, from_millis(run.at)))
}

async fn load_accounts<'e>(
    tx: &Tx,
    ws: WorkspaceId,
    keys: impl Iterator<Item = &'e str>,
) -> Result<HashMap<String, accounts::Model>, StoreError> {
    let rows = snapshot::accounts_by_keys(&**tx, ws.uuid(), &keys.collect()).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// The customers of a batch: found once, merged in the order of their answers, written once.
struct People {
    rows: Vec<persons::Model>,
    changed: Vec<bool>,
    by_key: HashMap<String, usize>,
    by_external: HashMap<String, usize>,
    signposts: Vec<persons::Model>,
}

impl People {
    /// Those of the batch that are known, and the revision of the workspace's set-up.
    async fn load<'e>(tx: &Tx, ws: WorkspaceId, sent: impl Iterator<Item = &'e CheckedPerson> + Clone) -> Result<(Self, i64), StoreError> {
        let keys: Vec<&str> = sent.clone().filter(|person| !person.key.starts_with("anon:")).map(|person| person.key.as_str()).collect();
        let externals: Vec<&str> = sent.filter_map(|person| person.external_id.as_deref()).collect();
        let ingest::Found { revision, persons: rows } = ingest::look(tx, ws.uuid(), &keys, &externals).await?;
        let (rows, signposts) = merge::survivors(tx, ws.uuid(), rows).await?;
        let (by_key, by_external) = (HashMap::new(), HashMap::new());
        let mut people = Self { changed: vec![false; rows.len()], rows: Vec::new(), by_key, by_external, signposts: Vec::new() };
        for row in rows {
            people.index(people.rows.len(), &row);
            people.rows.push(row);
        }
        for signpost in signposts {
            people.lead(signpost);
        }
        Ok((people, revision))
    }

    /// What named somebody who was merged into another names that one.
    fn lead(&mut self, signpost: persons::Model) {
        if let Some(place) = self.rows.iter().position(|row| Some(row.id) == signpost.merged_into) {
            self.index(place, &signpost);
            self.signposts.push(signpost);
        }
    }

    fn index(&mut self, place: usize, row: &persons::Model) {
        self.by_key.insert(row.key.clone(), place);
        if let Some(external) = &row.external_id {
            self.by_external.insert(external.clone(), place);
        }
    }

    /// The row of this customer with what was sent laid over it.
    fn merge(&mut self, mut sent: CheckedPerson, ws: WorkspaceId, now: chrono::DateTime<chrono::Utc>) -> persons::Model {
        let by_key = self.by_key.get(&sent.key).copied();
        let by_external = sent.external_id.as_ref().and_then(|id| self.by_external.get(id)).copied();
        if by_key.is_some() && by_external.is_some() && by_key != by_external {
            // Two people we know claim one id: the address decides, the id stays where it is.
            sent.external_id = None;
        }
        let sent = sent.without_names_of(&self.signposts);
        let place = by_key.or(by_external);
        let stored = place.and_then(|place| self.rows.get(place));
        let mut row = sent.over(stored, ws, now);
        let slots = place.and_then(|place| self.rows.get_mut(place).zip(self.changed.get_mut(place)));
        if let (Some(place), Some((slot, changed))) = (place, slots) {
            if *slot != row {
                row.updated_at = millis(now);
                *slot = row.clone();
                *changed = true;
            }
            self.index(place, &row);
        } else {
            self.index(self.rows.len(), &row);
            self.rows.push(row.clone());
            self.changed.push(true);
        }
        row
    }

    /// The rows to write.
    fn changed(&self) -> Vec<persons::Model> {
        let mut changed: Vec<persons::Model> =
            self.rows.iter().zip(&self.changed).filter(|(_, changed)| **changed).map(|(row, _)| row.clone()).collect();
        // One order for all writers: two that meet on the same people wait for each other, never in a circle.
        changed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        changed
    }
}
