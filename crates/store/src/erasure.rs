//! Forgetting a person: what is counted stays, what could say who it was goes.
//!
//! Owns: which columns of which tables may hold a customer's words, names or addresses. Whoever adds such a column adds
//! it here. The databases overwrite freed space: SQLite by `secure_delete`, [`crate::Db::clear_gaps`] and [`crate::Db::checkpoint`],
//! PostgreSQL when it vacuums.

use std::collections::{BTreeMap, BTreeSet};

use hearback_core::{
    Counts, Word as _,
    id::{PersonId, WorkspaceId},
    state::{DeliveryStatus, InvitationState, JobState, TaskStatus},
};
use sea_orm::{Condition, DbBackend, QuerySelect, QueryTrait, entity::prelude::*, sea_query::IntoCondition};

use crate::{
    Db, StoreError, Tx, cases, contact_attempts, deliveries, events, former_addresses, incentive_waits, ingest, interactions, invitations,
    messages, opt_outs, outbox, persons, preferences, responses, runs, stored::words, suppressions, tasks, testimonials, unconfirmed,
    workspaces,
};

/// Stands where an address was.
pub const ERASED: &str = "erased";
/// Stands where the facts of a run were: what it decided can't be recomputed any more.
pub const NO_FACTS: &str = "{}";
/// Ids in one `IN (..)`.
const CHUNK: usize = 500;

/// Tables with words, names or addresses of customers.
const WITH_WORDS: [&str; 16] = [
    "cases",
    "contact_attempts",
    "deliveries",
    "events",
    "former_addresses",
    "interactions",
    "invitations",
    "messages",
    "outbox",
    "persons",
    "responses",
    "runs",
    "suppressions",
    "tasks",
    "testimonials",
    "unconfirmed",
];

/// PostgreSQL keeps samples of what stands in its columns, to plan by: they are taken anew, without whoever was erased.
pub async fn renew_statistics(db: &Db) -> Result<(), StoreError> {
    if db.backend() == DbBackend::Postgres {
        db.read().execute_unprepared(&format!("ANALYZE {}", WITH_WORDS.join(", "))).await?;
    }
    Ok(())
}

/// The cases of a person, locked until the transaction ends.
pub async fn lock_cases(tx: &Tx, ws: WorkspaceId, person: PersonId) -> Result<Vec<cases::Model>, StoreError> {
    let of_person = responses::Entity::find()
        .select_only()
        .column(responses::Column::Id)
        .filter(responses::Column::WorkspaceId.eq(ws.uuid()))
        .filter(responses::Column::PersonId.eq(person.uuid()))
        .into_query();
    let cases = cases::Entity::find()
        .filter(cases::Column::WorkspaceId.eq(ws.uuid()))
        .filter(cases::Column::ResponseId.in_subquery(of_person))
        .lock_exclusive();
    Ok(cases.all(&**tx).await?)
}

/// Message ids of the mails that were written to them or about them.
pub async fn mails(tx: &Tx, person: &persons::Model, cases: &[cases::Model]) -> Result<Vec<String>, StoreError> {
    let mut ids = BTreeSet::new();
    let addresses = opt_outs::addresses(&**tx, person).await?;
    let all = || deliveries::Entity::find().select_only().column(deliveries::Column::MessageId);
    let of = |which: Condition| all().filter(deliveries::Column::WorkspaceId.eq(person.workspace_id)).filter(which);
    ids.extend(of(to_them(person, &addresses)).into_tuple::<String>().all(&**tx).await?);
    for cases in cases.chunks(CHUNK) {
        let about = deliveries::Column::CaseId.is_in(cases.iter().map(|case| case.id));
        ids.extend(of(Condition::all().add(about)).into_tuple::<String>().all(&**tx).await?);
    }
    Ok(ids.into_iter().collect())
}

fn to_them(person: &persons::Model, addresses: &[String]) -> Condition {
    Condition::any().add(deliveries::Column::PersonId.eq(person.id)).add(deliveries::Column::ToAddress.is_in(addresses))
}

/// Blanks everything that says who this person was; `cases` are all of theirs, as [`lock_cases`] gave them. Mail and steps
/// that wait are cancelled; the fingerprint of each address that is theirs stays in the list of those that must not be mailed. (A former
/// address that somebody else has now is that one's: what names it goes only where it is known to be about this person.)
pub async fn erase(tx: &Tx, person: &persons::Model, cases: &[cases::Model], now: i64) -> Result<(), StoreError> {
    let ws = person.workspace_id;
    let addresses = opt_outs::addresses(&**tx, person).await?;
    erase_answers(tx, person).await?;
    let ids: Vec<Uuid> = cases.iter().map(|case| case.id).collect();
    for ids in ids.chunks(CHUNK) {
        erase_follow_up(tx, ws, ids, now).await?;
    }
    erase_mail(tx, person, &addresses, now).await?;
    erase_letters(tx, person, &addresses, &ids).await?;
    erase_asking(tx, person, now).await?;
    testimonials::Entity::delete_many()
        .filter(testimonials::Column::WorkspaceId.eq(ws))
        .filter(testimonials::Column::PersonId.eq(person.id))
        .exec(&**tx)
        .await?;
    preferences::forget(tx, WorkspaceId::from_uuid(ws), PersonId::from_uuid(person.id)).await?;
    for address in &addresses {
        let erased = suppressions::erased(WorkspaceId::from_uuid(ws), address);
        let row = suppressions::Model { workspace_id: ws, address: erased, reason: ERASED.to_owned(), created_at: now, note: None };
        crate::bulk::insert_missing::<suppressions::Entity>(tx, &[row]).await?;
        suppressions::Entity::delete_by_id((ws, address.clone())).exec(&**tx).await?;
    }
    if !addresses.is_empty() {
        workspaces::bump_config(tx, WorkspaceId::from_uuid(ws)).await?;
    }
    former_addresses::forget(tx, person).await?;
    let blank =
        persons::Model { key: format!("anon:{}", person.id), external_id: None, email: None, updated_at: now, ..person.clone().stripped() };
    persons::save(tx, persons::Model { opted_out_for: None, opted_out_at: None, ..blank }).await
}

/// Comments, further answers and properties go; so does a comment's place in the roll-ups, which must equal a recount.
async fn erase_answers(tx: &Tx, person: &persons::Model) -> Result<(), StoreError> {
    let theirs =
        Condition::all().add(responses::Column::WorkspaceId.eq(person.workspace_id)).add(responses::Column::PersonId.eq(person.id));
    let commented = responses::Entity::find()
        .select_only()
        .columns([responses::Column::SurveyId, responses::Column::AnsweredAt])
        .filter(theirs.clone())
        .filter(responses::Column::Comment.is_not_null());
    let mut fewer: BTreeMap<(Uuid, i64), Counts> = BTreeMap::new();
    for (survey, answered_at) in commented.into_tuple::<(Uuid, i64)>().all(&**tx).await? {
        *fewer.entry((survey, ingest::hour(answered_at))).or_default() += Counts { with_comment: -1, ..Counts::default() };
    }
    responses::Entity::update_many()
        .col_expr(responses::Column::Comment, Expr::value(Option::<String>::None))
        .col_expr(responses::Column::Locale, Expr::value(Option::<String>::None))
        .col_expr(responses::Column::Properties, Expr::value("{}"))
        .col_expr(responses::Column::Answers, Expr::value(Option::<String>::None))
        .filter(theirs.clone())
        .exec(&**tx)
        .await?;
    // What was never confirmed counts nowhere: nothing of it has to stay.
    unconfirmed::Entity::delete_many()
        .filter(unconfirmed::Column::WorkspaceId.eq(person.workspace_id))
        .filter(unconfirmed::Column::PersonId.eq(person.id))
        .exec(&**tx)
        .await?;
    // Some send an address as the id of an answer. Other ids stay: the same answer again brings nothing back.
    responses::Entity::update_many()
        .col_expr(responses::Column::ExternalId, Expr::value(Option::<String>::None))
        .col_expr(responses::Column::IdemKey, Expr::cust("'erased:' || body_hash"))
        .filter(theirs)
        .filter(responses::Column::IdemKey.contains("@"))
        .exec(&**tx)
        .await?;
    ingest::add_rollups(tx, person.workspace_id, &fewer).await
}

/// What was written down in their cases. A run without facts can't be recomputed.
async fn erase_follow_up(tx: &Tx, ws: Uuid, cases: &[Uuid], now: i64) -> Result<(), StoreError> {
    let ids = || cases.iter().copied();
    runs::Entity::update_many()
        .col_expr(runs::Column::Facts, Expr::value(NO_FACTS))
        .filter(runs::Column::WorkspaceId.eq(ws))
        .filter(runs::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    events::Entity::update_many()
        .col_expr(events::Column::Data, Expr::value("{}"))
        .filter(events::Column::WorkspaceId.eq(ws))
        .filter(events::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    contact_attempts::Entity::update_many()
        .col_expr(contact_attempts::Column::Note, Expr::value(Option::<String>::None))
        .filter(contact_attempts::Column::WorkspaceId.eq(ws))
        .filter(contact_attempts::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    testimonials::Entity::delete_many()
        .filter(testimonials::Column::WorkspaceId.eq(ws))
        .filter(testimonials::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    // Nobody is left to be given a code; their tasks end below.
    incentive_waits::Entity::delete_many()
        .filter(incentive_waits::Column::WorkspaceId.eq(ws))
        .filter(incentive_waits::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    tasks::Entity::update_many()
        .col_expr(tasks::Column::Outcome, Expr::value(Option::<String>::None))
        .filter(tasks::Column::WorkspaceId.eq(ws))
        .filter(tasks::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    tasks::Entity::update_many()
        .col_expr(tasks::Column::Status, Expr::value(TaskStatus::Cancelled.as_str()))
        .col_expr(tasks::Column::FinishedAt, Expr::value(now))
        .filter(tasks::Column::WorkspaceId.eq(ws))
        .filter(tasks::Column::CaseId.is_in(ids()))
        .filter(tasks::Column::Status.eq(TaskStatus::Open.as_str()))
        .exec(&**tx)
        .await?;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Error, Expr::value(Option::<String>::None))
        .filter(outbox::Column::WorkspaceId.eq(ws))
        .filter(outbox::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(JobState::Cancelled.as_str()))
        .col_expr(outbox::Column::Error, Expr::value("the person was erased"))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now))
        .filter(outbox::Column::WorkspaceId.eq(ws))
        .filter(outbox::Column::CaseId.is_in(ids()))
        .filter(outbox::Column::State.eq(JobState::Queued.as_str()))
        .exec(&**tx)
        .await?;
    // A subject or a server's reply may name the customer, whoever the mail went to.
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::Subject, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::Words, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::InReplyTo, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::Reply, Expr::value(Option::<String>::None))
        .filter(deliveries::Column::WorkspaceId.eq(ws))
        .filter(deliveries::Column::CaseId.is_in(ids()))
        .exec(&**tx)
        .await?;
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::Status, Expr::value(DeliveryStatus::Cancelled.as_str()))
        .col_expr(deliveries::Column::UpdatedAt, Expr::value(now))
        .filter(deliveries::Column::WorkspaceId.eq(ws))
        .filter(deliveries::Column::CaseId.is_in(ids()))
        .filter(deliveries::Column::Status.is_in(words(&DeliveryStatus::UNSENT)))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Whom mail went to.
async fn erase_mail(tx: &Tx, person: &persons::Model, addresses: &[String], now: i64) -> Result<(), StoreError> {
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::ToAddress, Expr::value(ERASED))
        .col_expr(deliveries::Column::ToName, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::Subject, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::Words, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::InReplyTo, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::Reply, Expr::value(Option::<String>::None))
        .col_expr(deliveries::Column::UpdatedAt, Expr::value(now))
        .filter(deliveries::Column::WorkspaceId.eq(person.workspace_id))
        .filter(to_them(person, addresses))
        .exec(&**tx)
        .await?;
    // An invitation belongs to no case, whose mail is cancelled already.
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::Status, Expr::value(DeliveryStatus::Cancelled.as_str()))
        .filter(deliveries::Column::WorkspaceId.eq(person.workspace_id))
        .filter(deliveries::Column::PersonId.eq(person.id))
        .filter(deliveries::Column::Status.is_in(words(&DeliveryStatus::UNSENT)))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// What they wrote, what came in their cases, and what names an address of theirs although nobody could say whose it was.
async fn erase_letters(tx: &Tx, person: &persons::Model, addresses: &[String], cases: &[Uuid]) -> Result<(), StoreError> {
    let ws = person.workspace_id;
    blank_letters(tx, ws, messages::Column::PersonId.eq(person.id)).await?;
    for cases in cases.chunks(CHUNK) {
        blank_letters(tx, ws, messages::Column::CaseId.is_in(cases.iter().copied())).await?;
    }
    for letters in messages::naming(&**tx, ws, addresses).await?.chunks(CHUNK) {
        blank_letters(tx, ws, messages::Column::Id.is_in(letters.iter().copied())).await?;
    }
    Ok(())
}

async fn blank_letters(tx: &Tx, ws: Uuid, which: impl IntoCondition) -> Result<(), StoreError> {
    messages::Entity::update_many()
        .col_expr(messages::Column::FromAddress, Expr::value(ERASED))
        .col_expr(messages::Column::Subject, Expr::value(""))
        .col_expr(messages::Column::Text, Expr::value(""))
        .col_expr(messages::Column::WholeText, Expr::value(""))
        .col_expr(messages::Column::Attachments, Expr::value(""))
        .col_expr(messages::Column::Raw, Expr::value(""))
        .col_expr(messages::Column::MessageId, Expr::value(Option::<String>::None))
        .filter(messages::Column::WorkspaceId.eq(ws))
        .filter(which)
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Questions that were to come are not asked any more; from which account somebody was asked goes.
async fn erase_asking(tx: &Tx, person: &persons::Model, now: i64) -> Result<(), StoreError> {
    let theirs =
        Condition::all().add(invitations::Column::WorkspaceId.eq(person.workspace_id)).add(invitations::Column::PersonId.eq(person.id));
    invitations::Entity::update_many()
        .col_expr(invitations::Column::AccountKey, Expr::value(Option::<String>::None))
        .col_expr(invitations::Column::RemindAt, Expr::value(Option::<i64>::None))
        .col_expr(invitations::Column::UpdatedAt, Expr::value(now))
        .filter(theirs.clone())
        .exec(&**tx)
        .await?;
    invitations::Entity::update_many()
        .col_expr(invitations::Column::State, Expr::value(InvitationState::Cancelled.as_str()))
        .col_expr(invitations::Column::Reason, Expr::value(ERASED))
        .filter(theirs)
        .filter(invitations::Column::State.is_in(words(&InvitationState::UNSENT)))
        .exec(&**tx)
        .await?;
    // Some send an address as the id of what happened. Other ids stay: told again, it is not asked about again.
    interactions::Entity::delete_many()
        .filter(interactions::Column::WorkspaceId.eq(person.workspace_id))
        .filter(interactions::Column::PersonId.eq(person.id))
        .filter(interactions::Column::ExternalId.contains("@"))
        .exec(&**tx)
        .await?;
    Ok(())
}
