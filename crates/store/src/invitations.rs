//! One person asked once.

mod looking;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    campaign::Reason,
    id::{InvitationId, ResponseId, SurveyId, WaveId, WorkspaceId},
    state::{DeliveryStatus, InvitationState, WaveStatus},
};
use sea_orm::{Condition, ConnectionTrait, DbErr, QueryOrder, QueryResult, QuerySelect, Statement, Value, entity::prelude::*};

use crate::{
    StoreError, Tx,
    bulk::{Kind, select, to_json},
    script::Script,
    stored::{Stored, among, quoted, words},
    time::millis,
};

pub use looking::{Due, InvitationFilter, all_due, by_id, list, of_case};

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
    pub state: Stored<InvitationState>,
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
    /// The closed case after which they are asked again; null for every other question.
    pub case_id: Option<Uuid>,
    /// Until when its link can be answered.
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Somebody who is to be asked by mail now: of no wave, under the usual limits. Whoever writes one says what else is so.
    pub fn planned(ws: WorkspaceId, id: InvitationId, person: Uuid, survey: SurveyId, now: DateTime<Utc>) -> Self {
        Self {
            workspace_id: ws.uuid(),
            id: id.uuid(),
            person_id: person,
            survey_id: survey.uuid(),
            wave_id: None,
            campaign: None,
            account_key: None,
            channel: "email".to_owned(),
            state: InvitationState::Planned.into(),
            reason: None,
            due_at: millis(now),
            ignores_limits: false,
            reminders: 0,
            remind_at: None,
            sent_at: None,
            answered_at: None,
            response_id: None,
            case_id: None,
            expires_at: None,
            created_at: millis(now),
            updated_at: millis(now),
        }
    }
}

/// The invitation, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, id: InvitationId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).lock_exclusive().one(&**tx).await?)
}

/// These invitations, held until the transaction ends.
pub async fn lock_all(tx: &Tx, ws: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    let these = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(these.order_by_asc(Column::Id).lock_exclusive().all(&**tx).await?)
}

/// Writes the whole row back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// An invitation that was answered, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub id: InvitationId,
    pub response: ResponseId,
}

/// Notes that invitations were answered: nobody is reminded any more.
pub fn answer(script: &mut Script, ws: Uuid, answered: &[Answered], now: DateTime<Utc>) {
    const FIELDS: [(&str, Kind); 4] = [("w", Kind::Uuid), ("i", Kind::Uuid), ("response", Kind::Uuid), ("at", Kind::Int)];
    if answered.is_empty() {
        return;
    }
    let record = |answered: &Answered| -> [sea_orm::Value; 4] {
        [ws.into(), answered.id.uuid().into(), answered.response.uuid().into(), millis(now).into()]
    };
    let start = format!(
        "UPDATE invitations SET state = {}, reason = NULL, response_id = x.response, answered_at = x.at, remind_at = NULL, updated_at = x.at",
        quoted(InvitationState::Answered)
    );
    script.update(&start, &FIELDS, "invitations.workspace_id = x.w AND invitations.id = x.i", answered.iter().map(record));
}

/// Its mail came back: nobody was asked. One that was answered all the same stays answered.
pub async fn came_back(tx: &crate::Tx, ws: Uuid, id: Uuid, now: i64) -> Result<(), StoreError> {
    let open = Entity::update_many()
        .col_expr(Column::State, Expr::value(InvitationState::Bounced.as_str()))
        .col_expr(Column::RemindAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws))
        .filter(Column::Id.eq(id))
        .filter(Column::State.is_in(words(&[InvitationState::Queued, InvitationState::Sent])));
    open.exec(&**tx).await?;
    Ok(())
}

/// What all invitations of a wave share.
#[derive(Debug, Clone)]
pub struct OfWave {
    pub workspace: Uuid,
    pub wave: Uuid,
    pub survey: Uuid,
    pub campaign: String,
    pub channel: &'static str,
}

/// One person of a wave.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: Uuid,
    pub person: Uuid,
    pub account: Option<String>,
    pub state: InvitationState,
    pub reason: Option<&'static str>,
    pub due_at: i64,
}

/// Writes people of a wave; those who have their place already keep it.
pub async fn put_places(tx: &Tx, of: &OfWave, places: &[Place], now: i64) -> Result<(), StoreError> {
    const FIELDS: [(&str, Kind); 6] = [
        ("id", Kind::Uuid),
        ("person", Kind::Uuid),
        ("account", Kind::Text),
        ("state", Kind::Text),
        ("reason", Kind::Text),
        ("due", Kind::Int),
    ];
    let backend = tx.get_database_backend();
    let sql = format!(
        "INSERT INTO invitations (workspace_id, id, person_id, survey_id, wave_id, campaign, account_key, channel, state, reason, due_at, \
         ignores_limits, reminders, created_at, updated_at) \
         SELECT $2, x.id, x.person, $3, $4, $5, x.account, $6, x.state, x.reason, x.due, false, 0, $7, $7 \
         FROM ({}) AS x WHERE true ON CONFLICT DO NOTHING",
        select(backend, &FIELDS, 1)
    );
    let records = places.iter().map(|place| {
        [
            Value::from(place.id),
            place.person.into(),
            place.account.clone().into(),
            place.state.as_str().into(),
            place.reason.map(str::to_owned).into(),
            place.due_at.into(),
        ]
    });
    let values: [Value; 7] = [
        to_json(backend, records).into(),
        of.workspace.into(),
        of.survey.into(),
        of.wave.into(),
        of.campaign.clone().into(),
        of.channel.into(),
        now.into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// The last person, in the order of their ids, who has a place in the wave.
pub async fn last_placed(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId) -> Result<Option<Uuid>, StoreError> {
    let of_wave = Entity::find().select_only().column(Column::PersonId).filter(Column::WorkspaceId.eq(ws.uuid()));
    let of_wave = of_wave.filter(Column::WaveId.eq(wave.uuid())).order_by_desc(Column::PersonId).limit(1);
    Ok(of_wave.into_tuple::<Uuid>().one(conn).await?)
}

/// Milliseconds of a quarter of an hour: every zone's days begin at one.
const QUARTER: i64 = 900_000;

/// How many are asked in each quarter of an hour from `since` on, in all open waves of a campaign.
pub async fn load(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: &str, since: i64) -> Result<Vec<(i64, u32)>, StoreError> {
    let (open, left_out) = (among(&WaveStatus::OPEN), among(&InvitationState::LEFT_OUT));
    let sql = format!(
        "SELECT i.due_at / 900000 AS quarter, COUNT(*) FROM waves w CROSS JOIN invitations i WHERE w.workspace_id = $1 \
         AND w.campaign = $2 AND w.status IN {open} AND i.workspace_id = w.workspace_id AND i.wave_id = w.id \
         AND i.state NOT IN {left_out} AND i.due_at >= $3 GROUP BY i.due_at / 900000"
    );
    let values: [Value; 3] = [ws.uuid().into(), campaign.into(), since.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    let read = |row: &QueryResult| -> Result<(i64, u32), DbErr> {
        let people: i64 = row.try_get_by_index(1)?;
        Ok((row.try_get_by_index::<i64>(0)? * QUARTER, u32::try_from(people).unwrap_or(u32::MAX)))
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// How many of each account have a place in the wave.
pub async fn accounts(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId) -> Result<Vec<(String, i64)>, StoreError> {
    let asked = Entity::find().select_only().column(Column::AccountKey).column_as(Column::Id.count(), "n");
    let asked = asked.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::WaveId.eq(wave.uuid()));
    let asked = asked.filter(Column::AccountKey.is_not_null()).filter(Column::State.is_not_in(words(&InvitationState::LEFT_OUT)));
    Ok(asked.group_by(Column::AccountKey).into_tuple().all(conn).await?)
}

/// Those of a wave whose time has come, the longest waiting first of each state.
pub async fn due(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId, now: i64, limit: u64) -> Result<Vec<Uuid>, StoreError> {
    let mut found = Vec::new();
    for state in InvitationState::WAITING {
        let due =
            Entity::find().select_only().column(Column::Id).filter(wave_condition_from(ws, wave, state)).filter(Column::DueAt.lte(now));
        let left = limit.saturating_sub(found.len() as u64);
        found.extend(due.order_by_asc(Column::DueAt).limit(left).into_tuple::<Uuid>().all(conn).await?);
    }
    Ok(found)
}

fn wave_condition_from(ws: WorkspaceId, wave: WaveId, state: InvitationState) -> Condition {
    Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(Column::WaveId.eq(wave.uuid())).add(Column::State.eq(state.as_str()))
}

/// How many of a wave stand in the outbox, counted up to `most`.
pub async fn queued(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId, most: u64) -> Result<usize, StoreError> {
    let queued = Entity::find().select_only().column(Column::Id).filter(wave_condition_from(ws, wave, InvitationState::Queued)).limit(most);
    Ok(queued.into_tuple::<Uuid>().all(conn).await?.len())
}

/// How many of a wave were asked from `since` on.
pub async fn asked_since(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: &str, since: i64) -> Result<u32, StoreError> {
    let (open, asked) = (among(&WaveStatus::OPEN), among(&InvitationState::ASKED));
    let sql = format!(
        "SELECT COUNT(*) FROM waves w CROSS JOIN invitations i WHERE w.workspace_id = $1 AND w.campaign = $2 AND w.status IN {open} \
         AND i.workspace_id = w.workspace_id AND i.wave_id = w.id AND i.state IN {asked} AND i.due_at >= $3"
    );
    let values: [Value; 3] = [ws.uuid().into(), campaign.into(), since.into()];
    let row = conn.query_one_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    let people: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u32::try_from(people).unwrap_or(u32::MAX))
}

/// The same of those who are invited one by one.
pub async fn asked_alone_since(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: &str, since: i64) -> Result<u32, StoreError> {
    let asked = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Campaign.eq(campaign));
    let asked = asked.filter(Column::WaveId.is_null()).filter(Column::DueAt.gte(since));
    let asked = asked.filter(Column::State.is_in(words(&InvitationState::ASKED)));
    Ok(u32::try_from(asked.count(conn).await?).unwrap_or(u32::MAX))
}

/// Whether an invitation of a campaign waits for this person.
pub async fn waits(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: &str, person: Uuid) -> Result<bool, StoreError> {
    let waiting = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::PersonId.eq(person));
    let waiting = waiting.filter(Column::Campaign.eq(campaign)).filter(Column::State.is_in(words(&InvitationState::UNSENT)));
    Ok(waiting.limit(1).one(conn).await?.is_some())
}

/// What becomes of an invitation that waited.
#[derive(Debug, Clone)]
pub struct Move {
    pub id: Uuid,
    pub state: InvitationState,
    pub reason: Option<&'static str>,
    pub due_at: i64,
    pub remind_at: Option<i64>,
    /// At once for a link; a mail is noted when the mail server has it.
    pub sent_at: Option<i64>,
    pub expires_at: Option<i64>,
}

/// Moves invitations on that still wait.
pub fn put_moves(script: &mut Script, ws: Uuid, moves: &[Move], now: i64) {
    const FIELDS: [(&str, Kind); 9] = [
        ("w", Kind::Uuid),
        ("i", Kind::Uuid),
        ("new_state", Kind::Text),
        ("new_reason", Kind::Text),
        ("due", Kind::Int),
        ("remind", Kind::Int),
        ("sent", Kind::Int),
        ("expires", Kind::Int),
        ("now", Kind::Int),
    ];
    script.update(
        "UPDATE invitations SET state = x.new_state, reason = x.new_reason, due_at = x.due, remind_at = x.remind, \
         sent_at = x.sent, expires_at = x.expires, updated_at = x.now",
        &FIELDS,
        &format!("invitations.workspace_id = x.w AND invitations.id = x.i AND invitations.state IN {}", among(&InvitationState::WAITING)),
        moves.iter().map(|row| {
            [
                ws.into(),
                row.id.into(),
                row.state.as_str().into(),
                row.reason.map(str::to_owned).into(),
                row.due_at.into(),
                row.remind_at.into(),
                row.sent_at.into(),
                row.expires_at.into(),
                now.into(),
            ]
        }),
    );
}

/// Those of a wave that are to be reminded.
pub async fn to_remind(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId, now: i64, limit: u64) -> Result<Vec<Uuid>, StoreError> {
    let due = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(ws.uuid()));
    let due = due.filter(Column::WaveId.eq(wave.uuid())).filter(Column::RemindAt.lte(now));
    Ok(due.order_by_asc(Column::RemindAt).limit(limit).into_tuple::<Uuid>().all(conn).await?)
}

/// A reminder that was sent or put off: how many there were, and when the next one is due.
#[derive(Debug, Clone, Copy)]
pub struct Reminded {
    pub id: Uuid,
    pub reminders: i64,
    pub remind_at: Option<i64>,
}

/// Notes what became of reminders.
pub fn put_reminded(script: &mut Script, ws: Uuid, rows: &[Reminded], now: i64) {
    const FIELDS: [(&str, Kind); 5] =
        [("w", Kind::Uuid), ("i", Kind::Uuid), ("sent", Kind::Int), ("remind", Kind::Int), ("now", Kind::Int)];
    script.update(
        "UPDATE invitations SET reminders = x.sent, remind_at = x.remind, updated_at = x.now",
        &FIELDS,
        "invitations.workspace_id = x.w AND invitations.id = x.i",
        rows.iter().map(|row| [ws.into(), row.id.into(), row.reminders.into(), row.remind_at.into(), now.into()]),
    );
}

/// Ends the invitations of a wave whose time for answering is over; how many.
pub async fn expire(tx: &Tx, ws: WorkspaceId, wave: WaveId, now: i64) -> Result<u64, StoreError> {
    let over = Entity::update_many()
        .col_expr(Column::State, Expr::value(InvitationState::Expired.as_str()))
        .col_expr(Column::Reason, Expr::value(Reason::Expired.as_str()))
        .col_expr(Column::RemindAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(wave_condition_from(ws, wave, InvitationState::Sent))
        .filter(Column::ExpiresAt.lte(now));
    Ok(over.exec(&**tx).await?.rows_affected)
}

/// When something in a wave is due next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// The first that waits.
    pub due_at: Option<i64>,
    /// The first reminder.
    pub remind_at: Option<i64>,
    /// Whether some stand in the outbox.
    pub queued: bool,
    /// Whether some can still be answered.
    pub sent: bool,
}

/// See [`Next`].
pub async fn next(conn: &impl ConnectionTrait, ws: WorkspaceId, wave: WaveId) -> Result<Next, StoreError> {
    let mut next = Next::default();
    for state in InvitationState::WAITING {
        let first = Entity::find().select_only().column(Column::DueAt).filter(wave_condition_from(ws, wave, state));
        let first = first.order_by_asc(Column::DueAt).limit(1).into_tuple::<i64>().one(conn).await?;
        next.due_at = next.due_at.into_iter().chain(first).min();
    }
    let first = Entity::find().select_only().column(Column::RemindAt).filter(Column::WorkspaceId.eq(ws.uuid()));
    let first = first
        .filter(Column::WaveId.eq(wave.uuid()))
        .filter(Column::RemindAt.is_not_null())
        .filter(Column::State.is_in(words(&[InvitationState::Queued, InvitationState::Sent])));
    next.remind_at = first.order_by_asc(Column::RemindAt).limit(1).into_tuple::<i64>().one(conn).await?;
    for (state, found) in [(InvitationState::Queued, &mut next.queued), (InvitationState::Sent, &mut next.sent)] {
        let one = Entity::find().select_only().column(Column::Id).filter(wave_condition_from(ws, wave, state)).limit(1);
        *found = one.into_tuple::<Uuid>().one(conn).await?.is_some();
    }
    Ok(next)
}

/// How many of a wave there are of each state and reason.
pub async fn counts(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    wave: WaveId,
) -> Result<BTreeMap<(InvitationState, Option<String>), i64>, StoreError> {
    let all = Entity::find().select_only().columns([Column::State, Column::Reason]).column_as(Column::Id.count(), "n");
    let all = all.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::WaveId.eq(wave.uuid()));
    let rows: Vec<(Stored<InvitationState>, Option<String>, i64)> =
        all.group_by(Column::State).group_by(Column::Reason).into_tuple().all(conn).await?;
    Ok(rows.into_iter().map(|(state, reason, n)| ((*state, reason), n)).collect())
}

/// How many mails were sent and how many of them were answered: in waves of this campaign, or in all.
pub async fn answered(conn: &impl ConnectionTrait, ws: WorkspaceId, campaign: Option<&str>) -> Result<(i64, i64), StoreError> {
    let sent = Entity::find().select_only().column(Column::State).column_as(Column::Id.count(), "n");
    let arrived = [InvitationState::Sent, InvitationState::Answered, InvitationState::Expired];
    let sent = sent.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::State.is_in(words(&arrived)));
    let sent = campaign.into_iter().fold(sent, |sent, campaign| sent.filter(Column::Campaign.eq(campaign)));
    let rows: Vec<(Stored<InvitationState>, i64)> = sent.group_by(Column::State).into_tuple().all(conn).await?;
    let all = rows.iter().map(|(_, n)| n).sum();
    Ok((all, rows.iter().find(|(state, _)| *state == InvitationState::Answered).map_or(0, |(_, n)| *n)))
}

/// Those whose mail was cancelled before it was handed over are not asked; how many.
pub async fn skip_cancelled(tx: &Tx, ws: WorkspaceId, now: i64) -> Result<u64, StoreError> {
    let of = "SELECT 1 FROM deliveries d WHERE d.workspace_id = $1 AND d.invitation_id = invitations.id AND d.status";
    let sql = format!(
        "UPDATE invitations SET state = {not_asked}, reason = '{skipped}', remind_at = NULL, updated_at = $2 WHERE workspace_id = $1 \
         AND state = {queued} AND EXISTS ({of} = {cancelled}) AND NOT EXISTS ({of} <> {cancelled})",
        not_asked = quoted(InvitationState::NotAsked),
        queued = quoted(InvitationState::Queued),
        skipped = Reason::Skipped.as_str(),
        cancelled = quoted(DeliveryStatus::Cancelled),
    );
    let values: [Value; 2] = [ws.uuid().into(), now.into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected())
}

/// Cancels what was not handed to the mail server: those that wait, and those in the outbox with their mails and jobs. With
/// `also_sent` the links of those that were sent end too. How many.
pub async fn cancel(tx: &Tx, ws: WorkspaceId, wave: WaveId, also_sent: bool, now: i64) -> Result<u64, StoreError> {
    const WHY: &str = "its wave was cancelled";
    let backend = tx.get_database_backend();
    let mails = format!(
        "UPDATE deliveries SET status = {cancelled}, reply = '{WHY}', updated_at = $3 WHERE workspace_id = $1 AND status IN {waiting} \
         AND invitation_id IN (SELECT i.id FROM invitations i WHERE i.workspace_id = $1 AND i.wave_id = $2 AND i.state IN {asked})",
        cancelled = quoted(DeliveryStatus::Cancelled),
        waiting = among(&DeliveryStatus::WAITING),
        asked = among(&[InvitationState::Queued, InvitationState::Sent]),
    );
    let mut cancelled = 0;
    tx.execute_raw(Statement::from_sql_and_values(backend, mails, [ws.uuid().into(), wave.uuid().into(), now.into()])).await?;
    let states: &[InvitationState] = if also_sent { &InvitationState::OPEN } else { &InvitationState::WAITING };
    let waiting = Entity::update_many()
        .col_expr(Column::State, Expr::value(InvitationState::Cancelled.as_str()))
        .col_expr(Column::Reason, Expr::value(Reason::Cancelled.as_str()))
        .col_expr(Column::RemindAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::WaveId.eq(wave.uuid()))
        .filter(Column::State.is_in(words(states)));
    cancelled += waiting.exec(&**tx).await?.rows_affected;
    // Of those in the outbox, the ones whose mail is between two commands of the mail server this very moment still go.
    let sql = format!(
        "UPDATE invitations SET state = {cancelled}, reason = '{reason}', remind_at = NULL, updated_at = $3 WHERE workspace_id = $1 \
         AND wave_id = $2 AND state = {queued} AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.workspace_id = $1 \
         AND d.invitation_id = invitations.id AND d.status IN {on_its_way})",
        cancelled = quoted(InvitationState::Cancelled),
        reason = Reason::Cancelled.as_str(),
        queued = quoted(InvitationState::Queued),
        on_its_way = among(&[DeliveryStatus::Sending, DeliveryStatus::Unknown, DeliveryStatus::Sent]),
    );
    let values: [Value; 3] = [ws.uuid().into(), wave.uuid().into(), now.into()];
    cancelled += tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected();
    let reminders = Entity::update_many().col_expr(Column::RemindAt, Expr::value(Option::<i64>::None));
    let reminders = reminders.filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::WaveId.eq(wave.uuid()));
    reminders.filter(Column::RemindAt.is_not_null()).exec(&**tx).await?;
    Ok(cancelled)
}
