//! Who changed what in the set-up. Never a customer's words, names or addresses: nothing here has to go when they are erased.

use hearback_core::id::WorkspaceId;
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError,
    cursor::{Cursor, Listed, Page},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub data: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// One page of the entries, the newest first; those of one action only, when it is given.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, action: Option<&str>, page: Page) -> Result<Listed<Model>, StoreError> {
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(action.map(|action| Column::Action.eq(action)))
        .add_option(page.after.map(|after| Column::Id.lt(after.id)));
    let rows = Entity::find().filter(fits).order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.at, id: row.id }))
}

/// What this was done to, and when, the oldest first.
pub async fn subjects(conn: &impl ConnectionTrait, ws: WorkspaceId, action: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let done = Entity::find().select_only().columns([Column::Subject, Column::At]).filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(done.filter(Column::Action.eq(action)).order_by_asc(Column::Id).into_tuple().all(conn).await?)
}
