//! The send ledger: one mail or message to one address.

use chrono::{DateTime, Utc};
use hearback_core::id::{DeliveryId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx, time::millis};

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
    /// `mail`, `webhook` or `chat`.
    pub medium: String,
    /// The template of a mail; the type of the event for the others.
    pub kind: String,
    /// An address, or `webhook:KEY`.
    pub to_address: String,
    pub to_name: Option<String>,
    pub subject: Option<String>,
    pub status: String,
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
            medium: "mail".to_owned(),
            kind: kind.to_owned(),
            to_address: to.into(),
            to_name: None,
            subject: None,
            status: "queued".to_owned(),
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
        .col_expr(Column::Status, Expr::value("cancelled"))
        .col_expr(Column::Reply, Expr::value(why))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::RuleVersionId.is_in(versions.iter().copied()))
        .filter(Column::Exempt.eq(false))
        .filter(Column::Status.is_in(["queued", "deferred"]));
    Ok(waiting.exec(&**tx).await?.rows_affected)
}

/// A mail that had been taken over came back after all; whether it was not known yet.
pub async fn came_back(tx: &Tx, ws: Uuid, id: Uuid, reply: &str, now: i64) -> Result<bool, StoreError> {
    let taken_over = Entity::update_many()
        .col_expr(Column::Status, Expr::value("bounced"))
        .col_expr(Column::Reply, Expr::value(reply))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.is_in(["sent", "sending", "unknown"]));
    Ok(taken_over.exec(&**tx).await?.rows_affected > 0)
}
