//! What the integration tests share: the servers that our programs talk to, as scripts.
//!
//! Owns: stand-ins for the outside world that misbehave on command. Refuses to know our own crates.

pub mod smtp_server;
