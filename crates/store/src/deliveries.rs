//! The send ledger: one mail or message to one address.

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    id::{DeliveryId, WorkspaceId},
    state::{DeliveryStatus, InvitationState, Medium, State as _},
};
use sea_orm::{ConnectionTrait as _, QueryOrder as _, QuerySelect as _, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx,
    stored::{Stored, quoted, words},
    time::millis,
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub case_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub task_id: Option<Uuid>,
    pub medium: Stored<Medium>,
    /// The template of a mail; the type of the event for the others.
    pub kind: String,
    /// An address, or `webhook:KEY`.
    pub to_address: String,
    pub to_name: Option<String>,
    pub subject: Option<String>,
    pub status: Stored<DeliveryStatus>,
    pub attempts: i64,
    pub duplicates: i64,
    pub message_id: String,
    pub acknowledges: bool,
    /// Decided on for answers that were brought in bulk: the limit of mails per rule does not hold it.
    pub exempt: bool,
    pub reply: Option<String>,
    pub rule_version_id: Option<Uuid>,
    pub step_index: Option<i64>,
    pub revision: Option<i64>,
    /// Keys of the rules that led to the one that asked for it, as a JSON list; null unless rules set each other off.
    pub chain: Option<String>,
    /// Where an invitation to a review leads.
    pub link: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub sent_at: Option<i64>,
    pub invitation_id: Option<Uuid>,
    /// What one of us wrote, when it is no template.
    pub words: Option<String>,
    /// The Message-ID of the mail that it answers.
    pub in_reply_to: Option<String>,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A mail that waits: of no case, to nobody known by name, decided on by no rule. Whoever writes one says what else is so.
    pub fn queued(ws: WorkspaceId, id: DeliveryId, kind: &str, to: impl Into<String>, domain: &str, now: DateTime<Utc>) -> Self {
        Self {
            workspace_id: ws.uuid(),
            id: id.uuid(),
            case_id: None,
            person_id: None,
            task_id: None,
            medium: Medium::Mail.into(),
            kind: kind.to_owned(),
            to_address: to.into(),
            to_name: None,
            subject: None,
            status: DeliveryStatus::Queued.into(),
            attempts: 0,
            duplicates: 0,
            message_id: format!("{id}@{domain}"),
            acknowledges: false,
            exempt: false,
            reply: None,
            rule_version_id: None,
            step_index: None,
            revision: None,
            chain: None,
            link: None,
            created_at: millis(now),
            updated_at: millis(now),
            sent_at: None,
            invitation_id: None,
            words: None,
            in_reply_to: None,
        }
    }
}

/// These deliveries, in any order.
pub async fn by_ids(tx: &Tx, ws: Uuid, ids: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(these.all(&**tx).await?)
}

/// Cancels what these rule versions decided on and nobody has sent yet; how much that was.
pub async fn cancel_of_rules(tx: &Tx, ws: Uuid, versions: &[Uuid], why: &str, now: i64) -> Result<u64, StoreError> {
    let waiting = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DeliveryStatus::Cancelled.as_str()))
        .col_expr(Column::Reply, Expr::value(why))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::RuleVersionId.is_in(versions.iter().copied()))
        .filter(Column::Exempt.eq(false))
        .filter(Column::Status.is_in(words(&DeliveryStatus::WAITING)));
    Ok(waiting.exec(&**tx).await?.rows_affected)
}

/// How many mails to this address came back or were refused since the last one that was taken and did not come back, or was
/// answered all the same.
pub async fn untaken_in_a_row(tx: &Tx, ws: WorkspaceId, address: &str) -> Result<u64, StoreError> {
    let (mail, bounced, sent) = (quoted(Medium::Mail), quoted(DeliveryStatus::Bounced), quoted(DeliveryStatus::Sent));
    let answered = quoted(InvitationState::Answered);
    let sql = format!(
        "SELECT COUNT(*) FROM deliveries d WHERE d.workspace_id = $1 AND d.to_address = $2 AND d.medium = {mail} AND d.status = {bounced} \
         AND COALESCE(d.sent_at, d.updated_at) > COALESCE((SELECT MAX(COALESCE(t.sent_at, t.updated_at)) FROM deliveries t \
         LEFT JOIN invitations i ON i.workspace_id = t.workspace_id AND i.id = t.invitation_id \
         WHERE t.workspace_id = $1 AND t.to_address = $2 AND t.medium = {mail} AND (t.status = {sent} OR i.state = {answered})), -1)"
    );
    let values: [Value; 2] = [ws.uuid().into(), address.into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let n = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(n).unwrap_or_default())
}

/// Newest mails that [`of_others_lately`] looks at: enough to see what is going on, and few however many there are.
const LATELY: u64 = 500;

/// How the newest mails to other addresses ended: the address, and whether it was taken.
pub async fn of_others_lately(tx: &Tx, ws: WorkspaceId, but: &str) -> Result<Vec<(String, bool)>, StoreError> {
    let newest = Entity::find().select_only().columns([Column::ToAddress, Column::Status]).filter(Column::WorkspaceId.eq(ws.uuid()));
    let newest = newest.order_by_desc(Column::CreatedAt).limit(LATELY).into_tuple::<(String, Stored<DeliveryStatus>)>().all(&**tx).await?;
    let ended =
        newest.into_iter().filter(|(address, status)| address != but && matches!(**status, DeliveryStatus::Sent | DeliveryStatus::Bounced));
    Ok(ended.map(|(address, status)| (address, status == DeliveryStatus::Sent)).collect())
}

/// What was given up waits again.
pub async fn wait_again(tx: &Tx, ws: WorkspaceId, id: DeliveryId, now: i64) -> Result<(), StoreError> {
    move_to(tx, ws, id, DeliveryStatus::Queued, now).await
}

/// What nobody has sent yet is given up, without another word.
pub async fn give_up(tx: &Tx, ws: WorkspaceId, id: DeliveryId, now: i64) -> Result<(), StoreError> {
    move_to(tx, ws, id, DeliveryStatus::Dead, now).await
}

/// Where this status may follow.
async fn move_to(tx: &Tx, ws: WorkspaceId, id: DeliveryId, to: DeliveryStatus, now: i64) -> Result<(), StoreError> {
    let it = Entity::update_many().col_expr(Column::Status, Expr::value(to.as_str())).col_expr(Column::UpdatedAt, Expr::value(now));
    let it = it.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.eq(id.uuid()));
    let it = it.filter(Column::Status.is_in(words(&DeliveryStatus::before(to))));
    it.exec(&**tx).await?;
    Ok(())
}

/// A mail that had been taken over came back after all; whether it was not known yet.
pub async fn came_back(tx: &Tx, ws: Uuid, id: Uuid, reply: &str, now: i64) -> Result<bool, StoreError> {
    let taken_over = Entity::update_many()
        .col_expr(Column::Status, Expr::value(DeliveryStatus::Bounced.as_str()))
        .col_expr(Column::Reply, Expr::value(reply))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.is_in(words(&[DeliveryStatus::Sent, DeliveryStatus::Sending, DeliveryStatus::Unknown])));
    Ok(taken_over.exec(&**tx).await?.rows_affected > 0)
}
