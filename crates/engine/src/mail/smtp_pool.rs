//! Open ways to the mail server: as many as the settings allow, kept between mails, paused while it takes none.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use hearback_core::Clock;
use hearback_mailer::{Envelope, Fail, Reply, Session, Transport};
use tokio::time::timeout;

use crate::mail::slots::{Slot, Slots};

/// First pause when the server can't be used; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between two tries to use the server.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How long after the end of a pause nobody has tried, for an outage to be another one.
const FORGOTTEN: chrono::Duration = chrono::Duration::minutes(10);
/// How long an outage that may pass by itself lasts before somebody is told.
const TOLD_AFTER: chrono::Duration = chrono::Duration::minutes(5);
/// How long a mail waits for the connection over which it was announced, before it takes whichever comes first.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct SmtpPool {
    transport: Transport,
    slots: Slots,
    outage: Mutex<Option<Outage>>,
    connections: usize,
}

/// Why nothing is sent for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether it will not pass by itself.
    pub is_about_us: bool,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What the server said, without addresses.
    pub why: String,
    pause: Duration,
}

/// The right to use one connection, with the connection.
#[derive(Debug)]
pub struct Way {
    /// The connection.
    pub session: Session,
    slot: Slot,
}

impl Way {
    /// Ends the mail that was begun. Who goes next over this connection is announced in the same step, and set free when the server
    /// takes its time.
    pub(crate) async fn finish(&mut self) -> Result<Reply, Fail> {
        let next = self.slot.announce();
        let mut ends = Box::pin(self.session.finish(next.as_ref()));
        if let Ok(ended) = timeout(PATIENCE, &mut ends).await {
            return ended;
        }
        self.slot.renounce();
        ends.await
    }

    /// Keeps the connection for the next mail.
    pub(crate) fn keep(self) {
        let Self { session, mut slot } = self;
        slot.pass(Some(session));
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum NoWay {
    /// Nothing is sent for now.
    Outage(Outage),
    /// It could not be opened.
    Fail(Fail),
}

impl SmtpPool {
    /// At most `connections` at a time, at least one.
    pub fn new(transport: Transport, connections: usize) -> Self {
        let connections = connections.max(1);
        Self { transport, connections, slots: Slots::new(connections), outage: Mutex::new(None) }
    }

    /// Waits for a free connection and opens it where needed. Who waited long may find that the server takes none by now:
    /// then it is left in peace.
    pub(crate) async fn open(&self, envelope: Envelope, clock: &dyn Clock) -> Result<Way, NoWay> {
        let Ok((mut slot, session)) = self.slots.queue(envelope).await else { return Err(NoWay::Fail(closed())) };
        if let Some(outage) = self.outage(clock.guarded_now()) {
            slot.pass(session);
            return Err(NoWay::Outage(outage));
        }
        let session = match session {
            Some(session) => session,
            None => Box::pin(self.transport.open()).await.map_err(NoWay::Fail)?,
        };
        Ok(Way { session, slot })
    }

    /// Whether all connections are in use.
    pub(crate) fn is_busy(&self) -> bool {
        self.slots.free() == 0
    }

    /// Connections that are in use now.
    pub(crate) fn under_way(&self) -> usize {
        self.connections.saturating_sub(self.slots.free())
    }

    /// Why nothing may be sent at `now`.
    pub fn outage(&self, now: DateTime<Utc>) -> Option<Outage> {
        lock(&self.outage).clone().filter(|outage| outage.until > now)
    }

    /// An outage that somebody has to know of: it is about our settings, or has lasted for a while.
    pub fn standing(&self, now: DateTime<Utc>) -> Option<Outage> {
        let is_met = |outage: &Outage| now - outage.until < FORGOTTEN;
        let is_long = |outage: &Outage| outage.is_about_us || now - outage.since >= TOLD_AFTER;
        lock(&self.outage).clone().filter(|outage| is_met(outage) && is_long(outage))
    }

    /// The server can't be used: nothing is sent until the returned moment.
    pub(crate) fn pause(&self, why: &Fail, now: DateTime<Utc>) -> Outage {
        let mut outage = lock(&self.outage);
        let (since, pause) = match outage.as_ref() {
            // Several connections fail together: that is one outage, not many.
            Some(known) if known.until > now => return known.clone(),
            Some(known) if now - known.until < FORGOTTEN => (known.since, (known.pause * 2).min(LONGEST_PAUSE)),
            _ => (now, FIRST_PAUSE),
        };
        let until = now + chrono::Duration::from_std(pause).unwrap_or_default();
        let found = Outage { since, is_about_us: why.is_about_us(), until, why: why.summary(), pause };
        tracing::warn!(reason = %found.why, until = %found.until, "the mail server can't be used; mail waits");
        *outage = Some(found.clone());
        found
    }

    /// A mail was accepted: the outage, if there was one, is over.
    pub(crate) fn works(&self) {
        let mut outage = lock(&self.outage);
        if outage.take().is_some() {
            tracing::info!("the mail server works again");
        }
    }
}

fn closed() -> Fail {
    Fail { stage: hearback_mailer::Stage::Connect, cause: hearback_mailer::Cause::Refused("the server is stopping") }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
