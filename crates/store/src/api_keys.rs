//! Keys of the API. The secret itself is never stored, only its SHA-256.

use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub scope: String,
    pub public_part: String,
    pub secret_hash: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The key with this public part, unless it was revoked. The public part is unique over all workspaces, and says which one it opens.
pub async fn by_public_part(conn: &impl ConnectionTrait, public_part: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::PublicPart.eq(public_part)).filter(Column::RevokedAt.is_null()).one(conn).await?)
}

/// Notes that it was used.
pub async fn touch(tx: &Tx, key: &Model, used_at: i64) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(used_at))
        .filter(Column::WorkspaceId.eq(key.workspace_id))
        .filter(Column::Id.eq(key.id))
        .exec(&**tx)
        .await?;
    Ok(())
}
