//! Rows in pages, in the order of their keys, and what else is stored under ids that are known.

use std::collections::HashMap;

use hearback_core::state::{DeliveryStatus, State as _};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, DbErr, QueryOrder, QuerySelect, Statement, Value, entity::prelude::*, sea_query::ExprTrait,
};

use crate::{StoreError, bulk::text_list, deliveries, outbox, responses, runs, stored::words};

/// The next runs after `after` (workspace and id), in order.
pub async fn runs_after(conn: &impl ConnectionTrait, after: Option<(Uuid, Uuid)>, limit: u64) -> Result<Vec<runs::Model>, StoreError> {
    use runs::Column::{Id, WorkspaceId};
    let page = runs::Entity::find().filter(behind(WorkspaceId, Id, after)).order_by_asc(WorkspaceId).order_by_asc(Id).limit(limit);
    Ok(page.all(conn).await?)
}

/// Revision and score of these responses.
pub async fn answers(
    conn: &impl ConnectionTrait,
    ws: Uuid,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, (i64, i64)>, StoreError> {
    use responses::Column;
    let columns = responses::Entity::find().select_only().columns([Column::Id, Column::Revision, Column::Score]);
    let these = columns.filter(Column::WorkspaceId.eq(ws)).filter(Column::Id.is_in(ids));
    let rows: Vec<(Uuid, i64, i64)> = these.into_tuple().all(conn).await?;
    Ok(rows.into_iter().map(|(id, revision, score)| (id, (revision, score))).collect())
}

/// The next mails that are still to be sent.
pub async fn unsent_after(
    conn: &impl ConnectionTrait,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<Vec<deliveries::Model>, StoreError> {
    use deliveries::Column::{Id, Status, WorkspaceId};
    let unsent = deliveries::Entity::find().filter(Status.is_in(words(&DeliveryStatus::before(DeliveryStatus::Dead))));
    let page = unsent.filter(behind(WorkspaceId, Id, after)).order_by_asc(WorkspaceId).order_by_asc(Id).limit(limit);
    Ok(page.all(conn).await?)
}

/// The next jobs that send mail or messages, whatever became of them.
pub async fn mail_jobs_after(
    conn: &impl ConnectionTrait,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<Vec<outbox::Model>, StoreError> {
    use outbox::Column::{Id, Kind, WorkspaceId};
    let mail = outbox::Entity::find().filter(Kind.is_in(["mail", "post"]));
    let page = mail.filter(behind(WorkspaceId, Id, after)).order_by_asc(WorkspaceId).order_by_asc(Id).limit(limit);
    Ok(page.all(conn).await?)
}

/// Which of these ids `table` has in this workspace, with the word in `column`.
pub async fn words_of(
    conn: &impl ConnectionTrait,
    table: Rows,
    ws: Uuid,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, StoreError> {
    let (name, column) = match table {
        Rows::Tasks => ("tasks", "status"),
        Rows::Deliveries => ("deliveries", "status"),
        Rows::Outbox => ("outbox", "state"),
    };
    let backend = conn.get_database_backend();
    let ids: Vec<String> = ids.map(|id| id.simple().to_string()).collect();
    let list = match backend {
        DbBackend::Postgres => "(SELECT CAST(json_array_elements_text($2::json) AS uuid))",
        _ => "(SELECT unhex(value) FROM json_each($2))",
    };
    let sql = format!("SELECT id, {column} FROM {name} WHERE workspace_id = $1 AND id IN {list}");
    let values = [Value::from(ws), text_list(&ids)];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<_, DbErr>>()?)
}

/// A table that [`words_of`] looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Tasks,
    Deliveries,
    Outbox,
}

/// Behind a row in the order of workspace and id; compared as a pair, so that the primary key leads there.
fn behind<C: ColumnTrait>(workspace: C, id: C, after: Option<(Uuid, Uuid)>) -> Condition {
    let pair = |(last_workspace, last): (Uuid, Uuid)| {
        let row = Expr::tuple([Expr::col(workspace), Expr::col(id)]);
        ExprTrait::gt(row, Expr::tuple([Expr::value(last_workspace), Expr::value(last)]))
    };
    Condition::all().add_option(after.map(pair))
}
