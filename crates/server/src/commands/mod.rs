//! One file per command: its arguments, what it calls, what it prints.

pub mod apikey;
pub mod bench;
pub mod check_config;
pub mod codes;
pub mod demo;
pub mod doctor;
pub mod erase;
pub mod fsck;
pub mod import;
pub mod migrate;
pub mod rules;
pub mod schedule;
pub mod score;
pub mod serve;
pub mod user;
pub mod workspace;
