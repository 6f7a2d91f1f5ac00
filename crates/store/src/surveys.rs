//! Survey versions: metric, scale, words. At most one version of a key is published.

use hearback_core::{
    Word as _,
    id::{SurveyId, WorkspaceId},
    state::SurveyStatus,
};
use sea_orm::{IntoActiveModel, QueryOrder, entity::prelude::*};

use crate::{
    StoreError, Tx,
    stored::{Stored, words},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "surveys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub version: i64,
    pub name: String,
    pub metric: String,
    pub scale_max: i64,
    pub status: Stored<SurveyStatus>,
    pub created_at: i64,
    /// Questions and words: `hearback_core::survey::Body` as JSON; null says what the metric says by itself.
    pub body: Option<String>,
    pub published_at: Option<i64>,
    pub closed_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The published version of a survey, the newest if there are several.
pub async fn published(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    let published = Entity::find()
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Key.eq(key))
        .filter(Column::Status.eq(SurveyStatus::Published.as_str()));
    Ok(published.order_by_desc(Column::Version).one(conn).await?)
}

/// All versions of a survey, the newest first.
pub async fn versions(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Vec<Model>, StoreError> {
    let versions = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    Ok(versions.order_by_desc(Column::Version).all(conn).await?)
}

/// The version.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: SurveyId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// Writes a version back; only for one whose workspace was locked in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(row.into_active_model().reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Gives all versions of a survey that are in one of the states `from` the state `to`.
pub async fn move_all(
    tx: &Tx,
    ws: WorkspaceId,
    key: &str,
    from: &[SurveyStatus],
    to: SurveyStatus,
    closed_at: Option<i64>,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(to.as_str()))
        .col_expr(Column::ClosedAt, Expr::value(closed_at))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Key.eq(key))
        .filter(Column::Status.is_in(words(from)))
        .exec(&**tx)
        .await?;
    Ok(())
}
