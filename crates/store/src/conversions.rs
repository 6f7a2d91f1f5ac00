//! What came of a referral link: each conversion once, by the sender's id.

use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub referral_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    pub at: i64,
    pub created_at: i64,
    /// In the smallest unit of the workspace's currency.
    pub value: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The conversion with this id of the sender's.
pub async fn one(conn: &impl ConnectionTrait, ws: Uuid, referral: Uuid, external_id: &str) -> Result<Option<Model>, crate::StoreError> {
    Ok(Entity::find_by_id((ws, referral, external_id.to_owned())).one(conn).await?)
}
