//! `hearback bench`: the product's own paths, each beside its limit in the same run.
//!
//! Rates on a shared machine move by a factor; only the ratio inside one pair says something. Each pair runs the
//! limit and the product one after the other; the medians of all pairs are printed.

mod bulk;
mod child;
mod ingest;
mod load;
mod mail;
mod metrics;
mod outbox;
mod report;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as Arguments, ValueEnum};
use hearback_store::Db;

/// Arguments of `bench`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// What to measure.
    #[arg(value_enum)]
    path: Path,
    /// An empty database to measure on; a temporary SQLite file when left out. What is in it is lost.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How long each side of a pair runs.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// How many pairs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Answers, jobs or mails where the amount is fixed.
    #[arg(long, default_value_t = 20_000)]
    amount: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Path {
    /// Answers over HTTP, one a request, with the shipped rules.
    Ingest,
    /// Answers through the import, with the rules off.
    Import,
    /// Answers through the batch endpoint, with the rules off.
    Batch,
    /// Jobs that do nothing.
    Outbox,
    /// Mails rendered, sent and recorded.
    Mail,
    /// The metrics call.
    Metrics,
}

/// Where one benchmark runs.
struct Place {
    /// The database under test.
    url: String,
    /// Files of this run; removed at the end.
    folder: tempfile::TempDir,
    args: Args,
}

/// Measures and prints.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir().context("can't make a temporary folder")?;
    let url = args.database.clone().unwrap_or_else(|| format!("sqlite://{}/bench.db", folder.path().display()));
    let json = args.json;
    let place = Place { url, folder, args };
    let report = match place.args.path {
        Path::Ingest => ingest::run(&place).await?,
        Path::Import => bulk::import(&place).await?,
        Path::Batch => bulk::batch(&place).await?,
        Path::Outbox => outbox::run(&place).await?,
        Path::Mail => mail::run(&place).await?,
        Path::Metrics => metrics::run(&place).await?,
    };
    crate::output::say(if json { report.json() } else { report.text() });
    Ok(ExitCode::SUCCESS)
}

impl Place {
    /// A connection for the limit.
    async fn db(&self) -> anyhow::Result<Db> {
        let connections = u32::try_from(self.args.clients).unwrap_or(32) + 2;
        Db::connect(&self.url, connections).await.context("the database to measure on can't be used")
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    fn time(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.args.seconds.max(1))
    }
}
