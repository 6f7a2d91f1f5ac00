//! The first schema: people, surveys, responses, cases, rules, the outbox and the send ledger.

use sea_orm_migration::prelude::*;

use crate::table::{
    Kind::{Flag, Int, Text, Uuid},
    Table, expect_growth, keep_no_samples, on_postgres,
};

/// When the next thing in a case is due: the first contact while there was none, then closing. Part of an index: a query finds
/// it only with the same text.
pub const DUE: &str =
    "COALESCE(CASE WHEN loop_status = 'open' AND first_contact_at IS NULL THEN first_contact_due_at END, close_due_at, 9000000000000000)";

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Initial;

#[async_trait::async_trait]
impl MigrationTrait for Initial {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ours().into_iter().chain(customers()).chain(answers()).chain(follow_up()).chain(gifts()).chain(sending()) {
            table.make(manager).await?;
        }
        expect_growth(manager).await?;
        for (table, columns) in [("former_addresses", &["address"] as &[_]), ("testimonials", &["text", "name"]), ("outbox", &["error"])] {
            keep_no_samples(manager, table, columns).await?;
        }
        // The queue is a small, hot table: clean it often, and leave room on its pages for updates in place.
        on_postgres(
            manager,
            "ALTER TABLE outbox SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("the first schema can't be undone: restore a backup instead".to_owned()))
    }
}

/// Workspaces and the people who work in them.
fn ours() -> Vec<Table> {
    vec![
        Table::bare("workspaces")
            .required("id", Uuid)
            .primary("id")
            .all(Text, &["key", "name", "locale", "default_team"])
            .all(Int, &["config_revision", "created_at"])
            .maybe(Int, &["sending_held_at"])
            .maybe(Text, &["sending_held_why"])
            .maybe(Text, &["referral_url"])
            .index(true, "key"),
        Table::in_workspace("users", &[("id", Uuid)])
            .all(Text, &["email", "name", "role", "password_hash"])
            .all(Int, &["created_at", "password_at"])
            .maybe(Int, &["disabled_at", "absent_from", "absent_until", "cap"])
            .maybe(Text, &["deputy"])
            .index(true, "workspace_id, email"),
        Table::in_workspace("teams", &[("key", Text)])
            .required("name", Text)
            .required("turn", Int)
            .maybe(Text, &["email", "calendar", "manager"]),
        Table::in_workspace("team_members", &[("team_key", Text), ("user_id", Uuid)])
            .required("turn", Int)
            .references(&["workspace_id", "team_key"], "teams", &["workspace_id", "key"])
            .belongs("user_id", "users"),
        Table::in_workspace("sessions", &[("token_hash", Text)])
            .all(Uuid, &["id", "user_id"])
            .all(Int, &["created_at", "seen_at"])
            .all(Text, &["address", "agent"])
            .belongs("user_id", "users")
            .index(true, "token_hash")
            .index(false, "workspace_id, user_id, created_at"),
        Table::in_workspace("second_factors", &[("user_id", Uuid)])
            .required("secret", Text)
            .all(Int, &["created_at", "used_step"])
            .maybe(Int, &["confirmed_at"])
            .belongs("user_id", "users"),
        Table::in_workspace("recovery_codes", &[("user_id", Uuid), ("code_hash", Text)]).belongs("user_id", "users"),
        Table::in_workspace("known_addresses", &[("user_id", Uuid), ("address", Text)])
            .required("seen_at", Int)
            .belongs("user_id", "users"),
        Table::in_workspace("api_keys", &[("id", Uuid)])
            .all(Text, &["name", "scope", "public_part", "secret_hash"])
            .required("created_at", Int)
            .maybe(Int, &["expires_at", "used_at", "revoked_at"])
            .index(true, "public_part"),
        Table::in_workspace("audit", &[("id", Uuid)])
            .all(Int, &["at", "number"])
            .all(Text, &["actor", "action", "subject", "data", "hash"])
            .index(true, "workspace_id, number"),
        Table::in_workspace("audit_heads", &[]).required("number", Int).required("hash", Text),
        Table::in_workspace("calendars", &[("key", Text)]).required("body", Text),
        Table::in_workspace("webhooks", &[("key", Text)])
            .all(Text, &["kind", "sealed_url", "sealed_secret"])
            .required("created_at", Int)
            .maybe(Int, &["disabled_at"])
            .maybe(Text, &["reason"]),
        Table::in_workspace("alerts", &[("id", Uuid)])
            .all(Text, &["kind", "subject", "message"])
            .all(Int, &["count", "first_at", "last_at"])
            .maybe(Int, &["done_at"])
            .index_where(true, "workspace_id, kind, subject", "done_at IS NULL")
            .index(false, "workspace_id, last_at"),
        Table::in_workspace("policies", &[("survey", Text), ("segment", Text)]).required("body", Text),
    ]
}

/// Whom we ask.
fn customers() -> Vec<Table> {
    vec![
        Table::in_workspace("accounts", &[("id", Uuid)])
            .all(Text, &["key", "name", "properties"])
            .maybe(Text, &["owner"])
            .maybe(Int, &["value"])
            .required("created_at", Int)
            .index(true, "workspace_id, key"),
        Table::in_workspace("persons", &[("id", Uuid)])
            .all(Text, &["key", "properties", "search"])
            .maybe(Text, &["external_id", "email", "name", "locale", "timezone", "owner", "account_key", "opted_out_for"])
            .maybe(Uuid, &["merged_into"])
            .maybe(Int, &["opted_out_at"])
            .all(Int, &["created_at", "updated_at"])
            .index(true, "workspace_id, key")
            .index_where(false, "workspace_id, account_key", "account_key IS NOT NULL")
            .index_where(false, "workspace_id, merged_into", "merged_into IS NOT NULL")
            .index_where(true, "workspace_id, external_id", "external_id IS NOT NULL"),
        Table::in_workspace("former_addresses", &[("person_id", Uuid), ("address", Text)])
            .required("left_at", Int)
            .belongs("person_id", "persons")
            .index(false, "workspace_id, address"),
        Table::in_workspace("preferences", &[("person_id", Uuid), ("survey_key", Text)])
            .required("stopped_at", Int)
            .belongs("person_id", "persons"),
        Table::in_workspace("suppressions", &[("address", Text)])
            .required("reason", Text)
            .required("created_at", Int)
            .maybe(Text, &["note"]),
    ]
}

/// What we ask and what they said.
fn answers() -> Vec<Table> {
    vec![
        Table::in_workspace("surveys", &[("id", Uuid)])
            .all(Text, &["key", "name", "metric", "status"])
            .all(Int, &["version", "scale_max", "created_at"])
            .index(true, "workspace_id, key, version"),
        Table::in_workspace("responses", &[("id", Uuid)])
            .all(Uuid, &["survey_id", "person_id"])
            .all(Text, &["idem_key", "body_hash", "segment", "channel", "properties"])
            .all(Int, &["score", "first_score", "revision", "answered_at", "created_at", "updated_at"])
            .maybe(Text, &["external_id", "comment", "locale"])
            .belongs("person_id", "persons")
            .index(true, "workspace_id, idem_key")
            .index(false, "workspace_id, survey_id, answered_at")
            .index(false, "workspace_id, person_id"),
        Table::in_workspace("rollups", &[("survey_id", Uuid), ("hour", Int)])
            .all(Int, &["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "no_score", "with_comment"])
            .belongs("survey_id", "surveys"),
    ]
}

/// Rules, cases and what people do in them. `runs` and `events` are only ever written together with their case, several for
/// each answer: they go without the database's own check of their parent, `fsck` makes it.
fn follow_up() -> Vec<Table> {
    vec![
        Table::in_workspace("rule_versions", &[("id", Uuid)])
            .all(Text, &["key", "body"])
            .all(Int, &["version", "created_at"])
            .maybe(Int, &["enabled_at", "disabled_at", "paused_at"])
            .index(true, "workspace_id, key, version"),
        Table::in_workspace("rule_hours", &[("rule_version_id", Uuid), ("hour", Int)]).required("mails", Int),
        Table::in_workspace("cases", &[("id", Uuid)])
            .all(Uuid, &["response_id", "person_id", "survey_id"])
            .all(Text, &["segment", "loop_status", "tags"])
            .all(Int, &["score", "revision", "answered_at", "attempts", "contacts", "open_tasks", "updated_at"])
            .maybe(Text, &["owner", "root_cause", "resolution"])
            .maybe(
                Int,
                &[
                    "first_contact_due_at",
                    "close_due_at",
                    "first_contact_at",
                    "contact_overdue_at",
                    "close_overdue_at",
                    "contacted_at",
                    "first_attempt_at",
                    "last_attempt_at",
                    "waiting_since",
                    "warned_at",
                    "lapse_at",
                    "reassign_at",
                    "next_deadline_at",
                    "late_at",
                    "acknowledged_at",
                    "escalated_at",
                    "resolved_at",
                    "closed_at",
                ],
            )
            .belongs("response_id", "responses")
            .index(true, "workspace_id, response_id")
            .index(false, "workspace_id, survey_id, answered_at")
            .index(false, "workspace_id, answered_at")
            .index(false, "workspace_id, updated_at, survey_id, answered_at")
            .named_index("due", &format!("workspace_id, ({DUE}), id"), "loop_status IN ('open', 'contacted', 'resolved')")
            .named_index(
                "due_in_segment",
                &format!("workspace_id, segment, ({DUE}), id"),
                "loop_status IN ('open', 'contacted', 'resolved')",
            )
            .index_where(false, "workspace_id, late_at, survey_id, answered_at, segment", "late_at IS NOT NULL")
            .index_where(false, "workspace_id, owner", "loop_status IN ('open', 'contacted', 'resolved')")
            .index_where(false, "workspace_id, next_deadline_at", "next_deadline_at IS NOT NULL"),
        // Cases counted by the day of the answer, and by how long they took.
        Table::in_workspace("loop_counts", &[("survey_id", Uuid), ("day", Int), ("segment", Text), ("loop_status", Text)])
            .all(Int, &["cases", "with_due", "contacted_in_time"])
            .belongs("survey_id", "surveys"),
        Table::in_workspace("loop_durations", &[("survey_id", Uuid), ("days", Int), ("milestone", Text), ("start", Int), ("bucket", Int)])
            .required("cases", Int)
            .belongs("survey_id", "surveys"),
        // What many runs have in common: which rule versions were asked.
        Table::in_workspace("rule_sets", &[("id", Uuid)]).required("rules", Text),
        Table::in_workspace("runs", &[("case_id", Uuid), ("id", Uuid)])
            .of_large_rows()
            .all(Uuid, &["response_id", "rule_set_id"])
            .all(Text, &["trigger", "facts", "done"])
            .all(Int, &["revision", "at"]),
        Table::in_workspace("events", &[("case_id", Uuid), ("id", Uuid)])
            .all(Text, &["kind", "actor", "data"])
            .required("at", Int)
            .index(false, "workspace_id, id"),
        Table::in_workspace("contact_attempts", &[("case_id", Uuid), ("id", Uuid)])
            .all(Text, &["channel", "outcome", "actor"])
            .required("at", Int)
            .maybe(Text, &["note"])
            .belongs("case_id", "cases"),
        Table::in_workspace("tasks", &[("id", Uuid)])
            .required("case_id", Uuid)
            .all(Text, &["title", "owner", "status"])
            .all(Int, &["due_at", "created_at"])
            .maybe(Text, &["outcome"])
            .maybe(Int, &["finished_at", "overdue_at", "revision", "step_index"])
            .maybe(Uuid, &["rule_version_id"])
            .belongs("case_id", "cases")
            .index(false, "workspace_id, case_id")
            .index_where(false, "workspace_id, due_at", "status = 'open'"),
    ]
}

/// What customers get from us and give us besides answers.
fn gifts() -> Vec<Table> {
    vec![
        Table::in_workspace("pools", &[("key", Text)])
            .required("name", Text)
            .all(Int, &["low_stock", "created_at"])
            .maybe(Int, &["low_since", "empty_since"]),
        // Clustered by its id, SQLite would read all codes to find those of one case.
        Table::in_workspace("incentive_codes", &[("id", Uuid)])
            .of_large_rows()
            .all(Text, &["pool", "sealed", "lookup", "state"])
            .all(Int, &["expires_at", "created_at"])
            .maybe(Uuid, &["case_id"])
            .maybe(Int, &["given_at"])
            .references(&["workspace_id", "pool"], "pools", &["workspace_id", "key"])
            .index(true, "workspace_id, pool, lookup")
            .index_where(false, "workspace_id, pool, expires_at, id", "state = 'free'")
            .index_where(false, "workspace_id, case_id", "case_id IS NOT NULL"),
        Table::in_workspace("incentive_waits", &[("case_id", Uuid), ("pool", Text)])
            .required("asked_at", Int)
            .maybe(Int, &["told_at", "ended_at"])
            .maybe(Text, &["outcome"])
            .references(&["workspace_id", "pool"], "pools", &["workspace_id", "key"])
            .index(false, "workspace_id, pool, asked_at"),
        Table::in_workspace("referrals", &[("id", Uuid)])
            .all(Uuid, &["case_id", "person_id"])
            .required("code", Text)
            .all(Int, &["visits", "created_at"])
            .maybe(Int, &["visited_at"])
            .belongs("case_id", "cases")
            .index(true, "workspace_id, person_id")
            .index(true, "code"),
        Table::in_workspace("testimonials", &[("id", Uuid)])
            .all(Uuid, &["case_id", "person_id"])
            .all(Text, &["text", "permission", "state"])
            .all(Int, &["given_at", "updated_at"])
            .maybe(Text, &["name", "approved_by"])
            .maybe(Int, &["approved_at"])
            .belongs("case_id", "cases")
            .index(true, "workspace_id, case_id"),
        Table::in_workspace("conversions", &[("referral_id", Uuid), ("external_id", Text)])
            .all(Int, &["at", "created_at"])
            .maybe(Int, &["value"])
            .belongs("referral_id", "referrals"),
    ]
}

/// Deferred actions and the send ledger.
fn sending() -> Vec<Table> {
    vec![
        Table::in_workspace("deliveries", &[("id", Uuid)])
            .all(Text, &["medium", "kind", "to_address", "status", "message_id"])
            .all(Int, &["attempts", "duplicates", "created_at", "updated_at"])
            .all(Flag, &["acknowledges", "exempt"])
            .maybe(Uuid, &["case_id", "person_id", "rule_version_id", "task_id"])
            .maybe(Text, &["to_name", "subject", "reply", "chain", "link"])
            .maybe(Int, &["sent_at", "revision", "step_index"])
            .belongs("case_id", "cases")
            .index(false, "workspace_id, case_id")
            .index(false, "workspace_id, status, id")
            .index_where(false, "workspace_id, person_id", "person_id IS NOT NULL")
            // How an address took the mails before: one that never takes any is given up.
            .index_where(false, "workspace_id, to_address", "medium = 'mail'")
            .index(false, "workspace_id, created_at"),
        Table::in_workspace("outbox", &[("id", Uuid)])
            .all(Text, &["kind", "payload", "state"])
            .all(Int, &["run_at", "attempts", "created_at"])
            .maybe(Uuid, &["case_id", "lease_id"])
            .maybe(Int, &["revision", "leased_until", "finished_at"])
            .maybe(Text, &["error"])
            .index_where(false, "run_at, id", "state = 'queued'")
            .index_where(false, "leased_until", "state = 'running'")
            .index_where(false, "workspace_id, case_id", "state IN ('queued', 'running')")
            .named_index("dead", "workspace_id, kind", "state = 'dead'")
            .named_index("unreadable", "workspace_id, kind", "state = 'queued' AND error = 'a newer version is needed to read it'"),
    ]
}
