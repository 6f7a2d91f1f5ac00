//! The engine and the real worker in this process, on any database and any mail server, with a clock that stands still.
//!
//! Owns: letting time pass without waiting, so that a lease of a dead worker runs out and a mail that rests is sent again.
//! Refuses to know what should come of it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "an engine that does not start must fail its test loudly"
)]

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use hearback_core::{Clock as _, Email, ManualClock, id::WorkspaceId, token::SecretKey};
use hearback_engine::{Engine as Rooms, Settings, jobs, settings::Dispatch, setup, ticks::TICKS};
use hearback_mailer::{Limits, RelayOptions, Templates, Transport};
use hearback_scheduler::{Worker, WorkerSettings};
use hearback_store::{Db, EntityTrait as _, deliveries, outbox};
use tokio_util::sync::CancellationToken;

use crate::process::until;

/// Sender of all mail.
pub const SENDER: &str = "feedback@shop.example";
/// Signs links.
pub const SECRET_KEY: &str = "a key that only these tests know, 32+ bytes";
/// Base of all links.
pub const PUBLIC_URL: &str = "http://feedback.shop.example";
/// Connections to the mail server.
pub const MAIL_CONNECTIONS: usize = 4;
/// How long work that is due may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine without a server.
#[derive(Debug)]
pub struct Engine {
    /// What use cases run on.
    pub cx: Rooms,
    /// The workspace of a fresh database.
    pub ws: WorkspaceId,
    /// Stands still until told to move.
    pub clock: ManualClock,
}

impl Engine {
    /// Brings the database up to date and starts at `now`.
    pub async fn open(database: &str, mail: &str, limits: Limits, now: DateTime<Utc>) -> Self {
        let db = Db::connect(database, 10).await.expect("the database of this test");
        db.migrate().await.expect("the schema of this version");
        let settings = Settings {
            public_url: PUBLIC_URL.to_owned(),
            survey_url: PUBLIC_URL.to_owned(),
            mail_from: Email::parse(SENDER).expect("an address"),
            mail_from_name: "Hearback".to_owned(),
            mail_connections: MAIL_CONNECTIONS,
            dispatch: Dispatch::default(),
            keep_quarantined: chrono::Duration::days(30),
            erasures: None,
            secret_key: SecretKey::new(SECRET_KEY.as_bytes()).expect("a key of 32 bytes"),
            max_batch: 500,
            max_waiting: 10_000,
            settle_delay: chrono::Duration::minutes(15),
            first_contact: hearback_core::Span::BusinessDays(2),
            close: hearback_core::Span::BusinessDays(5),
            warn_before: hearback_core::Span::BusinessHours(4),
            limits: hearback_engine::settings::Limits { mails_per_person_day: 1_000_000, mails_per_rule_hour: 100_000_000 },
            log_ins: hearback_engine::settings::LogInRules::default(),
            private_webhooks: false,
            folders: Vec::new(),
        };
        let transport = Transport::parse(mail, &RelayOptions::default(), limits).expect("the address of a mail server");
        let clock = ManualClock::new(now);
        let cx = Rooms::new(db, Arc::new(clock.clone()), settings, Templates::load(None).expect("our own templates"), transport);
        let ws = setup::ensure_workspace(&cx).await.expect("a workspace");
        Self { cx, ws, clock }
    }

    /// Lets the worker do what is due now, and what follows from it.
    pub async fn work(&self) {
        for tick in TICKS {
            (tick.run)(&self.cx).await.unwrap_or_else(|error| panic!("{}: {error}", tick.name));
        }
        let stop = CancellationToken::new();
        let jobs = self.cx.clone();
        let worker = Worker {
            db: self.cx.db.clone(),
            clock: Arc::new(self.clock.clone()),
            wake: Arc::clone(&self.cx.wake),
            settings: WorkerSettings { poll: Duration::from_millis(5), ..WorkerSettings::default() },
            run: move |lease| {
                let cx = jobs.clone();
                async move { jobs::run(&cx, &lease).await }
            },
        };
        let working = tokio::spawn(worker.run(stop.clone()));
        until(PATIENCE, "all that is due is done", async || is_idle(&self.cx.db, self.clock.now()).await).await;
        stop.cancel();
        working.await.expect("a worker that stops");
    }

    /// The same, with the clock going from one due time to the next, until `end`.
    pub async fn work_until(&self, end: DateTime<Utc>) {
        loop {
            self.work().await;
            match outbox::next_due(&self.cx.db).await.expect("a queue that can be read") {
                Some(due) if due <= end => self.clock.set(due.max(self.clock.now())),
                _ => break,
            }
        }
        self.clock.set(end);
        self.work().await;
    }

    /// The same from now on.
    pub async fn work_for(&self, time: chrono::Duration) {
        self.work_until(self.clock.now() + time).await;
    }

    /// The send ledger, in order of creation.
    pub async fn deliveries(&self) -> Vec<deliveries::Model> {
        let mut all = deliveries::Entity::find().all(self.cx.db.read()).await.expect("a ledger that can be read");
        all.sort_by_key(|row| (row.created_at, row.id));
        all
    }

    /// Ends all connections to the database.
    pub async fn close(self) {
        self.cx.db.clone().close().await.expect("connections that end");
    }
}

/// Whether nothing is due at `now` and nobody works on anything.
pub async fn is_idle(db: &Db, now: DateTime<Utc>) -> bool {
    matches!(outbox::next_due(db).await, Ok(due) if due.is_none_or(|due| due > now)) && matches!(outbox::running(db).await, Ok(0))
}
