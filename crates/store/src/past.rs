//! Answers as they were given, in the order of their time, to try rules out on. Reads only.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::{StoreError, persons, responses};

/// An answer with who gave it. What no rule can ask about is left empty; the properties and the language are those that the
/// person had when they answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub case: Uuid,
    pub response: responses::Model,
    pub person: persons::Model,
}

/// The next answers behind `after` (time of the answer, case) and before `until`; at most `limit`.
pub async fn answers(conn: &impl ConnectionTrait, ws: Uuid, after: (i64, Uuid), until: i64, limit: u64) -> Result<Vec<Answer>, StoreError> {
    // The order of the join is fixed: one walk along the index of the cases by time, and the rest by primary key. The first
    // half of the comparison says nothing new, but an index can start from it.
    const SQL: &str = "SELECT c.id, c.answered_at, r.id, r.survey_id, r.score, r.segment, r.channel, r.comment, r.locale, r.properties, \
         p.id, p.email, p.name, p.owner, p.account_key FROM cases c CROSS JOIN responses r CROSS JOIN persons p \
         WHERE c.workspace_id = $1 AND c.answered_at >= $2 AND (c.answered_at > $2 OR c.id > $3) AND c.answered_at < $4 \
         AND r.workspace_id = c.workspace_id AND r.id = c.response_id AND p.workspace_id = c.workspace_id AND p.id = c.person_id \
         ORDER BY c.answered_at, c.id LIMIT $5";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [Value; 5] = [ws.into(), after.0.into(), after.1.into(), until.into(), limit.into()];
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), SQL, values)).await?;
    rows.iter().map(|row| read(row, ws)).collect()
}

fn read(row: &QueryResult, ws: Uuid) -> Result<Answer, StoreError> {
    let answered_at: i64 = row.try_get_by_index(1)?;
    let person_id: Uuid = row.try_get_by_index(10)?;
    let locale: Option<String> = row.try_get_by_index(8)?;
    let properties: String = row.try_get_by_index(9)?;
    let score: i64 = row.try_get_by_index(4)?;
    let response = responses::Model {
        workspace_id: ws,
        id: row.try_get_by_index(2)?,
        survey_id: row.try_get_by_index(3)?,
        person_id,
        idem_key: String::new(),
        body_hash: String::new(),
        external_id: None,
        score,
        first_score: score,
        segment: row.try_get_by_index(5)?,
        comment: row.try_get_by_index(7)?,
        channel: row.try_get_by_index(6)?,
        locale: None,
        properties: String::new(),
        revision: 1,
        answered_at,
        created_at: answered_at,
        updated_at: answered_at,
        answers: None,
        invitation_id: None,
        may_contact: None,
        settled_at: Some(answered_at),
    };
    let person = persons::Model {
        workspace_id: ws,
        id: person_id,
        key: String::new(),
        external_id: None,
        email: row.try_get_by_index(11)?,
        name: row.try_get_by_index(12)?,
        locale,
        timezone: None,
        owner: row.try_get_by_index(13)?,
        account_key: row.try_get_by_index(14)?,
        properties,
        merged_into: None,
        opted_out_for: None,
        opted_out_at: None,
        search: String::new(),
        created_at: answered_at,
        updated_at: answered_at,
    };
    Ok(Answer { case: row.try_get_by_index(0)?, response, person })
}
