//! What somebody of ours has to look at: one open row for each kind and subject, which counts how often it came.

use hearback_core::id::{RecordId, WorkspaceId};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError, Tx, bulk,
    cursor::{Cursor, Listed, Page},
};

/// A row, as stored. `message` is for a manager and never has a customer's words, name or address in it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alerts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub subject: String,
    pub message: String,
    pub count: i64,
    pub first_at: i64,
    pub last_at: i64,
    pub done_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Raises alerts: those of which one is open count up and say the newest message. `rows` differ in kind or subject, and
/// are sorted by both: two writers that meet wait for each other, never in a circle.
pub async fn raise(tx: &Tx, rows: &[Model]) -> Result<(), StoreError> {
    const AGAIN: &str = " ON CONFLICT (workspace_id, kind, subject) WHERE done_at IS NULL DO UPDATE SET \
         count = alerts.count + excluded.count, message = excluded.message, last_at = excluded.last_at";
    bulk::insert_with::<Entity>(tx, rows, AGAIN).await.map(|_| ())
}

/// The same for what goes on being so: an open one says the newest message and counts no further.
pub async fn hold(tx: &Tx, rows: &[Model]) -> Result<(), StoreError> {
    const STILL: &str = " ON CONFLICT (workspace_id, kind, subject) WHERE done_at IS NULL DO UPDATE SET \
         message = excluded.message, last_at = excluded.last_at";
    bulk::insert_with::<Entity>(tx, rows, STILL).await.map(|_| ())
}

/// All that is open of these kinds, in all workspaces.
pub async fn open_of(conn: &impl ConnectionTrait, kinds: &[&str]) -> Result<Vec<Model>, StoreError> {
    let open = Entity::find().filter(Column::DoneAt.is_null()).filter(Column::Kind.is_in(kinds.iter().copied()));
    Ok(open.order_by_asc(Column::Kind).order_by_asc(Column::Subject).all(conn).await?)
}

/// The open alert of this kind and subject needs nobody any more.
pub async fn close(tx: &Tx, ws: WorkspaceId, kind: &str, subject: &str, at: i64) -> Result<(), StoreError> {
    let open = Entity::update_many()
        .col_expr(Column::DoneAt, Expr::value(at))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Kind.eq(kind))
        .filter(Column::Subject.eq(subject))
        .filter(Column::DoneAt.is_null());
    open.exec(&**tx).await?;
    Ok(())
}

/// One page of the alerts that are open (`done` false) or were looked after, the newest first.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, done: bool, page: Page) -> Result<Listed<Model>, StoreError> {
    let state = if done { Column::DoneAt.is_not_null() } else { Column::DoneAt.is_null() };
    let fits = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(state).add(page.below(Expr::col(Column::LastAt), Column::Id));
    let found = Entity::find().filter(fits).order_by_desc(Column::LastAt).order_by_desc(Column::Id);
    let rows = found.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.last_at, id: row.id }))
}

/// One alert, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: RecordId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// What was told of this kind is over, in whichever workspace it was noticed.
pub async fn finish(tx: &Tx, kind: &str, now: i64) -> Result<(), StoreError> {
    let open = Entity::update_many().col_expr(Column::DoneAt, Expr::value(now)).filter(Column::Kind.eq(kind));
    open.filter(Column::DoneAt.is_null()).exec(&**tx).await?;
    Ok(())
}

/// What is open of this kind.
pub async fn open(conn: &impl ConnectionTrait, kind: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Kind.eq(kind)).filter(Column::DoneAt.is_null()).limit(1).one(conn).await?)
}
