//! Rows as the API and the pages ask for them: lists in pages, and what belongs to the rows of one page.

use std::collections::{HashMap, HashSet};

use hearback_core::{
    Email, Segment, Word as _, fold,
    id::{CaseId, DeliveryId, InvitationId, PersonId, ResponseId, UserId, WorkspaceId},
    state::{DeliveryStatus, InvitationState, TaskStatus},
    timeline::{Entry as Told, Question},
};
use sea_orm::{Condition, QueryOrder, QuerySelect, entity::prelude::*, sea_query::LikeExpr};

use crate::{
    StoreError, cases,
    cursor::{Cursor, Listed, Page},
    deliveries, events, former_addresses, invitations, messages, persons, referrals, responses, rule_versions, runs, suppressions, surveys,
    tasks, team_members, teams,
    time::{from_millis, millis},
};

/// One answer.
pub async fn response(conn: &impl ConnectionTrait, ws: WorkspaceId, id: ResponseId) -> Result<Option<responses::Model>, StoreError> {
    Ok(responses::Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// These answers, by id.
pub async fn responses(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, responses::Model>, StoreError> {
    use responses::{Column, Entity};
    let rows = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// These persons, by id.
pub async fn persons(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, persons::Model>, StoreError> {
    use persons::{Column, Entity};
    let rows = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The person with this address and with this id of the sender's, as far as they are given.
pub async fn person_named(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    email: Option<&Email>,
    external_id: Option<&str>,
) -> Result<Option<persons::Model>, StoreError> {
    use persons::{Column, Entity};
    let named = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(email.map(|email| Column::Key.eq(format!("email:{email}"))))
        .add_option(external_id.map(|id| Column::ExternalId.eq(id)));
    match Entity::find().filter(named).one(conn).await? {
        Some(row) if row.merged_into.is_some() => persons::resolved(conn, ws, PersonId::from_uuid(row.id)).await,
        row => Ok(row),
    }
}

/// Whoever has this address or, where nobody has it, whoever had it last.
pub async fn person_known_by(conn: &impl ConnectionTrait, ws: WorkspaceId, email: &Email) -> Result<Option<persons::Model>, StoreError> {
    if let Some(person) = person_named(conn, ws, Some(email), None).await? {
        return Ok(Some(person));
    }
    match former_addresses::who_had(conn, ws, email.as_str()).await? {
        Some(id) => persons::resolved(conn, ws, id).await,
        None => Ok(None),
    }
}

/// Which persons to list; what is `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonFilter {
    /// A part of the name, the address or the sender's id, in any case and script, with or without accents.
    pub text: Option<String>,
    /// Key of the account.
    pub account: Option<String>,
}

/// One page of the persons that fit, the newest first. Those merged into others are not persons any more.
pub async fn all_persons(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    filter: &PersonFilter,
    page: Page,
) -> Result<Listed<persons::Model>, StoreError> {
    use persons::{Column, Entity};
    let holds = |text: &String| {
        let part = format!("%{}%", messages::like_literally(&fold::fold(text.trim())));
        Column::Search.like(LikeExpr::new(part).escape('\\'))
    };
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add(Column::MergedInto.is_null())
        .add_option(filter.account.as_ref().map(|account| Column::AccountKey.eq(account)))
        .add_option(filter.text.as_ref().map(holds))
        .add_option(page.after.map(|after| Column::Id.lt(after.id)));
    let rows = Entity::find().filter(fits).order_by_desc(Column::Id).limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}

/// All surveys, every version, by key and version.
pub async fn surveys(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<surveys::Model>, StoreError> {
    use surveys::{Column, Entity};
    let all = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid()));
    Ok(all.order_by_asc(Column::Key).order_by_asc(Column::Version).all(conn).await?)
}

/// One case.
pub async fn case(conn: &impl ConnectionTrait, ws: WorkspaceId, id: CaseId) -> Result<Option<cases::Model>, StoreError> {
    Ok(cases::Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The timeline of a case, oldest first; entries of one moment in the order they were made. That it was answered stands in
/// the answer, what rules decided in their runs, and whether the customer was asked again in the invitation: none of it is
/// stored a second time.
pub async fn timeline(conn: &impl ConnectionTrait, case: &cases::Model) -> Result<Vec<events::Model>, StoreError> {
    use events::{Column, Entity};
    let of_case = Entity::find().filter(Column::WorkspaceId.eq(case.workspace_id)).filter(Column::CaseId.eq(case.id));
    let mut entries = of_case.all(conn).await?;
    let response = responses::Entity::find_by_id((case.workspace_id, case.response_id)).one(conn).await?;
    entries.extend(response.map(|row| answered(case, &row)));
    let runs = runs::of_case(conn, case.workspace_id, case.id).await?;
    entries.extend(runs.iter().filter(|run| run.done != runs::NOTHING_DONE).map(planned));
    entries.extend(asked_again(conn, case).await?);
    entries.sort_by_key(|entry| (entry.at, entry.id));
    Ok(entries)
}

/// What the timeline says of the answer that opened a case.
pub(crate) fn answered(case: &cases::Model, row: &responses::Model) -> events::Model {
    let entry = Told::Answered { score: row.first_score, channel: row.channel.clone(), comment: row.comment.is_some() };
    of_case(case, row.id, "customer", &entry, row.answered_at)
}

fn planned(run: &runs::Model) -> events::Model {
    events::Model {
        workspace_id: run.workspace_id,
        id: run.id,
        case_id: run.case_id,
        kind: Told::Planned { steps: Vec::new() }.kind().to_owned(),
        actor: "system".to_owned(),
        // Stored as the entry's data has it.
        data: format!("{{\"steps\":{}}}", run.done),
        at: run.at,
    }
}

/// What became of asking the customer again, and how the answer compares with the one that opened the case.
async fn asked_again(conn: &impl ConnectionTrait, case: &cases::Model) -> Result<Vec<events::Model>, StoreError> {
    let mut entries = Vec::new();
    for row in invitations::of_case(conn, case.workspace_id, case.id).await? {
        entries.push(asked(case, &row));
        let Some(response) = row.response_id else { continue };
        let response = responses::Entity::find_by_id((case.workspace_id, response)).one(conn).await?;
        entries.extend(response.map(|response| answered_again(case, &response)));
    }
    Ok(entries)
}

fn asked(case: &cases::Model, row: &invitations::Model) -> events::Model {
    use InvitationState::{Answered, Blocked, Bounced, Cancelled, Expired, NotAsked, Planned, Queued, Sent};
    let question =
        Question { invitation: InvitationId::from_uuid(row.id), state: *row.state, reason: row.reason.clone(), not_before: None };
    let (entry, at) = match *row.state {
        Planned | Blocked | Queued => {
            (Told::AskingAgain(Question { not_before: Some(from_millis(row.due_at)), ..question }), row.created_at)
        }
        NotAsked | Cancelled | Bounced => (Told::NotAskedAgain(question), row.updated_at),
        Sent | Answered | Expired => (Told::AskedAgain(question), row.sent_at.unwrap_or(row.created_at)),
    };
    of_case(case, row.id, "system", &entry, at)
}

fn answered_again(case: &cases::Model, row: &responses::Model) -> events::Model {
    let recovered = case.segment == Segment::Detractor.as_str() && row.segment != Segment::Detractor.as_str();
    let entry = Told::AnsweredAgain { from: case.score, to: row.score, recovered, response: row.id };
    of_case(case, row.id, "customer", &entry, row.answered_at)
}

fn of_case(case: &cases::Model, id: Uuid, actor: &str, entry: &Told, at: i64) -> events::Model {
    let (kind, actor, data) = (entry.kind().to_owned(), actor.to_owned(), entry.data().to_string());
    events::Model { workspace_id: case.workspace_id, id, case_id: case.id, kind, actor, data, at }
}

/// Which tasks to list; what is `None` or empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Where it stands.
    pub status: Option<TaskStatus>,
    /// Any of these owners, as stored.
    pub owners: Vec<String>,
    /// Of one case.
    pub case: Option<CaseId>,
    /// Open and past its due time at this moment (`true`), or not (`false`).
    pub overdue: Option<(bool, DateTimeUtc)>,
}

/// One page of the tasks that fit, what is due first comes first.
pub async fn tasks(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    filter: &TaskFilter,
    page: Page,
) -> Result<Listed<tasks::Model>, StoreError> {
    use tasks::{Column, Entity};
    let late = filter.overdue.map(|(wanted, now)| {
        let late = Condition::all().add(Column::Status.eq(TaskStatus::Open.as_str())).add(Column::DueAt.lt(millis(now)));
        if wanted { late } else { late.not() }
    });
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
        .add_option((!filter.owners.is_empty()).then(|| Column::Owner.is_in(filter.owners.iter().cloned())))
        .add_option(filter.case.map(|case| Column::CaseId.eq(case.uuid())))
        .add_option(late)
        .add(page.above(Expr::col(Column::DueAt), Column::Id));
    let found = Entity::find().filter(fits).order_by_asc(Column::DueAt).order_by_asc(Column::Id);
    let rows = found.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.due_at, id: row.id }))
}

/// Which deliveries to list; what is `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Where sending stands.
    pub status: Option<DeliveryStatus>,
    /// Which mail.
    pub kind: Option<String>,
    /// The address, lower case.
    pub to: Option<String>,
    /// Of one case.
    pub case: Option<CaseId>,
}

/// One page of the deliveries that fit, the newest first.
pub async fn deliveries(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    filter: &DeliveryFilter,
    page: Page,
) -> Result<Listed<deliveries::Model>, StoreError> {
    use deliveries::{Column, Entity};
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
        .add_option(filter.kind.as_ref().map(|kind| Column::Kind.eq(kind)))
        .add_option(filter.to.as_ref().map(|to| Column::ToAddress.eq(to)))
        .add_option(filter.case.map(|case| Column::CaseId.eq(case.uuid())))
        .add(page.below(Expr::col(Column::CreatedAt), Column::Id));
    let found = Entity::find().filter(fits).order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    let rows = found.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.created_at, id: row.id }))
}

/// One delivery.
pub async fn delivery(conn: &impl ConnectionTrait, ws: WorkspaceId, id: DeliveryId) -> Result<Option<deliveries::Model>, StoreError> {
    Ok(deliveries::Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// Which of these deliveries there are.
pub async fn known_deliveries(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    ids: impl Iterator<Item = DeliveryId>,
) -> Result<HashSet<DeliveryId>, StoreError> {
    use deliveries::{Column, Entity};
    let known = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids.map(DeliveryId::uuid)));
    let rows: Vec<Uuid> = known.select_only().column(Column::Id).into_tuple().all(conn).await?;
    Ok(rows.into_iter().map(DeliveryId::from_uuid).collect())
}

/// These rule versions as `KEY@VERSION`, by id.
pub async fn rule_labels(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, StoreError> {
    use rule_versions::{Column, Entity};
    let found = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids));
    let rows: Vec<(Uuid, String, i64)> =
        found.select_only().columns([Column::Id, Column::Key, Column::Version]).into_tuple().all(conn).await?;
    Ok(rows.into_iter().map(|(id, key, version)| (id, format!("{key}@{version}"))).collect())
}

/// All teams, by name.
pub async fn teams(conn: &impl ConnectionTrait, ws: WorkspaceId) -> Result<Vec<teams::Model>, StoreError> {
    let all = teams::Entity::find().filter(teams::Column::WorkspaceId.eq(ws.uuid()));
    Ok(all.order_by_asc(teams::Column::Name).all(conn).await?)
}

/// Keys of the teams that a user is in.
pub async fn teams_of(conn: &impl ConnectionTrait, ws: WorkspaceId, user: UserId) -> Result<Vec<String>, StoreError> {
    use team_members::{Column, Entity};
    let of_user = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::UserId.eq(user.uuid()));
    Ok(of_user.all(conn).await?.into_iter().map(|row| row.team_key).collect())
}

/// One page of the addresses that must not be mailed, by address.
pub async fn suppressions(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    reason: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<suppressions::Model>, StoreError> {
    use suppressions::{Column, Entity};
    let rest = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(after.map(|after| Column::Address.gt(after)))
        .add_option(reason.map(|reason| Column::Reason.eq(reason)));
    Ok(Entity::find().filter(rest).order_by_asc(Column::Address).limit(limit).all(conn).await?)
}

/// Why an address must not be mailed, if so.
pub async fn suppression(conn: &impl ConnectionTrait, ws: WorkspaceId, address: &str) -> Result<Option<suppressions::Model>, StoreError> {
    Ok(suppressions::Entity::find_by_id((ws.uuid(), address.to_owned())).one(conn).await?)
}

/// The referral link with this code. Codes are unique over all workspaces.
pub async fn referral(conn: &impl ConnectionTrait, code: &str) -> Result<Option<referrals::Model>, StoreError> {
    Ok(referrals::Entity::find().filter(referrals::Column::Code.eq(code)).one(conn).await?)
}
