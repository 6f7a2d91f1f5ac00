//! People as asking looks at them: who they are, whether they may be written to, when they were asked last. Reads only.

use std::fmt::Write as _;

use hearback_core::{id::WorkspaceId, state::InvitationState};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError, Tx,
    bulk::{Kind, select, to_json},
    stored::{among, quoted},
};

/// One person.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Candidate {
    pub id: Uuid,
    pub email: Option<String>,
    pub name: Option<String>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub owner: Option<String>,
    pub account_key: Option<String>,
    /// Only where it was asked for.
    pub properties: Option<String>,
    /// Only where it was asked for.
    pub account_properties: Option<String>,
    /// Why they or their address must not be mailed, or `survey_stopped`.
    pub blocked: Option<String>,
    /// When they were asked last, about anything; mails that are on their way count.
    pub last_asked: Option<i64>,
    /// Whether another invitation of the same campaign waits for them.
    pub waits: i64,
    /// The invitation that is looked at, and since when they have answered its survey.
    pub invitation: Option<Uuid>,
    pub answered: Option<i64>,
}

/// What is asked about everybody.
#[derive(Debug, Clone)]
pub struct Look {
    /// Key of the survey.
    pub survey: String,
    pub campaign: String,
    /// The wave that is planned; whoever has a place in it is not looked for there.
    pub wave: Uuid,
    /// Whether the audience looks at properties of people.
    pub properties: bool,
    /// The same of accounts.
    pub accounts: bool,
}

/// Columns that both ways of looking share. `p` is the person; `$2` the survey's key.
const COLUMNS: &str = "p.id, p.email, p.name, p.locale, p.timezone, p.owner, p.account_key, \
     COALESCE(s.reason, p.opted_out_for, CASE WHEN q.survey_key IS NOT NULL THEN 'survey_stopped' END) AS blocked";
const JOINS: &str = "LEFT JOIN suppressions s ON s.workspace_id = p.workspace_id AND s.address = p.email \
     LEFT JOIN preferences q ON q.workspace_id = p.workspace_id AND q.person_id = p.id AND q.survey_key = $2";
/// When the person was asked last, by another invitation than the one in `but`.
fn last_asked(but: &str) -> String {
    format!(
        "(SELECT MAX(COALESCE(i.sent_at, i.due_at)) FROM invitations i WHERE i.workspace_id = p.workspace_id AND i.person_id = p.id \
         AND (i.sent_at IS NOT NULL OR i.state = {}){but}) AS last_asked",
        quoted(InvitationState::Queued)
    )
}

/// The people behind `after`, by id, at most `limit`. Those who were merged into others, were erased, or never said who they are
/// are nobody to ask.
pub async fn people(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    look: &Look,
    after: Uuid,
    limit: u64,
) -> Result<Vec<Candidate>, StoreError> {
    let mut sql = format!("SELECT {COLUMNS}, {}", last_asked(""));
    sql.push_str(if look.properties { ", p.properties" } else { ", NULL AS properties" });
    sql.push_str(if look.accounts { ", a.properties AS account_properties" } else { ", NULL AS account_properties" });
    let _ = write!(
        sql,
        ", CAST(CASE WHEN EXISTS (SELECT 1 FROM invitations o WHERE o.workspace_id = p.workspace_id AND o.person_id = p.id \
         AND o.campaign = $3 AND o.wave_id <> $4 AND o.state IN {}) THEN 1 ELSE 0 END AS BIGINT) AS waits, \
         NULL AS invitation, NULL AS answered FROM persons p {JOINS}",
        among(&InvitationState::UNSENT)
    );
    if look.accounts {
        sql.push_str(" LEFT JOIN accounts a ON a.workspace_id = p.workspace_id AND a.key = p.account_key");
    }
    sql.push_str(
        " WHERE p.workspace_id = $1 AND p.id > $5 AND p.merged_into IS NULL AND (p.email IS NOT NULL OR p.external_id IS NOT NULL) \
         ORDER BY p.id LIMIT $6",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [Value; 6] =
        [ws.uuid().into(), look.survey.clone().into(), look.campaign.clone().into(), look.wave.into(), after.into(), limit.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| Candidate::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// One transaction at a time decides about the people of a workspace, until it ends: two that ask the same person at the same moment
/// must see each other, or the recontact limit is none. (SQLite has one writer anyway.)
pub async fn one_at_a_time(tx: &Tx, ws: WorkspaceId) -> Result<(), StoreError> {
    const SQL: &str = "SELECT pg_advisory_xact_lock(hashtextextended('asking/' || CAST($1 AS TEXT), 0))";
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, SQL, [Value::from(ws.uuid())])).await?;
    }
    Ok(())
}

/// The people of these invitations to a survey. Whoever decides by it whether they are asked holds [`one_at_a_time`].
pub async fn invited(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    survey: &str,
    invitations: &[Uuid],
) -> Result<Vec<Candidate>, StoreError> {
    let backend = conn.get_database_backend();
    let sql = format!(
        "SELECT {COLUMNS}, {}, NULL AS properties, NULL AS account_properties, CAST(0 AS BIGINT) AS waits, v.id AS invitation, \
         (SELECT MAX(r.answered_at) FROM responses r CROSS JOIN surveys k WHERE r.workspace_id = v.workspace_id AND r.person_id = p.id \
           AND r.answered_at >= v.created_at AND k.workspace_id = r.workspace_id AND k.id = r.survey_id AND k.key = $2) AS answered \
         FROM ({}) AS x CROSS JOIN invitations v CROSS JOIN persons p {JOINS} \
         WHERE v.workspace_id = $1 AND v.id = x.i AND p.workspace_id = v.workspace_id AND p.id = v.person_id",
        last_asked(" AND i.id <> v.id"),
        select(backend, &[("i", Kind::Uuid)], 3)
    );
    let json = to_json(backend, invitations.iter().map(|id| [Value::from(*id)]));
    let values: [Value; 3] = [ws.uuid().into(), survey.into(), json.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| Candidate::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// What work followed from answers since then: for each owner of customers (as stored; empty for nobody), how many answers
/// there were; and for each of them and each owner of tasks, how many tasks.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    pub answers: Vec<(String, i64)>,
    pub tasks: Vec<(String, String, i64)>,
}

/// See [`Followed`].
pub async fn followed(conn: &impl ConnectionTrait, ws: WorkspaceId, since: i64) -> Result<Followed, StoreError> {
    const ANSWERS: &str = "SELECT COALESCE(p.owner, '') AS o, COUNT(*) FROM cases c CROSS JOIN persons p WHERE c.workspace_id = $1 \
         AND c.answered_at >= $2 AND p.workspace_id = c.workspace_id AND p.id = c.person_id GROUP BY COALESCE(p.owner, '')";
    const TASKS: &str = "SELECT COALESCE(p.owner, '') AS o, t.owner, COUNT(*) FROM cases c CROSS JOIN persons p CROSS JOIN tasks t \
         WHERE c.workspace_id = $1 AND c.answered_at >= $2 AND p.workspace_id = c.workspace_id AND p.id = c.person_id \
         AND t.workspace_id = c.workspace_id AND t.case_id = c.id GROUP BY COALESCE(p.owner, ''), t.owner";
    let values = || [Value::from(ws.uuid()), Value::from(since)];
    let backend = conn.get_database_backend();
    let answers = conn.query_all_raw(Statement::from_sql_and_values(backend, ANSWERS, values())).await?;
    let tasks = conn.query_all_raw(Statement::from_sql_and_values(backend, TASKS, values())).await?;
    let mut followed = Followed::default();
    for row in answers {
        followed.answers.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    }
    for row in tasks {
        followed.tasks.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    Ok(followed)
}
