//! Answers over HTTP, one a request, with the shipped rules: case, timeline, tasks, outbox, roll-ups, fsynced.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::Context as _;
use hearback_engine::{Actor, access::create_api_key, role::Scope};
use hearback_store::Db;
use tokio::process::Command;

use crate::{
    Place,
    child::Server,
    limits,
    load::post_responses,
    report::{Pair, Report},
};

/// Runs the pairs.
pub async fn run(place: &Place) -> anyhow::Result<Report> {
    let key = key(place).await?;
    let db = place.db().await?;
    limits::prepare(&db).await?;
    // Only the web role: what the worker costs is measured elsewhere, what ingest queues is all queued.
    let server = Server::start(place, "web", None).await?;
    let idle = server.memory();
    let limit_is = Limit::choose(place).await;
    let mut report = Report {
        title: format!("ingest over HTTP, {} connections, shipped rules, {}", place.args.clients, place.database()),
        unit: "responses",
        limit: limit_is.name(),
        ready: Some(server.ready),
        ..Report::default()
    };
    post_responses(&server.address, &key, place.args.clients, Duration::from_secs(1)).await?;
    for _ in 0..place.args.pairs {
        let limit = limit_is.measure(place, &db).await?;
        let load = post_responses(&server.address, &key, place.args.clients, place.time()).await?;
        report.pairs.push(Pair { limit, product: load.rate });
        report.latencies.extend(load.latencies);
    }
    report.memory = idle.zip(server.memory()).map(|((idle, _), (_, peak))| (idle, peak));
    server.stop().await?;
    limits::drop(&db).await?;
    Ok(report)
}

/// Prepares the database and makes a key for the load.
pub async fn key(place: &Place) -> anyhow::Result<String> {
    let (cx, ws) = place.open().await?;
    Ok(create_api_key(&cx, ws, &Actor::Operator, "bench", Scope::Write).await?)
}

/// What the database can do with nothing around it.
enum Limit {
    /// One client, one row a commit: the rate of SQLite's single writer without group commit.
    OneRow,
    /// `pgbench` with a bare two-insert transaction.
    Pgbench(std::path::PathBuf),
    /// The same from inside this process, where `pgbench` is not installed.
    TwoInserts,
}

impl Limit {
    async fn choose(place: &Place) -> Self {
        if place.is_sqlite() {
            return Self::OneRow;
        }
        match pgbench().await {
            Some(path) => Self::Pgbench(path),
            None => Self::TwoInserts,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::OneRow => "one row a commit, one client".to_owned(),
            Self::Pgbench(_) => "pgbench -M prepared, two inserts a transaction".to_owned(),
            Self::TwoInserts => "two inserts a transaction, same process".to_owned(),
        }
    }

    async fn measure(&self, place: &Place, db: &Db) -> anyhow::Result<f64> {
        Ok(match self {
            Self::OneRow => limits::one_row_a_commit(db, place.time()).await?,
            Self::TwoInserts => limits::two_inserts(db, place.args.clients, place.time()).await?,
            Self::Pgbench(program) => run_pgbench(program, place).await?,
        })
    }
}

async fn pgbench() -> Option<std::path::PathBuf> {
    let mut places = vec!["pgbench".to_owned()];
    places.extend((13..20).rev().map(|version| format!("/usr/lib/postgresql/{version}/bin/pgbench")));
    for candidate in places {
        let known = Command::new(&candidate).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if known.is_ok_and(|status| status.success()) {
            return Some(candidate.into());
        }
    }
    None
}

async fn run_pgbench(program: &Path, place: &Place) -> anyhow::Result<f64> {
    const SCRIPT: &str = "\\set person random(1, 1000000)\n\\set score random(0, 10)\nBEGIN;\n\
         INSERT INTO bench_responses (workspace, person, score, body) VALUES (1, :person, :score, repeat('x', 300)) RETURNING id;\n\
         INSERT INTO bench_outbox (workspace, person, score, body) VALUES (1, :person, :score, repeat('x', 120));\nCOMMIT;\n";
    let script = place.folder.path().join("two-inserts.sql");
    std::fs::write(&script, SCRIPT).context("can't write the script for pgbench")?;
    let output = Command::new(program)
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &place.args.clients.to_string(),
            "-T",
            &place.args.seconds.max(1).to_string(),
            "-f",
        ])
        .arg(&script)
        .arg(&place.url)
        .output()
        .await
        .context("pgbench could not be run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
    rate.with_context(|| format!("pgbench said no rate: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
