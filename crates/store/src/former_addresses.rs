//! Addresses that customers had before: their wishes hold under the next one, and who is forgotten is forgotten under each.
//!
//! Owns: noting that an address was left. A row says nothing of who has the address now.

use hearback_core::id::{PersonId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx, bulk, opt_outs, persons};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "former_addresses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    pub left_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The addresses that these persons had.
pub async fn of(conn: &impl ConnectionTrait, ws: Uuid, persons: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let theirs = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::PersonId.is_in(persons.iter().copied()));
    Ok(theirs.all(conn).await?)
}

/// Who had this address: the one who left it last.
pub async fn who_had(conn: &impl ConnectionTrait, ws: WorkspaceId, address: &str) -> Result<Option<PersonId>, StoreError> {
    let had = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Address.eq(address)).all(conn).await?;
    Ok(had.into_iter().max_by_key(|row| (row.left_at, row.person_id)).map(|row| PersonId::from_uuid(row.person_id)))
}

/// Forgets all that somebody had.
pub async fn forget(tx: &Tx, person: &persons::Model) -> Result<(), StoreError> {
    let theirs = Entity::delete_many().filter(Column::WorkspaceId.eq(person.workspace_id)).filter(Column::PersonId.eq(person.id));
    theirs.exec(&**tx).await?;
    Ok(())
}

/// The changes of addresses in one transaction, and what follows from them.
#[derive(Debug, Default)]
pub struct Moves {
    left: Vec<Model>,
    persons: Vec<Uuid>,
}

impl Moves {
    /// Notes what becomes of a stored person.
    pub fn note(&mut self, before: &persons::Model, after: &persons::Model) {
        if before.email == after.email {
            return;
        }
        self.persons.push(after.id);
        self.left.extend(before.email.clone().map(|address| Self::row(after, address)));
    }

    /// Notes that somebody took over what another one was known by: their address too, if it is not in use.
    pub fn inherit(&mut self, person: &persons::Model, address: Option<String>) {
        self.persons.push(person.id);
        self.left.extend(address.map(|address| Self::row(person, address)));
    }

    fn row(person: &persons::Model, address: String) -> Model {
        Model { workspace_id: person.workspace_id, person_id: person.id, address, left_at: person.updated_at }
    }

    /// Keeps the addresses that were left; whoever opted out under one is out under the next. The persons are written before.
    pub async fn follow(self, tx: &Tx, ws: Uuid) -> Result<(), StoreError> {
        const AGAIN: &str = " ON CONFLICT (workspace_id, person_id, address) DO UPDATE SET left_at = excluded.left_at";
        if self.persons.is_empty() {
            return Ok(());
        }
        // Of two changes in one batch the last one counts: a statement takes each row once.
        let left: std::collections::BTreeMap<_, _> = self.left.into_iter().map(|row| ((row.person_id, row.address.clone()), row)).collect();
        bulk::insert_with::<Entity>(tx, &left.into_values().collect::<Vec<_>>(), AGAIN).await?;
        opt_outs::carry(tx, ws, &self.persons).await
    }
}
