//! Who is in which team.

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{StoreError, Tx, bulk};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "team_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_key: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// The number this member drew last; whoever has the lowest is next.
    pub turn: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The members of these teams, by team and user.
pub async fn of_teams(conn: &impl ConnectionTrait, ws: WorkspaceId, keys: &[&str]) -> Result<Vec<Model>, StoreError> {
    let of_keys = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::TeamKey.is_in(keys.iter().copied()));
    Ok(of_keys.order_by_asc(Column::TeamKey).order_by_asc(Column::UserId).all(conn).await?)
}

/// Notes the number that a member drew.
pub async fn set_turn(tx: &Tx, ws: WorkspaceId, team: &str, user: Uuid, turn: i64) -> Result<(), StoreError> {
    let of_team = Entity::update_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::TeamKey.eq(team));
    of_team.filter(Column::UserId.eq(user)).col_expr(Column::Turn, Expr::value(turn)).exec(&**tx).await?;
    Ok(())
}

/// Makes exactly these users the members of a team. Who stays keeps their turn; who is new is next.
pub async fn set(tx: &Tx, ws: WorkspaceId, team: &str, users: &[Uuid]) -> Result<(), StoreError> {
    let others = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::TeamKey.eq(team));
    others.filter(Column::UserId.is_not_in(users.iter().copied())).exec(&**tx).await?;
    let rows: Vec<Model> =
        users.iter().map(|user| Model { workspace_id: ws.uuid(), team_key: team.to_owned(), user_id: *user, turn: 0 }).collect();
    bulk::insert_missing::<Entity>(tx, &rows).await.map(|_| ())
}
