//! What the integration tests share: the product in this process on a real database with a clock that stands still, and
//! the servers it talks to, as scripts.
//!
//! Owns: stand-ins for the outside world that misbehave on command, and ways to look at what came of it. Refuses to know
//! what is expected: that is in the tests.

pub mod app;
pub mod asked;
pub mod audit;
pub mod browser;
pub mod certificate;
pub mod client;
pub mod connection;
pub mod database;
pub mod described;
pub mod disk;
pub mod engine;
#[cfg(feature = "servers")]
pub mod faketime;
pub mod letters;
pub mod listener;
pub mod load;
#[cfg(feature = "servers")]
pub mod mail_house;
pub mod process;
pub mod received;
pub mod site;
pub mod smtp_server;
pub mod survey;
