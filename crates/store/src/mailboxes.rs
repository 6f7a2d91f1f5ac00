//! How far each mailbox was read; of the installation, not of a workspace.

use sea_orm::{ConnectionTrait, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailboxes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub uid_validity: i64,
    pub next_uid: i64,
    pub looked_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How far this mailbox was read.
pub async fn by_name(conn: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(name.to_owned()).one(conn).await?)
}

/// Notes how far it was read. Of two nodes that read it at once the one that is ahead is believed; a mailbox that was made
/// anew begins anew.
pub async fn note(tx: &Tx, row: Model) -> Result<(), StoreError> {
    const OVER: &str = " ON CONFLICT (name) DO UPDATE SET uid_validity = excluded.uid_validity, looked_at = excluded.looked_at, \
         next_uid = CASE WHEN mailboxes.uid_validity = excluded.uid_validity AND mailboxes.next_uid > excluded.next_uid \
         THEN mailboxes.next_uid ELSE excluded.next_uid END";
    bulk::insert_with::<Entity>(tx, &[row], OVER).await.map(|_| ())
}
