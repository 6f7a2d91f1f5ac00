//! A mail from its words to the server that takes it: typed mail -> template -> MIME -> SMTP.
//!
//! Owns: the mails we ship and their languages, templates and what they may say, building bytes, and the SMTP
//! conversation. Refuses to know: the database, the queue, retries and who should get what.
//!
//! How a mail is sent (the caller's part is the commit between `begin` and `finish`):
//! ```no_run
//! # use hearback_mailer::*;
//! # async fn commit_data_sent() {}
//! # async fn send(outgoing: Outgoing) -> Result<(), Box<dyn std::error::Error>> {
//! let templates = Templates::load(None)?;                                   // once, at start
//! let transport = Transport::parse("smtp://localhost:25", &RelayOptions::default(), Limits::default())?;
//! let content = templates.render("passive_thanks", &MailContext { company: "Example".into(), ..Default::default() })?;
//! let message: Message = Outgoing { content, ..outgoing }.build()?;         // same input, same bytes
//! let mut session = transport.open().await?;                                // one per worker, kept
//! session.begin(&message).await?;                                           // Err: certainly not delivered
//! commit_data_sent().await;                                                 // if this fails: session.reset().await
//! match session.finish(None).await {
//!     Ok(reply) => println!("taken over: {reply}"),
//!     Err(fail) if fail.ambiguous() => println!("unknown: {fail}"),
//!     Err(fail) => println!("{:?}: {fail}", fail.class()),                  // Retry, Reject or Relay
//! }
//! # Ok(()) }
//! ```

mod blame;
mod context;
mod dkim;
mod file;
pub mod inbound;
mod language;
mod mail;
mod mailbox;
mod message;
mod relay;
mod smtp;
mod source;
mod template;
mod transport;

pub use blame::{Blame, Status};
pub use context::{Choice, MailContext, VARIABLES};
pub use dkim::{DkimError, DnsRecord, KeyError, KeyFile, Signer};
pub use file::{FileSession, file_name};
pub use language::{Language, Languages, Phrase};
pub use mail::{Audience, Mail, Origin};
pub use mailbox::{Mailbox, MailboxError, Open};
pub use message::{BuildError, Envelope, Message, Outgoing, Party, Quoted};
pub use relay::{Destination, Login, Relay, RelayError, RelayOptions, Security};
pub use smtp::{Cause, Conn, Fail, FailClass, Limits, Reply, SmtpSession, Stage, TlsError, tls_config};
pub use source::TemplateError;
pub use template::{RenderError, Rendered, Templates};
pub use transport::{Session, Transport};
