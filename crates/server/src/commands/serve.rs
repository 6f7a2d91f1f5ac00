//! `hearback serve`

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::{Args as Arguments, ValueEnum};
use futures::FutureExt as _;
use hearback_core::{id::WorkspaceId, token::random_secret};
use hearback_engine::{Engine, access, clock_guard, customers::erased, health, inbound, seals, ticks::TICKS};
use hearback_scheduler::{Pulse, Worker, WorkerSettings, run_pulses};
use hearback_web::{AppConfig, Limits};
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use crate::{config::Config, lifecycle::Lifecycle, open, output::say, telemetry};

/// Arguments of `serve`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// What this process does: everything, only the API and the pages, or only the work behind them.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Both.
    All,
    /// The API and the pages.
    Web,
    /// Mails, due steps, clocks.
    Worker,
}

/// Serves until a signal.
pub async fn run(args: Args, mut config: Config) -> anyhow::Result<ExitCode> {
    telemetry::start(&config.log)?;
    let lifecycle = Lifecycle::new()?;
    // Bound first: a taken port is found before anything is changed, and early callers wait instead of being refused.
    let listener =
        if args.role == Role::Worker { None } else { Some(bind(&config.server.bind, "server.bind (HEARBACK_SERVER__BIND)").await?) };
    let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(address) = address {
        config.listens_on(address);
    }
    let (cx, ws) = open::context(&config).await?;
    if let Some(address) = address {
        say(format!("Hearback listens on http://{address}"));
        info!(%address, public_url = %cx.settings.public_url, "listening");
    }
    let setup = first_run(&cx, listener.is_some()).await?;
    serve(lifecycle, &config, cx, ws, listener, args.role, setup).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs what the role asks for until a signal. Shared with `demo`.
pub async fn serve(
    mut lifecycle: Lifecycle,
    config: &Config,
    cx: Engine,
    ws: WorkspaceId,
    listener: Option<TcpListener>,
    role: Role,
    setup_token: Option<String>,
) -> anyhow::Result<()> {
    // Before anybody is served: a database that was restored by its own tools may have people in it who were erased.
    let people = erased::again(&cx, open::erasures(config, &[])?).await?;
    if people > 0 {
        warn!(people, "they were back in the database although they had been erased, and are erased again");
    }
    check_pages(&mut lifecycle, config, &cx).await?;
    let missing = seals::keys(&cx.db, Some(&cx.settings.secret_key)).await?.missing;
    if !missing.is_empty() {
        error!(keys = ?missing, "secrets in the database were sealed with a secret key that is not known; `hearback doctor` says what to do");
    }
    let drain = Duration::from_secs(config.worker.drain);
    if let Some(listener) = listener {
        let app = AppConfig {
            workspace: ws,
            public_url: config.server.public_url.clone(),
            survey_url: config.server.survey_url.clone(),
            captured_mail: config.captured_mail(),
            setup_token,
            rates: config.calls.rates(),
            page_templates: config.templates().map(|folder| folder.join("pages")),
        };
        let router = hearback_web::router(cx.clone(), app)?;
        let limits = Limits {
            connections: connections(open::files(), config),
            connections_per_caller: config.server.connections_per_caller,
            drain,
            proxies: config.trusted_proxies()?,
            ..Limits::default()
        };
        let stop = lifecycle.stop();
        lifecycle.spawn("web", async move {
            let cut = hearback_web::serve(listener, router, limits, stop).await;
            anyhow::ensure!(cut == 0, "{cut} requests were cut because they did not finish in time");
            Ok(())
        });
    }
    if let Some(address) = config.operations() {
        let listener = bind(address, "server.operations (HEARBACK_SERVER__OPERATIONS)").await?;
        let (router, stop) = (hearback_web::operations_router(cx.clone()), lifecycle.stop());
        info!(%address, "figures for monitoring at /metrics");
        lifecycle.spawn("operations", async move {
            hearback_web::serve(listener, router, Limits { connections: 64, ..Limits::default() }, stop).await;
            Ok(())
        });
    }
    if role != Role::Web {
        worker(&mut lifecycle, config, &cx)?;
    }
    lifecycle.run(drain).await
}

/// A file of up to so many bytes is checked before anybody is served; a larger one meanwhile.
const QUICK: u64 = 64 * 1024 * 1024;

/// Looks for damage in the database file. Damaged, it is served all the same, but nothing is sent.
async fn check_pages(lifecycle: &mut Lifecycle, config: &Config, cx: &Engine) -> anyhow::Result<()> {
    let Some(file) = open::sqlite_path(config).map(str::to_owned) else { return Ok(()) };
    let size = std::fs::metadata(&file).map_or(0, |file| file.len());
    let cx = cx.clone();
    let check = async move {
        let found = health::check_pages(&cx).await;
        let hint = || format!("the database `{file}` is damaged and can't be written; restore the last backup into a new one");
        if let Some(why) = found.with_context(hint)? {
            error!(file, why, "the database is damaged: sending is on hold; stop the server and restore the last backup");
        }
        anyhow::Ok(())
    };
    if size <= QUICK {
        return check.await;
    }
    let stop = lifecycle.stop();
    lifecycle.spawn("check of the database", async move { stop.run_until_cancelled(check).await.unwrap_or(Ok(())) });
    Ok(())
}

/// File handles for what every process has, for files that come and go, and for monitoring.
const KEPT_BACK: u64 = 128;

/// Connections that strangers may have, of so many file handles: what the database, the relay, the mailbox and calls to webhooks need
/// is kept back, so that a crowd never keeps accepted work from being done.
fn connections(files: u64, config: &Config) -> usize {
    let own = u64::from(config.database.connections) + (config.mail.connections + config.worker.concurrency) as u64 + KEPT_BACK;
    let most = Limits::default().connections;
    let left = usize::try_from(files.saturating_sub(own)).unwrap_or(most).min(most);
    if left < most {
        warn!(
            connections = left,
            files, "few files may be open at once, so few connections are taken; raise the limit (LimitNOFILE, ulimit -n)"
        );
    }
    left.max(16)
}

/// Starts what works through the queue, and what looks at the tables again and again.
fn worker(lifecycle: &mut Lifecycle, config: &Config, cx: &Engine) -> anyhow::Result<()> {
    // The worker gives back what it did not finish a little before everything is cut off.
    let drain = Duration::from_secs(config.worker.drain.saturating_sub(5).max(1));
    let settings = WorkerSettings { concurrency: config.worker.concurrency, drain, ..WorkerSettings::default() };
    let jobs = cx.clone();
    let worker = Worker {
        db: cx.db.clone(),
        clock: Arc::clone(&cx.clock),
        wake: Arc::clone(&cx.wake),
        settings,
        run: move |lease| {
            let cx = jobs.clone();
            async move { hearback_engine::jobs::run(&cx, &lease).await }
        },
    };
    let stop = lifecycle.stop();
    lifecycle.spawn("worker", async move {
        worker.run(stop).await;
        Ok(())
    });
    let pulses = TICKS.iter().map(|tick| {
        let (cx, run) = (cx.clone(), tick.run);
        let run = move || {
            let cx = cx.clone();
            async move { if clock_guard::is_steady(&cx).await? { run(&cx).await } else { Ok(0) } }
        };
        Pulse { name: tick.name, period: tick.period, run }
    });
    mailbox(lifecycle, config, cx)?;
    let stop = lifecycle.stop();
    lifecycle.spawn("ticks", run_pulses(pulses.collect(), stop).map(Ok));
    Ok(())
}

/// Starts what looks into the mailbox, where there is one.
fn mailbox(lifecycle: &mut Lifecycle, config: &Config, cx: &Engine) -> anyhow::Result<()> {
    let Some(mailbox) = open::mailbox(config)? else { return Ok(()) };
    let (cx, stop, period) = (cx.clone(), lifecycle.stop(), Duration::from_secs(config.inbound.poll));
    info!(mailbox = mailbox.name(), "incoming mail is fetched");
    lifecycle.spawn("inbound", async move {
        // A message that is cut off by the end is fetched again: it is marked only after it was stored.
        let _ = Box::pin(stop.run_until_cancelled(inbound::watch(&cx, &mailbox, period))).await;
        Ok(())
    });
    Ok(())
}

/// Takes the address, or says who may have it and how to choose another.
pub async fn bind(address: &str, other: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("can't listen on {address}; is another program there? Choose another with {other}"))
}

/// While nobody can log in, the first-run page asks for this token, so that only who sees this output can use it.
async fn first_run(cx: &Engine, is_web: bool) -> anyhow::Result<Option<String>> {
    if !is_web || access::has_users(cx).await? {
        return Ok(None);
    }
    let token = random_secret().map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))?;
    let url = &cx.settings.public_url;
    say(format!(
        "Nobody can log in yet. Make the first user with `hearback user add EMAIL --role admin`, or at\n  {url}/setup?token={token}"
    ));
    Ok(Some(token))
}
