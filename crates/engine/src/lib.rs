//! Use cases: one function, one transaction. Turns effects into rows and runs what is deferred.
//!
//! Owns: the way of a response (intake, group commit, plan, apply), the work on a case, job handlers
//! and ticks. Refuses to know: HTTP, pages, configuration files, the process it runs in.

pub mod access;
pub mod accounts;
pub mod alarm;
pub mod alerts;
pub mod apply;
pub mod audit;
pub mod backtest;
pub mod backup;
pub mod chain;
pub mod clocks;
pub mod correct;
pub mod courier;
pub mod ctx;
pub mod decide;
pub mod error;
pub mod facts;
pub mod faults;
pub mod fsck;
pub mod guard;
pub mod history;
pub mod hold;
pub mod intake;
pub mod jobs;
pub mod ledger;
pub mod mailbag;
pub mod merge;
pub mod metrics;
pub mod owners;
pub mod people;
pub mod policies;
pub mod pools;
pub mod preferences;
pub mod publish;
pub mod referrals;
pub mod roster;
pub mod sending;
pub mod setup;
pub mod staff;
pub mod staffing;
pub mod submit;
pub mod suppressions;
pub mod testimonials;
pub mod ticks;
pub mod unsubscribe;
pub mod webhooks;
pub mod work;
pub mod workspace;

pub use ctx::{Actor, Ctx, Settings};
pub use error::{EngineError, FieldError};
