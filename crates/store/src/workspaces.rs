//! A programme or brand: every other row belongs to one.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub locale: String,
    pub default_team: String,
    pub config_revision: i64,
    pub created_at: i64,
    /// Where a referral link leads; `{code}` stands for its code.
    pub referral_url: Option<String>,
    /// Since when nothing leaves, if so; with `sending_held_why`.
    pub sending_held_at: Option<i64>,
    pub sending_held_why: Option<String>,
    /// What asks somebody and was due before this is not sent any more.
    pub skipped_until: Option<i64>,
    /// Colour of buttons on pages and in mails for customers, `#0f766e`.
    pub accent: Option<String>,
    /// A small picture as a data URI.
    pub logo: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The workspace with this key.
pub async fn by_key(conn: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Key.eq(key)).one(conn).await?)
}

/// The workspace, if there is one with this id.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(ws.uuid()).one(conn).await?)
}

/// These workspaces, by key.
pub async fn by_ids(conn: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Key).all(conn).await?)
}

/// All of them, by key.
pub async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::Key).all(conn).await?)
}

/// The workspace, held until the transaction ends: whoever changes the configuration waits here for the one before.
pub async fn lock(tx: &Tx, ws: WorkspaceId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(ws.uuid()).lock_exclusive().one(&**tx).await?)
}

/// Writes name, language and looks back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(&row.name))
        .col_expr(Column::Locale, Expr::value(&row.locale))
        .col_expr(Column::ReferralUrl, Expr::value(row.referral_url.clone()))
        .col_expr(Column::Accent, Expr::value(row.accent.clone()))
        .col_expr(Column::Logo, Expr::value(row.logo.clone()))
        .filter(Column::Id.eq(row.id))
        .exec(&**tx)
        .await?;
    bump_config(tx, WorkspaceId::from_uuid(row.id)).await
}

/// Notes that the configuration changed: what was cached of it under an older revision is stale.
pub async fn bump_config(tx: &Tx, ws: WorkspaceId) -> Result<(), StoreError> {
    let next = ExprTrait::add(Expr::col(Column::ConfigRevision), 1);
    Entity::update_many().col_expr(Column::ConfigRevision, next).filter(Column::Id.eq(ws.uuid())).exec(&**tx).await?;
    Ok(())
}

/// All workspaces.
pub async fn ids(conn: &impl ConnectionTrait) -> Result<Vec<WorkspaceId>, StoreError> {
    let ids = Entity::find().select_only().column(Column::Id).into_tuple::<Uuid>().all(conn).await?;
    Ok(ids.into_iter().map(WorkspaceId::from_uuid).collect())
}

/// Holds everything that would leave the house, with the reason why; `None` lets it go again. An earlier hold is replaced.
pub async fn hold_sending(tx: &Tx, ws: WorkspaceId, held: Option<(i64, &str)>) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::SendingHeldAt, Expr::value(held.map(|(at, _)| at)))
        .col_expr(Column::SendingHeldWhy, Expr::value(held.map(|(_, why)| why.to_owned())))
        .filter(Column::Id.eq(ws.uuid()))
        .exec(&**tx)
        .await?;
    bump_config(tx, ws).await
}

/// Whoever should have been asked before this moment is not asked any more.
pub async fn skip_until(tx: &Tx, ws: WorkspaceId, until: i64) -> Result<(), StoreError> {
    Entity::update_many().col_expr(Column::SkippedUntil, Expr::value(until)).filter(Column::Id.eq(ws.uuid())).exec(&**tx).await?;
    bump_config(tx, ws).await
}

/// The workspaces in which sending is on hold.
pub async fn held(conn: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::SendingHeldAt.is_not_null()).all(conn).await?)
}

/// Holds sending in every workspace.
pub async fn hold_all_sending(tx: &Tx, at: i64, why: &str) -> Result<(), StoreError> {
    for row in Entity::find().all(&**tx).await? {
        hold_sending(tx, WorkspaceId::from_uuid(row.id), Some((at, why))).await?;
    }
    Ok(())
}
