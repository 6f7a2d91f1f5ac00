//! Tables, queries, transactions and the outbox: the only crate that knows SQL.
//!
//! Owns: how rows are read and written on SQLite and PostgreSQL alike. One file per table; entities
//! are dumb rows. Refuses to know: what a decision means, mail, HTTP.
//! Reads take `&impl ConnectionTrait`, writes take [`Tx`]; a [`Tx`] comes only from [`Db::write`].
#![expect(missing_docs, reason = "a row's fields are the table's columns; each file says what its table holds")]

pub mod accounts;
pub mod alerts;
pub mod api_keys;
pub mod audience;
pub mod audit;
pub mod audit_heads;
pub mod backup;
pub mod bulk;
pub mod calendars;
pub mod campaigns;
pub mod case_list;
pub mod cases;
pub mod contact_attempts;
pub mod conversions;
pub mod cursor;
pub mod db;
pub mod deliveries;
pub mod delivery_counts;
pub mod durations;
pub mod erasure;
pub mod error;
pub mod events;
pub mod export;
pub mod feed;
pub mod former_addresses;
pub mod incentive_codes;
pub mod incentive_waits;
pub mod ingest;
pub mod integrity;
pub mod interactions;
pub mod invitations;
pub mod known_addresses;
pub mod ledger;
pub mod lists;
pub mod loop_counts;
pub mod mailboxes;
pub mod measures;
pub mod merge;
pub mod messages;
pub mod operations;
pub mod opt_outs;
pub mod outbox;
pub mod own_data;
pub mod past;
pub mod persons;
pub mod policies;
pub mod pools;
pub mod preferences;
pub mod recovery_codes;
pub mod referrals;
pub mod responses;
pub mod rollups;
pub mod rule_hours;
pub mod rule_sets;
pub mod rule_versions;
pub mod runs;
pub mod script;
pub mod seals;
pub mod second_factors;
pub mod sessions;
pub mod snapshot;
pub mod stored;
pub mod suppressions;
pub mod surveys;
pub mod tasks;
pub mod team_members;
pub mod teams;
pub mod testimonials;
pub mod time;
pub mod unconfirmed;
pub mod unreadable;
pub mod users;
pub mod waves;
pub mod webhooks;
pub mod widgets;
pub mod workspaces;

pub use db::{Db, Tx};
pub use error::StoreError;
pub use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
pub use unreadable::Unreadable;
