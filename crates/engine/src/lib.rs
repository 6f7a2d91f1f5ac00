//! Use cases: one function, one transaction. Turns effects into rows and runs what is deferred.
//!
//! Owns: the way of a response (intake, group commit, plan, apply), the work on a case, job handlers
//! and ticks. Refuses to know: HTTP, pages, configuration files, the process it runs in.
//!
//! A folder is a room, and part of each name: `mail::smtp_pool`.

pub mod access;
pub mod actor;
pub mod alerts;
pub mod audit;
pub mod automation;
pub mod backup;
pub mod campaigns;
pub mod cases;
pub mod change;
pub mod clock_guard;
pub mod ctx;
pub mod customers;
pub mod disk;
pub mod engine;
pub mod error;
pub mod faults;
#[cfg(test)]
mod fixtures;
pub mod fsck;
pub mod health;
pub mod inbound;
pub mod incentives;
pub mod invitations;
pub mod jobs;
pub mod mail;
pub mod metrics;
pub mod readers;
pub mod reading;
pub mod responses;
pub mod role;
pub mod rows;
pub mod seals;
pub mod sending_pause;
pub mod settings;
pub mod setup;
pub mod stuck;
pub mod surveys;
pub mod team;
pub mod ticks;
pub mod trigger_events;
pub mod webhooks;
pub mod widgets;
pub mod workspace;

pub use actor::Actor;
pub use ctx::Ctx;
pub use engine::Engine;
pub use error::{EngineError, FieldError};
pub use settings::Settings;
