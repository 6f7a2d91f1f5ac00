//! What waited while sending was on hold can be skipped: until which moment.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::Int, add_columns};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Skipping;

#[async_trait::async_trait]
impl MigrationTrait for Skipping {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "workspaces", Int, &["skipped_until"]).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("this schema can't be undone: restore a backup instead".to_owned()))
    }
}
