//! What customers said that we may show, and whether we may.

use hearback_core::{
    Word as _,
    id::{CaseId, RecordId, WorkspaceId},
    state::TestimonialState,
};
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError, Tx,
    cursor::{Cursor, Listed, Page},
    stored::Stored,
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "testimonials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Uuid,
    pub person_id: Uuid,
    pub text: String,
    /// `public`, `anonymous` or `none`.
    pub permission: String,
    pub state: Stored<TestimonialState>,
    pub given_at: i64,
    pub updated_at: i64,
    /// As the customer wants it shown.
    pub name: Option<String>,
    pub approved_by: Option<String>,
    pub approved_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was said in this case.
pub async fn of_case(conn: &impl ConnectionTrait, ws: WorkspaceId, case: CaseId) -> Result<Option<Model>, StoreError> {
    let of_case = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::CaseId.eq(case.uuid()));
    Ok(of_case.one(conn).await?)
}

/// The row, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: RecordId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Deletes it.
pub async fn remove(tx: &Tx, ws: WorkspaceId, id: RecordId) -> Result<(), StoreError> {
    Entity::delete_by_id((ws.uuid(), id.uuid())).exec(&**tx).await?;
    Ok(())
}

/// Which ones to list; what is `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// See [`Model::permission`].
    pub permission: Option<String>,
    /// See [`Model::state`].
    pub state: Option<TestimonialState>,
}

/// One page of those that fit, the newest first.
pub async fn page(conn: &impl ConnectionTrait, ws: WorkspaceId, filter: &Filter, page: Page) -> Result<Listed<Model>, StoreError> {
    let mut found = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    if let Some(permission) = &filter.permission {
        found = found.filter(Column::Permission.eq(permission));
    }
    if let Some(state) = filter.state {
        found = found.filter(Column::State.eq(state.as_str()));
    }
    let found = found.filter(page.below(Expr::col(Column::GivenAt), Column::Id));
    let rows = found.order_by_desc(Column::GivenAt).order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.given_at, id: row.id }))
}
