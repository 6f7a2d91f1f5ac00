//! Evaluations of the rules: the facts they saw, the set of versions asked, what was done. What each rule decided follows from these
//! and is computed again when somebody asks.

use hearback_core::id::WorkspaceId;
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait};

use crate::StoreError;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub case_id: Uuid,
    pub response_id: Uuid,
    pub revision: i64,
    pub trigger: String,
    /// The versions asked, a row of [`crate::rule_sets`].
    pub rule_set_id: Uuid,
    pub facts: String,
    /// What became of each effect, a JSON list: the timeline shows it.
    pub done: String,
    pub at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// [`Model::done`] of a run after which nothing was done at once.
pub const NOTHING_DONE: &str = "[]";

/// The evaluations of a case, oldest first.
pub async fn of_case(conn: &impl ConnectionTrait, ws: Uuid, case: Uuid) -> Result<Vec<Model>, StoreError> {
    let of_case = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::CaseId.eq(case));
    Ok(of_case.order_by_asc(Column::Id).all(conn).await?)
}

/// The runs before `after` (case and id), those of the newest case first.
pub async fn before(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let pair = |(case, id): (Uuid, Uuid)| {
        let row = Expr::tuple([Expr::col(Column::CaseId), Expr::col(Column::Id)]);
        ExprTrait::lt(row, Expr::tuple([Expr::value(case), Expr::value(id)]))
    };
    let rest = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add_option(after.map(pair));
    let page = Entity::find().filter(rest).order_by_desc(Column::CaseId).order_by_desc(Column::Id).limit(limit);
    Ok(page.all(conn).await?)
}
