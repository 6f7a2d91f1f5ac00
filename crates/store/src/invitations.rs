//! One person asked once.
use chrono::{DateTime, Utc};
use hearback_core::id::{InvitationId, ResponseId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::{StoreError, bulk::Kind, script::Script, time::millis};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub person_id: Uuid,
    /// The version that is asked.
    pub survey_id: Uuid,
    /// Null for one that was asked for alone.
    pub wave_id: Option<Uuid>,
    pub campaign: Option<String>,
    pub account_key: Option<String>,
    /// `email` or `link`.
    pub channel: String,
    /// `planned`, `blocked` (looked at again at `due_at`), `queued` (its mail is in the outbox), `sent`, `answered`, `not_asked`, `cancelled`, `bounced` or `expired`.
    pub state: String,
    /// Why it is blocked or not asked: a word of `hearback_core::campaign::Reason`.
    pub reason: Option<String>,
    /// When it is sent, or looked at again.
    pub due_at: i64,
    pub ignores_limits: bool,
    /// Reminders sent so far.
    pub reminders: i64,
    pub remind_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub answered_at: Option<i64>,
    pub response_id: Option<Uuid>,
    /// Until when its link can be answered.
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The invitation.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: InvitationId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// An invitation that was answered, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub id: InvitationId,
    pub response: ResponseId,
}

/// Notes that invitations were answered: nobody is reminded any more.
pub fn answer(script: &mut Script, ws: Uuid, answered: &[Answered], now: DateTime<Utc>) {
    const ANSWER: &str = "UPDATE invitations SET state = 'answered', reason = NULL, response_id = x.response, answered_at = x.at, \
         remind_at = NULL, updated_at = x.at";
    const FIELDS: [(&str, Kind); 4] = [("w", Kind::Uuid), ("i", Kind::Uuid), ("response", Kind::Uuid), ("at", Kind::Int)];
    if answered.is_empty() {
        return;
    }
    let record = |answered: &Answered| -> [sea_orm::Value; 4] {
        [ws.into(), answered.id.uuid().into(), answered.response.uuid().into(), millis(now).into()]
    };
    script.update(ANSWER, &FIELDS, "invitations.workspace_id = x.w AND invitations.id = x.i", answered.iter().map(record));
}

/// Its mail came back: nobody was asked. One that was answered all the same stays answered.
pub async fn came_back(tx: &crate::Tx, ws: Uuid, id: Uuid, now: i64) -> Result<(), StoreError> {
    let open = Entity::update_many()
        .col_expr(Column::State, Expr::value("bounced"))
        .col_expr(Column::RemindAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Id.eq(id))
        .filter(Column::State.is_in(["queued", "sent"]));
    open.exec(&**tx).await?;
    Ok(())
}
