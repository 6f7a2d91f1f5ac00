//! The integration tests: one binary, one module per thing tested.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails")]

#[cfg(feature = "servers")]
mod browser;
#[cfg(feature = "servers")]
mod browser_axe;
#[cfg(feature = "servers")]
mod browser_demo;
#[cfg(feature = "servers")]
mod browser_survey;
#[cfg(feature = "servers")]
mod browser_widget;
mod codes;
mod commands;
mod conformance;
mod crash;
mod faults;
mod invariants;
mod jobs;
#[cfg(feature = "servers")]
mod jumped;
mod language;
#[cfg(feature = "servers")]
mod mailbox;
mod mails;
mod scenarios;
#[cfg(feature = "servers")]
mod signed;
mod smtp;
#[cfg(feature = "servers")]
mod two_clocks;
mod walks;
mod wave;
