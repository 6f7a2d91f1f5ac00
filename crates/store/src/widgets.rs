//! Places on other sites where a survey is asked, and what has to be known about a visitor there.

use hearback_core::id::{PersonId, RecordId, WorkspaceId};
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, invitations, responses};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "widgets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub public_key: String,
    pub name: String,
    pub survey: String,
    /// JSON list of the origins that may use it.
    pub origins: String,
    /// Signs who the visitor is; sealed.
    pub sealed_secret: String,
    pub body: String,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The widget with this public key, unless it was switched off. The key is unique over all workspaces, and says which one it is of.
pub async fn by_public_key(conn: &impl ConnectionTrait, public_key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::PublicKey.eq(public_key)).filter(Column::DisabledAt.is_null()).one(conn).await?)
}

/// All widgets, the oldest first.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Id).all(conn).await?)
}

/// Switches one off, once; the row as it was, or nothing when there is no such widget that still asks.
pub async fn disable(tx: &Tx, ws: WorkspaceId, id: RecordId, now: i64) -> Result<Option<Model>, StoreError> {
    let row = Entity::find_by_id((ws.uuid(), id.uuid())).filter(Column::DisabledAt.is_null()).lock_exclusive().one(&**tx).await?;
    if row.is_some() {
        Entity::update_many()
            .col_expr(Column::DisabledAt, Expr::value(now))
            .filter(Column::WorkspaceId.eq(ws.uuid()))
            .filter(Column::Id.eq(id.uuid()))
            .exec(&**tx)
            .await?;
    }
    Ok(row)
}

/// Whether this person was asked or answered since then, by whatever way.
pub async fn was_reached(conn: &impl ConnectionTrait, ws: WorkspaceId, person: PersonId, since: i64) -> Result<bool, StoreError> {
    let asked = invitations::Entity::find()
        .select_only()
        .column(invitations::Column::Id)
        .filter(invitations::Column::WorkspaceId.eq(ws.uuid()))
        .filter(invitations::Column::PersonId.eq(person.uuid()))
        .filter(invitations::Column::SentAt.gte(since))
        .limit(1);
    if asked.into_tuple::<Uuid>().one(conn).await?.is_some() {
        return Ok(true);
    }
    let answered = responses::Entity::find()
        .select_only()
        .column(responses::Column::Id)
        .filter(responses::Column::WorkspaceId.eq(ws.uuid()))
        .filter(responses::Column::PersonId.eq(person.uuid()))
        .filter(responses::Column::AnsweredAt.gte(since))
        .limit(1);
    Ok(answered.into_tuple::<Uuid>().one(conn).await?.is_some())
}
