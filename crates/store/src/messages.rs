//! Mail that came in.
use sea_orm::entity::prelude::*;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `reply`, `auto_reply`, `bounce`, `delayed`, `complaint` or `unknown`.
    pub kind: String,
    /// `done`, `muted` or `quarantined`.
    pub state: String,
    /// Of the whole content: the same message is taken once.
    pub hash: String,
    pub from_address: String,
    pub subject: String,
    pub text: String,
    /// As it came, base64; empty once what it says is stored elsewhere.
    pub raw: String,
    pub message_id: Option<String>,
    pub reason: Option<String>,
    pub case_id: Option<Uuid>,
    pub delivery_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub received_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
