//! Invitations as people look at them: in lists, and those whose time has come. Changes nothing.

use hearback_core::{
    id::{InvitationId, WaveId, WorkspaceId},
    state::InvitationState,
};
use sea_orm::{Condition, ConnectionTrait, QueryOrder as _, QuerySelect as _, Statement, Value, entity::prelude::*};

use super::{Column, Entity, Model};
use crate::{
    StoreError,
    cursor::{Cursor, Listed, Page},
    stored::{among, quoted, words},
};

/// The invitation.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: InvitationId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// Those that ask again after a case was closed, the first one first.
pub async fn of_case(conn: &impl ConnectionTrait, ws: Uuid, case: Uuid) -> Result<Vec<Model>, StoreError> {
    let again = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::CaseId.eq(case));
    Ok(again.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(conn).await?)
}

/// People of a wave who are to be asked and whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Key of its campaign, and what the wave is called; none for those who were invited alone.
    pub wave: Option<(String, String)>,
    /// How many people.
    pub people: i64,
    /// Since when the first of them is due.
    pub since: i64,
}

/// Whose time has come, by wave, in the order of their times.
pub async fn all_due(conn: &impl ConnectionTrait, ws: WorkspaceId, now: i64) -> Result<Vec<Due>, StoreError> {
    let (queued, waiting) = (quoted(InvitationState::Queued), among(&InvitationState::WAITING));
    let sql = format!(
        "SELECT w.campaign, w.name, COUNT(*), MIN(i.due_at) FROM invitations i \
         LEFT JOIN waves w ON w.workspace_id = i.workspace_id AND w.id = i.wave_id WHERE i.workspace_id = $1 \
         AND (i.state = {queued} OR i.state IN {waiting} AND i.due_at <= $2) GROUP BY i.wave_id, w.campaign, w.name ORDER BY 4, 2"
    );
    let values: [Value; 2] = [ws.uuid().into(), now.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    let read = |row: sea_orm::QueryResult| -> Result<Due, StoreError> {
        let wave = row.try_get_by_index::<Option<String>>(0)?.zip(row.try_get_by_index::<Option<String>>(1)?);
        Ok(Due { wave, people: row.try_get_by_index(2)?, since: row.try_get_by_index(3)? })
    };
    rows.into_iter().map(read).collect()
}

/// Which invitations to list; what is `None` or empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvitationFilter {
    pub wave: Option<WaveId>,
    pub person: Option<Uuid>,
    /// Any of these.
    pub states: Vec<InvitationState>,
    pub reason: Option<String>,
}

/// One page of the invitations that fit, by id.
pub async fn list(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    filter: &InvitationFilter,
    page: Page,
) -> Result<Listed<Model>, StoreError> {
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(filter.wave.map(|wave| Column::WaveId.eq(wave.uuid())))
        .add_option(filter.person.map(|person| Column::PersonId.eq(person)))
        .add_option((!filter.states.is_empty()).then(|| Column::State.is_in(words(&filter.states))))
        .add_option(filter.reason.as_ref().map(|reason| Column::Reason.eq(reason)))
        .add_option(page.after.map(|after| Column::Id.lt(after.id)));
    let rows = Entity::find().filter(fits).order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}
