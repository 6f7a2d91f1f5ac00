//! Who does something, in the words of the timeline and of the audit log. Refuses to know: how they came in.

use std::fmt;

/// Who did something, for the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The customer.
    Customer,
    /// A rule, by key.
    Rule(String),
    /// A user, by address.
    User(String),
    /// An API key, by name.
    ApiKey(String),
    /// Whoever works at the command line of the server.
    Operator,
    /// Hearback itself: clocks, deliveries.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer => f.write_str("customer"),
            Self::Rule(key) => write!(f, "rule:{key}"),
            Self::User(email) => write!(f, "user:{email}"),
            Self::ApiKey(name) => write!(f, "api:{name}"),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
        }
    }
}
