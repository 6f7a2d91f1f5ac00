//! The schema: one file per change, the same for SQLite and PostgreSQL.
//!
//! Owns: tables, keys, indexes. Refuses to know everything else. Times are `BIGINT` milliseconds
//! since 1970 (UTC), JSON is `TEXT`, ids are `UUID`: each reads the same on both databases. Every table starts its
//! keys and indexes with `workspace_id`; the one exception is the outbox's claim index, because the
//! worker claims across workspaces.

mod m0001_initial;
mod m0002_asking;
mod m0003_again;
mod m0004_skipping;
mod table;

pub use m0001_initial::DUE;
use sea_orm_migration::{MigrationTrait, async_trait};
pub use sea_orm_migration::{MigratorTrait, prelude::DbErr};

/// All schema changes in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Initial),
            Box::new(m0002_asking::Asking),
            Box::new(m0003_again::Again),
            Box::new(m0004_skipping::Skipping),
        ]
    }
}
