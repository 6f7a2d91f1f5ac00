//! The answers of one workspace that share a transaction: put together from what was read, then written at once.
//!
//! Owns: the rows that an answer becomes. Refuses to know: who waits for it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{CaseId, InvitationId, ResponseId, WorkspaceId},
    survey::Answers,
};
use hearback_rules::{Facts, Trigger};
use hearback_store::{
    StoreError, Tx, accounts, cases, ingest,
    invitations::{self, Answered},
    outbox, persons, responses, rule_sets, runs,
    script::Script,
    snapshot,
    time::{from_millis, millis},
    unconfirmed,
};

use super::{
    Entry, Outcome,
    people::People,
    repeats::{Said, Stored, keys, load_stored, receipt_effect, repeat},
};
use crate::{
    Ctx, EngineError,
    automation::{
        apply::{Changes, Scene, apply},
        facts, guard,
        records::{case_row, run_row},
    },
    faults,
    responses::submit::{FollowUp, Past, Receipt, ReceiptCase, own_key},
    rows::{self, clocks},
    team::roster::Roster,
    trigger_events,
    workspace::Workspace,
};

/// Answers of one workspace on their way into one transaction.
pub(super) struct Batch<'a> {
    cx: &'a Ctx,
    workspace: Arc<Workspace>,
    now: DateTime<Utc>,
    stored: HashMap<String, Stored>,
    /// Ids of cases that exports name and that are there already.
    taken: HashSet<uuid::Uuid>,
    people: People,
    accounts: HashMap<String, accounts::Model>,
    responses: Vec<responses::Model>,
    cases: Vec<cases::Model>,
    runs: Vec<runs::Model>,
    answered: Vec<Answered>,
    rollups: BTreeMap<(uuid::Uuid, i64), hearback_core::Counts>,
    changes: Changes,
}

impl<'a> Batch<'a> {
    pub(super) async fn load(
        cx: &'a Ctx,
        tx: &Tx,
        ws: WorkspaceId,
        entries: impl Iterator<Item = &Entry> + Clone,
        now: DateTime<Utc>,
    ) -> Result<Self, EngineError> {
        let stored = load_stored(tx, ws, entries.clone().map(|entry| &entry.new)).await?;
        let past: Vec<uuid::Uuid> = entries.clone().filter_map(|entry| Some(entry.new.past.as_ref()?.case?.uuid())).collect();
        let taken = if past.is_empty() { HashSet::new() } else { cases::those_stored(&**tx, ws, past).await? };
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
            taken,
            people,
            accounts,
            responses: Vec::new(),
            cases: Vec::new(),
            runs: Vec::new(),
            answered: Vec::new(),
            rollups: BTreeMap::new(),
            changes: Changes { roster, ..Changes::default() },
        })
    }

    /// Puts one answer into the batch; an answer that is stored already is answered as it was then.
    pub(super) fn add(&mut self, entry: &Entry) -> Outcome {
        let keys = keys(&entry.new);
        if let Some(stored) = keys.iter().find_map(|key| self.stored.get(key)) {
            return repeat(stored, &entry.new);
        }
        if let Some(invitation) = entry.new.invitation
            && !self.people.knows(&entry.new.person)
        {
            // Erased between the look at the link and now: nobody is made up in their place.
            return Err(EngineError::not_found("invitation", invitation));
        }
        let (sent, ws) = (entry.new.person.clone(), self.workspace.id);
        let person = match entry.new.past {
            Some(_) => self.people.find_or_merge(sent, ws, self.now),
            None => self.people.merge(sent, ws, self.now),
        };
        let account = person.account_key.as_ref().and_then(|key| self.accounts.get(key));
        let account_owner = facts::account_owner(account);
        let mut response = response_row(entry, &person, self.now);
        let scene = Scene {
            settings: &self.cx.settings,
            workspace: &self.workspace,
            person: &person,
            account_owner: account_owner.as_ref(),
            now: self.now,
        };
        let mut case = case_row(&scene, &response, entry.follow_up.starts());
        if let Some(id) = entry.new.past.as_ref().and_then(|past| past.case)
            && self.taken.insert(id.uuid())
        {
            case.id = id.uuid();
        }
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
            if let Some(settle_at) = entry.new.settles.at(self.cx, &entry.new.channel, self.now) {
                response.settled_at = None;
                let id = CaseId::from_uuid(case.id);
                let job = outbox::Job::Settle { case: id, revision: 1 };
                let cause = format!("settle/{}/1", response.id);
                self.changes.jobs.push(outbox::row(self.workspace.id, &job, &cause, settle_at, self.now, Some((id, 1))));
            } else {
                self.changes.jobs.extend(trigger_events::later(&self.workspace, &case, &facts.trigger.into(), self.now));
                let decided = hearback_rules::outline(&self.workspace.rules, &facts, self.now);
                guard::note(&decided, &case, self.now, &mut self.changes);
                effects = decided.effects.iter().map(receipt_effect).collect();
                let before = self.changes.deliveries.len();
                let done = apply(&scene, &mut case, &decided.effects, &mut self.changes);
                self.changes.deliveries.iter_mut().skip(before).for_each(|mail| mail.exempt = entry.follow_up == FollowUp::Bulk);
                self.runs.push(run_row(&self.workspace.rule_set, &case, &facts, &done, self.now));
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
            revision: rows::small(response.revision),
            case: ReceiptCase { id: CaseId::from_uuid(case.id), loop_status: *case.loop_status },
            effects,
            created: true,
        };
        let counts = hearback_core::Counts::of(Some(entry.new.score), response.comment.is_some());
        if let Some(invitation) = entry.new.invitation {
            self.answered.push(Answered { id: invitation, response: receipt.id });
        }
        *self.rollups.entry((response.survey_id, ingest::hour(response.answered_at))).or_default() += counts;
        for key in keys {
            let stored = Stored { body_hash: entry.new.body_hash.clone(), said: Said::of(&response), receipt: receipt.clone() };
            self.stored.insert(key, stored);
        }
        self.responses.push(response);
        self.cases.push(case.ready());
        Ok(receipt)
    }

    /// The first answer that will be stored.
    pub(super) fn first(&self) -> Option<(uuid::Uuid, uuid::Uuid)> {
        self.responses.first().map(|row| (row.workspace_id, row.id))
    }

    /// Whether something will be there to do.
    pub(super) fn queues(&self) -> bool {
        !self.changes.jobs.is_empty()
    }

    /// Roll-ups come last and sorted: two nodes that meet on the same counters wait for each other, never in a circle.
    pub(super) async fn write(self, tx: &Tx) -> Result<(), StoreError> {
        if self.responses.is_empty() {
            return Ok(());
        }
        let ws = self.workspace.id.uuid();
        let mut changes = self.changes;
        changes.give_incentives(tx, ws, self.now).await?;
        let mut script = Script::new(tx);
        let (people, moves) = self.people.changed();
        persons::put(&mut script, people);
        script.insert::<responses::Entity>(&self.responses);
        script.insert::<cases::Entity>(&self.cases);
        if !self.runs.is_empty() {
            script.insert_missing::<rule_sets::Entity>(std::slice::from_ref(&self.workspace.rule_set));
        }
        script.insert::<runs::Entity>(&self.runs);
        changes.add_to(&mut script);
        invitations::answer(&mut script, ws, &self.answered, self.now);
        ingest::put_rollups(&mut script, ws, &self.rollups);
        script.run(tx).await?;
        for case in &self.cases {
            tx.case_moved(None, case);
        }
        Box::pin(moves.follow(tx, ws)).await?;
        unconfirmed::confirm(tx, self.workspace.id, self.answered.iter().map(|answered| answered.id)).await?;
        changes.write_rest(tx, ws, self.now).await?;
        faults::pass("intake.inserted")
    }
}

fn response_row(entry: &Entry, person: &persons::Model, now: DateTime<Utc>) -> responses::Model {
    let new = &entry.new;
    let id = new.past.as_ref().map_or_else(|| ResponseId::new(now), |past| past.id);
    let row = responses::Model {
        workspace_id: entry.workspace.uuid(),
        id: id.uuid(),
        survey_id: new.survey.id.uuid(),
        person_id: person.id,
        // Never null: a null would be equal to nothing, and the key would guard nothing.
        idem_key: new.idem_key.clone().unwrap_or_else(|| own_key(id)),
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
        answers: answers_column(&new.answers),
        invitation_id: new.invitation.map(InvitationId::uuid),
        may_contact: new.may_contact,
        settled_at: Some(millis(now)),
    };
    match &new.past {
        Some(past) => as_it_was(row, past),
        None => row,
    }
}

/// An answer from an export: what it was then does not follow the customer.
fn as_it_was(row: responses::Model, past: &Past) -> responses::Model {
    let received = millis(past.received_at);
    responses::Model {
        first_score: past.first_score.map_or(row.first_score, i64::from),
        locale: past.locale.clone(),
        properties: serde_json::to_string(&past.properties).unwrap_or(row.properties),
        revision: i64::from(past.revision),
        created_at: received,
        updated_at: millis(past.updated_at),
        settled_at: Some(past.settled_at.map_or(received, millis)),
        ..row
    }
}

/// Answers to further questions as they are stored; none are nothing.
pub(crate) fn answers_column(answers: &Answers) -> Option<String> {
    if answers.is_empty() { None } else { serde_json::to_string(answers).ok() }
}

async fn load_accounts<'e>(
    tx: &Tx,
    ws: WorkspaceId,
    keys: impl Iterator<Item = &'e str>,
) -> Result<HashMap<String, accounts::Model>, StoreError> {
    let rows = snapshot::accounts_by_keys(&**tx, ws.uuid(), &keys.collect()).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}
