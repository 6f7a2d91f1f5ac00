//! The mail server and the database fail in the ways they do in life: nothing that was accepted is lost, nothing is done
//! twice without being counted, and work goes on by itself.

mod crowd;
mod damage;
mod mail;
mod migration;
#[cfg(feature = "servers")]
mod power;
mod requests;
mod storage;
#[cfg(feature = "servers")]
mod syncs;
mod webhooks;
