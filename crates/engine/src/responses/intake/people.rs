//! The customers of a batch of answers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::id::WorkspaceId;
use hearback_store::{StoreError, Tx, former_addresses::Moves, ingest, merge, persons, time::millis};

use crate::customers::people::CheckedPerson;

/// The customers of a batch: found once, merged in the order of their answers, written once.
pub(super) struct People {
    pub(super) rows: Vec<persons::Model>,
    changed: Vec<bool>,
    by_key: HashMap<String, usize>,
    by_external: HashMap<String, usize>,
    signposts: Vec<persons::Model>,
    moves: Moves,
}

impl People {
    /// Those of the batch that are known, and the revision of the workspace's set-up.
    pub(super) async fn load<'e>(
        tx: &Tx,
        ws: WorkspaceId,
        sent: impl Iterator<Item = &'e CheckedPerson> + Clone,
    ) -> Result<(Self, i64), StoreError> {
        let keys: Vec<&str> = sent.clone().filter(|person| !person.key.starts_with("anon:")).map(|person| person.key.as_str()).collect();
        let past = sent.clone().filter_map(|person| Some(person.past?.id.uuid()));
        let externals: Vec<&str> = sent.filter_map(|person| person.external_id.as_deref()).collect();
        let ingest::Found { revision, persons: mut rows } = ingest::look(tx, ws.uuid(), &keys, &externals).await?;
        let missing: Vec<uuid::Uuid> = past.filter(|id| rows.iter().all(|row| row.id != *id)).collect();
        if !missing.is_empty() {
            rows.extend(persons::by_ids(&**tx, ws, missing).await?);
        }
        let (rows, signposts) = merge::survivors(tx, ws.uuid(), rows).await?;
        let (by_key, by_external) = (HashMap::new(), HashMap::new());
        let (changed, signposts_found) = (vec![false; rows.len()], Vec::new());
        let mut people = Self { changed, rows: Vec::new(), by_key, by_external, signposts: signposts_found, moves: Moves::default() };
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

    /// Whether this customer is stored already.
    pub(super) fn knows(&self, person: &CheckedPerson) -> bool {
        self.by_key.contains_key(&person.key)
    }

    /// The row of somebody who comes back from an export: as they are stored, whatever they were at the time; who is not yet, as they
    /// were.
    pub(super) fn find_or_merge(&mut self, sent: CheckedPerson, ws: WorkspaceId, now: DateTime<Utc>) -> persons::Model {
        let by_external = || self.by_external.get(sent.external_id.as_ref()?).copied();
        let by_id = || self.rows.iter().position(|row| Some(row.id) == sent.past.map(|past| past.id.uuid()));
        let place = self.by_key.get(&sent.key).copied().or_else(by_external).or_else(by_id);
        match place.and_then(|place| self.rows.get(place)) {
            Some(row) => row.clone(),
            None => self.merge(sent, ws, now),
        }
    }

    /// The row of this customer with what was sent laid over it.
    pub(super) fn merge(&mut self, mut sent: CheckedPerson, ws: WorkspaceId, now: DateTime<Utc>) -> persons::Model {
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
                self.moves.note(slot, &row);
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

    /// The rows to write, and what follows once they are written.
    pub(super) fn changed(self) -> (Vec<persons::Model>, Moves) {
        let mut changed: Vec<persons::Model> =
            self.rows.iter().zip(&self.changed).filter(|(_, changed)| **changed).map(|(row, _)| row.clone()).collect();
        // One order for all writers: two that meet on the same people wait for each other, never in a circle.
        changed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        (changed, self.moves)
    }
}
