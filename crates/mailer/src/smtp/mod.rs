//! SMTP, spoken by a small state machine of our own.
//!
//! The envelope and the end of a mail are sent apart, so that the caller can commit "sent" in between and know
//! after a crash which mails may have been delivered and which certainly were not. Refuses to know queues,
//! retries and the database.

mod capabilities;
mod conn;
mod dot_stuffing;
mod fail;
mod limits;
mod reply;
mod session;
mod tls;
mod wire;

pub use conn::Conn;
pub use fail::{Cause, Fail, FailClass, Stage};
pub use limits::Limits;
pub use reply::Reply;
pub use session::SmtpSession;
pub use tls::{TlsError, tls_config};
