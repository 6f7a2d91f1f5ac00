//! Scores that were chosen by a link and confirmed by nobody: they count nowhere and start nothing.
use hearback_core::id::{InvitationId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx, script::Script};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unconfirmed")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub invitation_id: Uuid,
    pub survey_id: Uuid,
    pub person_id: Uuid,
    pub score: i64,
    pub comment: Option<String>,
    pub answers: Option<String>,
    pub tries: i64,
    pub given_at: i64,
    pub last_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Keeps a score; of several by the same link the last one.
pub async fn note(tx: &Tx, row: Model) -> Result<(), StoreError> {
    const LAST: &str = " ON CONFLICT (workspace_id, invitation_id) DO UPDATE SET score = excluded.score, \
         comment = COALESCE(excluded.comment, unconfirmed.comment), tries = unconfirmed.tries + 1, last_at = excluded.last_at";
    let mut script = Script::new(tx);
    script.insert_with::<Entity>(&[row], LAST);
    script.run(tx).await
}

/// Somebody confirmed what was chosen by these links: it is a response now.
pub async fn confirm(tx: &Tx, ws: WorkspaceId, invitations: impl ExactSizeIterator<Item = InvitationId>) -> Result<(), StoreError> {
    if invitations.len() == 0 {
        return Ok(());
    }
    let theirs = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid()));
    theirs.filter(Column::InvitationId.is_in(invitations.map(InvitationId::uuid))).exec(&**tx).await?;
    Ok(())
}
