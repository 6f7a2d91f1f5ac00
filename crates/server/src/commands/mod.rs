//! One file per command: its arguments, what it calls, what it prints.

pub mod apikey;
pub mod backup;
pub mod bench;
pub mod check_config;
pub mod codes;
pub mod completions;
pub mod demo;
pub mod disk;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod fsck;
pub mod import;
pub mod migrate;
pub mod progress;
pub mod restore;
pub mod rules;
pub mod safe_cell;
pub mod schedule;
pub mod score;
pub mod sending;
pub mod serve;
pub mod suppressions;
pub mod times;
pub mod user;
pub mod workspace;
