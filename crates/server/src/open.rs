//! From settings to the things that use cases need: the database, the templates, the context.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use hearback_core::{Clock, WatchedClock, id::WorkspaceId};
use hearback_engine::{
    Engine, Settings,
    customers::erased::{self, Erasure},
    settings::Limits as GuardLimits,
    setup,
};
use hearback_mailer::{Limits, Mailbox, RelayOptions, Templates, Transport};
use hearback_store::{Db, workspaces};

use crate::{
    config::{Config, ConfigError},
    output::usage,
};

/// Connects. For SQLite the folder of the file is made.
pub async fn database(config: &Config) -> anyhow::Result<Db> {
    if let Some(path) = sqlite_path(config) {
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        private_folder(folder)
            .with_context(|| format!("can't make the folder `{}` of the database; choose another with database.url", folder.display()))?;
        close_to_others(path);
    }
    Ok(Db::connect(config.database.url.expose(), config.database.connections).await?)
}

/// A database that an older version or another program made may be open to everybody on this machine.
fn close_to_others(path: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let Ok(found) = std::fs::metadata(&file) else { continue };
        if found.permissions().mode() & 0o077 != 0
            && let Err(error) = std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(%error, file, "others on this machine can read the database, and its permissions can't be changed");
        }
    }
}

/// How many files this process may open: the soft limit, which is raised as far as the hard one allows.
pub fn files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}

/// Makes a folder, with those above it, that only its owner can look into.
pub fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that only its owner can read; on disk when this returns.
pub fn private_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Connects to a database that must be there already, with the schema of this version.
pub async fn existing_database(config: &Config) -> anyhow::Result<Db> {
    if let Some(path) = sqlite_path(config).filter(|path| !Path::new(path).is_file()) {
        anyhow::bail!("there is no database at `{path}`; set database.url (HEARBACK_DATABASE__URL), or run `hearback migrate` to make one");
    }
    let db = database(config).await?;
    anyhow::ensure!(db.is_migrated().await?, "the database has not the schema of this version; run `hearback migrate` first");
    Ok(db)
}

/// Everything a command that changes something needs: schema up to date, the workspace there.
pub async fn context(config: &Config) -> anyhow::Result<(Engine, WorkspaceId)> {
    let settles = std::time::Duration::from_secs(config.worker.clock_settles);
    context_at(config, Arc::new(WatchedClock::new(settles))).await
}

/// The same with another clock.
pub async fn context_at(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<(Engine, WorkspaceId)> {
    let settings = settings(config)?;
    let templates = templates(config)?;
    let transport = transport(config)?;
    let db = database(config).await?;
    db.migrate().await.context("the schema could not be brought up to date")?;
    let cx = Engine::new(db, clock, settings, templates, transport);
    let standard = setup::ensure_workspace(&cx).await?;
    let ws = match &config.workspace {
        Some(key) => workspace(&cx.db, key).await?,
        None => standard,
    };
    Ok((cx, ws))
}

/// Who was erased, according to these lists; where none is named, to the one in the data folder, if there is one.
pub fn erasures(config: &Config, lists: &[PathBuf]) -> anyhow::Result<Vec<Erasure>> {
    let own = config.data.dir.join(erased::FILE);
    let files = if lists.is_empty() && own.exists() { std::slice::from_ref(&own) } else { lists };
    let read = |file: &PathBuf| erased::read(file).with_context(|| format!("can't read the list `{}` of who was erased", file.display()));
    Ok(files.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
}

/// The workspace with this key, or an error that says which there are.
pub async fn workspace(db: &Db, key: &str) -> anyhow::Result<WorkspaceId> {
    if let Some(row) = workspaces::by_key(db.read(), key).await? {
        return Ok(WorkspaceId::from_uuid(row.id));
    }
    let known: Vec<String> = workspaces::all(db.read()).await?.into_iter().map(|row| row.key).collect();
    let known = known.join(", ");
    Err(usage(format!("there is no workspace `{key}`; known are {known}, and `hearback workspace create` makes one")))
}

/// The mail templates, with the company's own over the built-in ones.
pub fn templates(config: &Config) -> anyhow::Result<Templates> {
    Ok(Templates::load(config.templates())?)
}

/// Whether the pages can be shown, with the company's own over the built-in ones.
pub fn check_pages(config: &Config) -> anyhow::Result<()> {
    Ok(hearback_web::check_pages(config.templates().map(|folder| folder.join("pages")).as_deref())?)
}

/// The way out for mail. Nothing is connected yet.
pub fn transport(config: &Config) -> anyhow::Result<Transport> {
    let mail = &config.mail;
    let options = RelayOptions { ca_file: config.mail_ca_file().map(Path::to_owned), ..RelayOptions::default() };
    let standard = Limits::default();
    let reply = Duration::from_secs(mail.reply_timeout);
    let limits = Limits {
        connect: Duration::from_secs(mail.connect_timeout),
        reply,
        data: standard.data.min(reply),
        block: standard.block.min(reply),
        dot: Duration::from_secs(mail.dot_timeout),
        ..standard
    };
    Transport::parse(mail.url.expose(), &options, limits)
        .map_err(|error| usage(format!("{error}; `hearback check-config` shows where it is set")))
}

/// The mailbox that mail is fetched from; `None` when there is none. Nothing is connected yet.
pub fn mailbox(config: &Config) -> anyhow::Result<Option<Mailbox>> {
    let url = config.inbound.url.expose();
    if url.is_empty() {
        return Ok(None);
    }
    let mailbox = Mailbox::parse(url, config.inbound_ca_file());
    mailbox.map(Some).map_err(|error| usage(format!("{error}; `hearback check-config` shows where it is set")))
}

fn settings(config: &Config) -> Result<Settings, ConfigError> {
    Ok(Settings {
        public_url: config.server.public_url.clone(),
        survey_url: config.server.survey_url.clone(),
        mail_from: config.mail.from.email.clone(),
        mail_from_name: config.mail.sender_name().to_owned(),
        mail_connections: config.mail.connections,
        dispatch: config.dispatch()?,
        keep_quarantined: chrono::Duration::days(config.inbound.keep_quarantined.into()),
        erasures: Some(config.data.dir.join(erased::FILE)),
        secret_key: config.secret_key()?,
        max_batch: config.intake.max_batch,
        max_waiting: config.intake.max_waiting,
        settle_delay: config.settle_delay(),
        first_contact: config.closing.first_contact,
        close: config.closing.close,
        warn_before: config.closing.warn_before,
        limits: GuardLimits {
            mails_per_person_day: config.limits.mails_per_person_day,
            mails_per_rule_hour: config.limits.mails_per_rule_hour,
        },
        log_ins: config.log_ins()?,
        private_webhooks: config.webhooks.allow_private,
        folders: folders(config),
    })
}

/// Where we write: the data folder, and that of an SQLite database.
fn folders(config: &Config) -> Vec<PathBuf> {
    let database = sqlite_path(config).and_then(|path| Path::new(path).parent());
    let database = database.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned());
    let mut folders: Vec<PathBuf> = database.into_iter().collect();
    if !folders.contains(&config.data.dir) {
        folders.push(config.data.dir.clone());
    }
    folders
}

/// The file of an SQLite database, without the options behind `?`.
pub fn sqlite_path(config: &Config) -> Option<&str> {
    let path = config.database.url.expose().strip_prefix("sqlite://")?;
    path.split('?').next().filter(|path| !path.starts_with(":memory:"))
}
