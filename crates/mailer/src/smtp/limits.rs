//! How long each stage of a conversation may take, and how much a server may say.

use std::time::Duration;

/// Limits of one connection. The defaults follow RFC 5321, section 4.5.3.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Name lookup, TCP and TLS handshake: 30 s each.
    pub connect: Duration,
    /// The greeting and every reply without a limit of its own: 5 min.
    pub reply: Duration,
    /// The reply to DATA: 2 min.
    pub data: Duration,
    /// Handing one block of the body to the network: 3 min.
    pub block: Duration,
    /// The reply to the final dot: 10 min. A shorter wait makes duplicates: the server may be delivering.
    pub dot: Duration,
    /// Longest line of a reply: 4 KiB.
    pub line_bytes: usize,
    /// Longest reply: 64 KiB.
    pub reply_bytes: usize,
    /// Mails over one connection before a new one is made: 100.
    pub mails_per_connection: u32,
    /// Longest idle time before a new connection is made rather than the old one trusted: 30 s.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_mins(5),
            data: Duration::from_mins(2),
            block: Duration::from_mins(3),
            dot: Duration::from_mins(10),
            line_bytes: 4 * 1024,
            reply_bytes: 64 * 1024,
            mails_per_connection: 100,
            idle: Duration::from_secs(30),
        }
    }
}
