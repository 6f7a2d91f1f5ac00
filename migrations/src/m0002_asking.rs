//! Asking: what surveys say, campaigns with their waves and invitations, what comes back by mail.

use sea_orm_migration::prelude::*;

use crate::table::{
    Kind::{Flag, Int, Text, Uuid},
    Table, add_columns, expect_growth, keep_no_samples,
};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Asking;

#[async_trait::async_trait]
impl MigrationTrait for Asking {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "workspaces", Text, &["accent", "logo"]).await?;
        add_columns(manager, "surveys", Text, &["body"]).await?;
        add_columns(manager, "surveys", Int, &["published_at", "closed_at"]).await?;
        add_columns(manager, "responses", Text, &["answers"]).await?;
        add_columns(manager, "responses", Uuid, &["invitation_id"]).await?;
        add_columns(manager, "responses", Flag, &["may_contact"]).await?;
        add_columns(manager, "responses", Int, &["settled_at"]).await?;
        add_columns(manager, "deliveries", Uuid, &["invitation_id"]).await?;
        add_columns(manager, "deliveries", Text, &["words", "in_reply_to"]).await?;
        for statement in [
            "UPDATE surveys SET published_at = created_at WHERE status = 'published'",
            "UPDATE responses SET settled_at = created_at",
            "CREATE INDEX ix_deliveries_invitation ON deliveries (workspace_id, invitation_id) WHERE invitation_id IS NOT NULL",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        for table in asking().into_iter().chain(coming_back()) {
            table.make(manager).await?;
        }
        for (table, columns) in [
            ("unconfirmed", &["comment", "answers"] as &[_]),
            ("interactions", &["external_id"]),
            ("messages", &["from_address", "subject", "text", "raw", "message_id"]),
        ] {
            keep_no_samples(manager, table, columns).await?;
        }
        expect_growth(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("this schema can't be undone: restore a backup instead".to_owned()))
    }
}

/// Who is asked what, when, and why not.
fn asking() -> Vec<Table> {
    vec![
        Table::in_workspace("campaigns", &[("key", Text)])
            .all(Text, &["name", "survey", "status", "body"])
            .all(Int, &["created_at", "updated_at"])
            .maybe(Int, &["next_fire_at"])
            .index_where(false, "next_fire_at", "status = 'active' AND next_fire_at IS NOT NULL"),
        Table::in_workspace("waves", &[("id", Uuid)])
            .all(Text, &["campaign", "name", "status", "body"])
            .required("survey_id", Uuid)
            .all(Int, &["fire_at", "created_at"])
            .maybe(Int, &["planned_at", "paused_at", "finished_at"])
            .maybe(Text, &["reason"])
            .belongs("survey_id", "surveys")
            // Who fires: whatever the number of nodes, one wave for each moment.
            .index(true, "workspace_id, campaign, fire_at"),
        // The id of an invitation in a wave follows from both and the person: nobody is in one twice.
        Table::in_workspace("invitations", &[("id", Uuid)])
            .all(Uuid, &["person_id", "survey_id"])
            .all(Text, &["channel", "state"])
            .all(Int, &["due_at", "reminders", "created_at", "updated_at"])
            .all(Flag, &["ignores_limits"])
            .maybe(Uuid, &["wave_id", "response_id"])
            .maybe(Text, &["campaign", "account_key", "reason"])
            .maybe(Int, &["sent_at", "answered_at", "remind_at", "expires_at"])
            .belongs("person_id", "persons")
            .belongs("survey_id", "surveys")
            .index_where(false, "workspace_id, wave_id, state, due_at", "wave_id IS NOT NULL")
            .index_where(false, "workspace_id, wave_id, remind_at", "remind_at IS NOT NULL")
            .index_where(false, "workspace_id, campaign, due_at", "wave_id IS NULL AND campaign IS NOT NULL")
            .index(false, "workspace_id, person_id, sent_at"),
        // Scores that somebody or something chose by a link, and that nobody confirmed.
        Table::in_workspace("unconfirmed", &[("invitation_id", Uuid)])
            .all(Uuid, &["survey_id", "person_id"])
            .all(Int, &["score", "tries", "given_at", "last_at"])
            .maybe(Text, &["comment", "answers"])
            .belongs("invitation_id", "invitations")
            .index(false, "workspace_id, survey_id, given_at"),
        // What happened to a customer outside: asked about once, however often it is told. The sender's id is that of an order or a
        // ticket, to which several things happen, and to several people.
        Table::in_workspace("interactions", &[("external_id", Text), ("event", Text), ("person_id", Uuid)])
            .all(Int, &["at", "created_at"])
            .belongs("person_id", "persons")
            .index(false, "workspace_id, person_id"),
        Table::in_workspace("widgets", &[("id", Uuid)])
            .all(Text, &["public_key", "name", "survey", "origins", "sealed_secret", "body"])
            .required("created_at", Int)
            .maybe(Int, &["disabled_at"])
            .index(true, "public_key"),
    ]
}

/// Mail that comes in.
fn coming_back() -> Vec<Table> {
    vec![
        // `kind`: reply, auto_reply, bounce, delayed, complaint, unknown. `state`: done, muted, quarantined.
        Table::in_workspace("messages", &[("id", Uuid)])
            .of_large_rows()
            .all(Text, &["kind", "state", "hash", "from_address", "subject", "text", "whole_text", "attachments", "raw"])
            .required("received_at", Int)
            .maybe(Uuid, &["case_id", "delivery_id", "person_id"])
            .maybe(Text, &["message_id", "reason"])
            .index(true, "workspace_id, hash")
            .index_where(false, "workspace_id, case_id, received_at", "case_id IS NOT NULL")
            .index_where(false, "workspace_id, person_id", "person_id IS NOT NULL")
            .index(false, "workspace_id, received_at"),
        // How far a mailbox was read; belongs to the installation, not to a workspace.
        Table::bare("mailboxes").required("name", Text).primary("name").all(Int, &["uid_validity", "next_uid", "looked_at"]),
    ]
}
