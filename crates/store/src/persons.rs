//! Customers. `key` is what makes one unique: `email:ADDRESS`, else `ext:ID`, else `anon:UUID`.
//!
//! Owns: writing them. Every row goes through [`insert`], [`save`] or [`put`], which keep `search` equal to what can be found by it;
//! whoever changes an address hands [`crate::former_addresses::Moves`] the row before and after.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    fold,
    id::{PersonId, WorkspaceId},
};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, bulk, script::Script, time::millis};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "persons")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub owner: Option<String>,
    pub account_key: Option<String>,
    pub properties: String,
    pub merged_into: Option<Uuid>,
    /// Why this customer wants no mail under whatever address: a word of `suppressions::OF_CUSTOMERS`. Written by
    /// [`crate::opt_outs`] alone.
    pub opted_out_for: Option<String>,
    pub opted_out_at: Option<i64>,
    /// What [`Model::search_text`] gives; filled when the row is written.
    pub search: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Somebody of whom nothing is known but what makes them unique.
    pub fn new(ws: WorkspaceId, id: PersonId, key: String, now: DateTime<Utc>) -> Self {
        Self {
            workspace_id: ws.uuid(),
            id: id.uuid(),
            key,
            external_id: None,
            email: None,
            name: None,
            locale: None,
            timezone: None,
            owner: None,
            account_key: None,
            properties: "{}".to_owned(),
            merged_into: None,
            opted_out_for: None,
            opted_out_at: None,
            search: String::new(),
            created_at: millis(now),
            updated_at: millis(now),
        }
    }

    /// Without anything that is said about them. By which names they are known is another matter.
    pub fn stripped(self) -> Self {
        Self { name: None, locale: None, timezone: None, owner: None, account_key: None, properties: "{}".to_owned(), ..self }
    }

    /// Name, address and sender's id, one a line, folded: what is looked through when somebody looks for a person.
    pub fn search_text(&self) -> String {
        let names = [&self.name, &self.email, &self.external_id].into_iter().flatten();
        names.map(|name| fold::fold(name)).collect::<Vec<_>>().join("\n")
    }

    fn searchable(self) -> Self {
        Self { search: self.search_text(), ..self }
    }
}

/// The person.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: PersonId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The person with this key; not one who was merged into another.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    let alone = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    Ok(alone.filter(Column::MergedInto.is_null()).one(conn).await?)
}

/// Who an id means: the person themselves, or whoever they were merged into.
pub async fn resolved(conn: &impl ConnectionTrait, ws: WorkspaceId, id: PersonId) -> Result<Option<Model>, StoreError> {
    match by_id(conn, ws, id).await? {
        Some(Model { merged_into: Some(into), .. }) => by_id(conn, ws, PersonId::from_uuid(into)).await,
        row => Ok(row),
    }
}

/// Those behind `after`, by id, who have an address; also who was merged into another.
pub async fn with_address(conn: &impl ConnectionTrait, ws: WorkspaceId, after: Option<Uuid>, limit: u64) -> Result<Vec<Model>, StoreError> {
    let behind = Condition::all().add_option(after.map(|after| Column::Id.gt(after)));
    let known = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Email.is_not_null()).filter(behind);
    Ok(known.order_by_asc(Column::Id).limit(limit).all(conn).await?)
}

/// Those of all workspaces behind this one, by workspace and id.
pub async fn after(conn: &impl ConnectionTrait, after: Option<(Uuid, Uuid)>, limit: u64) -> Result<Vec<Model>, StoreError> {
    let behind = after.map(|(ws, id)| {
        let same = Condition::all().add(Column::WorkspaceId.eq(ws)).add(Column::Id.gt(id));
        Condition::any().add(Column::WorkspaceId.gt(ws)).add(same)
    });
    let rest = Entity::find().filter(Condition::all().add_option(behind));
    Ok(rest.order_by_asc(Column::WorkspaceId).order_by_asc(Column::Id).limit(limit).all(conn).await?)
}

/// The person, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: PersonId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Who has this key or, when nobody has, this id of the sender's. `lock`ed until the transaction ends.
pub async fn lock_match(tx: &Tx, ws: WorkspaceId, key: &str, external_id: Option<&str>) -> Result<Vec<Model>, StoreError> {
    let same = Condition::any().add(Column::Key.eq(key)).add_option(external_id.map(|id| Column::ExternalId.eq(id)));
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(same).lock_exclusive().all(&**tx).await?)
}

/// Writes the whole row back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, person: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(person.searchable()).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Stores new rows; a taken key fails all of them.
pub async fn insert(tx: &Tx, rows: Vec<Model>) -> Result<(), StoreError> {
    let rows: Vec<Model> = rows.into_iter().map(Model::searchable).collect();
    bulk::insert::<Entity>(tx, &rows).await
}

/// Stores new rows and changed ones alike. Whether somebody opted out stays as it is: the rows were not locked.
pub fn put(script: &mut Script, rows: Vec<Model>) {
    const OVER: &str = " ON CONFLICT (workspace_id, id) DO UPDATE SET key = excluded.key, external_id = excluded.external_id, \
         email = excluded.email, name = excluded.name, locale = excluded.locale, timezone = excluded.timezone, owner = excluded.owner, \
         account_key = excluded.account_key, properties = excluded.properties, search = excluded.search, updated_at = excluded.updated_at";
    let rows: Vec<Model> = rows.into_iter().map(Model::searchable).collect();
    script.insert_with::<Entity>(&rows, OVER);
}

/// Those of them who are stored, also who was merged into another.
pub async fn by_ids(conn: &impl ConnectionTrait, ws: WorkspaceId, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids)).all(conn).await?)
}

/// What these people are called: the name, else the address; who has neither is left out.
pub async fn names(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids)).all(conn).await?;
    Ok(these.into_iter().filter_map(|row| Some((row.id, row.name.or(row.email)?))).collect())
}
