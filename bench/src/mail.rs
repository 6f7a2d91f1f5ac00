//! Mails rendered, sent and recorded, against `smtp-source` on the same `smtp-sink`.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use hearback::Secret;
use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Engine, jobs,
    responses::submit::{FollowUp, NewResponse, submit_responses},
};
use hearback_scheduler::{Worker, WorkerSettings};
use hearback_store::{Db, StoreError, outbox::Outcome};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::{
    process::{Child, Command},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Place, asked,
    child::connect,
    report::{Pair, Report},
};

/// Connections to the sink, on both sides.
const CONNECTIONS: usize = 10;

/// Runs the pairs.
pub async fn run(place: &Place) -> anyhow::Result<Report> {
    let sink = Sink::start().await?;
    let mut config = place.config()?;
    config.mail.url = Secret::new(format!("smtp://{}", sink.address));
    config.mail.connections = CONNECTIONS;
    let (cx, ws) = hearback::context(&config).await?;
    let mut report = Report {
        title: format!("mails rendered, sent and recorded, {CONNECTIONS} connections, {}", place.database()),
        unit: "mails",
        limit: format!("smtp-source -d, {CONNECTIONS} sessions, 8,000 bytes"),
        ..Report::default()
    };
    let mut number = 0;
    for _ in 0..place.args.pairs {
        let limit = source(&sink.address, place.args.amount).await?;
        if place.args.asking {
            asked::queue(&cx, ws, place.args.amount).await?;
        } else {
            thanked(&cx, ws, place.args.amount, &mut number).await?;
        }
        let before = mails(&cx.db, "'sent'").await?;
        let waiting = mails(&cx.db, "'queued', 'deferred'").await?;
        ensure!(waiting > 0, "no mail was queued: --amount must be at least 1");
        let rate = send(&cx, waiting, config.worker.concurrency).await?;
        let sent = mails(&cx.db, "'sent'").await?;
        ensure!(sent == before + waiting, "{waiting} mails were queued, {} sent", sent - before);
        report.pairs.push(Pair { limit, product: rate });
    }
    Ok(report)
}

/// Mails in one of these states.
async fn mails(db: &Db, states: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM deliveries WHERE status IN ({states})");
    let row = db.read().query_one_raw(Statement::from_string(db.backend(), sql)).await?;
    let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Promoters and passives with an address: one mail each, at once.
async fn thanked(cx: &Engine, ws: WorkspaceId, mails: usize, number: &mut u64) -> anyhow::Result<()> {
    for _ in 0..mails.div_ceil(1_000) {
        let items = (0..1_000)
            .map(|_| {
                *number += 1;
                promoter(*number)
            })
            .collect::<Result<Vec<_>, _>>()?;
        for outcome in submit_responses(cx, ws, items, FollowUp::On).await {
            outcome.context("an answer was refused")?;
        }
    }
    Ok(())
}

fn promoter(number: u64) -> Result<NewResponse, serde_json::Error> {
    let mut response: NewResponse = serde_json::from_str(&crate::load::response(number))?;
    response.score = 9;
    Ok(response)
}

/// Mails a second until all have their end.
async fn send(cx: &Engine, mails: u64, concurrency: usize) -> anyhow::Result<f64> {
    let stop = CancellationToken::new();
    let engine = cx.clone();
    // Counted here: asking the database all the time would be measured too.
    let (left, over) = (Arc::new(AtomicU64::new(mails)), Arc::new(Notify::new()));
    let done = Arc::clone(&over);
    let worker = Worker {
        db: cx.db.clone(),
        clock: Arc::clone(&cx.clock),
        wake: Arc::clone(&cx.wake),
        settings: WorkerSettings { concurrency, ..WorkerSettings::default() },
        run: move |lease| {
            let (cx, left, over) = (engine.clone(), Arc::clone(&left), Arc::clone(&over));
            async move {
                let outcome = jobs::run(&cx, &lease).await;
                if outcome == Outcome::Settled && left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    over.notify_one();
                }
                outcome
            }
        },
    };
    let started = Instant::now();
    let running = tokio::spawn(worker.run(stop.clone()));
    tokio::time::timeout(Duration::from_mins(5), done.notified()).await.context("the mails were not sent within five minutes")?;
    let rate = mails as f64 / started.elapsed().as_secs_f64();
    stop.cancel();
    running.await?;
    Ok(rate)
}

/// A mail server that accepts and forgets.
struct Sink {
    address: String,
    _child: Child,
}

impl Sink {
    async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        drop(listener);
        let child = Command::new(program("smtp-sink"))
            .args(["-u", "nobody", &address, "1000"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("smtp-sink can't be started; it is in Debian's package postfix")?;
        for _ in 0..500 {
            if connect(&address).await.is_ok() {
                return Ok(Self { address, _child: child });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("smtp-sink did not start")
    }
}

fn program(name: &str) -> String {
    let installed = format!("/usr/sbin/{name}");
    if std::path::Path::new(&installed).exists() { installed } else { name.to_owned() }
}

async fn source(address: &str, mails: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = Command::new(program("smtp-source"))
        .args([
            "-d",
            "-s",
            &CONNECTIONS.to_string(),
            "-m",
            &mails.to_string(),
            "-l",
            "8000",
            "-f",
            "bench@bench.example",
            "-t",
            "you@bench.example",
        ])
        .arg(format!("inet:{address}"))
        .status()
        .await
        .context("smtp-source can't be started; it is in Debian's package postfix")?;
    ensure!(status.success(), "smtp-source failed");
    Ok(mails as f64 / started.elapsed().as_secs_f64())
}
