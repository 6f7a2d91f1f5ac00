//! Rules as they were published; a version never changes.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub version: i64,
    pub body: String,
    pub created_at: i64,
    pub enabled_at: Option<i64>,
    pub disabled_at: Option<i64>,
    /// Since when its mails are held, because it wanted to send too many.
    pub paused_at: Option<i64>,
}

impl Model {
    /// Whether it decides about answers now.
    pub const fn is_enabled(&self) -> bool {
        self.enabled_at.is_some() && self.disabled_at.is_none()
    }
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The enabled version of each rule, by key.
pub async fn enabled(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    let all = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    let enabled = all.filter(Column::EnabledAt.is_not_null()).filter(Column::DisabledAt.is_null());
    Ok(enabled.order_by_asc(Column::Key).all(conn).await?)
}

/// All versions, by key, the newest first.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    let versions = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(versions.order_by_asc(Column::Key).order_by_desc(Column::Version).all(conn).await?)
}

/// The versions of one rule, the newest first.
pub async fn of_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Vec<Model>, StoreError> {
    let versions = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    Ok(versions.order_by_desc(Column::Version).all(conn).await?)
}

/// Writes the whole row back.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// Pauses a version; its key, unless it was paused before.
pub async fn pause(tx: &Tx, ws: WorkspaceId, id: Uuid, now: i64) -> Result<Option<String>, StoreError> {
    let row = Entity::find_by_id((ws.uuid(), id)).one(&**tx).await?;
    match row.filter(|row| row.paused_at.is_none()) {
        Some(row) => {
            let key = row.key.clone();
            save(tx, Model { paused_at: Some(now), ..row }).await?;
            Ok(Some(key))
        }
        None => Ok(None),
    }
}

/// Ends the pause of all versions of a rule; which were paused.
pub async fn resume(tx: &Tx, ws: WorkspaceId, key: &str) -> Result<Vec<Uuid>, StoreError> {
    let of_rule = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    let paused = of_rule.filter(Column::PausedAt.is_not_null()).all(&**tx).await?;
    let ids = paused.iter().map(|row| row.id).collect();
    for row in paused {
        save(tx, Model { paused_at: None, ..row }).await?;
    }
    Ok(ids)
}

/// Disables the enabled version of these rules; how many there were.
pub async fn disable(tx: &Tx, ws: WorkspaceId, keys: &[String], now: i64) -> Result<u64, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::DisabledAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Key.is_in(keys.iter().cloned()))
        .filter(Column::DisabledAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected)
}
