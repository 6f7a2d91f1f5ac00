//! The follow-up of each response.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use hearback_core::{
    LoopStatus,
    id::{CaseId, WorkspaceId},
};
use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    StoreError, Tx,
    case_list::late_at,
    responses,
    stored::{Stored, among},
    time::millis,
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub response_id: Uuid,
    pub person_id: Uuid,
    pub survey_id: Uuid,
    pub segment: String,
    pub score: i64,
    pub revision: i64,
    pub loop_status: Stored<LoopStatus>,
    pub owner: Option<String>,
    pub tags: String,
    pub answered_at: i64,
    pub first_contact_due_at: Option<i64>,
    pub close_due_at: Option<i64>,
    pub first_contact_at: Option<i64>,
    pub contact_overdue_at: Option<i64>,
    pub close_overdue_at: Option<i64>,
    pub contacted_at: Option<i64>,
    pub first_attempt_at: Option<i64>,
    pub last_attempt_at: Option<i64>,
    pub waiting_since: Option<i64>,
    pub warned_at: Option<i64>,
    pub lapse_at: Option<i64>,
    pub reassign_at: Option<i64>,
    /// When time alone will change something in this case: what the clock looks for.
    pub next_deadline_at: Option<i64>,
    /// From when it is late while it still needs somebody; set whenever the row is written.
    pub late_at: Option<i64>,
    pub acknowledged_at: Option<i64>,
    pub escalated_at: Option<i64>,
    pub resolved_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub root_cause: Option<String>,
    pub resolution: Option<String>,
    pub attempts: i64,
    pub contacts: i64,
    pub open_tasks: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The open case of an answer: nobody's, its clocks not running, nothing done yet.
    pub fn opened_by(answer: &responses::Model, id: CaseId, now: DateTime<Utc>) -> Self {
        Self {
            workspace_id: answer.workspace_id,
            id: id.uuid(),
            response_id: answer.id,
            person_id: answer.person_id,
            survey_id: answer.survey_id,
            segment: answer.segment.clone(),
            score: answer.score,
            revision: answer.revision,
            loop_status: LoopStatus::Open.into(),
            owner: None,
            tags: "[]".to_owned(),
            answered_at: answer.answered_at,
            first_contact_due_at: None,
            close_due_at: None,
            first_contact_at: None,
            contact_overdue_at: None,
            close_overdue_at: None,
            contacted_at: None,
            first_attempt_at: None,
            last_attempt_at: None,
            waiting_since: None,
            warned_at: None,
            lapse_at: None,
            reassign_at: None,
            next_deadline_at: None,
            late_at: None,
            acknowledged_at: None,
            escalated_at: None,
            resolved_at: None,
            closed_at: None,
            root_cause: None,
            resolution: None,
            attempts: 0,
            contacts: 0,
            open_tasks: 0,
            updated_at: millis(now),
        }
    }
}

impl Model {
    /// The row with what follows from its other columns, as it is written.
    pub fn ready(mut self) -> Self {
        self.late_at = late_at(&self);
        self
    }
}

/// Those of these ids that belong to a case.
pub async fn those_stored(conn: &impl ConnectionTrait, ws: WorkspaceId, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
    let known = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids));
    Ok(known.into_tuple().all(conn).await?.into_iter().collect())
}

/// The case, held until the transaction ends: steps of one case happen one after the other.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: CaseId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// The cases of these answers, held, in one order.
pub async fn lock_of_responses(tx: &Tx, ws: WorkspaceId, responses: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::ResponseId.is_in(responses));
    Ok(these.order_by_asc(Column::Id).lock_exclusive().all(&**tx).await?)
}

/// These cases, held, in one order, so that two who hold several never wait for each other in a circle.
pub async fn lock_all(tx: &Tx, ws: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(these.order_by_asc(Column::Id).lock_exclusive().all(&**tx).await?)
}

/// Writes the whole row back; only for a row that [`lock`] gave in this transaction.
pub async fn save(tx: &Tx, case: Model) -> Result<(), StoreError> {
    let case = case.ready();
    let before = Box::pin(Entity::find_by_id((case.workspace_id, case.id)).one(&**tx)).await?;
    tx.case_moved(before.as_ref(), &case);
    // Kept out of the futures of those who call it: a row of so many columns fills them.
    Box::pin(Entity::update(ActiveModel::from(case).reset_all()).exec(&**tx)).await?;
    Ok(())
}

/// Cases in which somebody still has to do something. Written out, as in the partial indexes: with bound values SQLite could not use them.
pub(crate) fn active() -> String {
    format!("loop_status IN {}", among(&LoopStatus::ACTIVE))
}

/// Cases at which the clock has to look by now, the longest due first.
pub async fn due_by_clock(conn: &impl ConnectionTrait, ws: WorkspaceId, now: i64, limit: u64) -> Result<Vec<CaseId>, StoreError> {
    let rung =
        Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::NextDeadlineAt.lte(now));
    let ids = rung.order_by_asc(Column::NextDeadlineAt).limit(limit).into_tuple::<Uuid>().all(conn).await?;
    Ok(ids.into_iter().map(CaseId::from_uuid).collect())
}

/// How many unfinished cases each of these owners has; who has none is left out.
pub async fn open_by_owner(conn: &impl ConnectionTrait, ws: WorkspaceId, owners: &[String]) -> Result<HashMap<String, u32>, StoreError> {
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let counted = Entity::find().select_only().column(Column::Owner).column_as(Column::Id.count(), "n");
    let of_owners = counted.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Owner.is_in(owners.iter().cloned()));
    let rows = of_owners.filter(Expr::cust(active())).group_by(Column::Owner).into_tuple::<(String, i64)>().all(conn).await?;
    Ok(rows.into_iter().map(|(owner, n)| (owner, u32::try_from(n).unwrap_or(u32::MAX))).collect())
}

/// The unfinished cases of this owner, oldest answer first, at most `limit`.
pub async fn open_of_owner(conn: &impl ConnectionTrait, ws: WorkspaceId, owner: &str, limit: u64) -> Result<Vec<CaseId>, StoreError> {
    let theirs = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Owner.eq(owner));
    let open = theirs.filter(Expr::cust(active())).order_by_asc(Column::AnsweredAt).limit(limit);
    Ok(open.into_tuple::<Uuid>().all(conn).await?.into_iter().map(CaseId::from_uuid).collect())
}
