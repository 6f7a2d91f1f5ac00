//! What closing takes, as JSON of `hearback_core::Policy`: one row a segment and survey; an empty survey is every survey.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub survey: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub segment: String,
    pub body: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All policies of the workspace, those for every survey first.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    let of_workspace = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(of_workspace.order_by_asc(Column::Survey).order_by_asc(Column::Segment).all(conn).await?)
}

/// Stores a policy, new or changed.
pub async fn put(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    const OVER: &str = " ON CONFLICT (workspace_id, survey, segment) DO UPDATE SET body = excluded.body";
    bulk::insert_with::<Entity>(tx, std::slice::from_ref(row), OVER).await.map(|_| ())
}
