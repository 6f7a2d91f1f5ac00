//! The list of who was erased, beside the database: a backup that is restored knows nothing of those who were erased since.
//!
//! Owns: the file, and who is erased again. What must stay true: ids and fingerprints stand in it, never who somebody was; a line
//! is added once what it says was committed, by every node that works, so that each node's file is whole; whoever is on it and
//! back in the database is erased again. Refuses to know: what erasing takes away.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use chrono::{DateTime, Utc};
use hearback_core::id::{PersonId, WorkspaceId};
use hearback_store::{
    audit, bulk,
    erasure::ERASED,
    persons, suppressions,
    time::{from_millis, millis},
    workspaces,
};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Ctx, EngineError,
    customers::people::{erase_row, sweep},
};

/// Its name in the data folder.
pub const FILE: &str = "erasures.jsonl";
/// What is noted in the audit log of each of them.
pub(crate) const ACTION: &str = "person.erased";
/// People that are looked through together.
const CHUNK: u64 = 2_000;

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Erasure {
    workspace: WorkspaceId,
    at: DateTime<Utc>,
    #[serde(flatten)]
    whom: Whom,
}

/// Who was erased: the person, and, in a line of its own, what is left of each address that was theirs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Whom {
    Person(PersonId),
    /// As [`suppressions::erased`] writes it.
    Address(String),
}

/// The lines of a list. What can't be read is left out: the last line may have been cut when the power failed, and it is added
/// again. A file with nothing but such lines is no list.
pub fn read(path: &Path) -> io::Result<Vec<Erasure>> {
    let text = std::fs::read_to_string(path)?;
    let list: Vec<Erasure> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if list.is_empty() && !text.trim().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no list of erasures"));
    }
    Ok(list)
}

/// Adds what the list has not yet; how much that was. On disk when this returns.
fn add(path: &Path, new: &[Erasure]) -> io::Result<usize> {
    let text = if path.exists() { std::fs::read_to_string(path)? } else { String::new() };
    let known: HashSet<Erasure> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let new: Vec<&Erasure> = new.iter().filter(|line| !known.contains(line)).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let mut lines = if text.is_empty() || text.ends_with('\n') { String::new() } else { "\n".to_owned() };
    for line in &new {
        lines.push_str(&serde_json::to_string(line)?);
        lines.push('\n');
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    Ok(new.len())
}

/// Adds to this node's list who was erased on any node; how many lines that were. A list that can't be written is told and
/// tried again: nobody stays because of it.
pub async fn keep(cx: &Ctx) -> Result<u64, EngineError> {
    if cx.settings.erasures.is_none() {
        return Ok(0);
    }
    let mut list = Vec::new();
    for workspace in workspaces::ids(cx.db.read()).await? {
        let line = |whom, at| Erasure { workspace, at: from_millis(at), whom };
        let people = audit::subjects(cx.db.read(), workspace, ACTION).await?;
        list.extend(people.into_iter().filter_map(|(id, at)| Some(line(Whom::Person(id.parse().ok()?), at))));
        let addresses = suppressions::all_erased(cx.db.read(), workspace).await?;
        list.extend(addresses.into_iter().map(|(address, at)| line(Whom::Address(address), at)));
    }
    Ok(add_to_own(cx, list).await)
}

async fn add_to_own(cx: &Ctx, list: Vec<Erasure>) -> u64 {
    let Some(path) = cx.settings.erasures.clone() else { return 0 };
    let added = tokio::task::spawn_blocking(move || add(&path, &list)).await.map_err(io::Error::other);
    added.and_then(|added| added).map_or_else(
        |error| {
            tracing::warn!(%error, "the list of who was erased can't be kept in the data folder: a backup that is restored would bring them back");
            0
        },
        |added| added as u64,
    )
}

/// Erases again who is on a list and in the database all the same; how many they were. The list becomes a part of this node's own.
pub async fn again(cx: &Ctx, list: Vec<Erasure>) -> Result<u64, EngineError> {
    let mut people = 0;
    for ws in workspaces::ids(cx.db.read()).await? {
        let theirs: Vec<&Erasure> = list.iter().filter(|line| line.workspace == ws).collect();
        let addresses = unknown_addresses(cx, ws, &theirs).await?;
        for id in back(cx, ws, &theirs, &addresses).await? {
            erase_row(cx, ws, &Actor::System, id).await?;
            people += 1;
        }
        stop_mail(cx, ws, addresses).await?;
    }
    if people > 0 {
        sweep(cx).await?;
    }
    add_to_own(cx, list).await;
    keep(cx).await?;
    Ok(people)
}

/// What is left of addresses that this database does not know as erased, and when they were.
async fn unknown_addresses(cx: &Ctx, ws: WorkspaceId, list: &[&Erasure]) -> Result<HashMap<String, DateTime<Utc>>, EngineError> {
    let known: HashMap<String, i64> = suppressions::all_erased(cx.db.read(), ws).await?.into_iter().collect();
    let address = |line: &&Erasure| match &line.whom {
        Whom::Address(address) if !known.contains_key(address) => Some((address.clone(), line.at)),
        Whom::Address(_) | Whom::Person(_) => None,
    };
    Ok(list.iter().filter_map(address).collect())
}

/// Who was erased according to the list, but not in this database: by their id, or by an address that they had before it was
/// erased (somebody who was merged into another afterwards, and whoever has it now by another way of the same history). Who
/// came later with the same address is somebody new.
async fn back(
    cx: &Ctx,
    ws: WorkspaceId,
    list: &[&Erasure],
    addresses: &HashMap<String, DateTime<Utc>>,
) -> Result<BTreeSet<PersonId>, EngineError> {
    let conn = cx.db.read();
    let known: HashSet<PersonId> = audit::subjects(conn, ws, ACTION).await?.iter().filter_map(|(id, _)| id.parse().ok()).collect();
    let person = |line: &&Erasure| match line.whom {
        Whom::Person(id) if !known.contains(&id) => Some(id),
        Whom::Person(_) | Whom::Address(_) => None,
    };
    let mut back = BTreeSet::new();
    for id in list.iter().filter_map(person) {
        back.extend(persons::resolved(conn, ws, id).await?.map(|row| PersonId::from_uuid(row.id)));
    }
    let mut after = None;
    while !addresses.is_empty() {
        let people = persons::with_address(conn, ws, after, CHUNK).await?;
        let Some(last) = people.last() else { break };
        after = Some(last.id);
        for row in &people {
            let erased = addresses.get(&suppressions::erased(ws, row.email.as_deref().unwrap_or_default()));
            if erased.is_some_and(|at| row.created_at <= millis(*at)) {
                back.insert(PersonId::from_uuid(row.merged_into.unwrap_or(row.id)));
            }
        }
    }
    Ok(back)
}

/// These addresses must not be mailed, whoever brings them back.
async fn stop_mail(cx: &Ctx, ws: WorkspaceId, addresses: HashMap<String, DateTime<Utc>>) -> Result<(), EngineError> {
    if addresses.is_empty() {
        return Ok(());
    }
    let row = |(address, at)| suppressions::Model {
        workspace_id: ws.uuid(),
        address,
        reason: ERASED.to_owned(),
        created_at: millis(at),
        note: None,
    };
    let rows: Vec<_> = addresses.into_iter().map(row).collect();
    let tx = cx.db.write().await?;
    bulk::insert_missing::<suppressions::Entity>(&tx, &rows).await?;
    workspaces::bump_config(&tx, ws).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: &str) -> Erasure {
        Erasure { workspace: WorkspaceId::derived("w"), at: DateTime::UNIX_EPOCH, whom: Whom::Address(address.to_owned()) }
    }

    #[test]
    fn a_list_takes_each_line_once_and_outlives_a_line_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join(FILE);
        assert!(read(&path).is_err());
        let person = Erasure { whom: Whom::Person(PersonId::derived("p")), ..line("") };
        assert_eq!(add(&path, &[line("a"), person.clone()]).unwrap(), 2);
        assert_eq!(add(&path, &[line("a"), person.clone()]).unwrap(), 0);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        assert_eq!(read(&path).unwrap(), [line("a")]);
        assert_eq!(add(&path, &[person.clone(), line("b")]).unwrap(), 2);
        assert_eq!(read(&path).unwrap(), [line("a"), person, line("b")]);
        std::fs::write(&path, "something else").unwrap();
        assert!(read(&path).is_err());
    }
}
