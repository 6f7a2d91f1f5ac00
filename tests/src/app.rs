//! The whole product in this process: real router on a port of its own, real database, real SMTP; only the clock is ours.
//!
//! Work that is due is done by [`TestApp::run_until_idle`], so that a test never waits for a worker to wake up.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a product that does not start must fail its test loudly"
)]

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use hearback_core::{Clock, Email, ManualClock, id::WorkspaceId, token::SecretKey};
use hearback_engine::{
    Actor, Engine, Settings, access, fsck,
    incentives::pools::{self, NewCode},
    jobs,
    role::{Role, Scope},
    settings::{self, Dispatch, Limits},
    setup,
    ticks::TICKS,
};
use hearback_mailer::{Limits as MailLimits, RelayOptions, Templates, Transport};
use hearback_store::{
    Db,
    outbox::{self, Lease, Outcome},
};
use hearback_web::{AppConfig, Limits as WebLimits};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    client::{Answer, Client},
    database::{self, Fresh, Kind},
    engine::SECRET_KEY,
    received::Received,
    smtp_server::{Script, SmtpServer},
};

/// Where mail comes from.
pub const SENDER: &str = "feedback@shop.example";
/// What a claim of the tests holds for.
pub const LEASE: Duration = Duration::from_mins(1);
/// More rounds of work than anything here needs: something goes in circles.
const MOST_ROUNDS: usize = 200;

/// How the product is set up, where that is not the usual way.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A folder whose templates and languages replace ours.
    pub templates: Option<PathBuf>,
    /// How many mails may go out; far more than any test sends unless it says otherwise.
    pub limits: Option<Limits>,
    /// Whether webhooks may lead to this machine.
    pub private_webhooks: bool,
    /// Folders whose disks are watched.
    pub folders: Vec<PathBuf>,
    /// How mail leaves.
    pub dispatch: Dispatch,
    /// How often somebody may call, where it is not as usual.
    pub rates: Option<hearback_web::Rates>,
    /// What log-ins take and how long they last, where it is not as usual.
    pub log_ins: Option<settings::LogInRules>,
    /// Where customers go, where that is not the same as everywhere else.
    pub survey_url: Option<String>,
    /// The proxies that are believed about whom they speak for.
    pub proxies: hearback_core::Proxies,
    /// The secret key, where it is another than everywhere else.
    pub secret_key: Option<SecretKey>,
    /// What the mail server does; by default it takes everything.
    pub smtp: Script,
}

/// The running product.
#[derive(Debug)]
pub struct TestApp {
    /// What use cases run on.
    pub cx: Engine,
    /// The workspace of a fresh database.
    pub ws: WorkspaceId,
    /// Stands still until told to move.
    pub clock: ManualClock,
    /// The mail server.
    pub smtp: Arc<SmtpServer>,
    /// A client with an admin key of [`TestApp::ws`].
    pub api: Client,
    /// What it runs on.
    pub database: Arc<Fresh>,
    key: String,
    options: Options,
    _stop: DropGuard,
}

/// Runs the scenario on a fresh database of every kind that this build tests on; what must be true of its rows is checked
/// at the end.
pub async fn on_every_database(scenario: impl AsyncFn(&TestApp)) {
    on_every_database_with(&Options::default(), scenario).await;
}

/// The same with the product set up in another way.
pub async fn on_every_database_with(options: &Options, scenario: impl AsyncFn(&TestApp)) {
    for kind in database::EVERY {
        let app = TestApp::on(*kind, options).await;
        scenario(&app).await;
        app.assert_sound().await;
        app.end().await;
    }
}

/// The same for tests that write rows by hand, which need not make sense together.
pub async fn on_every_store(test: impl AsyncFn(&TestApp)) {
    for kind in database::EVERY {
        let app = TestApp::on(*kind, &Options::default()).await;
        test(&app).await;
        app.end().await;
    }
}

/// A Monday morning, within business hours.
pub fn monday() -> DateTime<Utc> {
    DateTime::from_timestamp(1_773_651_600, 0).expect("2026-03-16T09:00:00Z")
}

impl TestApp {
    /// Boots on an empty database of this kind, and says so in the test's output.
    pub async fn on(kind: Kind, options: &Options) -> Self {
        eprintln!("--- on {kind:?}");
        let database = Fresh::make(kind).await;
        let smtp = Arc::new(SmtpServer::start(options.smtp.clone()).await);
        Self::boot(Arc::new(database), options, ManualClock::new(monday()), smtp, None).await
    }

    /// Another node of the same installation: same database, clock, mail server and key.
    pub async fn second_node(&self) -> Self {
        let (clock, smtp, key) = (self.clock.clone(), Arc::clone(&self.smtp), Some(self.key.clone()));
        Self::boot(Arc::clone(&self.database), &self.options, clock, smtp, key).await
    }

    /// Another node that was given another secret key.
    pub async fn node_with(&self, secret_key: SecretKey) -> Self {
        let (clock, smtp, key) = (self.clock.clone(), Arc::clone(&self.smtp), Some(self.key.clone()));
        let options = Options { secret_key: Some(secret_key), ..self.options.clone() };
        Self::boot(Arc::clone(&self.database), &options, clock, smtp, key).await
    }

    /// The same installation, moved to another database that has all its rows: same clock, mail server and key.
    pub async fn moved_to(&self, database: Fresh) -> Self {
        let (clock, smtp, key) = (self.clock.clone(), Arc::clone(&self.smtp), Some(self.key.clone()));
        Self::boot(Arc::new(database), &self.options, clock, smtp, key).await
    }

    async fn boot(database: Arc<Fresh>, options: &Options, clock: ManualClock, smtp: Arc<SmtpServer>, key: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let cx = context(database.open().await, &clock, options, address, smtp.port());
        let ws = setup::ensure_workspace(&cx).await.expect("a workspace");
        let app = AppConfig {
            workspace: ws,
            public_url: cx.settings.public_url.clone(),
            survey_url: cx.settings.survey_url.clone(),
            captured_mail: None,
            setup_token: None,
            rates: options.rates.unwrap_or_default(),
            page_templates: None,
        };
        let stop = CancellationToken::new();
        let router = hearback_web::router(cx.clone(), app).expect("page templates");
        let limits = WebLimits { proxies: options.proxies.clone(), ..WebLimits::default() };
        tokio::spawn(hearback_web::serve(listener, router, limits, stop.clone()));
        let key = match key {
            Some(key) => key,
            None => access::create_api_key(&cx, ws, &Actor::Operator, "tests", Scope::Admin).await.expect("a key"),
        };
        let api = Client::with_key(address, &key);
        Self { cx, ws, clock, smtp, api, database, key, options: options.clone(), _stop: stop.drop_guard() }
    }

    /// Recomputes what must be true, as `hearback fsck` does.
    pub async fn assert_sound(&self) {
        let found = fsck::check(&self.cx.db, self.now()).await.expect("a database that can be checked");
        assert!(found.is_empty(), "{found:#?}");
    }

    /// Ends it.
    pub async fn end(self) {
        self.cx.db.clone().close().await.expect("connections that end");
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// The present moment of the product.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the clock in one jump, then does what is due. A step that was claimed together with an earlier one of its
    /// rule waits a second for its turn: it gets that second.
    pub async fn advance(&self, by: chrono::Duration) {
        self.clock.advance(by);
        self.run_until_idle().await;
        let turn = self.now() + chrono::Duration::seconds(1);
        if outbox::next_due(&self.cx.db).await.expect("a look at the queue").is_some_and(|next| next <= turn) {
            self.clock.set(turn);
            self.run_until_idle().await;
        }
    }

    /// Does what is due now, and what follows from it, until nothing is left to do at this moment.
    pub async fn run_until_idle(&self) {
        for _ in 0..MOST_ROUNDS {
            let mut done = 0;
            for tick in TICKS {
                done += (tick.run)(&self.cx).await.unwrap_or_else(|error| panic!("{}: {error}", tick.name));
            }
            let leases = self.claim().await;
            if done == 0 && leases.is_empty() {
                return;
            }
            self.work_on(&leases).await;
        }
        panic!("work goes in circles: there is still something due after {MOST_ROUNDS} rounds");
    }

    /// Claims what is due now.
    pub async fn claim(&self) -> Vec<Lease> {
        outbox::claim(&self.cx.db, self.now(), LEASE, 100).await.expect("a claim")
    }

    /// Runs claimed jobs side by side and settles them, as the worker does.
    pub async fn work_on(&self, leases: &[Lease]) {
        let outcomes = join_all(leases.iter().map(|lease| jobs::run(&self.cx, lease))).await;
        self.settle(leases, outcomes).await;
    }

    /// Settles jobs that have ended.
    pub async fn settle(&self, leases: &[Lease], outcomes: Vec<Outcome>) {
        let open: Vec<(&Lease, Outcome)> = leases.iter().zip(outcomes).filter(|(_, outcome)| *outcome != Outcome::Settled).collect();
        let tx = self.cx.db.write().await.expect("a transaction");
        outbox::settle(&tx, &open, self.now()).await.expect("settled jobs");
        tx.commit().await.expect("a commit");
    }

    /// Adds one of our people; they are in the default team.
    pub async fn add_user(&self, email: &str, name: &str, role: Role, password: Option<&str>) {
        access::add_user(&self.cx, self.ws, &Actor::Operator, email, name, role, password).await.expect("a user");
    }

    /// A second workspace beside the one of a fresh database.
    pub async fn second_workspace(&self) -> WorkspaceId {
        setup::create_workspace(&self.cx, &Actor::Operator, "other", "Other", None).await.expect("a workspace")
    }

    /// A browser in which a new user of this role has logged in.
    pub async fn log_in(&self, email: &str, role: Role) -> Client {
        const PASSWORD: &str = "correct-horse-battery-staple";
        self.add_user(email, "Somebody", role, Some(PASSWORD)).await;
        let browser = Client::stranger(self.address());
        let inside = browser.form("/login", &format!("email={}&password={PASSWORD}", email.replace('@', "%40"))).await;
        assert_eq!(inside.status, 303, "{}", inside.text());
        browser
    }

    /// The admin key of [`TestApp::api`].
    pub fn key_text(&self) -> &str {
        &self.key
    }

    /// A client with a key of this scope for this workspace.
    pub async fn key(&self, ws: WorkspaceId, scope: Scope) -> Client {
        let key = access::create_api_key(&self.cx, ws, &Actor::Operator, scope.as_str(), scope).await.expect("a key");
        Client::with_key(self.address(), &key)
    }

    /// POST to the API, at this path below `/api/v1`.
    pub async fn post(&self, path: &str, json: Value) -> Answer {
        self.api.post(&format!("/api/v1{path}"), &json).await
    }

    /// PUT to the API, at this path below `/api/v1`.
    pub async fn put(&self, path: &str, json: Value) -> Answer {
        self.api.put(&format!("/api/v1{path}"), &json).await
    }

    /// GET from the API, at this path below `/api/v1`.
    pub async fn get(&self, path: &str) -> Answer {
        self.api.get(&format!("/api/v1{path}")).await
    }

    /// Puts codes into a pool.
    pub async fn stock(&self, pool: &str, codes: &[&str]) {
        let codes = codes.iter().map(|code| NewCode { code: (*code).to_owned(), expires_at: None }).collect();
        pools::import(&self.cx, self.ws, &Actor::Operator, pool, codes).await.expect("a pool that takes codes");
    }

    /// An NPS answer of this customer, taken by the API; the receipt.
    pub async fn answer(&self, email: &str, score: i64) -> Value {
        self.post("/responses", json!({ "survey": "nps", "score": score, "person": { "email": email } })).await.expect(201)
    }

    /// The case of a receipt as the API shows it.
    pub async fn case_of(&self, receipt: &Value) -> Value {
        let id = receipt.pointer("/case/id").and_then(Value::as_str).expect("a receipt");
        self.get(&format!("/cases/{id}")).await.expect(200)
    }

    /// Corrects the answer of a receipt to this score.
    pub async fn correct(&self, receipt: &Value, score: i64) -> Value {
        let id = receipt.get("id").and_then(Value::as_str).expect("a receipt");
        self.api.patch(&format!("/api/v1/responses/{id}"), &json!({ "score": score })).await.expect(200)
    }

    /// All mails that arrived, in order.
    pub fn mails(&self) -> Vec<Received> {
        self.smtp.mails().iter().map(Received::read).collect()
    }

    /// Mails that arrived at this address, in order.
    pub fn mails_to(&self, address: &str) -> Vec<Received> {
        self.mails().into_iter().filter(|mail| mail.to == address).collect()
    }
}

/// The key of all tests, of the programs that they start too.
pub fn secret_key() -> SecretKey {
    SecretKey::new(SECRET_KEY.as_bytes()).expect("a key of 32 bytes")
}

fn context(db: Db, clock: &ManualClock, options: &Options, address: SocketAddr, smtp: u16) -> Engine {
    let settings = Settings {
        public_url: format!("http://{address}"),
        survey_url: options.survey_url.clone().unwrap_or_else(|| format!("http://{address}")),
        mail_from: Email::parse(SENDER).expect("an address"),
        mail_from_name: "The Shop".to_owned(),
        mail_connections: 4,
        dispatch: options.dispatch.clone(),
        keep_quarantined: chrono::Duration::days(30),
        erasures: None,
        secret_key: options.secret_key.clone().unwrap_or_else(secret_key),
        max_batch: 500,
        max_waiting: 10_000,
        settle_delay: chrono::Duration::minutes(15),
        first_contact: hearback_core::Span::BusinessDays(2),
        close: hearback_core::Span::BusinessDays(5),
        warn_before: hearback_core::Span::BusinessHours(4),
        limits: options.limits.unwrap_or(Limits { mails_per_person_day: 1_000, mails_per_rule_hour: 100_000 }),
        log_ins: options.log_ins.unwrap_or_default(),
        private_webhooks: options.private_webhooks,
        folders: options.folders.clone(),
    };
    let templates = Templates::load(options.templates.as_deref()).expect("templates that can be used");
    let url = format!("smtp://127.0.0.1:{smtp}");
    let transport = Transport::parse(&url, &RelayOptions::default(), MailLimits::default()).expect("a mail server's address");
    Engine::new(db, Arc::new(clock.clone()), settings, templates, transport)
}
