//! Asking again after a case was closed.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::Uuid, add_columns};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Again;

#[async_trait::async_trait]
impl MigrationTrait for Again {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "invitations", Uuid, &["case_id"]).await?;
        let of_case = "CREATE INDEX ix_invitations_case ON invitations (workspace_id, case_id) WHERE case_id IS NOT NULL";
        manager.get_connection().execute_unprepared(of_case).await.map(|_| ())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("this schema can't be undone: restore a backup instead".to_owned()))
    }
}
