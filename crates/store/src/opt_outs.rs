//! Who wants no mail at all, as a fact of the person: it stands in `persons` and holds under whatever address they have.
//!
//! Owns: keeping that fact and the list of addresses ([`crate::suppressions`]) in step. What a customer said under any address of theirs
//! holds for the person, and closes every address that is theirs. A dead mailbox, and what one of us decided, say something about an
//! address and stay there.

use std::collections::BTreeMap;

use hearback_core::id::{PersonId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError, Tx,
    bulk::{Kind, select, text_list, texts, to_json},
    persons,
    suppressions::{OF_CUSTOMERS, OVER},
};

/// Nobody else has the address that was left in `f` by now.
const UNCLAIMED: &str = "NOT EXISTS (SELECT 1 FROM persons o WHERE o.workspace_id = f.workspace_id AND o.key = 'email:' || f.address \
     AND o.id <> f.person_id AND (o.merged_into IS NULL OR o.merged_into <> f.person_id))";

/// Notes that somebody wants no mail, and closes their addresses; whether that is new. A complaint is more than a wish, and stays one.
pub async fn note(tx: &Tx, ws: WorkspaceId, person: PersonId, reason: &str, at: i64) -> Result<bool, StoreError> {
    let is_new = write(tx, ws.uuid(), person.uuid(), reason, at).await?;
    close(tx, ws.uuid(), &[person.uuid()]).await?;
    Ok(is_new)
}

/// Notes that somebody takes mail again. Their addresses are another matter: see [`addresses`].
pub async fn take_back(tx: &Tx, ws: WorkspaceId, person: PersonId) -> Result<(), StoreError> {
    let sql = "UPDATE persons SET opted_out_for = NULL, opted_out_at = NULL WHERE workspace_id = $1 AND id = $2";
    run(tx, sql, [ws.uuid().into(), person.uuid().into()]).await?;
    Ok(())
}

/// The addresses that are this person's: the present one, and those they left that nobody else has now.
pub async fn addresses(conn: &impl ConnectionTrait, person: &persons::Model) -> Result<Vec<String>, StoreError> {
    let sql = format!("SELECT f.address FROM former_addresses f WHERE f.workspace_id = $1 AND f.person_id = $2 AND {UNCLAIMED}");
    let values = [person.workspace_id.into(), person.id.into()];
    let left = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    let mut all: Vec<String> = left.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?;
    all.extend(person.email.clone().filter(|address| !all.contains(address)));
    Ok(all)
}

/// What customers said under these addresses holds for whoever has or had them.
pub(crate) async fn of_addresses(tx: &Tx, ws: Uuid, addresses: &[&str]) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    let sql = format!(
        "SELECT COALESCE(merged_into, id) FROM persons WHERE workspace_id = $1 AND key IN {} \
         UNION SELECT person_id FROM former_addresses WHERE workspace_id = $1 AND address IN {}",
        texts(backend, 2),
        texts(backend, 3)
    );
    let keys: Vec<String> = addresses.iter().map(|address| format!("email:{address}")).collect();
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [ws.into(), text_list(&keys), text_list(addresses)])).await?;
    let people = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<Uuid>, DbErr>>()?;
    carry(tx, ws, &people).await
}

/// Brings these persons and the list of addresses in step. What was said under an address holds for the person who has it, who had it
/// when it was said, or who had it last.
pub(crate) async fn carry(tx: &Tx, ws: Uuid, people: &[Uuid]) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let backend = tx.get_database_backend();
    let x = select(backend, &[("i", Kind::Uuid)], 2);
    let sql = format!(
        "WITH x AS ({x}) \
         SELECT p.id, s.reason, s.created_at FROM x CROSS JOIN persons p CROSS JOIN suppressions s WHERE p.workspace_id = $1 AND p.id = x.i \
           AND s.workspace_id = p.workspace_id AND s.address = p.email AND s.reason IN {OF_CUSTOMERS} \
         UNION ALL \
         SELECT f.person_id, s.reason, s.created_at FROM x CROSS JOIN former_addresses f CROSS JOIN suppressions s \
           WHERE f.workspace_id = $1 AND f.person_id = x.i AND s.workspace_id = f.workspace_id AND s.address = f.address \
           AND s.reason IN {OF_CUSTOMERS} AND (s.created_at <= f.left_at OR {UNCLAIMED})"
    );
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [ws.into(), list(tx, people)])).await?;
    let mut said: BTreeMap<Uuid, (String, i64)> = BTreeMap::new();
    for row in rows {
        let (person, reason, at): (Uuid, String, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let known = said.entry(person).or_insert_with(|| (reason.clone(), at));
        if reason == "complaint" && known.0 != reason {
            *known = (reason, at);
        }
    }
    for (person, (reason, at)) in said {
        write(tx, ws, person, &reason, at).await?;
    }
    close(tx, ws, people).await
}

async fn write(tx: &Tx, ws: Uuid, person: Uuid, reason: &str, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE persons SET opted_out_for = $3, opted_out_at = $4 WHERE workspace_id = $1 AND id = $2 \
         AND (opted_out_for IS NULL OR (opted_out_for = 'unsubscribed' AND $3 = 'complaint'))";
    Ok(run(tx, sql, [ws.into(), person.into(), reason.into(), at.into()]).await? > 0)
}

/// The addresses of those who opted out are on the list, except those that somebody else has now.
async fn close(tx: &Tx, ws: Uuid, people: &[Uuid]) -> Result<(), StoreError> {
    let x = select(tx.get_database_backend(), &[("i", Kind::Uuid)], 2);
    let sql = format!(
        "WITH x AS ({x}) INSERT INTO suppressions (workspace_id, address, reason, created_at) \
         SELECT a.workspace_id, a.address, MIN(a.reason), MIN(a.at) FROM ( \
           SELECT p.workspace_id, p.email AS address, p.opted_out_for AS reason, p.opted_out_at AS at FROM x CROSS JOIN persons p \
             WHERE p.workspace_id = $1 AND p.id = x.i AND p.opted_out_for IS NOT NULL AND p.email IS NOT NULL \
           UNION ALL \
           SELECT p.workspace_id, f.address, p.opted_out_for, p.opted_out_at FROM x CROSS JOIN persons p CROSS JOIN former_addresses f \
             WHERE p.workspace_id = $1 AND p.id = x.i AND p.opted_out_for IS NOT NULL AND f.workspace_id = p.workspace_id \
             AND f.person_id = p.id AND {UNCLAIMED}) AS a \
         WHERE true GROUP BY a.workspace_id, a.address{OVER}"
    );
    run(tx, &sql, [ws.into(), list(tx, people)]).await?;
    Ok(())
}

async fn run<const N: usize>(tx: &Tx, sql: &str, values: [Value; N]) -> Result<u64, StoreError> {
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
}

fn list(tx: &Tx, people: &[Uuid]) -> Value {
    to_json(tx.get_database_backend(), people.iter().map(|id| [Value::from(*id)])).into()
}
