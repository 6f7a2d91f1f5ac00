//! What is stored, laid out in columns for people and other programs: read in pages by key, so that a million rows need
//! no more memory than a thousand.
//!
//! Owns: which columns an export has and where each comes from. Their names are relied on by other people's programs: add
//! to them, never rename one. Refuses to know: how a cell is written down.

use std::{collections::BTreeSet, fmt::Write as _};

use hearback_core::{campaign::Reason, id::WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value, entity::prelude::Uuid};

use crate::StoreError;

/// Properties that get a column of their own.
pub const MOST_PROPERTIES: usize = 200;

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    Responses,
    People,
    Cases,
    Deliveries,
    Invitations,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Id,
    Text,
    Number,
    /// Milliseconds since 1970.
    Time,
    /// True or false.
    Flag,
    /// JSON as it is stored.
    Json,
    /// A reason why somebody is not asked, as the sentence that a manager reads.
    Reason,
}

/// A column: its name, what it holds, where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Column(pub &'static str, pub Kind, &'static str);

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    Id(Uuid),
    Text(String),
    Number(i64),
    /// Milliseconds since 1970.
    Time(i64),
    Flag(bool),
    Json(String),
}

/// One row: its key, and a cell for each of [`Export::columns`]; `properties` comes last where there are any.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: Uuid,
    pub cells: Vec<Cell>,
}

/// Which rows; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Answered, or made, from then on; milliseconds since 1970.
    pub since: Option<i64>,
    /// Before then.
    pub until: Option<i64>,
    /// Key of a survey; for exports that know one.
    pub survey: Option<String>,
}

const RESPONSES: &[Column] = &[
    Column("id", Kind::Id, "r.id"),
    Column("external_id", Kind::Text, "r.external_id"),
    Column("survey", Kind::Text, "s.key"),
    Column("metric", Kind::Text, "s.metric"),
    Column("score", Kind::Number, "r.score"),
    Column("segment", Kind::Text, "r.segment"),
    Column("comment", Kind::Text, "r.comment"),
    Column("responded_at", Kind::Time, "r.answered_at"),
    Column("channel", Kind::Text, "r.channel"),
    Column("revision", Kind::Number, "r.revision"),
    Column("person_id", Kind::Id, "r.person_id"),
    Column("person_external_id", Kind::Text, "p.external_id"),
    Column("email", Kind::Text, "p.email"),
    Column("name", Kind::Text, "p.name"),
    Column("locale", Kind::Text, "r.locale"),
    Column("timezone", Kind::Text, "p.timezone"),
    Column("account", Kind::Text, "p.account_key"),
    Column("owner", Kind::Text, "p.owner"),
    Column("case_id", Kind::Id, "c.id"),
    Column("case_owner", Kind::Text, "c.owner"),
    Column("loop_status", Kind::Text, "c.loop_status"),
    Column("received_at", Kind::Time, "r.created_at"),
    Column("updated_at", Kind::Time, "r.updated_at"),
    Column("answers", Kind::Json, "r.answers"),
    Column("may_contact", Kind::Flag, "r.may_contact"),
    Column("settled_at", Kind::Time, "r.settled_at"),
    Column("first_score", Kind::Number, "r.first_score"),
    Column("properties", Kind::Json, "r.properties"),
];

const PEOPLE: &[Column] = &[
    Column("id", Kind::Id, "p.id"),
    Column("external_id", Kind::Text, "p.external_id"),
    Column("email", Kind::Text, "p.email"),
    Column("name", Kind::Text, "p.name"),
    Column("locale", Kind::Text, "p.locale"),
    Column("timezone", Kind::Text, "p.timezone"),
    Column("account", Kind::Text, "p.account_key"),
    Column("owner", Kind::Text, "p.owner"),
    Column("suppressed", Kind::Text, "COALESCE(x.reason, p.opted_out_for)"),
    Column("created_at", Kind::Time, "p.created_at"),
    Column("updated_at", Kind::Time, "p.updated_at"),
    Column("opted_out", Kind::Text, "p.opted_out_for"),
    Column("opted_out_at", Kind::Time, "p.opted_out_at"),
    Column("properties", Kind::Json, "p.properties"),
];

const CASES: &[Column] = &[
    Column("id", Kind::Id, "c.id"),
    Column("response_id", Kind::Id, "c.response_id"),
    Column("response_external_id", Kind::Text, "r.external_id"),
    Column("survey", Kind::Text, "s.key"),
    Column("score", Kind::Number, "c.score"),
    Column("segment", Kind::Text, "c.segment"),
    Column("comment", Kind::Text, "r.comment"),
    Column("loop_status", Kind::Text, "c.loop_status"),
    Column("owner", Kind::Text, "c.owner"),
    Column("person_id", Kind::Id, "c.person_id"),
    Column("email", Kind::Text, "p.email"),
    Column("name", Kind::Text, "p.name"),
    Column("account", Kind::Text, "p.account_key"),
    Column("tags", Kind::Json, "c.tags"),
    Column("root_cause", Kind::Text, "c.root_cause"),
    Column("resolution", Kind::Text, "c.resolution"),
    Column("attempts", Kind::Number, "c.attempts"),
    Column("contacts", Kind::Number, "c.contacts"),
    Column("open_tasks", Kind::Number, "c.open_tasks"),
    Column("answered_at", Kind::Time, "c.answered_at"),
    Column("first_contact_due_at", Kind::Time, "c.first_contact_due_at"),
    Column("first_contact_at", Kind::Time, "c.first_contact_at"),
    Column("acknowledged_at", Kind::Time, "c.acknowledged_at"),
    Column("escalated_at", Kind::Time, "c.escalated_at"),
    Column("close_due_at", Kind::Time, "c.close_due_at"),
    Column("resolved_at", Kind::Time, "c.resolved_at"),
    Column("closed_at", Kind::Time, "c.closed_at"),
    Column("updated_at", Kind::Time, "c.updated_at"),
    Column("contacted_at", Kind::Time, "c.contacted_at"),
    Column("contact_log", Kind::Json, CONTACT_LOG),
];

/// Stands for every try to reach the customer, the oldest first, as [`contact_log`] reads it.
const CONTACT_LOG: &str = "contact_log";

const DELIVERIES: &[Column] = &[
    Column("id", Kind::Id, "d.id"),
    Column("kind", Kind::Text, "d.kind"),
    Column("to", Kind::Text, "d.to_address"),
    Column("to_name", Kind::Text, "d.to_name"),
    Column("subject", Kind::Text, "d.subject"),
    Column("status", Kind::Text, "d.status"),
    Column("attempts", Kind::Number, "d.attempts"),
    Column("duplicates", Kind::Number, "d.duplicates"),
    Column("reply", Kind::Text, "d.reply"),
    Column("message_id", Kind::Text, "d.message_id"),
    Column("rule", Kind::Text, "v.key"),
    Column("rule_version", Kind::Number, "v.version"),
    Column("case_id", Kind::Id, "d.case_id"),
    Column("person_id", Kind::Id, "d.person_id"),
    Column("created_at", Kind::Time, "d.created_at"),
    Column("updated_at", Kind::Time, "d.updated_at"),
    Column("sent_at", Kind::Time, "d.sent_at"),
];

const INVITATIONS: &[Column] = &[
    Column("id", Kind::Id, "i.id"),
    Column("survey", Kind::Text, "s.key"),
    Column("campaign", Kind::Text, "i.campaign"),
    Column("wave", Kind::Text, "w.name"),
    Column("wave_id", Kind::Id, "i.wave_id"),
    Column("channel", Kind::Text, "i.channel"),
    Column("state", Kind::Text, "i.state"),
    Column("reason", Kind::Text, "i.reason"),
    Column("why", Kind::Reason, "i.reason"),
    Column("due_at", Kind::Time, "i.due_at"),
    Column("sent_at", Kind::Time, "i.sent_at"),
    Column("reminders", Kind::Number, "i.reminders"),
    Column("expires_at", Kind::Time, "i.expires_at"),
    Column("answered_at", Kind::Time, "i.answered_at"),
    Column("response_id", Kind::Id, "i.response_id"),
    Column("score", Kind::Number, "r.score"),
    Column("person_id", Kind::Id, "i.person_id"),
    Column("person_external_id", Kind::Text, "p.external_id"),
    Column("email", Kind::Text, "p.email"),
    Column("name", Kind::Text, "p.name"),
    Column("account", Kind::Text, "i.account_key"),
    Column("after_case_id", Kind::Id, "i.case_id"),
    Column("created_at", Kind::Time, "i.created_at"),
    Column("updated_at", Kind::Time, "i.updated_at"),
];

impl Export {
    /// Its columns, in order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Responses => RESPONSES,
            Self::People => PEOPLE,
            Self::Cases => CASES,
            Self::Deliveries => DELIVERIES,
            Self::Invitations => INVITATIONS,
        }
    }

    /// Whether its rows can be told apart by survey.
    pub const fn knows_surveys(self) -> bool {
        matches!(self, Self::Responses | Self::Cases | Self::Invitations)
    }

    /// Whether its rows have free properties.
    pub const fn has_properties(self) -> bool {
        matches!(self, Self::Responses | Self::People)
    }

    /// The table that is walked through, its short name, and the time that `since` and `until` ask for.
    const fn table(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Responses => ("responses", "r", "r.answered_at"),
            Self::People => ("persons", "p", "p.created_at"),
            Self::Cases => ("cases", "c", "c.answered_at"),
            Self::Deliveries => ("deliveries", "d", "d.created_at"),
            Self::Invitations => ("invitations", "i", "i.created_at"),
        }
    }

    const fn joins(self) -> &'static str {
        match self {
            Self::Responses => {
                "LEFT JOIN surveys s ON s.workspace_id = r.workspace_id AND s.id = r.survey_id \
                 LEFT JOIN persons p ON p.workspace_id = r.workspace_id AND p.id = r.person_id \
                 LEFT JOIN cases c ON c.workspace_id = r.workspace_id AND c.response_id = r.id"
            }
            Self::People => "LEFT JOIN suppressions x ON x.workspace_id = p.workspace_id AND x.address = p.email",
            Self::Cases => {
                "LEFT JOIN surveys s ON s.workspace_id = c.workspace_id AND s.id = c.survey_id \
                 LEFT JOIN persons p ON p.workspace_id = c.workspace_id AND p.id = c.person_id \
                 LEFT JOIN responses r ON r.workspace_id = c.workspace_id AND r.id = c.response_id"
            }
            Self::Deliveries => "LEFT JOIN rule_versions v ON v.workspace_id = d.workspace_id AND v.id = d.rule_version_id",
            Self::Invitations => {
                "LEFT JOIN surveys s ON s.workspace_id = i.workspace_id AND s.id = i.survey_id \
                 LEFT JOIN waves w ON w.workspace_id = i.workspace_id AND w.id = i.wave_id \
                 LEFT JOIN persons p ON p.workspace_id = i.workspace_id AND p.id = i.person_id \
                 LEFT JOIN responses r ON r.workspace_id = i.workspace_id AND r.id = i.response_id"
            }
        }
    }
}

/// The next rows behind the key `after`, in the order of their keys, at most `limit` of them.
pub async fn page(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    export: Export,
    filter: &Filter,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Row>, StoreError> {
    let (table, short, time) = export.table();
    let log = contact_log(conn.get_database_backend());
    let picks: Vec<&str> = export.columns().iter().map(|column| if column.2 == CONTACT_LOG { log } else { column.2 }).collect();
    let (condition, mut values) = condition(export, ws, filter, short, time);
    values.push(after.unwrap_or(Uuid::nil()).into());
    let key_place = values.len();
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    // The page is cut out of its own table first: no join is made for a row that is not shown.
    let sql = format!(
        "SELECT {short}.id, {picks} FROM (SELECT * FROM {table} AS {short} WHERE {condition} AND {short}.id > ${key_place} \
         ORDER BY {short}.workspace_id, {short}.id LIMIT ${}) AS {short} {} ORDER BY {short}.id",
        values.len(),
        export.joins(),
        picks = picks.join(", "),
    );
    let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
    rows.iter().map(|row| read(export, row)).collect()
}

const fn contact_log(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "(SELECT CAST(json_agg(json_build_object('channel', a.channel, 'outcome', a.outcome, 'note', a.note, 'actor', a.actor, 'at', a.at) \
             ORDER BY a.at, a.id) AS TEXT) FROM contact_attempts a WHERE a.workspace_id = c.workspace_id AND a.case_id = c.id)"
        }
        _ => {
            "(SELECT NULLIF(json_group_array(json_object('channel', a.channel, 'outcome', a.outcome, 'note', a.note, 'actor', a.actor, 'at', a.at) \
             ORDER BY a.at, a.id), '[]') FROM contact_attempts a WHERE a.workspace_id = c.workspace_id AND a.case_id = c.id)"
        }
    }
}

fn condition(export: Export, ws: WorkspaceId, filter: &Filter, short: &str, time: &str) -> (String, Vec<Value>) {
    let mut condition = format!("{short}.workspace_id = $1");
    let mut values = vec![Value::from(ws.uuid())];
    if matches!(export, Export::People) {
        // Who was merged into somebody else is a signpost and no person.
        condition += " AND p.merged_into IS NULL";
    }
    let bounds = [(filter.since, ">="), (filter.until, "<")];
    for (bound, compare) in bounds.into_iter().filter_map(|(bound, compare)| Some((bound?, compare))) {
        values.push(bound.into());
        let _ = write!(condition, " AND {time} {compare} ${}", values.len());
    }
    if let Some(survey) = filter.survey.as_ref().filter(|_| export.knows_surveys()) {
        values.push(survey.clone().into());
        let of_key = format!("(SELECT id FROM surveys WHERE workspace_id = $1 AND key = ${})", values.len());
        let _ = write!(condition, " AND {short}.survey_id IN {of_key}");
    }
    (condition, values)
}

fn read(export: Export, row: &QueryResult) -> Result<Row, StoreError> {
    let cells = (1..).zip(export.columns()).map(|(place, Column(_, kind, _))| cell(row, place, *kind)).collect::<Result<_, DbErr>>()?;
    Ok(Row { id: row.try_get_by_index(0)?, cells })
}

fn cell(row: &QueryResult, place: usize, kind: Kind) -> Result<Cell, DbErr> {
    let found = match kind {
        Kind::Id => row.try_get_by_index::<Option<Uuid>>(place)?.map(Cell::Id),
        Kind::Text => row.try_get_by_index::<Option<String>>(place)?.map(Cell::Text),
        Kind::Reason => row.try_get_by_index::<Option<String>>(place)?.map(|word| Cell::Text(sentence(word))),
        Kind::Flag => row.try_get_by_index::<Option<bool>>(place)?.map(Cell::Flag),
        Kind::Json => row.try_get_by_index::<Option<String>>(place)?.map(Cell::Json),
        Kind::Number => row.try_get_by_index::<Option<i64>>(place)?.map(Cell::Number),
        Kind::Time => row.try_get_by_index::<Option<i64>>(place)?.map(Cell::Time),
    };
    Ok(found.unwrap_or(Cell::Empty))
}

/// What a manager reads; a word of a newer version as it is.
fn sentence(word: String) -> String {
    Reason::parse(&word).map_or(word, |reason| reason.sentence().to_owned())
}

/// Names of the properties that these rows have, the most frequent [`MOST_PROPERTIES`] of them, in alphabetical order.
pub async fn property_names(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    export: Export,
    filter: &Filter,
) -> Result<Vec<String>, StoreError> {
    let (table, short, time) = export.table();
    let (condition, values) = condition(export, ws, filter, short, time);
    let backend = conn.get_database_backend();
    let names = match backend {
        DbBackend::Postgres => format!("CROSS JOIN LATERAL json_object_keys(CAST({short}.properties AS json)) AS k(name)"),
        _ => format!("JOIN json_each({short}.properties) AS k"),
    };
    let name = if backend == DbBackend::Postgres { "k.name" } else { "k.key" };
    let sql = format!(
        "SELECT {name}, COUNT(*) AS n FROM {table} AS {short} {names} WHERE {condition} GROUP BY 1 ORDER BY n DESC, 1 LIMIT {MOST_PROPERTIES}"
    );
    let rows = conn.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let names: BTreeSet<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?;
    Ok(names.into_iter().collect())
}
