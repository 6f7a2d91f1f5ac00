//! `hearback codes add`, `hearback codes list`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_engine::{Actor, incentives::pools};

use crate::{
    config::Config,
    open,
    output::{say, say_json, usage},
    telemetry,
};

/// What to do with gift codes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fill a pool: the rules give each code to one customer. Codes that are there already stay as they are.
    Add {
        /// A text file with one code a line, or a CSV with the columns `code` and `expires_at`.
        file: PathBuf,
        /// The pool. The shipped rule for passives gives from `thank-you`.
        #[arg(long, default_value = "thank-you")]
        pool: String,
        /// For codes without their own: the last day on which they are good (2026-12-31), or a time.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// How many codes each pool has left.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    match command {
        Command::Add { file, pool, expires } => add(&file, &pool, expires.as_deref(), &config).await,
        Command::List { json } => list(json, &config).await,
    }
}

async fn add(file: &std::path::Path, pool: &str, expires: Option<&str>, config: &Config) -> anyhow::Result<ExitCode> {
    let expires = expires.map(pools::read_expiry).transpose().map_err(|error| usage(format!("--expires: {error}")))?;
    let text =
        std::fs::read_to_string(file).with_context(|| format!("can't read `{}`; give a text file with one code a line", file.display()))?;
    let (codes, unread) = pools::read_codes(&text, expires);
    if let Some(first) = unread.first() {
        return Err(usage(format!("line {} of `{}`: {}; nothing was added", first.line, file.display(), first.why)));
    }
    let (cx, ws) = open::context(config).await?;
    let mut total = pools::Imported { added: 0, duplicates: 0 };
    for part in codes.chunks(pools::MAX_CODES) {
        let done = pools::import(&cx, ws, &Actor::Operator, pool, part.to_vec()).await.map_err(|error| usage(error.to_string()))?;
        total.added += done.added;
        total.duplicates += done.duplicates;
    }
    say(format!("added {} codes to the pool {pool}, {} were there already", total.added, total.duplicates));
    Ok(ExitCode::SUCCESS)
}

async fn list(json: bool, config: &Config) -> anyhow::Result<ExitCode> {
    let (cx, ws) = open::context(config).await?;
    let stocks = pools::list(&cx, ws).await?;
    if json {
        let row = |stock: &pools::Stock| {
            serde_json::json!({
                "key": stock.pool.key, "name": stock.pool.name, "free": stock.free, "given": stock.given, "expired": stock.expired,
                "revoked": stock.revoked, "waiting": stock.waiting, "low_stock": stock.pool.low_stock,
            })
        };
        say_json(&stocks.iter().map(row).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    if stocks.is_empty() {
        say("there is no pool yet; `hearback codes add FILE --pool NAME` makes one");
    }
    for stock in stocks {
        say(format!(
            "{}: {} free, {} given, {} expired, {} revoked; {} customers wait",
            stock.pool.key, stock.free, stock.given, stock.expired, stock.revoked, stock.waiting
        ));
    }
    Ok(ExitCode::SUCCESS)
}
