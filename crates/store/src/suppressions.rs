//! Addresses that must not be mailed, and why. What a customer said holds for the person too: see [`crate::opt_outs`].

use std::collections::BTreeMap;

use hearback_core::{id::WorkspaceId, token::fingerprint};
use sea_orm::{QuerySelect as _, entity::prelude::*};

use crate::{StoreError, Tx, bulk, opt_outs, persons};

/// How the address of somebody who was erased is written: by its fingerprint alone, so that nobody reads it here any more
/// and it is known again when it comes back.
const ERASED: &str = "erased:";
/// The reasons that a customer gives. They hold for the person, whatever the address.
pub(crate) const OF_CUSTOMERS: &str = "('unsubscribed', 'complaint')";
/// A row that is there keeps its reason when that weighs more (what a customer could take back weighs less than what they could not),
/// and its note when the new one has none. Of two rows that weigh the same, the earlier time counts, and a note is taken where none was.
pub(crate) const OVER: &str = " ON CONFLICT (workspace_id, address) DO UPDATE SET reason = excluded.reason, \
     created_at = CASE WHEN excluded.reason = suppressions.reason AND excluded.created_at > suppressions.created_at \
         THEN suppressions.created_at ELSE excluded.created_at END, \
     note = COALESCE(excluded.note, suppressions.note) WHERE \
     CASE excluded.reason WHEN 'manual' THEN 1 WHEN 'unsubscribed' THEN 2 WHEN 'hard_bounce' THEN 3 WHEN 'complaint' THEN 4 ELSE 5 END > \
     CASE suppressions.reason WHEN 'manual' THEN 1 WHEN 'unsubscribed' THEN 2 WHEN 'hard_bounce' THEN 3 WHEN 'complaint' THEN 4 ELSE 5 END \
     OR (excluded.reason = suppressions.reason AND (excluded.created_at < suppressions.created_at \
         OR (excluded.note IS NOT NULL AND suppressions.note IS NULL)))";

/// A row, as stored. `address` is a mail address, or what [`erased`] makes of one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppressions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub reason: String,
    pub created_at: i64,
    pub note: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What stands for the address of somebody who was erased.
pub fn erased(ws: WorkspaceId, address: &str) -> String {
    format!("{ERASED}{}", fingerprint(&format!("{ws}/{address}")))
}

/// All addresses of people who were erased, as [`erased`] wrote them, and when that was.
pub async fn all_erased(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = Entity::find().select_only().columns([Column::Address, Column::CreatedAt]).filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(rows.filter(Column::Address.starts_with(ERASED)).into_tuple().all(conn).await?)
}

/// Stops mail to these addresses, and to the persons who have or had them where it was the customer who said so. A row that is there may
/// keep what it says. How many rows are new or changed.
pub async fn put(tx: &Tx, rows: &[Model]) -> Result<u64, StoreError> {
    let stored = bulk::insert_with::<Entity>(tx, rows, OVER).await?;
    let mut said: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_of_customer(&row.reason)) {
        said.entry(row.workspace_id).or_default().push(&row.address);
    }
    for (ws, addresses) in said {
        opt_outs::of_addresses(tx, ws, &addresses).await?;
    }
    Ok(stored)
}

/// Whether a customer said so themselves.
pub fn is_of_customer(reason: &str) -> bool {
    matches!(reason, "unsubscribed" | "complaint")
}

/// Why this person must not be mailed, if so: the weightier of what they said and of what holds for their address.
pub async fn of_person(conn: &impl ConnectionTrait, person: &persons::Model) -> Result<Option<String>, StoreError> {
    let of_address = match &person.email {
        Some(address) => Entity::find_by_id((person.workspace_id, address.clone())).one(conn).await?.map(|row| row.reason),
        None => None,
    };
    Ok(of_address.into_iter().chain(person.opted_out_for.clone()).max_by_key(|reason| weight(reason)))
}

/// As in [`OVER`].
fn weight(reason: &str) -> u8 {
    match reason {
        "manual" => 1,
        "unsubscribed" => 2,
        "hard_bounce" => 3,
        "complaint" => 4,
        _ => 5,
    }
}

/// The row of this address, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, address: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), address.to_owned())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// The address may be mailed again.
pub async fn remove(tx: &Tx, ws: WorkspaceId, address: &str) -> Result<(), StoreError> {
    Entity::delete_by_id((ws.uuid(), address.to_owned())).exec(&**tx).await?;
    Ok(())
}
