//! The settings: built-in defaults, a file, the environment; each later one wins.
//!
//! Owns their names, their checks and where each came from. `config/default.toml` is the reference for people.
//! The only place in the workspace that reads the environment. Refuses to know what the settings are used for.

mod checks;
mod dispatch;
mod environment;
mod secret;
mod sender;
mod show;

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Format, Toml},
};
use hearback_core::{Proxies, Span};
use hearback_engine::{role::Role, settings::LogInRules};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use self::checks::sqlite_url;
use self::{
    checks::{address, explain, filled, range, scheme, site, twin, wall_minutes},
    environment::Environment,
};
pub use self::{
    dispatch::{Dkim, Sending},
    secret::Secret,
    sender::Sender,
};

/// The defaults, which are also the reference.
const DEFAULTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/default.toml"));

/// A setting that can't be used.
#[derive(Debug, Error)]
#[error("{key}: {problem}. `hearback check-config` shows all settings and where each comes from")]
pub struct ConfigError {
    /// The setting, `section.key`, or the file.
    pub key: String,
    /// What is wrong with it and what was expected.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// All settings, checked. See `config/default.toml` for what each means.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    secret_key: Secret,
    secret_key_file: PathBuf,
    secret_key_old: Secret,
    secret_key_old_file: PathBuf,
    /// Where the data is.
    pub database: Database,
    /// Where we listen.
    pub server: Server,
    /// How often somebody may call.
    pub calls: Calls,
    /// What log-ins take and how long they last.
    pub access: Access,
    /// How mail leaves.
    pub mail: Mail,
    /// How mail comes in.
    pub inbound: Inbound,
    /// How fast.
    pub sending: Sending,
    /// Folders.
    pub data: Data,
    /// Limits of the intake.
    pub intake: Intake,
    /// When loops are due.
    #[serde(rename = "loop")]
    pub closing: Closing,
    /// Guard rails.
    pub limits: Limits,
    /// Other programs that rules call.
    pub webhooks: Webhooks,
    /// The worker.
    pub worker: Worker,
    /// Logging.
    pub log: Log,
    /// Key of the workspace that a command is about, from the command line; `default` when there is none.
    #[serde(skip)]
    pub workspace: Option<String>,
    /// Where each value came from; filled in by [`Config::load`].
    #[serde(skip)]
    sources: Sources,
}

/// The values as they were found. They hold secrets, so they print as nothing.
#[derive(Clone, Default)]
struct Sources(Figment);

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources(..)")
    }
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://...`.
    pub url: Secret,
    url_file: PathBuf,
    /// Pool size.
    pub connections: u32,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub bind: String,
    /// Base of all links, without a trailing slash.
    pub public_url: String,
    /// Base of the links of customers, without a trailing slash.
    pub survey_url: String,
    trusted_proxies: String,
    /// Connections of one caller at most.
    pub connections_per_caller: usize,
    operations: String,
}

/// `[calls]`: how many a minute, 0 is any number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    read_key: u32,
    write_key: u32,
    log_in: u32,
    widget: u32,
    visitor: u32,
    survey: u32,
    survey_link: u32,
    form: u32,
    form_link: u32,
}

impl Calls {
    /// As the web side takes them.
    pub const fn rates(self) -> hearback_web::Rates {
        hearback_web::Rates {
            read_key: self.read_key,
            write_key: self.write_key,
            log_in: self.log_in,
            widget: self.widget,
            visitor: self.visitor,
            survey: self.survey,
            survey_link: self.survey_link,
            form: self.form,
            form_link: self.form_link,
        }
    }
}

/// `[access]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    idle_admin: String,
    idle: String,
    length: String,
    sessions: u64,
    second_factor: String,
}

/// `[mail]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Where mail goes.
    pub url: Secret,
    url_file: PathBuf,
    /// The sender.
    pub from: Sender,
    from_name: String,
    return_path: String,
    reply_to: String,
    /// Connections to the relay at most.
    pub connections: usize,
    /// Seconds.
    pub connect_timeout: u64,
    /// Seconds.
    pub reply_timeout: u64,
    /// Seconds.
    pub dot_timeout: u64,
    ca_file: PathBuf,
    /// Who signs.
    pub dkim: Dkim,
}

/// `[inbound]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// The mailbox; empty for none.
    pub url: Secret,
    url_file: PathBuf,
    /// Seconds.
    pub poll: u64,
    /// Days.
    pub keep_quarantined: u32,
    ca_file: PathBuf,
}

/// `[data]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// What this node keeps.
    pub dir: PathBuf,
    templates: PathBuf,
}

/// `[intake]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// Answers per transaction.
    pub max_batch: usize,
    /// Answers that may wait.
    pub max_waiting: usize,
}

/// `[loop]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// `15m`.
    settle_delay: String,
    /// `2bd`.
    pub first_contact: Span,
    /// `5bd`.
    pub close: Span,
    /// `4bh`.
    pub warn_before: Span,
}

/// `[limits]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Mails to one customer within 24 hours.
    pub mails_per_person_day: u32,
    /// Mails of one rule within an hour.
    pub mails_per_rule_hour: u32,
}

/// `[webhooks]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether they may lead inside.
    pub allow_private: bool,
}

/// `[worker]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Jobs at once.
    pub concurrency: usize,
    /// Seconds.
    pub drain: u64,
    /// Seconds.
    pub clock_settles: u64,
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Directives.
    pub filter: String,
    /// For whom.
    pub format: LogFormat,
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Text,
    /// Machines.
    Json,
}

impl Config {
    /// Defaults, then the file, then the environment of this process.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_sources(file, Environment::of_process()?)
    }

    /// The settings of a demo in `dir`: everything there, nothing from this machine, warnings only.
    pub fn demo(dir: &Path, address: std::net::SocketAddr) -> Result<Self, ConfigError> {
        let pairs = [
            ("HEARBACK_DATA__DIR", dir.display().to_string()),
            ("HEARBACK_SERVER__BIND", address.to_string()),
            ("HEARBACK_MAIL__FROM", "care@rida.example".to_owned()),
            ("HEARBACK_MAIL__FROM_NAME", "Rida Bikes".to_owned()),
            ("HEARBACK_LOG__FILTER", "warn".to_owned()),
        ];
        Self::from_sources(None, Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value))))
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::new(path.display().to_string(), "there is no such file; --config takes the path of a TOML file"));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(environment);
        let mut config: Self = figment.extract_lossy().map_err(explain)?;
        config.sources = Sources(figment);
        config.resolve()?;
        Ok(config)
    }

    /// Where monitoring listens, when it does.
    pub fn operations(&self) -> Option<&str> {
        Some(self.server.operations.as_str()).filter(|address| !address.is_empty())
    }

    /// The proxies that are believed about whom they speak for.
    pub fn trusted_proxies(&self) -> Result<Proxies, ConfigError> {
        Proxies::parse(&self.server.trusted_proxies).map_err(|error| ConfigError::new("server.trusted_proxies", error.to_string()))
    }

    /// The folder with templates of one's own.
    pub fn templates(&self) -> Option<&Path> {
        filled(&self.data.templates)
    }

    /// The folder that mail is written to, when it is captured and not sent.
    pub fn captured_mail(&self) -> Option<PathBuf> {
        self.mail.url.expose().strip_prefix("file://").map(PathBuf::from)
    }

    /// Certificates to trust besides the system's.
    pub fn mail_ca_file(&self) -> Option<&Path> {
        filled(&self.mail.ca_file)
    }

    /// Certificates to trust besides the system's, for the mailbox.
    pub fn inbound_ca_file(&self) -> Option<&Path> {
        filled(&self.inbound.ca_file)
    }

    /// The address that was really taken: port 0 has become one, and links that follow from it must say so.
    pub fn listens_on(&mut self, address: std::net::SocketAddr) {
        let taken = format!("http://{}", self.server.bind);
        for url in [&mut self.server.public_url, &mut self.server.survey_url] {
            if *url == taken {
                *url = format!("http://{address}");
            }
        }
    }

    /// How long a one-click answer may still change.
    pub fn settle_delay(&self) -> chrono::Duration {
        chrono::Duration::minutes(wall_minutes(&self.closing.settle_delay).map_or(0, i64::from))
    }

    /// What log-ins take and how long they last.
    pub fn log_ins(&self) -> Result<LogInRules, ConfigError> {
        let Access { idle_admin, idle, length, sessions, second_factor } = &self.access;
        let time = |key, text: &str| {
            let minutes = wall_minutes(text).filter(|minutes| (5..=43_200).contains(minutes));
            let minutes =
                minutes.ok_or_else(|| ConfigError::new(key, format!("expected a time from 5m to 30d, such as 30m or 8h, got `{text}`")))?;
            Ok(chrono::Duration::minutes(minutes.into()))
        };
        range("access.sessions", *sessions, 1, 1_000)?;
        let expected = || format!("expected viewer, agent, manager or admin, or nothing; got `{second_factor}`");
        let least = match second_factor.as_str() {
            "" => None,
            word => Some(Role::parse(word).ok_or_else(|| ConfigError::new("access.second_factor", expected()))?),
        };
        Ok(LogInRules {
            idle_admin: time("access.idle_admin", idle_admin)?,
            idle: time("access.idle", idle)?,
            length: time("access.length", length)?,
            most: *sessions,
            second_factor: least,
        })
    }

    /// Fills in what follows from other settings and checks what types can't.
    fn resolve(&mut self) -> Result<(), ConfigError> {
        twin("database.url_file", &self.database.url_file, &mut self.database.url)?;
        twin("mail.url_file", &self.mail.url_file, &mut self.mail.url)?;
        twin("inbound.url_file", &self.inbound.url_file, &mut self.inbound.url)?;
        twin("secret_key_old_file", &self.secret_key_old_file, &mut self.secret_key_old)?;
        self.data.dir = std::path::absolute(&self.data.dir)
            .map_err(|error| ConfigError::new("data.dir", format!("`{}` is not a path: {error}", self.data.dir.display())))?;
        if self.database.url.is_empty() {
            self.database.url = Secret::new(sqlite_url(&self.data.dir.join("hearback.db")));
        }
        if self.mail.url.is_empty() {
            self.mail.url = Secret::new(format!("file://{}", self.data.dir.join("mail").display()));
        }
        if self.server.public_url.is_empty() {
            self.server.public_url = format!("http://{}", self.server.bind);
        }
        if self.server.survey_url.is_empty() {
            self.server.survey_url.clone_from(&self.server.public_url);
        }
        for url in [&mut self.server.public_url, &mut self.server.survey_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        self.check()
    }

    fn check(&self) -> Result<(), ConfigError> {
        let Self { database, server, mail, intake, closing, worker, .. } = self;
        scheme("database.url", &database.url, &["sqlite://", "postgres://", "postgresql://"])?;
        scheme("mail.url", &mail.url, &["smtp://", "smtp+starttls://", "smtps://", "file:///"])?;
        address("server.bind", &server.bind)?;
        if !server.operations.is_empty() {
            address("server.operations", &server.operations)?;
        }
        site("server.public_url", &server.public_url)?;
        site("server.survey_url", &server.survey_url)?;
        let is_https = |url: &str| url.starts_with("https://");
        if is_https(&server.public_url) != is_https(&server.survey_url) {
            return Err(ConfigError::new("server.survey_url", "must be https:// where server.public_url is, and http:// where that is"));
        }
        self.trusted_proxies()?;
        self.log_ins()?;
        range("server.connections_per_caller", server.connections_per_caller as u64, 1, 100_000)?;
        range("database.connections", u64::from(database.connections), 2, 200)?;
        range("mail.connections", mail.connections as u64, 1, 64)?;
        range("mail.connect_timeout", mail.connect_timeout, 1, 120)?;
        range("mail.reply_timeout", mail.reply_timeout, 1, 600)?;
        range("mail.dot_timeout", mail.dot_timeout, 1, 900)?;
        if !self.inbound.url.is_empty() {
            scheme("inbound.url", &self.inbound.url, &["imaps://", "imap+starttls://", "imap://"])?;
        }
        range("inbound.poll", self.inbound.poll, 5, 3_600)?;
        range("inbound.keep_quarantined", self.inbound.keep_quarantined.into(), 1, 3_650)?;
        range("intake.max_batch", intake.max_batch as u64, 1, 10_000)?;
        range("intake.max_waiting", intake.max_waiting as u64, 1, 1_000_000)?;
        for (key, span) in [("loop.first_contact", closing.first_contact), ("loop.close", closing.close)] {
            if span.is_zero() {
                return Err(ConfigError::new(key, "expected a time longer than 0, such as 48h or 2bd".to_owned()));
            }
        }
        range("limits.mails_per_person_day", u64::from(self.limits.mails_per_person_day), 1, 1_000)?;
        range("limits.mails_per_rule_hour", u64::from(self.limits.mails_per_rule_hour), 1, 10_000_000)?;
        range("worker.concurrency", worker.concurrency as u64, 1, 256)?;
        range("worker.drain", worker.drain, 1, 600)?;
        range("worker.clock_settles", worker.clock_settles, 1, 86_400)?;
        if wall_minutes(&closing.settle_delay).is_none() {
            return Err(ConfigError::new("loop.settle_delay", format!("expected 15m, 2h, 1d or 0, got `{}`", closing.settle_delay)));
        }
        self.dispatch().map(|_| ())
    }
}

#[cfg(test)]
mod tests;
