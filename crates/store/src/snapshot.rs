//! Reads over several tables: what the engine needs to know together.

use std::collections::BTreeSet;

use hearback_core::{
    Word as _,
    state::{SurveyStatus, TaskStatus},
};
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, accounts, cases, deliveries, persons, responses, rule_versions, surveys, tasks, team_members, teams, users};

/// A case with what belongs to it.
#[derive(Debug, Clone)]
pub struct CaseRows {
    pub response: responses::Model,
    pub person: persons::Model,
    pub account: Option<accounts::Model>,
    pub case: cases::Model,
}

/// A case with its answer, customer and account. Inside a transaction the case row is locked until it ends.
pub async fn case(connection: &impl ConnectionTrait, ws: Uuid, case: Uuid) -> Result<Option<CaseRows>, StoreError> {
    let Some(case) = cases::Entity::find_by_id((ws, case)).lock_exclusive().one(connection).await? else { return Ok(None) };
    let response = responses::Entity::find_by_id((ws, case.response_id)).one(connection).await?;
    let person = persons::Entity::find_by_id((ws, case.person_id)).one(connection).await?;
    let (Some(response), Some(person)) = (response, person) else { return Ok(None) };
    let keys: BTreeSet<&str> = person.account_key.as_deref().into_iter().collect();
    let account = accounts_by_keys(connection, ws, &keys).await?.into_iter().next();
    Ok(Some(CaseRows { response, person, account, case }))
}

/// The case of a response.
pub async fn case_of_response(connection: &impl ConnectionTrait, ws: Uuid, response: Uuid) -> Result<Option<cases::Model>, StoreError> {
    let of_response = cases::Entity::find().filter(cases::Column::WorkspaceId.eq(ws)).filter(cases::Column::ResponseId.eq(response));
    Ok(of_response.one(connection).await?)
}

/// The cases of these responses.
pub async fn cases_of_responses(connection: &impl ConnectionTrait, ws: Uuid, responses: &[Uuid]) -> Result<Vec<cases::Model>, StoreError> {
    if responses.is_empty() {
        return Ok(Vec::new());
    }
    let of_responses = cases::Entity::find().filter(cases::Column::WorkspaceId.eq(ws));
    Ok(of_responses.filter(cases::Column::ResponseId.is_in(responses.iter().copied())).all(connection).await?)
}

/// A response by id.
pub async fn response(connection: &impl ConnectionTrait, ws: Uuid, id: Uuid) -> Result<Option<responses::Model>, StoreError> {
    Ok(responses::Entity::find_by_id((ws, id)).one(connection).await?)
}

/// Accounts with these keys.
pub async fn accounts_by_keys(
    connection: &impl ConnectionTrait,
    ws: Uuid,
    keys: &BTreeSet<&str>,
) -> Result<Vec<accounts::Model>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let of_keys = accounts::Entity::find().filter(accounts::Column::WorkspaceId.eq(ws));
    Ok(of_keys.filter(accounts::Column::Key.is_in(keys.iter().copied())).all(connection).await?)
}

/// Tasks and deliveries of a case.
pub async fn work_of_case(
    connection: &impl ConnectionTrait,
    ws: Uuid,
    case: Uuid,
) -> Result<(Vec<tasks::Model>, Vec<deliveries::Model>), StoreError> {
    let tasks = tasks::Entity::find().filter(tasks::Column::WorkspaceId.eq(ws)).filter(tasks::Column::CaseId.eq(case));
    let deliveries = deliveries::Entity::find().filter(deliveries::Column::WorkspaceId.eq(ws)).filter(deliveries::Column::CaseId.eq(case));
    Ok((
        tasks.order_by_asc(tasks::Column::CreatedAt).all(connection).await?,
        deliveries.order_by_asc(deliveries::Column::CreatedAt).all(connection).await?,
    ))
}

/// Survey versions that customers may have seen, the oldest first.
pub async fn public_surveys(connection: &impl ConnectionTrait, ws: Uuid) -> Result<Vec<surveys::Model>, StoreError> {
    let seen = surveys::Entity::find()
        .filter(surveys::Column::WorkspaceId.eq(ws))
        .filter(surveys::Column::Status.ne(SurveyStatus::Draft.as_str()));
    Ok(seen.order_by_asc(surveys::Column::Version).all(connection).await?)
}

/// Teams, who is in them, and all users.
pub async fn teams(
    connection: &impl ConnectionTrait,
    ws: Uuid,
) -> Result<(Vec<teams::Model>, Vec<team_members::Model>, Vec<users::Model>), StoreError> {
    let teams = teams::Entity::find().filter(teams::Column::WorkspaceId.eq(ws)).all(connection).await?;
    let members = team_members::Entity::find().filter(team_members::Column::WorkspaceId.eq(ws)).all(connection).await?;
    let users = users::Entity::find().filter(users::Column::WorkspaceId.eq(ws)).order_by_asc(users::Column::Email).all(connection).await?;
    Ok((teams, members, users))
}

/// Rule versions by id, in any order.
pub async fn rule_versions(connection: &impl ConnectionTrait, ws: Uuid, ids: &[Uuid]) -> Result<Vec<rule_versions::Model>, StoreError> {
    let of_ids = rule_versions::Entity::find().filter(rule_versions::Column::WorkspaceId.eq(ws));
    Ok(of_ids.filter(rule_versions::Column::Id.is_in(ids.iter().copied())).all(connection).await?)
}

/// Open tasks whose due time has passed and that were not marked overdue yet: `(workspace, task, case)`.
pub async fn newly_overdue_tasks(connection: &impl ConnectionTrait, now: i64, limit: u64) -> Result<Vec<tasks::Model>, StoreError> {
    let late = Condition::all()
        .add(tasks::Column::Status.eq(TaskStatus::Open.as_str()))
        .add(tasks::Column::DueAt.lte(now))
        .add(tasks::Column::OverdueAt.is_null());
    Ok(tasks::Entity::find().filter(late).order_by_asc(tasks::Column::DueAt).limit(limit).all(connection).await?)
}
