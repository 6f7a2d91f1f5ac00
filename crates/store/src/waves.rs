//! One run of a campaign, made of invitations.

use hearback_core::{
    id::{WaveId, WorkspaceId},
    state::WaveStatus,
};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError, Tx,
    cursor::{Cursor, Listed, Page},
    stored::{Stored, words},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "waves")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub campaign: String,
    /// As people call it: 2026-Q4.
    pub name: String,
    pub status: Stored<WaveStatus>,
    /// The version that is asked.
    pub survey_id: Uuid,
    pub fire_at: i64,
    /// The plan as it was when the wave was fired.
    pub body: String,
    pub created_at: i64,
    pub planned_at: Option<i64>,
    pub paused_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// Why it is paused, cancelled or missed, for people.
    pub reason: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The wave.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: WaveId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The same, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: WaveId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// The waves of a campaign that have no end yet, held until the transaction ends.
pub async fn lock_open(tx: &Tx, ws: WorkspaceId, campaign: &str) -> Result<Vec<Model>, StoreError> {
    let open = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Campaign.eq(campaign));
    let open = open.filter(Column::Status.is_in(words(&WaveStatus::OPEN)));
    Ok(open.order_by_asc(Column::Id).lock_exclusive().all(&**tx).await?)
}

/// All waves of a workspace that have no end yet.
pub async fn open(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<Model>, StoreError> {
    let open = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(open.filter(Column::Status.is_in(words(&WaveStatus::OPEN))).order_by_asc(Column::Id).all(conn).await?)
}

/// The moment of the latest wave of a campaign that its schedule or somebody began.
pub async fn latest_fire(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: &str) -> Result<Option<i64>, StoreError> {
    let of = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Campaign.eq(campaign));
    Ok(of.order_by_desc(Column::FireAt).limit(1).one(conn).await?.map(|row| row.fire_at))
}

/// One page, of one campaign or of all, the latest first.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: Option<&str>, page: Page) -> Result<Listed<Model>, StoreError> {
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(campaign.map(|campaign| Column::Campaign.eq(campaign)))
        .add(page.below(Expr::col(Column::FireAt), Column::Id));
    let rows = Entity::find().filter(fits).order_by_desc(Column::FireAt).order_by_desc(Column::Id);
    let rows = rows.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.fire_at, id: row.id }))
}
