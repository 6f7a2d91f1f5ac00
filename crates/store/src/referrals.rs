//! One personal referral link a promoter.

use std::collections::HashMap;

use hearback_core::id::WorkspaceId;
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait};

use crate::{
    StoreError, Tx, conversions,
    cursor::{Cursor, Listed, Page},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referrals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Uuid,
    pub person_id: Uuid,
    pub code: String,
    /// How often somebody went on from its page.
    pub visits: i64,
    pub created_at: i64,
    /// When that was last.
    pub visited_at: Option<i64>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Somebody went on from the page of this link.
pub async fn visit(tx: &Tx, ws: Uuid, id: Uuid, now: i64) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Visits, ExprTrait::add(Expr::col(Column::Visits), 1))
        .col_expr(Column::VisitedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Id.eq(id))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// The link with this code in this workspace, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, code: &str) -> Result<Option<Model>, StoreError> {
    let of_code = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Code.eq(code));
    Ok(of_code.lock_exclusive().one(&**tx).await?)
}

/// One page of a workspace's links, the newest first.
pub async fn page(conn: &impl ConnectionTrait, ws: WorkspaceId, page: Page) -> Result<Listed<Model>, StoreError> {
    let all = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    let rest = match page.after {
        Some(after) => all.filter(Column::Id.lt(after.id)),
        None => all,
    };
    let rows = rest.order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}

/// Number and whole value of the conversions of these links.
pub async fn converted(conn: &impl ConnectionTrait, ws: WorkspaceId, ids: &[Uuid]) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
    use conversions::{Column as C, Entity as E};
    let these = E::find().filter(C::WorkspaceId.eq(ws.uuid())).filter(C::ReferralId.is_in(ids.iter().copied()));
    let mut found: HashMap<Uuid, (i64, i64)> = HashMap::new();
    for row in these.all(conn).await? {
        let (count, value) = found.entry(row.referral_id).or_default();
        *count += 1;
        *value = value.saturating_add(row.value.unwrap_or_default());
    }
    Ok(found)
}
