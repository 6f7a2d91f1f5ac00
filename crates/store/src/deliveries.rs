//! The send ledger: one mail or message to one address.

use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub task_id: Option<Uuid>,
    /// `mail`, `webhook` or `chat`.
    pub medium: String,
    /// The template of a mail; the type of the event for the others.
    pub kind: String,
    /// An address, or `webhook:KEY`.
    pub to_address: String,
    pub to_name: Option<String>,
    pub subject: Option<String>,
    pub status: String,
    pub attempts: i64,
    pub duplicates: i64,
    pub message_id: String,
    pub acknowledges: bool,
    pub reply: Option<String>,
    pub rule_version_id: Option<Uuid>,
    pub step_index: Option<i64>,
    pub revision: Option<i64>,
    /// Keys of the rules that led to the one that asked for it, as a JSON list; null unless rules set each other off.
    pub chain: Option<String>,
    /// Where an invitation to a review leads.
    pub link: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub sent_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// These deliveries, in any order.
pub async fn by_ids(tx: &Tx, ws: Uuid, ids: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(these.all(&**tx).await?)
}
