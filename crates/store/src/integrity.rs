//! What must hold between the tables, asked of the database itself.
//!
//! Owns: the checks that are one statement each, whatever the number of rows. Refuses to know: what rules decide; that is
//! recomputed by the engine, which reads pages from here. Every list ends at [`MOST`] findings.

mod pages;

use hearback_core::{
    LoopStatus, Scale, Score,
    state::{InvitationState, JobState, TaskStatus, WaveStatus},
    timeline::Entry,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value, entity::prelude::Uuid};

use crate::{
    StoreError,
    case_list::NEVER,
    cases::active,
    loop_counts::{self, BLOCK},
    measures::Milestone,
    persons,
    stored::{among, quoted},
    suppressions::OF_CUSTOMERS,
};

pub use pages::{Rows, answers, mail_jobs_after, runs_after, unsent_after, words_of};

/// Most findings of one check.
pub const MOST: usize = 1_000;

/// `child.column` must be found in `parent.key`, in the same workspace.
struct Link(&'static str, &'static str, &'static str, &'static str);

/// Every pointer from row to row, those that the schema enforces included.
const LINKS: &[Link] = &[
    Link("team_members", "team_key", "teams", "key"),
    Link("team_members", "user_id", "users", "id"),
    Link("sessions", "user_id", "users", "id"),
    Link("responses", "survey_id", "surveys", "id"),
    Link("responses", "person_id", "persons", "id"),
    Link("persons", "merged_into", "persons", "id"),
    Link("rollups", "survey_id", "surveys", "id"),
    Link("cases", "response_id", "responses", "id"),
    Link("cases", "person_id", "persons", "id"),
    Link("cases", "survey_id", "surveys", "id"),
    Link("loop_counts", "survey_id", "surveys", "id"),
    Link("loop_durations", "survey_id", "surveys", "id"),
    Link("runs", "case_id", "cases", "id"),
    Link("runs", "rule_set_id", "rule_sets", "id"),
    Link("runs", "response_id", "responses", "id"),
    Link("events", "case_id", "cases", "id"),
    Link("contact_attempts", "case_id", "cases", "id"),
    Link("tasks", "case_id", "cases", "id"),
    Link("tasks", "rule_version_id", "rule_versions", "id"),
    Link("incentive_codes", "case_id", "cases", "id"),
    Link("incentive_codes", "pool", "pools", "key"),
    Link("incentive_waits", "case_id", "cases", "id"),
    Link("incentive_waits", "pool", "pools", "key"),
    Link("testimonials", "case_id", "cases", "id"),
    Link("testimonials", "person_id", "persons", "id"),
    Link("conversions", "referral_id", "referrals", "id"),
    Link("referrals", "case_id", "cases", "id"),
    Link("referrals", "person_id", "persons", "id"),
    Link("messages", "case_id", "cases", "id"),
    Link("messages", "delivery_id", "deliveries", "id"),
    Link("messages", "person_id", "persons", "id"),
    Link("deliveries", "case_id", "cases", "id"),
    Link("deliveries", "person_id", "persons", "id"),
    Link("deliveries", "task_id", "tasks", "id"),
    Link("deliveries", "rule_version_id", "rule_versions", "id"),
    Link("outbox", "case_id", "cases", "id"),
    Link("users", "workspace_id", "workspaces", "id"),
    Link("teams", "workspace_id", "workspaces", "id"),
    Link("alerts", "workspace_id", "workspaces", "id"),
    Link("api_keys", "workspace_id", "workspaces", "id"),
    Link("audit", "workspace_id", "workspaces", "id"),
    Link("calendars", "workspace_id", "workspaces", "id"),
    Link("policies", "workspace_id", "workspaces", "id"),
    Link("accounts", "workspace_id", "workspaces", "id"),
    Link("pools", "workspace_id", "workspaces", "id"),
    Link("persons", "workspace_id", "workspaces", "id"),
    Link("preferences", "person_id", "persons", "id"),
    Link("former_addresses", "person_id", "persons", "id"),
    Link("campaigns", "workspace_id", "workspaces", "id"),
    Link("waves", "campaign", "campaigns", "key"),
    Link("waves", "survey_id", "surveys", "id"),
    Link("invitations", "person_id", "persons", "id"),
    Link("invitations", "survey_id", "surveys", "id"),
    Link("invitations", "wave_id", "waves", "id"),
    Link("invitations", "campaign", "campaigns", "key"),
    Link("invitations", "case_id", "cases", "id"),
    Link("interactions", "person_id", "persons", "id"),
    Link("suppressions", "workspace_id", "workspaces", "id"),
    Link("surveys", "workspace_id", "workspaces", "id"),
    Link("rule_versions", "workspace_id", "workspaces", "id"),
    Link("rule_hours", "rule_version_id", "rule_versions", "id"),
    Link("webhooks", "workspace_id", "workspaces", "id"),
    Link("outbox", "workspace_id", "workspaces", "id"),
];

/// Rows without their parent: `tasks.case_id ID`.
pub async fn orphans(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for &Link(child, column, parent, key) in LINKS {
        let value = as_text(conn, &format!("c.{column}"), column);
        let within = if column == "workspace_id" { "" } else { "p.workspace_id = c.workspace_id AND " };
        let sql = format!(
            "SELECT DISTINCT {value} FROM {child} c LEFT JOIN {parent} p ON {within}p.{key} = c.{column} \
             WHERE c.{column} IS NOT NULL AND p.{key} IS NULL LIMIT {MOST}"
        );
        found.extend(lines(conn, &sql).await?.into_iter().map(|id| format!("{child}.{column} {id} is not in {parent}")));
    }
    Ok(found)
}

/// People who opted out and whose address is not on the list, facts about that which make no sense, and addresses that somebody is said to
/// have left and still has alone.
pub async fn opt_outs(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let id = as_text(conn, "p.id", "id");
    let open = format!(
        "SELECT {id} FROM persons p WHERE p.opted_out_for IS NOT NULL AND p.email IS NOT NULL AND p.merged_into IS NULL AND NOT EXISTS \
         (SELECT 1 FROM suppressions s WHERE s.workspace_id = p.workspace_id AND s.address = p.email) LIMIT {MOST}"
    );
    let odd = format!(
        "SELECT {id} FROM persons p WHERE (p.opted_out_for IS NULL) <> (p.opted_out_at IS NULL) OR p.opted_out_for NOT IN {OF_CUSTOMERS} LIMIT {MOST}"
    );
    let erased = format!(
        "SELECT DISTINCT {id} FROM persons p JOIN former_addresses f ON f.workspace_id = p.workspace_id AND f.person_id = p.id \
         WHERE p.email IS NULL AND p.external_id IS NULL LIMIT {MOST}"
    );
    let mut found =
        told(lines(conn, &open).await?, "person", "opted out, and their address is not on the list of those that must not be mailed");
    found.extend(told(lines(conn, &odd).await?, "person", "opted out for no reason, or at no time"));
    found.extend(told(lines(conn, &erased).await?, "person", "was erased, and an address that they had is kept"));
    Ok(found)
}

/// Of the persons behind `after`, at most `limit`, those who can't be found by their names; and the last one that was looked at, if there may be more.
pub async fn unsearchable(
    conn: &impl ConnectionTrait,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<(Vec<String>, Option<(Uuid, Uuid)>), StoreError> {
    let page = persons::after(conn, after, limit).await?;
    let last = page.last().map(|row| (row.workspace_id, row.id));
    let wrong = page.into_iter().filter(|row| row.search != row.search_text()).map(|row| row.id.to_string()).collect();
    Ok((told(wrong, "person", "is not found by their name, address or id: store them once more"), last))
}

/// Responses without a case, and cases that say something else than their response.
pub async fn cases_of_responses(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let id = as_text(conn, "r.id", "id");
    let without = format!(
        "SELECT {id} FROM responses r LEFT JOIN cases c ON c.workspace_id = r.workspace_id AND c.response_id = r.id \
         WHERE c.id IS NULL LIMIT {MOST}"
    );
    let several = format!(
        "SELECT {id} FROM responses r JOIN cases c ON c.workspace_id = r.workspace_id AND c.response_id = r.id \
         GROUP BY r.workspace_id, r.id HAVING COUNT(*) > 1 LIMIT {MOST}"
    );
    let differ = format!(
        "SELECT {id} FROM responses r JOIN cases c ON c.workspace_id = r.workspace_id AND c.response_id = r.id \
         WHERE r.score <> c.score OR r.segment <> c.segment OR r.revision <> c.revision OR r.person_id <> c.person_id \
         OR r.survey_id <> c.survey_id OR r.answered_at <> c.answered_at LIMIT {MOST}"
    );
    let mut found = told(lines(conn, &without).await?, "response", "has no case");
    found.extend(told(lines(conn, &several).await?, "response", "has more than one case"));
    found.extend(told(lines(conn, &differ).await?, "response", "and its case differ in score, segment, revision, person, survey or time"));
    Ok(found)
}

/// Responses to this survey version whose score is off the scale, or whose segment is not that of the score.
pub async fn scores(conn: &impl ConnectionTrait, survey: &crate::surveys::Model, scale: Scale) -> Result<Vec<String>, StoreError> {
    let right: Vec<String> = (scale.min()..=scale.max)
        .filter_map(|value| Score::new(scale, i64::from(value)).ok())
        .map(|score| format!("(score = {} AND segment = '{}')", score.value(), score.segment().as_str()))
        .collect();
    let sql = format!(
        "SELECT {} FROM responses WHERE workspace_id = $1 AND survey_id = $2 AND NOT ({}) LIMIT {MOST}",
        as_text(conn, "id", "id"),
        right.join(" OR ")
    );
    let values = [Value::from(survey.workspace_id), Value::from(survey.id)];
    Ok(told(lines_with(conn, &sql, values).await?, "response", "has a score or segment that its survey does not have"))
}

/// Hours whose roll-up is not what a recount of the responses gives.
pub async fn rollups(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let bins: Vec<String> = (0..11).map(|bin| format!("c{bin}")).collect();
    let counted: Vec<String> = (0..11).map(|bin| format!("-(CASE WHEN score = {bin} THEN 1 ELSE 0 END)")).collect();
    let wrong: Vec<String> =
        bins.iter().map(String::as_str).chain(["no_score", "with_comment"]).map(|bin| format!("SUM({bin}) <> 0")).collect();
    let sql = format!(
        "SELECT {} || ' hour ' || CAST(hour AS TEXT) FROM (\
         SELECT workspace_id, survey_id, hour, {}, no_score, with_comment FROM rollups UNION ALL \
         SELECT workspace_id, survey_id, answered_at / 3600000, {}, 0, -(CASE WHEN comment IS NULL THEN 0 ELSE 1 END) FROM responses\
         ) AS both_sides GROUP BY workspace_id, survey_id, hour HAVING {} LIMIT {MOST}",
        as_text(conn, "survey_id", "survey_id"),
        bins.join(", "),
        counted.join(", "),
        wrong.join(" OR "),
    );
    Ok(told(lines(conn, &sql).await?, "roll-up of survey", "is not what a recount of the responses gives"))
}

/// Counts of loops that a recount of the cases does not give.
pub async fn loop_counts(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let survey = as_text(conn, "survey_id", "survey_id");
    let counts = format!(
        "SELECT {survey} || ' day ' || CAST(day AS TEXT) FROM (\
         SELECT workspace_id, survey_id, day, segment, loop_status, cases, with_due, contacted_in_time FROM loop_counts UNION ALL \
         SELECT workspace_id, survey_id, day, segment, loop_status, -cases, -with_due, -contacted_in_time FROM ({} GROUP BY 1, 2, 3, 4, 5) AS counted\
         ) AS both_sides GROUP BY workspace_id, survey_id, day, segment, loop_status \
         HAVING SUM(cases) <> 0 OR SUM(with_due) <> 0 OR SUM(contacted_in_time) <> 0 LIMIT {MOST}",
        loop_counts::counts_select()
    );
    let mut found = told(lines(conn, &counts).await?, "count of loops of survey", WRONG_COUNT);
    for (milestone, days) in Milestone::ALL.into_iter().flat_map(|milestone| [(milestone, 1), (milestone, BLOCK)]) {
        let taken = format!(
            "SELECT {survey} || ' day ' || CAST(start AS TEXT) FROM (\
             SELECT workspace_id, survey_id, start, bucket, cases FROM loop_durations WHERE days = {days} AND milestone = '{}' UNION ALL \
             SELECT workspace_id, survey_id, start, bucket, -cases FROM ({} GROUP BY 1, 2, 3, 4, 5, 6) AS counted\
             ) AS both_sides GROUP BY workspace_id, survey_id, start, bucket HAVING SUM(cases) <> 0 LIMIT {MOST}",
            milestone.as_str(),
            loop_counts::taken_select(milestone, days)
        );
        found.extend(told(lines(conn, &taken).await?, "durations of loops of survey", WRONG_COUNT));
    }
    Ok(found)
}

const WRONG_COUNT: &str = "is not what a recount of the cases gives";

/// Waves that are finished while somebody in them may still be asked or answer, or that have no end and no job that works on them.
pub async fn waves(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let id = as_text(conn, "w.id", "id");
    let unfinished = format!(
        "SELECT {id} FROM waves w WHERE w.status = {} AND EXISTS (SELECT 1 FROM invitations i WHERE i.workspace_id = w.workspace_id \
         AND i.wave_id = w.id AND i.state IN {}) LIMIT {MOST}",
        quoted(WaveStatus::Finished),
        among(&InvitationState::OPEN)
    );
    let waiting = format!(
        "SELECT {id} FROM waves w WHERE w.status NOT IN {} AND w.planned_at IS NOT NULL \
         AND EXISTS (SELECT 1 FROM invitations i WHERE i.workspace_id = w.workspace_id AND i.wave_id = w.id \
         AND i.state IN {}) LIMIT {MOST}",
        among(&[WaveStatus::Running, WaveStatus::Paused]),
        among(&InvitationState::WAITING)
    );
    let mut found =
        told(lines(conn, &unfinished).await?, "wave", "is finished, and has people who are still to be asked or may still answer");
    found.extend(told(lines(conn, &waiting).await?, "wave", "is not running, and has people who wait to be asked"));
    Ok(found)
}

/// Waves that have no end yet, with the job that works on each.
pub async fn open_waves(conn: &impl ConnectionTrait) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let sql = format!("SELECT workspace_id, id FROM waves WHERE status IN {}", among(&WaveStatus::OPEN));
    let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), sql)).await?;
    Ok(rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<_, DbErr>>()?)
}

/// Cases whose counters of tasks or contacts are not what a recount gives, or whose status and times contradict each other.
pub async fn case_counters(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let id = as_text(conn, "c.id", "id");
    let counted = |counter: &str, table: &str, which: &str| {
        format!(
            "SELECT {id} FROM cases c LEFT JOIN (SELECT workspace_id, case_id, COUNT(*) AS n FROM {table} {which} \
             GROUP BY workspace_id, case_id) x ON x.workspace_id = c.workspace_id AND x.case_id = c.id \
             WHERE c.{counter} <> COALESCE(x.n, 0) LIMIT {MOST}"
        )
    };
    let tasks = counted("open_tasks", "tasks", &format!("WHERE status = {}", quoted(TaskStatus::Open)));
    let contacts = counted("contacts", "contact_attempts", "");
    let late = format!(
        "SELECT {id} FROM cases c WHERE {} AND waiting_since IS NULL \
         AND close_overdue_at IS NULL AND close_due_at IS NOT NULL AND (next_deadline_at IS NULL OR next_deadline_at > close_due_at) LIMIT {MOST}",
        active()
    );
    let contact = format!(
        "COALESCE(CASE WHEN loop_status = {} AND first_contact_at IS NULL THEN first_contact_due_at END, {NEVER})",
        quoted(LoopStatus::Open)
    );
    let close = format!("COALESCE(CASE WHEN waiting_since IS NULL OR close_due_at < waiting_since THEN close_due_at END, {NEVER})");
    let mistaken = format!(
        "SELECT {id} FROM cases c WHERE COALESCE(late_at, {NEVER}) <> CASE WHEN NOT ({}) THEN {NEVER} WHEN {contact} <= {close} THEN {contact} \
         ELSE {close} END LIMIT {MOST}",
        active()
    );
    let is_closed = format!("loop_status = {}", quoted(LoopStatus::Closed));
    let closed = format!("SELECT {id} FROM cases c WHERE ({is_closed}) <> (closed_at IS NOT NULL) LIMIT {MOST}");
    let mut found = told(lines(conn, &tasks).await?, "case", "counts other open tasks than it has");
    found.extend(told(lines(conn, &contacts).await?, "case", "counts other contacts than it has"));
    found.extend(told(lines(conn, &late).await?, "case", "would not be looked at when it is due"));
    found.extend(told(lines(conn, &mistaken).await?, "case", "says another time from which it is late than follows from its clocks"));
    found.extend(told(lines(conn, &closed).await?, "case", "is closed without a time, or has one without being closed"));
    Ok(found)
}

/// Answers that start follow-ups and have settled but were never put to the rules.
pub async fn answers_without_run(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT {} FROM responses r JOIN cases c ON c.workspace_id = r.workspace_id AND c.response_id = r.id \
         WHERE c.first_contact_due_at IS NOT NULL AND r.channel <> 'email' AND r.settled_at = r.created_at AND NOT EXISTS (SELECT 1 FROM runs x \
         WHERE x.workspace_id = c.workspace_id AND x.case_id = c.id AND x.trigger IN ('response_settled', 'response_corrected')) \
         AND NOT EXISTS (SELECT 1 FROM events e WHERE e.workspace_id = c.workspace_id AND e.case_id = c.id AND e.kind = '{}') LIMIT {MOST}",
        as_text(conn, "r.id", "id"),
        Entry::BroughtIn {}.kind()
    );
    Ok(told(lines(conn, &sql).await?, "response", "was never put to the rules"))
}

/// Jobs that are claimed although the claim ended before `ended_before`: nobody runs them.
pub async fn dead_claims(conn: &impl ConnectionTrait, ended_before: i64) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT {} FROM outbox WHERE state = {} AND (lease_id IS NULL OR leased_until IS NULL OR leased_until < $1) LIMIT {MOST}",
        as_text(conn, "id", "id"),
        quoted(JobState::Running)
    );
    let found = lines_with(conn, &sql, [Value::from(ended_before)]).await?;
    Ok(told(found, "job", "is claimed, but its claim ended long ago: start a worker, it takes the job up again"))
}

/// The database's own checks, and what they are called.
pub async fn own_checks(conn: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let checks: &[&str] = match conn.get_database_backend() {
        DbBackend::Postgres => &[
            "SELECT 'constraint ' || conname || ' was never checked' FROM pg_constraint WHERE NOT convalidated",
            "SELECT 'index ' || indexrelid::regclass::text || ' is not valid: REINDEX it' FROM pg_index WHERE NOT indisvalid",
            "SELECT 'pages with a wrong checksum: ' || checksum_failures::text FROM pg_stat_database \
             WHERE datname = current_database() AND checksum_failures > 0",
        ],
        _ => &[
            "SELECT 'integrity_check: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
            "SELECT 'foreign_key_check: ' || \"table\" || ' row ' || COALESCE(rowid, '?') || ' has no ' || parent FROM pragma_foreign_key_check",
        ],
    };
    let mut found = Vec::new();
    for sql in checks {
        found.extend(lines(conn, &format!("{sql} LIMIT {MOST}")).await?);
    }
    Ok(found)
}

/// A column as text on both databases; UUIDs are bytes to SQLite.
fn as_text(conn: &impl ConnectionTrait, expression: &str, column: &str) -> String {
    let is_uuid = column == "id" || column.ends_with("_id");
    match conn.get_database_backend() {
        DbBackend::Postgres => format!("CAST({expression} AS TEXT)"),
        _ if is_uuid => format!("lower(hex({expression}))"),
        _ => expression.to_owned(),
    }
}

fn told(ids: Vec<String>, what: &str, wrong: &str) -> Vec<String> {
    ids.into_iter().map(|id| format!("{what} {id} {wrong}")).collect()
}

async fn lines(conn: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, StoreError> {
    lines_with(conn, sql, []).await
}

async fn lines_with<const N: usize>(conn: &impl ConnectionTrait, sql: &str, values: [Value; N]) -> Result<Vec<String>, StoreError> {
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?)
}
