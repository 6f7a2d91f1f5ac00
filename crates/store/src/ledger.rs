//! The send ledger in bulk: which mails are about to end, and what became of them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use hearback_core::{
    Word as _,
    state::{DeliveryStatus, InvitationState, State as _, TaskStatus, WaveStatus},
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{
    Db, StoreError, Tx,
    bulk::{Kind, select, to_json},
    case_list::late_at,
    cases, events,
    outbox::{self, Lease, Outcome},
    script::Script,
    stored::{Stored, among, quoted},
    time::millis,
};

/// Everything that one mail says and depends on.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Sendable {
    pub id: Uuid,
    pub case_id: Option<Uuid>,
    pub kind: String,
    pub to_address: String,
    pub to_name: Option<String>,
    pub status: Stored<DeliveryStatus>,
    pub attempts: i64,
    pub message_id: String,
    pub acknowledges: bool,
    pub created_at: i64,
    pub sent_at: Option<i64>,
    pub person_id: Option<Uuid>,
    pub person_name: Option<String>,
    pub person_locale: Option<String>,
    pub case_owner: Option<String>,
    pub first_contact_due_at: Option<i64>,
    pub score: Option<i64>,
    pub comment: Option<String>,
    pub task_title: Option<String>,
    pub task_due_at: Option<i64>,
    pub code_id: Option<Uuid>,
    pub sealed_code: Option<String>,
    pub referral_code: Option<String>,
    pub link: Option<String>,
    pub suppressed_for: Option<String>,
    /// Since when the mails of its rule are held.
    pub rule_paused_at: Option<i64>,
    /// Other mails to the same customer that went out, or are going out, since the moment that was asked about.
    pub lately: i64,
    pub duplicates: i64,
    /// The pool that this case waits for a code of.
    pub waits_for: Option<String>,
    /// How the workspace is set up.
    pub config_revision: i64,
    /// What one of us wrote.
    pub words: Option<String>,
    pub in_reply_to: Option<String>,
    /// The subject that it was given when it was decided on.
    pub subject: Option<String>,
    /// The invitation that it is a mail of, with where that stands.
    pub invitation_id: Option<Uuid>,
    pub invitation_state: Option<Stored<InvitationState>>,
    pub invitation_until: Option<i64>,
    pub survey_id: Option<Uuid>,
    pub wave_id: Option<Uuid>,
    pub wave_status: Option<Stored<WaveStatus>>,
}

/// Mails that somebody asked for about their own data: they leave within no limit.
const WISHES: &str = "('own_data_export', 'own_data_erase')";
/// Mails to one person alone, theirs by a wish or written by one of us in answer to them: they are no messages to all, and leave to
/// whoever wants no other mail.
const PERSONAL: &str = "('own_data_export', 'own_data_erase', 'agent_reply')";
/// The reasons that do not stop those.
const NOT_OF_PERSONAL: &str = "('unsubscribed', 'manual')";

/// Deliveries (workspace, id) with what they are about; those that are gone (erased) are left out. A mail to us that was decided
/// on later than the task of its case (by a delayed step, after a correction) is about that task.
pub async fn sendables(db: &Db, keys: &[(Uuid, Uuid)], since: i64) -> Result<HashMap<Uuid, Sendable>, StoreError> {
    const FIELDS: [(&str, Kind); 2] = [("w", Kind::Uuid), ("d", Kind::Uuid)];
    let backend = db.backend();
    let sql = format!(
        "WITH x AS MATERIALIZED ({}) \
         SELECT d.id, d.case_id, d.kind, d.to_address, d.to_name, d.status, d.attempts, d.message_id, d.acknowledges, \
         d.created_at, d.sent_at, d.duplicates, d.person_id, p.name AS person_name, p.locale AS person_locale, c.owner AS case_owner, \
         c.first_contact_due_at, r.score, r.comment, t.title AS task_title, t.due_at AS task_due_at, \
         g.id AS code_id, g.sealed AS sealed_code, \
         (SELECT y.pool FROM incentive_waits y WHERE y.workspace_id = d.workspace_id AND y.case_id = d.case_id AND y.ended_at IS NULL \
           LIMIT 1) AS waits_for, \
         f.code AS referral_code, d.link, COALESCE(s.reason, CASE WHEN p.id = d.person_id \
           AND (d.kind NOT IN {PERSONAL} OR p.opted_out_for NOT IN {NOT_OF_PERSONAL}) THEN p.opted_out_for END, \
           (SELECT 'survey_stopped' FROM preferences q WHERE q.workspace_id = d.workspace_id AND q.person_id = d.person_id \
             AND q.survey_key = v.key AND d.kind NOT IN {PERSONAL})) AS suppressed_for, \
         d.words, d.in_reply_to, d.subject, d.invitation_id, iv.state AS invitation_state, iv.expires_at AS invitation_until, \
         iv.survey_id, iv.wave_id, wv.status AS wave_status, w.config_revision, CASE WHEN d.exempt THEN NULL ELSE rv.paused_at END AS rule_paused_at, \
         (SELECT COUNT(*) FROM deliveries n WHERE n.workspace_id = d.workspace_id AND n.person_id = d.person_id AND n.id <> d.id \
           AND (n.status = {sending} OR n.sent_at > $2)) AS lately \
         FROM x CROSS JOIN deliveries d CROSS JOIN workspaces w \
         LEFT JOIN cases c ON c.workspace_id = d.workspace_id AND c.id = d.case_id \
         LEFT JOIN invitations iv ON iv.workspace_id = d.workspace_id AND iv.id = d.invitation_id \
         LEFT JOIN waves wv ON wv.workspace_id = d.workspace_id AND wv.id = iv.wave_id \
         LEFT JOIN surveys v ON v.workspace_id = d.workspace_id AND v.id = COALESCE(c.survey_id, iv.survey_id) \
         LEFT JOIN responses r ON r.workspace_id = d.workspace_id AND r.id = c.response_id \
         LEFT JOIN persons p ON p.workspace_id = d.workspace_id AND p.id = COALESCE(c.person_id, d.person_id) \
         LEFT JOIN tasks t ON t.workspace_id = d.workspace_id AND t.id = COALESCE(d.task_id, (SELECT o.id FROM tasks o \
           WHERE o.workspace_id = d.workspace_id AND o.case_id = d.case_id AND NOT d.acknowledges \
           ORDER BY CASE WHEN o.status = {open} THEN 0 ELSE 1 END, o.created_at DESC LIMIT 1)) \
         LEFT JOIN incentive_codes g ON g.workspace_id = d.workspace_id AND g.id = (SELECT i.id FROM incentive_codes i \
           WHERE i.workspace_id = d.workspace_id AND i.case_id = d.case_id AND i.case_id IS NOT NULL ORDER BY i.given_at DESC, i.id LIMIT 1) \
         LEFT JOIN referrals f ON f.workspace_id = d.workspace_id AND f.person_id = d.person_id \
         LEFT JOIN suppressions s ON s.workspace_id = d.workspace_id AND s.address = d.to_address \
         AND (d.kind NOT IN {PERSONAL} OR s.reason NOT IN {NOT_OF_PERSONAL}) \
         LEFT JOIN rule_versions rv ON rv.workspace_id = d.workspace_id AND rv.id = d.rule_version_id \
         WHERE d.workspace_id = x.w AND d.id = x.d AND w.id = d.workspace_id",
        select(backend, &FIELDS, 1),
        sending = quoted(DeliveryStatus::Sending),
        open = quoted(TaskStatus::Open),
    );
    let json = to_json(backend, keys.iter().map(|(ws, delivery)| [Value::from(*ws), Value::from(*delivery)]));
    let rows = db.by_key().query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(json), since.into()])).await?;
    rows.iter().map(|row| Sendable::from_query_result(row, "").map(|mail| (mail.id, mail))).collect::<Result<_, _>>().map_err(Into::into)
}

/// A mail that is about to end: its key and the claim under which it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub workspace: Uuid,
    pub delivery: Uuid,
    pub job: Uuid,
    pub fence: Uuid,
}

/// What became of a mail.
#[derive(Debug, Clone)]
pub struct DeliveryOutcome {
    pub workspace: Uuid,
    pub delivery: Uuid,
    pub status: DeliveryStatus,
    pub subject: Option<String>,
    pub reply: Option<String>,
    pub sent_at: Option<i64>,
    /// 1 when an attempt failed before it was counted by its mark.
    pub attempts: i64,
    /// What becomes of the invitation that it is the mail of.
    pub moved: Option<Moved>,
}

/// What becomes of an invitation with its mail. One that has ended meanwhile stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub invitation: Uuid,
    pub state: InvitationState,
    /// A word of `hearback_core::campaign::Reason`.
    pub reason: Option<&'static str>,
}

/// A mail that is reported on, whose outcome is still open, with the case that it may move on.
#[derive(Debug)]
pub struct Reported {
    pub delivery: Uuid,
    pub case: Option<cases::Model>,
    /// How its workspace is set up.
    pub config_revision: i64,
}

/// Of these mails (workspace, delivery, and the case if it is asked for) those whose outcome is open, locked until the
/// transaction ends: cases first, each kind in one order, so that two batches never wait for each other in a circle.
/// A mail that is recorded as sent never changes any more.
pub async fn lock_reported(tx: &Tx, keys: &[(Uuid, Uuid, Option<Uuid>)]) -> Result<Vec<Reported>, StoreError> {
    const FIELDS: [(&str, Kind); 3] = [("w", Kind::Uuid), ("d", Kind::Uuid), ("c", Kind::Uuid)];
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let backend = tx.get_database_backend();
    let x = select(backend, &FIELDS, 1);
    let (of_cases, of_mails) = match backend {
        DbBackend::Postgres => ("ORDER BY cases.id FOR UPDATE OF cases", "AND (SELECT count(*) FROM k) >= 0 ORDER BY d.id FOR UPDATE OF d"),
        _ => ("", ""),
    };
    let settled = among(&SETTLED);
    let sql = format!(
        "WITH x AS ({x}), \
         k AS MATERIALIZED (SELECT cases.* FROM x CROSS JOIN cases WHERE cases.workspace_id = x.w AND cases.id = x.c {of_cases}), \
         m AS MATERIALIZED (SELECT d.workspace_id AS w, d.id AS delivery FROM x CROSS JOIN deliveries AS d \
           WHERE d.workspace_id = x.w AND d.id = x.d AND d.status NOT IN {settled} {of_mails}) \
         SELECT m.delivery, w.config_revision, k.* FROM m JOIN x ON x.w = m.w AND x.d = m.delivery \
         JOIN workspaces AS w ON w.id = m.w LEFT JOIN k ON k.workspace_id = x.w AND k.id = x.c"
    );
    let records = keys.iter().map(|(ws, delivery, case)| [Value::from(*ws), Value::from(*delivery), Value::from(*case)]);
    let json = to_json(backend, records);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [Value::from(json)])).await?;
    let read = |row: &QueryResult| -> Result<Reported, DbErr> {
        let (delivery, config_revision) = (row.try_get("", "delivery")?, row.try_get("", "config_revision")?);
        Ok(Reported { delivery, config_revision, case: cases::Model::from_query_result_optional(row, "")? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// What was sent or called off is not reported on.
const SETTLED: [DeliveryStatus; 2] = [DeliveryStatus::Sent, DeliveryStatus::Cancelled];

/// Everything that one transaction of the ledger writes.
#[derive(Debug, Default)]
pub struct Writes<'a> {
    /// What became of mails that [`lock_reported`] has named.
    pub delivery_outcomes: Vec<&'a DeliveryOutcome>,
    /// What becomes of their jobs.
    pub settled: Vec<(&'a Lease, Outcome)>,
    /// Where the loops of these cases stand after an acknowledgement.
    pub cases: Vec<cases::Model>,
    /// What the timelines say.
    pub events: Vec<events::Model>,
    /// Mails that are about to end.
    pub marks: Vec<Mark>,
    /// Mails to one customer within 24 hours at most; absent: any number.
    pub most_a_day: Option<u32>,
}

/// Writes it all at once. Returns the deliveries of the marks whose end may now be sent: the claim still holds, the mail was
/// not cancelled or sent meanwhile, nobody opted out, and the customer got fewer mails lately than the limit. No mail is both reported on and marked.
pub async fn write(tx: &Tx, writes: &Writes<'_>, now: DateTime<Utc>) -> Result<HashSet<Uuid>, StoreError> {
    marked(&script(tx.get_database_backend(), writes, now).run_returning(tx, MARKED).await?)
}

/// The same as a transaction of its own.
pub async fn write_alone(db: &Db, writes: &Writes<'_>, now: DateTime<Utc>) -> Result<HashSet<Uuid>, StoreError> {
    marked(&script(db.backend(), writes, now).run_alone(db, MARKED).await?)
}

const MARKED: &str = " RETURNING deliveries.id";

fn marked(rows: &[QueryResult]) -> Result<HashSet<Uuid>, StoreError> {
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?)
}

fn script(backend: DbBackend, writes: &Writes<'_>, now: DateTime<Utc>) -> Script {
    let mut script = Script::on(backend);
    record(&mut script, &writes.delivery_outcomes, millis(now));
    outbox::settle_in(&mut script, &writes.settled, now);
    put_loops(&mut script, &writes.cases);
    script.insert::<events::Entity>(&writes.events);
    move_invitations(&mut script, &writes.delivery_outcomes, millis(now));
    mark_sending(&mut script, &writes.marks, millis(now), writes.most_a_day);
    script
}

fn mark_sending(script: &mut Script, marks: &[Mark], now: i64, most: Option<u32>) {
    const DAY: i64 = 24 * 3_600_000;
    const FIELDS: [(&str, Kind); 7] = [
        ("w", Kind::Uuid),
        ("d", Kind::Uuid),
        ("j", Kind::Uuid),
        ("fence", Kind::Uuid),
        ("now", Kind::Int),
        ("since", Kind::Int),
        ("most", Kind::Int),
    ];
    let most = most.map_or(i64::MAX, i64::from);
    script.update(
        &format!(
            "UPDATE deliveries SET status = {}, attempts = attempts + 1, \
             duplicates = duplicates + CASE WHEN status = {} THEN 1 ELSE 0 END, updated_at = x.now",
            quoted(DeliveryStatus::Sending),
            quoted(DeliveryStatus::Unknown)
        ),
        &FIELDS,
        &format!(
            "deliveries.workspace_id = x.w AND deliveries.id = x.d AND deliveries.status IN {unsent} \
         AND EXISTS (SELECT 1 FROM outbox o WHERE o.workspace_id = x.w AND o.id = x.j AND o.lease_id = x.fence) \
         AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = x.w AND s.address = deliveries.to_address \
           AND (deliveries.kind NOT IN {PERSONAL} OR s.reason NOT IN {NOT_OF_PERSONAL})) \
         AND NOT EXISTS (SELECT 1 FROM persons p WHERE p.workspace_id = x.w AND p.id = deliveries.person_id AND p.opted_out_for IS NOT NULL \
           AND (deliveries.kind NOT IN {PERSONAL} OR p.opted_out_for NOT IN {NOT_OF_PERSONAL})) \
         AND NOT EXISTS (SELECT 1 FROM preferences q CROSS JOIN cases c CROSS JOIN surveys v WHERE deliveries.kind NOT IN {PERSONAL} AND q.workspace_id = x.w \
           AND q.person_id = deliveries.person_id AND c.workspace_id = x.w AND c.id = deliveries.case_id \
           AND v.workspace_id = x.w AND v.id = c.survey_id AND v.key = q.survey_key) \
         AND NOT EXISTS (SELECT 1 FROM invitations iv JOIN surveys v ON v.workspace_id = iv.workspace_id AND v.id = iv.survey_id \
           LEFT JOIN waves wv ON wv.workspace_id = iv.workspace_id AND wv.id = iv.wave_id \
           LEFT JOIN preferences q ON q.workspace_id = iv.workspace_id AND q.person_id = iv.person_id AND q.survey_key = v.key \
           WHERE iv.workspace_id = x.w AND iv.id = deliveries.invitation_id AND (q.person_id IS NOT NULL \
           OR wv.status IN {stopped} OR iv.state NOT IN {open})) \
         AND (SELECT COUNT(*) FROM deliveries n WHERE n.workspace_id = x.w AND n.person_id = deliveries.person_id \
           AND n.id <> deliveries.id AND (n.status = {sending} OR n.sent_at > x.since)) < CASE WHEN deliveries.kind IN {WISHES} THEN 9223372036854775807 ELSE x.most END",
            unsent = among(&DeliveryStatus::before(DeliveryStatus::Sending)),
            stopped = among(&[WaveStatus::Paused, WaveStatus::Cancelled]),
            open = among(&InvitationState::OPEN),
            sending = quoted(DeliveryStatus::Sending),
        ),
        marks.iter().map(|mark| {
            [mark.workspace.into(), mark.delivery.into(), mark.job.into(), mark.fence.into(), now.into(), (now - DAY).into(), most.into()]
        }),
    );
}

fn record(script: &mut Script, delivery_outcomes: &[&DeliveryOutcome], now: i64) {
    const FIELDS: [(&str, Kind); 8] = [
        ("w", Kind::Uuid),
        ("d", Kind::Uuid),
        ("new_status", Kind::Text),
        ("new_subject", Kind::Text),
        ("new_reply", Kind::Text),
        ("new_sent_at", Kind::Int),
        ("more", Kind::Int),
        ("now", Kind::Int),
    ];
    script.update(
        "UPDATE deliveries SET status = x.new_status, subject = COALESCE(x.new_subject, subject), \
         reply = COALESCE(x.new_reply, reply), sent_at = COALESCE(x.new_sent_at, sent_at), attempts = attempts + x.more, updated_at = x.now",
        &FIELDS,
        &format!("deliveries.workspace_id = x.w AND deliveries.id = x.d AND deliveries.status NOT IN {}", among(&SETTLED)),
        delivery_outcomes.iter().map(|delivery_outcome| {
            [
                delivery_outcome.workspace.into(),
                delivery_outcome.delivery.into(),
                delivery_outcome.status.as_str().into(),
                delivery_outcome.subject.clone().into(),
                delivery_outcome.reply.clone().into(),
                delivery_outcome.sent_at.into(),
                delivery_outcome.attempts.into(),
                now.into(),
            ]
        }),
    );
}

fn move_invitations(script: &mut Script, delivery_outcomes: &[&DeliveryOutcome], now: i64) {
    const FIELDS: [(&str, Kind); 6] = [
        ("w", Kind::Uuid),
        ("i", Kind::Uuid),
        ("new_state", Kind::Text),
        ("new_reason", Kind::Text),
        ("new_sent_at", Kind::Int),
        ("now", Kind::Int),
    ];
    let moved: Vec<_> =
        delivery_outcomes.iter().filter_map(|delivery_outcome| Some((delivery_outcome, delivery_outcome.moved.as_ref()?))).collect();
    if moved.is_empty() {
        return;
    }
    script.update(
        &format!(
            "UPDATE invitations SET state = CASE WHEN state IN {unsent} THEN x.new_state ELSE state END, \
             reason = CASE WHEN state IN {unsent} THEN x.new_reason ELSE reason END, \
             sent_at = COALESCE(sent_at, x.new_sent_at), updated_at = x.now",
            unsent = among(&InvitationState::UNSENT)
        ),
        &FIELDS,
        "invitations.workspace_id = x.w AND invitations.id = x.i",
        moved.into_iter().map(|(delivery_outcome, moved)| {
            [
                delivery_outcome.workspace.into(),
                moved.invitation.into(),
                moved.state.as_str().into(),
                moved.reason.map(str::to_owned).into(),
                delivery_outcome.sent_at.into(),
                now.into(),
            ]
        }),
    );
}

fn put_loops(script: &mut Script, rows: &[cases::Model]) {
    const FIELDS: [(&str, Kind); 11] = [
        ("w", Kind::Uuid),
        ("c", Kind::Uuid),
        ("new_status", Kind::Text),
        ("contact", Kind::Int),
        ("ack", Kind::Int),
        ("closed", Kind::Int),
        ("due", Kind::Int),
        ("waiting", Kind::Int),
        ("next_deadline", Kind::Int),
        ("late", Kind::Int),
        ("now", Kind::Int),
    ];
    script.update(
        "UPDATE cases SET loop_status = x.new_status, first_contact_at = x.contact, acknowledged_at = x.ack, \
         closed_at = x.closed, close_due_at = x.due, waiting_since = x.waiting, next_deadline_at = x.next_deadline, late_at = x.late, \
         updated_at = x.now",
        &FIELDS,
        "cases.workspace_id = x.w AND cases.id = x.c",
        rows.iter().map(|row| {
            [
                row.workspace_id.into(),
                row.id.into(),
                row.loop_status.into(),
                row.first_contact_at.into(),
                row.acknowledged_at.into(),
                row.closed_at.into(),
                row.close_due_at.into(),
                row.waiting_since.into(),
                row.next_deadline_at.into(),
                late_at(row).into(),
                row.updated_at.into(),
            ]
        }),
    );
}

/// Cancels mails that were not handed over yet; returns those that were.
pub async fn cancel(tx: &Tx, ws: Uuid, deliveries: &[Uuid], now: i64) -> Result<HashSet<Uuid>, StoreError> {
    const FIELDS: [(&str, Kind); 2] = [("w", Kind::Uuid), ("d", Kind::Uuid)];
    if deliveries.is_empty() {
        return Ok(HashSet::new());
    }
    let backend = tx.get_database_backend();
    let sql = format!(
        "WITH x AS ({}) UPDATE deliveries SET status = {}, updated_at = $2 FROM x WHERE deliveries.workspace_id = x.w \
         AND deliveries.id = x.d AND deliveries.status IN {} RETURNING deliveries.id",
        select(backend, &FIELDS, 1),
        quoted(DeliveryStatus::Cancelled),
        among(&DeliveryStatus::WAITING)
    );
    ids(tx, backend, sql, to_json(backend, deliveries.iter().map(|id| [Value::from(ws), Value::from(*id)])), Some(now)).await
}

async fn ids(tx: &Tx, backend: DbBackend, sql: String, json: String, now: Option<i64>) -> Result<HashSet<Uuid>, StoreError> {
    let values: Vec<Value> = std::iter::once(Value::from(json)).chain(now.map(Value::from)).collect();
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?)
}

/// Pauses a wave that goes on, whose mails do more harm than good; its campaign and name, if it did go on.
pub async fn pause_wave(tx: &Tx, ws: Uuid, wave: Uuid, why: &str, now: i64) -> Result<Option<String>, StoreError> {
    let sql = format!(
        "UPDATE waves SET status = {}, paused_at = $4, reason = $3 WHERE workspace_id = $1 AND id = $2 AND status IN {} \
         RETURNING campaign || ' ' || name",
        quoted(WaveStatus::Paused),
        among(&WaveStatus::before(WaveStatus::Paused))
    );
    let values: [Value; 4] = [ws.into(), wave.into(), why.into(), now.into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}
