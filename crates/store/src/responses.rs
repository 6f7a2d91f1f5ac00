//! Answers, at their current revision.

use hearback_core::id::{ResponseId, WorkspaceId};
use sea_orm::{ConnectionTrait, IntoActiveModel, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "responses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub survey_id: Uuid,
    pub person_id: Uuid,
    pub idem_key: String,
    pub body_hash: String,
    pub external_id: Option<String>,
    pub score: i64,
    /// What was answered first; corrections leave it.
    pub first_score: i64,
    pub segment: String,
    pub comment: Option<String>,
    pub channel: String,
    pub locale: Option<String>,
    pub properties: String,
    pub revision: i64,
    pub answered_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    /// Further answers: `hearback_core::survey::Answers` as JSON.
    pub answers: Option<String>,
    pub invitation_id: Option<Uuid>,
    /// Whether the customer ticked "you may contact me".
    pub may_contact: Option<bool>,
    /// Since when rules act on it; null while a one-click answer may still change.
    pub settled_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Stores a changed answer.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Box::pin(Entity::update(row.into_active_model().reset_all()).exec(&**tx)).await?;
    Ok(())
}

/// The answer that is stored under this key.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    let of_key = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::IdemKey.eq(key));
    Ok(of_key.one(conn).await?)
}

/// Those of these answers that are stored.
pub async fn by_ids(conn: &impl ConnectionTrait, ws: WorkspaceId, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids)).all(conn).await?)
}

/// Rules were asked about an answer: it does not wait for more any longer.
pub async fn settle(tx: &Tx, ws: WorkspaceId, id: ResponseId, at: i64) -> Result<(), StoreError> {
    let settled = Entity::update_many().col_expr(Column::SettledAt, Expr::value(at)).filter(Column::WorkspaceId.eq(ws.uuid()));
    settled.filter(Column::Id.eq(id.uuid())).filter(Column::SettledAt.is_null()).exec(&**tx).await?;
    Ok(())
}
