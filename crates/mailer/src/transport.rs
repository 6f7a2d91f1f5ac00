//! How a mail leaves: over SMTP or into a folder, driven the same way by the caller.
//!
//! `begin` sends everything but the end (of a short mail no more than its envelope); the caller commits that the mail may
//! now be delivered; `finish` ends it. A mail between `begin` and `finish` is certainly not delivered. Refuses to know
//! queues and retries.

use std::{path::PathBuf, sync::Arc};

use crate::{
    file::{self, FileSession},
    message::{Envelope, Message},
    relay::{Destination, Relay, RelayError, RelayOptions},
    smtp::{Fail, Limits, Reply, SmtpSession},
};

/// A way out for mail; opens sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Transport {
    /// To a relay.
    Smtp(Arc<Relay>, Limits),
    /// Into a folder.
    File(PathBuf),
}

impl Transport {
    /// Reads the URL, the certificates and the options once.
    pub fn parse(url: &str, options: &RelayOptions, limits: Limits) -> Result<Self, RelayError> {
        Ok(match Destination::parse(url, options)? {
            Destination::Smtp(relay) => Self::Smtp(Arc::new(relay), limits),
            Destination::File(folder) => Self::File(folder),
        })
    }

    /// Opens a session: connects and logs in, or makes the folder. A failure is of class `Relay`.
    pub async fn open(&self) -> Result<Session, Fail> {
        match self {
            Self::Smtp(relay, limits) => Ok(Session::Smtp(Box::new(SmtpSession::open(Arc::clone(relay), limits.clone()).await?))),
            Self::File(folder) => Ok(Session::File(FileSession::open(folder).await?)),
        }
    }

    /// Deletes what was captured of these mails. What was handed to a server is out of our hands.
    pub async fn forget(&self, message_ids: &[String]) -> std::io::Result<()> {
        match self {
            Self::Smtp(..) => Ok(()),
            Self::File(folder) => file::forget(folder, message_ids).await,
        }
    }

    /// True when mail is captured and not sent.
    pub fn captures(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// One worker's open way out: one mail at a time, as many as it likes. Dropping it is always safe.
#[derive(Debug)]
pub enum Session {
    /// To a relay.
    Smtp(Box<SmtpSession>),
    /// Into a folder.
    File(FileSession),
}

impl Session {
    /// Sends everything of the mail but its end. Whatever state the last mail left behind is cleared first, and a
    /// connection that was closed meanwhile is replaced. After an error the mail is certainly not delivered.
    pub async fn begin(&mut self, message: &Message) -> Result<(), Fail> {
        match self {
            Self::Smtp(session) => session.begin(message).await,
            Self::File(session) => {
                session.begin(message);
                Ok(())
            }
        }
    }

    /// Ends the mail that was begun: it is taken over now, or the failure says whether it may have been. `next` is the mail that
    /// begins here afterwards, if that is known: the server may be told of it in the same step.
    pub async fn finish(&mut self, next: Option<&Envelope>) -> Result<Reply, Fail> {
        match self {
            Self::Smtp(session) => session.finish(next).await,
            Self::File(session) => session.finish().await,
        }
    }

    /// Gives up the mail that was begun: it is certainly not delivered.
    pub async fn reset(&mut self) {
        match self {
            Self::Smtp(session) => session.reset().await,
            Self::File(session) => session.reset(),
        }
    }

    /// Says good-bye.
    pub async fn close(self) {
        match self {
            Self::Smtp(session) => session.close().await,
            Self::File(_) => {}
        }
    }
}
