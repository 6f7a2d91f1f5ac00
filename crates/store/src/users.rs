//! People of ours who log in.

use hearback_core::id::{UserId, WorkspaceId};
use sea_orm::{PaginatorTrait as _, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub role: String,
    pub password_hash: String,
    pub created_at: i64,
    /// When the password was set.
    pub password_at: i64,
    /// Since then this user can't come in.
    pub disabled_at: Option<i64>,
    /// From then on this colleague is absent.
    pub absent_from: Option<i64>,
    /// Until then; absent for good when there is a start and no end.
    pub absent_until: Option<i64>,
    /// Most unfinished cases that rules give them in turn.
    pub cap: Option<i64>,
    /// Address of who stands in for them.
    pub deputy: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The user with this address.
pub async fn by_email(conn: &impl ConnectionTrait, ws: WorkspaceId, email: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Email.eq(email)).one(conn).await?)
}

/// The user with this id.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: UserId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The user with this id, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: UserId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// How many can come in with this role.
pub async fn count_active(conn: &impl ConnectionTrait, ws: WorkspaceId, role: &str) -> Result<u64, StoreError> {
    let active = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::DisabledAt.is_null());
    Ok(active.filter(Column::Role.eq(role)).count(conn).await?)
}

/// Everybody, by address.
pub async fn all(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).order_by_asc(Column::Email).all(conn).await?)
}

/// Whether there is anybody, in whichever workspace.
pub async fn any(conn: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Ok(Entity::find().limit(1).one(conn).await?.is_some())
}

/// The users with this address, one in each workspace at most.
pub async fn by_address(conn: &impl ConnectionTrait, email: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Email.eq(email)).all(conn).await?)
}

/// Writes name, role, password and whether they may come in back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: &Model) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(&row.name))
        .col_expr(Column::Role, Expr::value(&row.role))
        .col_expr(Column::PasswordHash, Expr::value(&row.password_hash))
        .col_expr(Column::PasswordAt, Expr::value(row.password_at))
        .col_expr(Column::DisabledAt, Expr::value(row.disabled_at))
        .filter(Column::WorkspaceId.eq(row.workspace_id))
        .filter(Column::Id.eq(row.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Keeps the hash of the same password, made in another way.
pub async fn set_password_hash(tx: &Tx, ws: WorkspaceId, id: UserId, hash: &str) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(hash))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Notes when somebody is absent and who stands in.
pub async fn set_absence(
    tx: &Tx,
    ws: WorkspaceId,
    id: UserId,
    absent: (Option<i64>, Option<i64>),
    deputy: Option<&str>,
) -> Result<u64, StoreError> {
    let one = Entity::update_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.eq(id.uuid()));
    let one = one.col_expr(Column::AbsentFrom, Expr::value(absent.0)).col_expr(Column::AbsentUntil, Expr::value(absent.1));
    Ok(one.col_expr(Column::Deputy, Expr::value(deputy)).exec(&**tx).await?.rows_affected)
}

/// Notes how many unfinished cases somebody may have.
pub async fn set_cap(tx: &Tx, ws: WorkspaceId, id: UserId, cap: Option<i64>) -> Result<u64, StoreError> {
    let one = Entity::update_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.eq(id.uuid()));
    Ok(one.col_expr(Column::Cap, Expr::value(cap)).exec(&**tx).await?.rows_affected)
}
