//! What a customer wants no mail about: one survey a row. Who wants no mail at all is in [`crate::suppressions`].

use hearback_core::id::{PersonId, WorkspaceId};
use sea_orm::entity::prelude::*;

use crate::{StoreError, Tx};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "preferences")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub survey_key: String,
    pub stopped_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What this person wants no mail about.
pub async fn of_person(conn: &impl ConnectionTrait, ws: WorkspaceId, person: PersonId) -> Result<Vec<Model>, StoreError> {
    let of_person = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::PersonId.eq(person.uuid()));
    Ok(of_person.all(conn).await?)
}

/// This person takes mail about the survey again.
pub async fn remove(tx: &Tx, ws: WorkspaceId, person: PersonId, survey: &str) -> Result<(), StoreError> {
    Entity::delete_by_id((ws.uuid(), person.uuid(), survey.to_owned())).exec(&**tx).await?;
    Ok(())
}

/// Forgets all that this person wanted.
pub async fn forget(tx: &Tx, ws: WorkspaceId, person: PersonId) -> Result<(), StoreError> {
    let of_person = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::PersonId.eq(person.uuid()));
    of_person.exec(&**tx).await?;
    Ok(())
}
