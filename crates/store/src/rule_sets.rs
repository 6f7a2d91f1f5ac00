//! Which rule versions were asked together, by an id that follows from them: many runs name the same set.

use hearback_core::id::{RecordId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::StoreError;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_sets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Ids of the versions in the order in which they were asked, a JSON list.
    pub rules: String,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The set of these versions, in this order.
    pub fn of(ws: WorkspaceId, versions: impl IntoIterator<Item = Uuid>) -> Self {
        let rules = versions.into_iter().map(|id| id.to_string()).collect::<serde_json::Value>().to_string();
        Self { workspace_id: ws.uuid(), id: RecordId::derived(&format!("rule_set/{rules}")).uuid(), rules }
    }
}

/// The ids of the versions of a set; `None` when there is no such set or it can't be read.
pub async fn versions(conn: &impl ConnectionTrait, ws: Uuid, id: Uuid) -> Result<Option<Vec<Uuid>>, StoreError> {
    let row = Entity::find_by_id((ws, id)).one(conn).await?;
    Ok(row.and_then(|row| serde_json::from_str(&row.rules).ok()))
}
