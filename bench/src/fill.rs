//! Many answers or people at once, made by the database itself: what the benchmarks of large data measure on.
//!
//! Every row is what the product would have stored for an answer of the last year whose loop is long done, or, for a few
//! in a hundred, still open. Only for a database that may be thrown away.

use hearback_core::id::{SurveyId, WorkspaceId};
use hearback_store::{Db, StoreError, loop_counts};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};

/// Milliseconds of a year.
const YEAR: i64 = 31_536_000_000;
/// Answers stored by one transaction.
const CHUNK: i64 = 100_000;

/// Stores the answers number `from` to `to` (exclusive) of a survey, with customers, cases and roll-ups.
pub async fn answers(db: &Db, ws: WorkspaceId, survey: SurveyId, from: i64, to: i64, now: i64) -> Result<(), StoreError> {
    let backend = db.backend();
    let mut first = from;
    while first < to {
        let end = (first + CHUNK).min(to);
        let tx = db.write().await?;
        for sql in [persons(backend), responses(backend), cases(backend)] {
            let all = [ws.uuid().into(), survey.uuid().into(), first.into(), (end - 1).into(), now.into()];
            // A person has no survey and no time of an answer: what a statement does not name, it is not given.
            let values: Vec<Value> = if sql.contains("$5") { all.to_vec() } else { all[..4].to_vec() };
            tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        }
        tx.commit().await?;
        first = end;
    }
    rollups(db, ws).await?;
    match backend {
        DbBackend::Postgres => {
            db.read().execute_unprepared("VACUUM ANALYZE persons, responses, cases, rollups, loop_counts, loop_durations").await?
        }
        _ => db.read().execute_unprepared("ANALYZE").await?,
    };
    Ok(())
}

/// Stores people number 0 to `people` of many zones and accounts: one in ten was asked within the last weeks, one in a hundred
/// wants no mail.
pub async fn people(db: &Db, ws: WorkspaceId, survey: SurveyId, people: i64, now: i64) -> Result<(), StoreError> {
    let backend = db.backend();
    let (person, invitation) = (id(backend, 1, "n"), id(backend, 4, "n"));
    let all = format!(
        "INSERT INTO persons (workspace_id, id, key, email, name, locale, timezone, account_key, owner, properties, search, created_at, updated_at) \
         SELECT $1, {person}, 'email:fill' || n || '@bench.example', 'fill' || n || '@bench.example', 'Customer ' || n, 'lt', \
         CASE n % 5 WHEN 0 THEN 'Europe/Vilnius' WHEN 1 THEN 'America/New_York' WHEN 2 THEN 'Asia/Tokyo' WHEN 3 THEN 'Europe/Helsinki' END, \
         CASE WHEN n % 3 = 0 THEN 'account' || (n / 30) END, 'agent' || (n % 20) || '@bench.example', \
         '{{\"plan\":\"' || (CASE n % 4 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' WHEN 2 THEN 'basic' ELSE 'none' END) || '\",\"orders\":' || (n % 40) || '}}', \
         {SEARCH}, 0, 0 FROM ({}) AS numbers WHERE $2 IS NOT NULL AND $5 > 0",
        numbers(backend)
    );
    let asked = format!(
        "INSERT INTO invitations (workspace_id, id, person_id, survey_id, channel, state, due_at, ignores_limits, reminders, sent_at, \
         created_at, updated_at) SELECT $1, {invitation}, {person}, $2, 'email', 'sent', $5 - n % 2000000000, false, 0, \
         $5 - n % 2000000000, 0, 0 FROM ({}) AS numbers WHERE n % 10 = 7",
        numbers(backend)
    );
    let unwilling = format!(
        "INSERT INTO suppressions (workspace_id, address, reason, created_at) SELECT $1, 'fill' || n || '@bench.example', 'unsubscribed', 0 \
         FROM ({}) AS numbers WHERE n % 100 = 13 AND $2 IS NOT NULL AND $5 > 0",
        numbers(backend)
    );
    let mut first = 0;
    while first < people {
        let end = (first + CHUNK).min(people);
        let tx = db.write().await?;
        for sql in [&all, &asked, &unwilling] {
            let values: [Value; 5] = [ws.uuid().into(), survey.uuid().into(), first.into(), (end - 1).into(), now.into()];
            tx.execute_raw(Statement::from_sql_and_values(backend, sql.clone(), values)).await?;
        }
        tx.commit().await?;
        first = end;
    }
    if backend == DbBackend::Postgres {
        db.read().execute_unprepared("VACUUM ANALYZE persons, invitations, suppressions").await?;
    }
    Ok(())
}

/// `n` from `$3` to `$4`.
fn numbers(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "SELECT CAST(n AS BIGINT) AS n FROM generate_series(CAST($3 AS BIGINT), CAST($4 AS BIGINT)) AS s(n)",
        _ => "WITH RECURSIVE s(n) AS (SELECT $3 UNION ALL SELECT n + 1 FROM s WHERE n < $4) SELECT n FROM s",
    }
}

/// An id of a kind: `kind` is one hexadecimal digit.
fn id(backend: DbBackend, kind: u8, n: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("CAST('{kind}' || lpad(to_hex({n}), 31, '0') AS uuid)"),
        _ => format!("unhex(printf('{kind}%031x', {n}))"),
    }
}

/// By which customer `n` is found.
const SEARCH: &str = "'customer ' || n || '\n' || 'fill' || n || '@bench.example'";

/// One customer for each four answers.
fn persons(backend: DbBackend) -> String {
    let id = id(backend, 1, "n");
    format!(
        "INSERT INTO persons (workspace_id, id, key, email, name, locale, properties, search, created_at, updated_at) \
         SELECT $1, {id}, 'email:fill' || n || '@bench.example', 'fill' || n || '@bench.example', 'Customer ' || n, 'lt', \
         '{{\"plan\":\"gold\",\"orders\":' || (n % 40) || '}}', {SEARCH}, 0, 0 FROM ({}) AS numbers WHERE n % 4 = 0 AND $2 IS NOT NULL",
        numbers(backend)
    )
}

/// When answer `n` was given: anywhere in the year before `$5`.
fn answered() -> String {
    format!("($5 - (n * 48271 % 525600) * 60000 - n % 60000 - {YEAR} / 525600)")
}

/// Two thirds promoters, one in twelve a detractor.
const SCORE: &str = "(CASE n % 12 WHEN 7 THEN 3 WHEN 3 THEN 8 WHEN 6 THEN 7 WHEN 10 THEN 8 WHEN 1 THEN 9 ELSE 10 END)";
const SEGMENT: &str =
    "(CASE n % 12 WHEN 7 THEN 'detractor' WHEN 3 THEN 'passive' WHEN 6 THEN 'passive' WHEN 10 THEN 'passive' ELSE 'promoter' END)";

fn responses(backend: DbBackend) -> String {
    let (id, person, at) = (id(backend, 2, "n"), id(backend, 1, "n - n % 4"), answered());
    format!(
        "INSERT INTO responses (workspace_id, id, survey_id, person_id, idem_key, body_hash, external_id, score, first_score, segment, comment, \
         channel, locale, properties, revision, answered_at, created_at, updated_at) \
         SELECT $1, {id}, $2, {person}, 'fill-' || n, 'fill', 'fill-' || n, {SCORE}, {SCORE}, {SEGMENT}, \
         CASE WHEN n % 3 = 0 THEN 'The delivery came late, but the driver was friendly and carried it upstairs.' END, 'api', 'lt', \
         '{{\"orders\":' || (n % 40) || ',\"plan\":\"' || (CASE n % 5 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' ELSE 'basic' END) || '\"}}', \
         1, {at}, {at}, {at} FROM ({}) AS numbers",
        numbers(backend)
    )
}

/// Two in a hundred are open, one was contacted; half of those are late. The others were closed within five days.
fn cases(backend: DbBackend) -> String {
    let (id, response, person, at) = (id(backend, 3, "n"), id(backend, 2, "n"), id(backend, 1, "n - n % 4"), answered());
    let due = "CASE WHEN n % 100 < 3 AND n % 2 = 0 THEN $5 + n % 864000000 + 1";
    format!(
        "INSERT INTO cases (workspace_id, id, response_id, person_id, survey_id, segment, score, revision, loop_status, owner, tags, \
         answered_at, first_contact_due_at, close_due_at, first_contact_at, acknowledged_at, resolved_at, closed_at, attempts, contacts, \
         open_tasks, late_at, updated_at) \
         SELECT $1, {id}, {response}, {person}, $2, {SEGMENT}, {SCORE}, 1, \
         CASE n % 100 WHEN 0 THEN 'open' WHEN 1 THEN 'open' WHEN 2 THEN 'contacted' ELSE 'closed' END, \
         CASE WHEN n % 7 = 0 THEN 'team:support' ELSE 'agent' || (n % 20) || '@bench.example' END, '[]', {at}, \
         {due} ELSE {at} + 172800000 END, {due} + 432000000 ELSE {at} + 604800000 END, \
         CASE WHEN n % 100 >= 2 THEN {at} + (n * 7919 % 2880) * 60000 END, CASE WHEN n % 100 >= 3 THEN {at} + 60000 END, \
         CASE WHEN n % 100 >= 3 THEN {at} + 172800000 + (n * 104729 % 4320) * 60000 END, \
         CASE WHEN n % 100 >= 3 THEN {at} + 172800000 + (n * 104729 % 4320) * 60000 END, 0, 0, 0, \
         CASE WHEN n % 100 < 2 THEN {due} ELSE {at} + 172800000 END WHEN n % 100 = 2 THEN {due} + 432000000 ELSE {at} + 604800000 END END, {at} \
         FROM ({}) AS numbers",
        numbers(backend)
    )
}

/// The roll-ups and the counts of loops of this workspace, counted anew.
async fn rollups(db: &Db, ws: WorkspaceId) -> Result<(), StoreError> {
    let bins: Vec<String> = (0..11).map(|bin| format!("COUNT(CASE WHEN score = {bin} THEN 1 END)")).collect();
    let names: Vec<String> = (0..11).map(|bin| format!("c{bin}")).collect();
    let insert = format!(
        "INSERT INTO rollups (workspace_id, survey_id, hour, {}, no_score, with_comment) SELECT workspace_id, survey_id, answered_at / 3600000, \
         {}, 0, COUNT(comment) FROM responses WHERE workspace_id = $1 GROUP BY 1, 2, 3",
        names.join(", "),
        bins.join(", ")
    );
    let tx = db.write().await?;
    for sql in ["DELETE FROM rollups WHERE workspace_id = $1".to_owned(), insert].into_iter().chain(loop_counts::recount_sql()) {
        tx.execute_raw(Statement::from_sql_and_values(db.backend(), sql, [ws.uuid().into()])).await?;
    }
    tx.commit().await
}
