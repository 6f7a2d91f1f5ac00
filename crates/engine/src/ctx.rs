//! What every use case needs: the database, the clock, the settings, the way to wake the worker.

use std::{fmt, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use hearback_core::{Clock, Email, Span, token::SecretKey};
use hearback_mailer::{Templates, Transport};
use hearback_store::{
    Db,
    time::{from_millis, millis},
};
use tokio::sync::Notify;

use crate::{
    access::{AuthCache, LogInRules},
    automation::guard::Limits,
    cases::policies::Defaults,
    mail::{
        deliverability::Watch,
        dispatch::Dispatch,
        ledger::Ledger,
        loader::Loader,
        smtp_pool::{SmtpPool, Trouble},
        throttle::Throttle,
    },
    metrics::MetricsCache,
    readers::Readers,
    responses::intake::Intake,
    workspace::WorkspaceCache,
};

/// Settings of the engine, filled in by the composition root.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where our people and programs reach this server, without a trailing slash: `https://feedback.example.com`.
    pub public_url: String,
    /// Where customers reach the pages that are for them, in the same form: the same, or a host of their own.
    pub survey_url: String,
    /// Sender of all mail.
    pub mail_from: Email,
    /// Name beside the sender's address.
    pub mail_from_name: String,
    /// Connections to the mail server at most.
    pub mail_connections: usize,
    /// How mail leaves this house.
    pub dispatch: Dispatch,
    /// How long mail that nobody could be found for is metrics_cache to be looked at.
    pub keep_quarantined: chrono::Duration,
    /// The file that lists who was erased, beside the database; `None` keeps no list.
    pub erasures: Option<PathBuf>,
    /// Signs links.
    pub secret_key: SecretKey,
    /// Answers committed together at most.
    pub max_batch: usize,
    /// Answers that may wait for the database; more are refused with `Busy`.
    pub max_waiting: usize,
    /// How long a one-click answer may still change before rules act on it. API and page answers settle at once.
    pub settle_delay: chrono::Duration,
    /// Until somebody should have been in touch, where no policy says otherwise.
    pub first_contact: Span,
    /// Until a case should be closed, where no policy says otherwise.
    pub close: Span,
    /// How long before either a warning is given, where no policy says otherwise; zero is never.
    pub warn_before: Span,
    /// How many mails may go out.
    pub limits: Limits,
    /// What log-ins take and how long they last.
    pub log_ins: LogInRules,
    /// Whether webhooks may lead to addresses that are not on the open internet.
    pub private_webhooks: bool,
    /// Folders that we write to: it is told when their disks are nearly full.
    pub folders: Vec<PathBuf>,
}

/// Shared by everything that runs; cheap to clone.
#[derive(Clone)]
pub struct Ctx(Arc<Parts>);

/// What a [`Ctx`] points to.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// See [`Settings`].
    pub settings: Settings,
    /// Mail templates, compiled.
    pub templates: Templates,
    /// Told after each commit that queued something: a hint to look, never the only way to find out.
    pub wake: Arc<Notify>,
    /// How workspaces are set up.
    pub workspaces: WorkspaceCache,
    /// Where answers wait to be committed together.
    pub intake: Intake,
    /// Open ways to the mail server.
    pub smtp_pool: SmtpPool,
    /// How fast mail leaves.
    pub throttle: Throttle,
    /// What is known of trouble with mail.
    pub watch: Watch,
    /// Where sending is noted, together.
    pub ledger: Ledger,
    /// What mails say, read together.
    pub loader: Loader,
    /// How much mail came in.
    pub came_in: crate::inbound::Counters,
    /// What is known of the health of this installation.
    pub(crate) health: crate::health::Health,
    /// What was told of the clock.
    pub(crate) steady: crate::clock_guard::Told,
    /// What is metrics_cache in memory of log-ins and keys.
    pub(crate) auth: AuthCache,
    /// Counts that took long.
    pub(crate) metrics_cache: MetricsCache,
    /// Who reads much.
    pub(crate) readers: Readers,
}

impl Ctx {
    /// Puts the parts together and starts those who work for all. Must be called inside a tokio runtime.
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: Settings, templates: Templates, transport: Transport) -> Self {
        let (intake, waiting) = Intake::new(settings.max_waiting);
        let (ledger, noted) = Ledger::new();
        let workspaces = WorkspaceCache::new(Defaults::of(&settings));
        let (loader, asked) = Loader::new();
        let smtp_pool = SmtpPool::new(transport, settings.mail_connections);
        let throttle = Throttle::new(settings.dispatch.pace);
        let readers = Readers::new(db.readers());
        let cx = Self(Arc::new(Parts {
            db,
            clock,
            settings,
            templates,
            wake: Arc::new(Notify::new()),
            workspaces,
            intake,
            smtp_pool,
            throttle,
            watch: Watch::default(),
            ledger,
            loader,
            came_in: crate::inbound::Counters::default(),
            health: crate::health::Health::default(),
            steady: crate::clock_guard::Told::default(),
            auth: AuthCache::default(),
            metrics_cache: MetricsCache::default(),
            readers,
        }));
        waiting.start(&cx);
        noted.start(&cx);
        asked.start(&cx);
        cx
    }

    /// Mails that are between their turn and the mail server's last word, at this moment.
    pub(crate) fn mails_under_way(&self) -> usize {
        self.smtp_pool.under_way()
    }

    /// Trouble with the mail server that somebody has to know of.
    pub(crate) fn mail_trouble(&self, now: DateTime<Utc>) -> Option<Trouble> {
        self.smtp_pool.standing(now)
    }

    /// The present moment, to the millisecond: as exact as it is stored, so that a decision can be recomputed.
    pub fn now(&self) -> DateTime<Utc> {
        from_millis(millis(self.0.clock.now()))
    }

    /// The same for jobs, which may be under way when somebody sets the clock: they end by the clock of before.
    pub(crate) fn guarded_now(&self) -> DateTime<Utc> {
        from_millis(millis(self.0.clock.guarded_now()))
    }

    /// A weak handle, for background tasks that must not keep the rest alive.
    pub(crate) fn downgrade(&self) -> std::sync::Weak<Parts> {
        Arc::downgrade(&self.0)
    }

    /// Back from [`Ctx::downgrade`], while somebody still holds the context.
    pub(crate) fn upgrade(weak: &std::sync::Weak<Parts>) -> Option<Self> {
        weak.upgrade().map(Self)
    }
}

impl std::ops::Deref for Ctx {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctx(..)")
    }
}

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
